package inbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
)

// letters are what is searched, by a word that names each.
func letters() map[string]*mail.Message {
	return map[string]*mail.Message{
		"statement": {From: mail.Address{Name: "财务部", Address: "finance@example.com"}, To: mail.To("kim@example.net"), Subject: "三月对账单", Text: "请查收附件，合计 1,234.50 元。\n",
			Attach: []mail.Part{mail.Bytes("对账单-2026-03.pdf", []byte("%PDF-1.4"))}},
		"welcome": {From: mail.Address{Address: "no-reply@shop.example"}, To: mail.To("ba@example.net"), Cc: mail.To("carol@example.net"), Subject: "Welcome, Zoë! Your café voucher",
			HTML: "<style>.hidden{}</style><p>Confirm your address: <a href='https://shop.example/c?t=1'>here</a>. <b>Résumé</b></p>"},
		"alert": {From: mail.Address{Address: "alerts@example.com"}, To: mail.To("a@example.net"), Subject: "Re: disk full on db-1", Text: "The invoice service is down.\n" + strings.Repeat("at line 1\n", 3000)},
	}
}

func TestSearch(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		ctx := t.Context()
		store := open(t, o)
		c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
		ids := make(map[int64]string)
		for _, name := range []string{"statement", "welcome", "alert"} {
			send(t, c, letters()[name])
			page, err := store.Messages(ctx, inbox.Query{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			ids[page.Items[0].ID] = name
		}
		for query, want := range map[string]string{
			"":                        "alert welcome statement",
			"对账单":                     "statement",
			"对账":                      "statement",
			"账":                       "statement",
			"单":                       "statement",
			"账对":                      "",
			"月对账":                     "statement",
			`"三月对账单"`:                 "statement",
			"subject:三月":              "statement",
			"合计":                      "statement",
			"1,234.50":                "statement",
			"subject:合计":              "",
			"file:对账单":                "statement",
			"file:2026":               "statement",
			"has:attachment":          "statement",
			"has:attachments -kim":    "",
			"-has:attachment":         "alert welcome",
			"has:html":                "welcome",
			"has:text":                "alert statement",
			"welcome":                 "welcome",
			"wel":                     "welcome",
			`"wel"`:                   "",
			"ZOE":                     "welcome",
			"cafe resume":             "welcome",
			"café -resume":            "",
			`"your cafe voucher"`:     "welcome",
			`"your voucher"`:          "",
			`subject:"full on"`:       "alert",
			"hidden":                  "", // a style is not read
			"confirm":                 "welcome",
			"from:财务":                 "statement",
			"from:finance":            "statement",
			"from:example.com":        "alert statement",
			"from:shop.example":       "welcome",
			"sender:no-reply":         "welcome",
			"to:kim":                  "statement",
			"to:carol":                "welcome",
			"cc:carol@example.net":    "welcome",
			"to:a@example.net":        "alert",
			"rcpt:a@example.net":      "alert",
			"rcpt:example.net":        "alert welcome statement",
			"-to:a@example.net":       "welcome statement",
			"!to:a@example.net":       "welcome statement",
			"invoice":                 "alert",
			"larger:10k":              "alert",
			"smaller:10k":             "welcome statement",
			"-larger:10k":             "welcome statement",
			"is:unseen":               "alert welcome statement",
			"is:read":                 "",
			"is:failed":               "",
			"is:open":                 "alert welcome statement",
			"is:tls":                  "",
			"after:today":             "alert welcome statement",
			"before:today":            "",
			"after:1h":                "alert welcome statement",
			"before:2020-01-02T10:11": "",
			"session:1":               "alert welcome statement",
			"session:99":              "",
			"re: disk":                "alert", // no key of ours
			"https://shop":            "",      // it stands in an attribute
			"-":                       "alert welcome statement",
			":":                       "alert welcome statement",
			`"`:                       "alert welcome statement",
			`"" ''`:                   "alert welcome statement",
			"AND OR NOT":              "",
			"db-1":                    "alert",
			"a* OR (b":                "",
			"mailbox:nobody":          "",
			"user:kim":                "",
			"is:released":             "",
			"id:nobody@example":       "",
			"has:invite":              "",
			"attachment":              "", // what has: asks is no word of the mail
			"larger:1 -larger:10k":    "welcome statement",
		} {
			page, err := store.Messages(ctx, inbox.Query{Text: query})
			if err != nil {
				t.Errorf("%s: %v", query, err)
				continue
			}
			var got []string
			for _, m := range page.Items {
				got = append(got, ids[m.ID])
			}
			wanted := strings.Fields(want)
			if !slices.Equal(got, wanted) || page.Total != len(got) {
				t.Errorf("%s: %v, total %d, want %v", query, got, page.Total, wanted)
			}
		}
	})
}

