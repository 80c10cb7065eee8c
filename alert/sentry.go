package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// A sentry is what Sentry sends: of an issue, an event or a metric; or as it was sent before those were there.
type sentry struct {
	Action string `json:"action"`
	Data   struct {
		Issue *sentryIssue `json:"issue"`
		Event *struct {
			Title   string `json:"title"`
			Message string `json:"message"`
			Culprit string `json:"culprit"`
			Level   string `json:"level"`
			WebURL  string `json:"web_url"`
			IssueID any    `json:"issue_id"`
		} `json:"event"`
		TriggeredRule    string `json:"triggered_rule"`
		DescriptionTitle string `json:"description_title"`
		DescriptionText  string `json:"description_text"`
		WebURL           string `json:"web_url"`
		MetricAlert      *struct {
			ID    any    `json:"id"`
			Title string `json:"title"`
		} `json:"metric_alert"`
	} `json:"data"`

	Project     string `json:"project"`
	ProjectName string `json:"project_name"`
	Message     string `json:"message"`
	Culprit     string `json:"culprit"`
	Level       string `json:"level"`
	URL         string `json:"url"`
	ID          any    `json:"id"`
	Event       *struct {
		Title string `json:"title"`
	} `json:"event"`
}

type sentryIssue struct {
	ID        any    `json:"id"`
	ShortID   string `json:"shortId"`
	Title     string `json:"title"`
	Culprit   string `json:"culprit"`
	Level     string `json:"level"`
	WebURL    string `json:"web_url"`
	Permalink string `json:"permalink"`
	Project   struct {
		Name string `json:"name"`
		Slug string `json:"slug"`
	} `json:"project"`
}

func readSentry(body []byte) ([]Alert, error) {
	var s sentry
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, jsonError(err)
	}
	a := Alert{State: Once, Labels: map[string]string{}}
	switch {
	case s.Data.Issue != nil:
		i := s.Data.Issue
		a.Title, a.Text, a.Severity, a.URL = i.Title, i.Culprit, i.Level, cmp.Or(safeURL(i.WebURL), safeURL(i.Permalink))
		a.Fingerprint = fmt.Sprintf("sentry/%v", i.ID)
		a.Labels["project"], a.Labels["issue"] = cmp.Or(i.Project.Slug, i.Project.Name), i.ShortID
		switch s.Action {
		case "created", "unresolved":
			a.State = Firing
		case "resolved", "archived", "ignored":
			a.State = Resolved
		}
	case s.Data.MetricAlert != nil:
		a.Title, a.Text, a.Severity, a.URL = cmp.Or(s.Data.DescriptionTitle, s.Data.MetricAlert.Title), s.Data.DescriptionText, s.Action, s.Data.WebURL
		a.Fingerprint = fmt.Sprintf("sentry/metric/%v", s.Data.MetricAlert.ID)
		if a.State = Firing; s.Action == "resolved" {
			a.State, a.Severity = Resolved, ""
		}
	case s.Data.Event != nil:
		e := s.Data.Event
		a.Title, a.Severity, a.URL = cmp.Or(e.Title, e.Message), e.Level, e.WebURL
		a.Text = strings.TrimSpace(e.Culprit + "\n" + s.Data.TriggeredRule)
		a.Fingerprint = fmt.Sprintf("sentry/event/%v", cmp.Or(fmt.Sprint(e.IssueID), a.Title))
	default:
		a.Title, a.Text, a.Severity, a.URL = s.Message, s.Culprit, s.Level, s.URL
		if s.Event != nil {
			a.Title = cmp.Or(s.Event.Title, a.Title)
		}
		a.Labels["project"] = cmp.Or(s.ProjectName, s.Project)
		a.Fingerprint = fmt.Sprintf("sentry/%v/%s", s.ID, a.Title)
	}
	for k, v := range a.Labels {
		if v == "" {
			delete(a.Labels, k)
		}
	}
	a.Group = a.Title
	return []Alert{a}, nil
}
