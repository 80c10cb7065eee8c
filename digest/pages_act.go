package digest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/parleymail/parley/internal/plain"
)

// front is the page to subscribe by.
func (p *pages) front(w http.ResponseWriter, r *http.Request) {
	g := p.page(r, "title front")
	g.Front, g.Form = true, "subscribe"
	if err := p.choices(r, g, Choice{Frequency: p.d.c.Frequency, All: true}, g.lang); err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, http.StatusOK, g)
}

// subscribe writes down that somebody wants to be asked. All that it looks at is the form, so that its answer tells nothing of who is subscribed.
func (p *pages) subscribe(w http.ResponseWriter, r *http.Request) {
	if !p.limit.allows(r) {
		p.failed(w, r, errBusy)
		return
	}
	readForm(r)
	c, lang, some, err := p.chosen(r)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	address, err := parseAddress(r.PostFormValue("address"))
	if err != nil || !some {
		g := p.page(r, "title front")
		g.Front, g.Form, g.Address = true, "subscribe", plain.OneLine(r.PostFormValue("address"), 254)
		g.problem("bad choice")
		if err != nil {
			g.problem("bad address")
		}
		if err := p.choices(r, g, c, lang); err != nil {
			p.failed(w, r, err)
			return
		}
		p.show(w, http.StatusUnprocessableEntity, g)
		return
	}
	if err := p.d.request(r.Context(), request{address: address, lang: lang, Choice: c}); err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, http.StatusOK, p.page(r, "title sent").say("say sent").back())
}

// subscriber is whose link it is.
func (p *pages) subscriber(r *http.Request, purpose byte) (s Subscriber, k token, err error) {
	if k, err = p.d.verify(purpose, r.PathValue("token")); err == nil {
		s, err = p.d.s.reader().load(r.Context(), "id = ?", k.id)
	}
	return s, k, err
}

// confirm asks for the button to be pressed: programs that look where links in mails lead subscribe nobody.
func (p *pages) confirm(w http.ResponseWriter, r *http.Request) {
	s, k, err := p.subscriber(r, forConfirm)
	if err == nil && (s.round != int64(k.round) || s.State == Complained) {
		err = errExpired
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	g := p.pageIn(r, "title confirm", p.langOf(r, s.Lang)).say("say confirm", veiled(s.Address))
	g.Form, g.Button = "press", g.T("press confirm")
	p.show(w, http.StatusOK, g)
}

func (p *pages) confirmed(w http.ResponseWriter, r *http.Request) {
	s, err := p.d.confirm(r.Context(), r.PathValue("token"))
	if err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, http.StatusOK, p.pageIn(r, "title confirmed", p.langOf(r, s.Lang)).say("say confirmed", veiled(s.Address)).back())
}

// preferences shows what somebody gets. Who has left is not let in again by an old link: that wants a new yes.
func (p *pages) preferences(w http.ResponseWriter, r *http.Request) {
	s, _, err := p.subscriber(r, forPreferences)
	if err == nil && s.State != Subscribed {
		err = ErrNoSubscriber
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	p.showPreferences(w, r, &s, http.StatusOK, func(*page) {})
}

func (p *pages) showPreferences(w http.ResponseWriter, r *http.Request, s *Subscriber, status int, more func(*page)) {
	g := p.pageIn(r, "title preferences", p.langOf(r, s.Lang)).say("say preferences", veiled(s.Address))
	g.Form, g.Leave = "preferences", p.base+strings.TrimPrefix(p.d.leavingLink(s.ID), p.d.c.URL)
	if r.Method != http.MethodGet {
		g.Other = "?lang=" + strings.TrimPrefix(g.Other, p.base+"/?lang=") // it is at the same address
	}
	more(g)
	if err := p.choices(r, g, s.Choice, s.Lang); err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, status, g)
}

func (p *pages) save(w http.ResponseWriter, r *http.Request) {
	k, err := p.d.verify(forPreferences, r.PathValue("token"))
	if err != nil {
		p.failed(w, r, err)
		return
	}
	readForm(r)
	c, lang, some, err := p.chosen(r)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	var s Subscriber
	err = p.d.s.write(r.Context(), func(t *tx) error {
		s, err = t.load(r.Context(), "id = ?", k.id)
		if err == nil && s.State != Subscribed {
			err = ErrNoSubscriber
		}
		if err != nil || !some {
			return err
		}
		s.Choice, s.Lang = c, lang
		return p.d.enter(r.Context(), t, &s)
	})
	switch {
	case err != nil:
		p.failed(w, r, err)
	case !some:
		p.showPreferences(w, r, &s, http.StatusUnprocessableEntity, func(g *page) { g.problem("bad choice") })
	default:
		p.showPreferences(w, r, &s, http.StatusOK, func(g *page) { g.say("say saved") })
	}
}

// leave asks for the button to be pressed: RFC 8058 §3.1 and §6 have a POST leave, and nothing else.
func (p *pages) leave(w http.ResponseWriter, r *http.Request) {
	s, _, err := p.subscriber(r, forLeaving)
	if err == nil && s.State >= Unsubscribed || errors.Is(err, ErrNoSubscriber) {
		p.show(w, http.StatusOK, p.page(r, "title left").say("say left").back())
		return
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	g := p.pageIn(r, "title leave", p.langOf(r, s.Lang)).say("say leave", veiled(s.Address))
	g.Form, g.Button = "press", g.T("press leave")
	p.show(w, http.StatusOK, g)
}

// left is what the button sends, and what a mail program does whose reader has pressed its own (RFC 8058 §3.2): no cookie, no login, no
// question, and no redirect. It may come twice.
func (p *pages) left(w http.ResponseWriter, r *http.Request) {
	if err := p.d.leaveBy(r.Context(), r.PathValue("token")); err != nil {
		p.failed(w, r, err)
		return
	}
	p.show(w, http.StatusOK, p.page(r, "title left").say("say left").say("say return").back())
}

// veiled is an address as it is shown to who has a link: a mail may have been passed on, and with it the link.
func veiled(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "…"
	}
	for i := range address {
		if i > 0 {
			return address[:i] + "…" + address[at:]
		}
	}
	return "…"
}