func TestQueryThatIsNotUnderstood(t *testing.T) {
	for query, want := range map[string]string{
		"has:horns": "attachment, html", "is:nice": "unseen", "larger:much": "10k", "larger:-1": "10k", "larger:NaN": "10k", "after:spring": "2026-11-02", "before:99999999999h": "2026-11-02",
		"session:x": "session:x", strings.Repeat("x ", 51): "more than 50", strings.Repeat("x", 5000): "more than 4096",
	} {
		if _, err := inbox.ParseQuery(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v", query, err)
		}
	}
}

// Whatever is typed into the field is answered or refused in words, and never by the
// database.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"", "from:kim -subject:\"a b\" 对账", `"`, "-", "a* NEAR(b c) {x}:y ^z", "has:html is:seen larger:1.5M after:2026-01-02", "session:1 id:<x@y>", "to:\x00", "\xff\xfe", "mark:all", "- mark:all", "한국어 ひらがな"} {
		f.Add(s)
	}
	store := open(f, inbox.Options{})
	c := client(f, serve(f, &inbox.Server{Store: store, Hostname: "mx.example"}))
	for _, m := range letters() {
		send(f, c, m)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := inbox.ParseQuery(text)
		if err != nil {
			return
		}
		page, err := store.Messages(t.Context(), q)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if len(page.Items) != page.Total {
			t.Errorf("%q gives %d, and counts %d", text, len(page.Items), page.Total)
		}
		if _, err = store.Sessions(t.Context(), q); err != nil {
			t.Errorf("sessions, %q: %v", text, err)
		}
	})
}

