package alert

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// read reads the body of a webhook. What is JSON and of no shape that is known is one alert with the body as its text: nothing is thrown away.
func (h *Hook) read(body []byte) ([]Alert, error) {
	if !json.Valid(body) {
		return nil, errors.New("the body is no JSON")
	}
	var list []Alert
	var err error
	switch h.Format {
	case Alertmanager, Grafana:
		list, err = readAlertmanager(body)
	case Sentry:
		list, err = readSentry(body)
	default:
		list, err = readGeneric(body)
	}
	if err != nil {
		return nil, fmt.Errorf("the body is not as %s sends it: %w", cmp.Or(h.Format, Generic), err)
	}
	for i := range list {
		if list[i].Title == "" && len(list[i].Labels) == 0 {
			list[i].Title = "An alert without a name, from " + h.Name
			if list[i].Text == "" {
				list[i].Text = string(body)
			}
		}
	}
	return list, nil
}

// readAlertmanager reads version 4 of Alertmanager's webhook, which Grafana's is too, with more in it.
func readAlertmanager(body []byte) (list []Alert, err error) {
	var w struct {
		Version     any               `json:"version"`
		GroupKey    string            `json:"groupKey"`
		GroupLabels map[string]string `json:"groupLabels"`
		ExternalURL string            `json:"externalURL"`
		Alerts      []struct {
			Status       string            `json:"status"`
			Labels       map[string]string `json:"labels"`
			Annotations  map[string]string `json:"annotations"`
			StartsAt     time.Time         `json:"startsAt"`
			EndsAt       time.Time         `json:"endsAt"`
			GeneratorURL string            `json:"generatorURL"`
			DashboardURL string            `json:"dashboardURL"`
			PanelURL     string            `json:"panelURL"`
			ValueString  string            `json:"valueString"`
		} `json:"alerts"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, jsonError(err)
	}
	if len(w.Alerts) == 0 {
		return nil, errors.New("it has no alerts")
	}
	group := showLabels(w.GroupLabels)
	if group == "" {
		group = w.GroupKey
	}
	for i := range w.Alerts {
		x := &w.Alerts[i]
		a := Alert{Group: group, Labels: x.Labels, Title: first(x.Annotations, "summary", "title"), Text: first(x.Annotations, "description", "message"), Starts: x.StartsAt}
		if a.Title == "" {
			a.Title = x.Labels["alertname"]
		}
		if x.ValueString != "" {
			a.Text = strings.TrimSpace(a.Text + "\n" + x.ValueString)
		}
		a.URL = cmp.Or(safeURL(x.PanelURL), safeURL(x.DashboardURL), safeURL(x.GeneratorURL), safeURL(x.Annotations["runbook_url"]), safeURL(w.ExternalURL))
		// When one that fires would end is not asked: it is told of again after hours, and would be taken for resolved before.
		if strings.EqualFold(x.Status, "resolved") {
			a.State, a.Ends = Resolved, x.EndsAt
		}
		list = append(list, a)
	}
	return list, nil
}

// A generic is what programs of many kinds send, each some of it.
type generic struct {
	Title       string          `json:"title"`
	Name        string          `json:"name"`
	Subject     string          `json:"subject"`
	Text        string          `json:"text"`
	Message     string          `json:"message"`
	Msg         string          `json:"msg"`
	Description string          `json:"description"`
	Status      any             `json:"status"`
	State       any             `json:"state"`
	Severity    string          `json:"severity"`
	Level       string          `json:"level"`
	Priority    any             `json:"priority"`
	Fingerprint string          `json:"fingerprint"`
	Key         string          `json:"key"`
	Group       string          `json:"group"`
	URL         string          `json:"url"`
	Labels      map[string]any  `json:"labels"`
	Starts      string          `json:"starts"`
	Alerts      json.RawMessage `json:"alerts"`
	Monitor     *struct {
		ID   any    `json:"id"`
		Name string `json:"name"`
		URL  string `json:"url"`
	} `json:"monitor"`
	Heartbeat *struct {
		Status *int   `json:"status"`
		Msg    string `json:"msg"`
	} `json:"heartbeat"`
}

func readGeneric(body []byte) ([]Alert, error) {
	body = bytes.TrimSpace(body)
	var several []json.RawMessage
	if body[0] == '[' {
		if err := json.Unmarshal(body, &several); err != nil {
			return nil, jsonError(err)
		}
	} else {
		several = []json.RawMessage{body}
	}
	var list []Alert
	for _, one := range several {
		var g generic
		if err := json.Unmarshal(one, &g); err != nil {
			return nil, jsonError(err)
		}
		if len(g.Alerts) > 0 && g.Alerts[0] == '[' {
			more := []generic{}
			if err := json.Unmarshal(g.Alerts, &more); err != nil {
				return nil, jsonError(err)
			}
			for i := range more {
				list = append(list, more[i].alert())
			}
			continue
		}
		a := g.alert()
		if a.Title == "" && a.Text == "" {
			a.Text = string(one)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, errors.New("it has no alerts")
	}
	return list, nil
}

func (g *generic) alert() Alert {
	a := Alert{
		Title: cmp.Or(g.Title, g.Subject, g.Name), Text: cmp.Or(g.Text, g.Message, g.Description, g.Msg), Severity: cmp.Or(g.Severity, g.Level),
		Fingerprint: cmp.Or(g.Fingerprint, g.Key), Group: g.Group, URL: g.URL, Labels: map[string]string{},
	}
	for k, v := range g.Labels {
		if s, ok := v.(string); ok {
			a.Labels[k] = s
		} else {
			a.Labels[k] = fmt.Sprint(v)
		}
	}
	status := g.Status
	if status == nil {
		status = g.State
	}
	a.State = stateOf(fmt.Sprint(status))
	if g.Monitor != nil { // Uptime Kuma
		a.Title, a.Group = cmp.Or(g.Monitor.Name, a.Title), g.Monitor.Name
		a.URL = cmp.Or(safeURL(g.Monitor.URL), a.URL)
		a.Fingerprint = fmt.Sprintf("monitor/%v/%s", g.Monitor.ID, g.Monitor.Name)
		if g.Heartbeat != nil {
			a.Text = cmp.Or(g.Heartbeat.Msg, a.Text)
			if s := g.Heartbeat.Status; s != nil && *s == 0 {
				a.State = Firing
			} else if s != nil && *s == 1 {
				a.State = Resolved
			}
		}
	}
	if a.Title == "" {
		a.Title, _, _ = strings.Cut(a.Text, "\n")
	}
	if a.Fingerprint == "" && len(a.Labels) == 0 {
		a.Fingerprint = a.Title // so that what resolves it need not repeat its text
	}
	return a
}

// stateOf reads a word for a state. One that is not known is something that has happened.
func stateOf(s string) State {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "firing", "alerting", "alert", "down", "problem", "critical", "error", "warning", "triggered", "trigger", "open", "fail", "failed", "unhealthy":
		return Firing
	case "resolved", "resolve", "ok", "up", "recovered", "recovery", "closed", "close", "healthy", "normal", "success":
		return Resolved
	}
	return Once
}

func first(m map[string]string, keys ...string) string {
	for _, k := range keys {
		if m[k] != "" {
			return m[k]
		}
	}
	return ""
}

// jsonError is what is wrong with JSON, without the names of our types.
func jsonError(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is of another type", plain.Quoted(e.Field))
	}
	return errors.New("it cannot be read")
}
