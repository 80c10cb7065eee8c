package mail

// fields writes the header up to the MIME fields.
func (c *composer) fields() {
	m, paths := c.m, c.paths
	c.date("Date", m.dateOf())
	from := paths[:1]
	c.addresses("From", []Address{m.From}, from)
	paths = paths[1:]
	if m.hasSender() {
		// RFC 5322 §3.6.2: not where it is the same as From.
		if paths[0] != from[0] || m.Sender.Name != m.From.Name {
			c.addresses("Sender", []Address{m.Sender}, paths[:1])
		}
		paths = paths[1:]
	}
	replyTo, paths := paths[:len(m.ReplyTo)], paths[len(m.ReplyTo):]
	c.addresses("Reply-To", m.ReplyTo, replyTo)
	c.addresses("To", m.To, paths)
	c.addresses("Cc", m.Cc, paths[len(m.To):])
	if len(m.To)+len(m.Cc) == 0 {
		// Nothing is wrong with neither (RFC 5322 §3.6), but many take it for spam.
		c.field("To", "undisclosed-recipients:;")
	}
	c.identity(from[0])
	if m.Subject != "" {
		c.text("Subject", m.Subject)
	}
	c.marks()
	for _, f := range m.Header {
		c.text(f.Name, f.Value)
	}
	c.b = append(c.b, "MIME-Version: 1.0\r\n"...)
}

// identity writes the fields of RFC 5322 §3.6.4.
func (c *composer) identity(from Path) {
	m := c.m
	if m.MessageID != "" {
		c.ids("Message-ID", m.MessageID)
	} else {
		c.name("Message-ID")
		mark := len(c.b)
		c.b = append(c.b, ' ', '<')
		t := tag(c.random[:16])
		c.b = append(c.b, t[:]...)
		c.b = append(c.b, '@')
		c.b = append(c.b, idDomain(from)...)
		c.b = append(c.b, '>')
		c.wrap(mark)
		c.end()
	}
	if m.InReplyTo != "" {
		c.ids("In-Reply-To", m.InReplyTo)
	}
	if len(m.References) > 0 {
		c.ids("References", m.References...)
	}
}

// marks writes what the message says of itself to programs.
func (c *composer) marks() {
	m := c.m
	switch m.Priority {
	case High:
		c.b = append(c.b, "Importance: high\r\nX-Priority: 1\r\n"...)
	case Low:
		c.b = append(c.b, "Importance: low\r\nX-Priority: 5\r\n"...)
	}
	if m.AutoSubmitted != "" {
		c.field("Auto-Submitted", m.AutoSubmitted)
	}
	if u := m.Unsubscribe; u.URL != "" || u.Mailto != "" {
		c.unsubscribe(u)
	}
}

// unsubscribe writes the fields of RFC 2369 §3.2 and RFC 8058 §3.1.
func (c *composer) unsubscribe(u Unsubscribe) {
	c.name("List-Unsubscribe")
	if u.URL != "" {
		more := ""
		if u.Mailto != "" {
			more = ","
		}
		c.token("<" + u.URL + ">" + more)
	}
	if u.Mailto != "" {
		scheme := "mailto:"
		if len(u.Mailto) > len(scheme) && u.Mailto[:len(scheme)] == scheme {
			scheme = ""
		}
		c.token("<" + scheme + u.Mailto + ">")
	}
	c.end()
	if u.OneClick {
		c.b = append(c.b, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"...)
	}
}