func TestSearchOfSessions(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: inbox.ByLogin})
		talk(t, addr, "EHLO one.example", "AUTH PLAIN AGtpbQBhbGFkZGlu", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA", "Subject: hello\r\n\r\nx\r\n.", "QUIT")
		ended(t, store, 1)
		talk(t, addr, "EHLO two.example", "FROB", "QUIT")
		ended(t, store, 2)
		for query, want := range map[string]int64{
			"one.example": 1, "TWO": 2, "is:failed": 2, "-is:failed": 1, "is:auth": 1, "user:KIM": 1, "subject:hello": 1, "-subject:hello": 2, "hello": 1, "to:x": 0, "mailbox:kim": 1,
			"there is no such command": 2, "session:2": 2, "rcpt:b subject:hello": 1, "rcpt:b -subject:hello": 0, "is:open": 0, "larger:1": 1, "-larger:1": 2, "100%": 0, "after:1h two": 2,
		} {
			page, err := store.Sessions(t.Context(), inbox.Query{Text: query})
			if err != nil {
				t.Errorf("%s: %v", query, err)
				continue
			}
			got := int64(0)
			if len(page.Items) == 1 {
				got = page.Items[0].ID
			}
			if got != want || page.Total > 1 {
				t.Errorf("%s: %d, want %d (%+v)", query, got, want, page)
			}
		}
		page, err := store.Sessions(t.Context(), inbox.Query{Before: 2, Limit: 1})
		if err != nil || page.Total != 2 || page.More || len(page.Items) != 1 || page.Items[0].ID != 1 {
			t.Errorf("%+v, %v", page, err)
		}
		if page, err = store.Sessions(t.Context(), inbox.Query{Mailbox: "kim"}); err != nil || page.Total != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// Who uses one mailbox sees nothing of another.
func TestMailboxesAreIsolated(t *testing.T) {
	mails := func(t *testing.T, by inbox.MailboxBy, sessions ...[]string) *inbox.Store {
		store := open(t, inbox.Options{})
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: by})
		for i, lines := range sessions {
			talk(t, addr, slices.Concat([]string{"EHLO client.example"}, lines, []string{"DATA", "Subject: same\r\n\r\nx\r\n.", "QUIT"})...)
			ended(t, store, i+1)
		}
		return store
	}
	login := func(user string) string { return "AUTH PLAIN " + base64Of("\x00"+user+"\x00pw") }
	from, to := "MAIL FROM:<a@example.com>", func(s string) string { return "RCPT TO:<" + s + ">" }
	for name, c := range map[string]struct {
		store *inbox.Store
		boxes map[string]int
	}{
		"by login": {mails(t, inbox.ByLogin, []string{login("Kim"), from, to("x@example.net")}, []string{login("lee"), from, to("x@example.net")}, []string{from, to("x@example.net")}),
			map[string]int{"kim": 1, "lee": 1, "ki": 0}},
		"by recipient": {mails(t, inbox.ByRecipient, []string{from, to("Kim@Example.net"), to("lee@example.net")}, []string{from, to("kim@example.net")}),
			map[string]int{"kim@example.net": 2, "LEE@example.net": 1, "im@example.net": 0}},
		"by token": {mails(t, inbox.ByToken, []string{login("app+T1"), from, to("x+t2@example.net")}, []string{from, to("a+b+t2@example.net"), to("y+t1@example.net")}, []string{from, to("plain@example.net")}),
			map[string]int{"t1": 2, "t2": 1, "t": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := c.store.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for box, want := range c.boxes {
				page, err := c.store.Messages(t.Context(), inbox.Query{Text: "same", Mailbox: box})
				if err != nil || page.Total != want || len(page.Items) != want {
					t.Errorf("%s: %+v, %v", box, page, err)
				}
				for _, m := range page.Items {
					if m.Mailbox != strings.ToLower(box) {
						t.Errorf("%s: %+v", box, m)
					}
				}
				if sessions, err := c.store.Sessions(t.Context(), inbox.Query{Mailbox: box}); err != nil || (sessions.Total > 0) != (want > 0) {
					t.Errorf("sessions of %s: %+v, %v", box, sessions, err)
				}
				if want > 0 && !slices.ContainsFunc(st.Mailboxes, func(m inbox.MailboxStats) bool { return m.Name == strings.ToLower(box) && m.Messages == want }) {
					t.Errorf("%s: %+v", box, st.Mailboxes)
				}
			}
			first := ""
			for box, n := range c.boxes {
				if n > 0 {
					first = box
				}
			}
			n, err := c.store.DeleteMessages(t.Context(), inbox.Query{Mailbox: first})
			after, err2 := c.store.Stats(t.Context())
			if err != nil || err2 != nil || n != c.boxes[first] || after.Messages != st.Messages-n {
				t.Errorf("%d deleted, %v, %v: %+v", n, err, err2, after)
			}
		})
	}
}

// What is searched right after a burst is found, though nothing of it was read yet.
func TestSearchRightAfterABurst(t *testing.T) {
	store := open(t, inbox.Options{})
	c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
	for i := range 300 {
		subject := "needle"
		if i%2 == 0 {
			subject = "hay"
		}
		send(t, c, &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"), Subject: subject, Text: "x"})
	}
	start := time.Now()
	page, err := store.Messages(t.Context(), inbox.Query{Text: "needle", Limit: 1000})
	if err != nil || page.Total != 150 || len(page.Items) != 150 {
		t.Errorf("%d, %d, %v", page.Total, len(page.Items), err)
	}
	t.Log(time.Since(start))
}

// TestUnknownFields: what was meant for a field and is none is told, with those that there are; what only has a colon in it is text.
func TestUnknownFields(t *testing.T) {
	for text, want := range map[string]string{"bogus:1": "no field bogus:", "-form:shop": "there are from, to,", "id:17": "/messages/17", "id:#17": "/messages/17"} {
		if _, err := inbox.ParseQuery(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"https://example.com/a", "12:30", `"bogus:1"`, "Re: offer", "Re:offer", "id:1@example.com", "from:shop", "说：好"} {
		if _, err := inbox.ParseQuery(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
