package pages

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// reasons for which an address is not written to, each with a word of queueWords: "reason-manual".
var reasons = []string{"manual", "unsubscribed", "complaint", "bounce"}

// A suppressionsPage is a page of the addresses that nothing is sent to.
type suppressionsPage struct {
	Items   []outbox.Suppression
	Find    string
	After   bool // it is not the first page
	Next    string
	Reasons []string
	Now     time.Time
	Wrong   string // why the form was refused
	Form    suppressionForm
}

type suppressionForm struct{ Address, Reason, Detail, Days string }

func (q *Queue) suppressions(w http.ResponseWriter, r *http.Request, v *screen) error {
	page := &suppressionsPage{Find: strings.TrimSpace(r.FormValue("find")), After: r.FormValue("after") != ""}
	if err := q.fillSuppressions(r, page); err != nil {
		return err
	}
	return q.show(w, r, v, "suppressions", v.T("suppressions"), page)
}

// fillSuppressions has the addresses from one on: the one that was asked for comes first, and those that begin like it behind it.
func (q *Queue) fillSuppressions(r *http.Request, page *suppressionsPage) error {
	page.Reasons, page.Now = reasons, time.Now()
	after := r.FormValue("after")
	if page.Find != "" && after == "" {
		after = page.Find
		s, err := q.Box.Suppressed(r.Context(), page.Find)
		if err != nil {
			return err
		}
		if s != nil {
			page.Items = append(page.Items, *s)
		}
	}
	list, err := q.Box.Suppressions(r.Context(), after, perPage+1)
	if err != nil {
		return err
	}
	if page.Find != "" {
		begin := strings.ToLower(page.Find)
		list = slices.DeleteFunc(list, func(s outbox.Suppression) bool { return !strings.HasPrefix(s.Address, begin) })
	}
	if len(list) > perPage {
		list = list[:perPage]
		page.Next = list[perPage-1].Address
	}
	page.Items = append(page.Items, list...)
	return nil
}

// changeSuppressions puts an address on the list, or takes one off it.
func (q *Queue) changeSuppressions(w http.ResponseWriter, r *http.Request, v *screen) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	address := strings.TrimSpace(r.PostFormValue("address"))
	switch r.PostFormValue("do") {
	case "remove":
		if err := q.Box.Unsuppress(r.Context(), address); err != nil && !errors.Is(err, outbox.ErrNotFound) {
			return err
		}
		notice(w, "queue-unsuppressed", clean(address))
		return back(w, r, "/suppressions")
	case "add":
		f := suppressionForm{Address: address, Reason: r.PostFormValue("reason"), Detail: strings.TrimSpace(r.PostFormValue("detail")), Days: strings.TrimSpace(r.PostFormValue("days"))}
		return q.suppress(w, r, v, f)
	}
	return &problem{http.StatusBadRequest, "bad-form", ""}
}

func (q *Queue) suppress(w http.ResponseWriter, r *http.Request, v *screen, f suppressionForm) error {
	s := outbox.Suppression{Address: f.Address, Reason: f.Reason, Detail: clip(f.Detail, 500)}
	word := ""
	if f.Days != "" {
		n, err := strconv.Atoi(f.Days)
		if err != nil || n < 1 || n > 36500 {
			word = "queue-bad-days"
		}
		s.Until = time.Now().AddDate(0, 0, n)
	}
	if _, err := mail.ParsePath("<" + f.Address + ">"); err != nil || f.Address == "" {
		word = "queue-bad-address"
	}
	if !slices.Contains(reasons, f.Reason) {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	if word != "" {
		page := &suppressionsPage{Wrong: v.T(word), Form: f}
		if err := q.fillSuppressions(r, page); err != nil {
			return err
		}
		v.Page, v.Title, v.Body = "queue-suppressions", v.T("suppressions"), page
		return q.render(w, "suppressions", http.StatusUnprocessableEntity, v)
	}
	if err := q.Box.Suppress(r.Context(), s); err != nil {
		return err
	}
	notice(w, "queue-suppressed", clean(f.Address))
	return back(w, r, "/suppressions")
}

// Reason is why an address is not written to, in the reader's language where it is a word of ours.
func (v *screen) Reason(s outbox.Suppression) string {
	if slices.Contains(reasons, s.Reason) {
		return v.T("reason-" + s.Reason)
	}
	return clean(s.Reason)
}

// A usersPage is who may hand mail over.
type usersPage struct {
	Users []relay.Standing
	Guest bool // there are none: programs of this machine may
}

func (q *Queue) users(w http.ResponseWriter, r *http.Request, v *screen) error {
	page := new(usersPage)
	if q.Relay != nil {
		page.Users = q.Relay.Users()
		_, page.Guest = q.Relay.Guest()
	}
	return q.show(w, r, v, "users", v.T("users"), page)
}

// A quota is a limit, with what was used of it.
type quota struct {
	Word       string
	Used, Most int // Most is 0 where there is no limit
}

// Quotas are a user's limits.
func (*screen) Quotas(u relay.Standing) []quota {
	return []quota{{"per-minute", u.Minute, u.PerMinute}, {"per-hour", u.Hour, u.PerHour}, {"per-day", u.Day, u.PerDay}}
}

// Classes are those that a user's mail may ask for.
func (v *screen) Classes(u relay.Standing) string {
	list := u.Classes
	if len(list) == 0 {
		list = []outbox.Class{outbox.Alert, outbox.Normal, outbox.Bulk}
	}
	var words []string
	for _, c := range list {
		words = append(words, v.T("class-"+c.String()))
	}
	return strings.Join(words, v.T("queue-comma"))
}

// High is from where a limit is nearly reached.
func (q quota) High() int { return q.Most * 9 / 10 }
