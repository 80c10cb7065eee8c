package alert

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// dead is a server that nobody can speak with.
func dead(t *testing.T, silent bool) *smtp.Client {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if !silent {
		l.Close()
	}
	t.Cleanup(func() { l.Close() })
	return &smtp.Client{Addr: l.Addr().String(), Security: smtp.Plaintext}
}

func clientOf(t *testing.T, s *smtptest.Server) *smtp.Client {
	t.Helper()
	c, err := smtp.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The first server is dead: it refuses, or says nothing. The second has the alert within five seconds.
func TestSecondServer(t *testing.T) {
	for _, silent := range []bool{false, true} {
		t.Run(map[bool]string{false: "refuses", true: "silent"}[silent], func(t *testing.T) {
			second := smtptest.NewServer(t)
			clients := []*smtp.Client{dead(t, silent), clientOf(t, second)}
			table := route.Table{Default: []string{"first", "second"}}
			for i, c := range clients {
				Impatient(c)
				table.Servers = append(table.Servers, route.Server{Name: table.Default[i], Client: c, Limits: route.Limits{Sessions: 1}})
			}
			router, err := route.New(table)
			if err != nil {
				t.Fatal(err)
			}
			h := newHouse(t, func(c *Config) { c.Worker, c.clock = Worker(router), nil })
			done := make(chan error, 1)
			go func() { done <- h.Run(t.Context()) }()
			begun := time.Now()
			h.take(firing("Down"))
			second.Wait(t, 1)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v", took)
			} else {
				t.Logf("it took %v", took)
			}
		})
	}
}

// Tens of thousands of statements wait in the same box, or as many as PARLEY_STATEMENTS says: the alert is there within two seconds.
func TestBeforeStatements(t *testing.T) {
	n := 30_000
	if many, err := strconv.Atoi(os.Getenv("PARLEY_STATEMENTS")); err == nil {
		n = many
	}
	if testing.Short() {
		n = 2000
	}
	server := smtptest.NewServer(t)
	client := clientOf(t, server)
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "work", Client: client, Limits: route.Limits{Sessions: 4}}}, Default: []string{"work"}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *Config) { c.Worker, c.clock = Worker(router), nil })
	tx, err := h.s.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m := &mail.Message{From: mail.Address{Address: "bank@example.com"}, To: mail.To(fmt.Sprintf("kim%d@example.net", i)), Subject: "Statement", Text: "Yours."}
		if _, err := h.Box().Put(t.Context(), tx, &outbox.Mail{Object: m, Class: outbox.Bulk, Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	go h.Run(t.Context()) //nolint:errcheck // it ends with the test
	server.Wait(t, 200)
	begun := time.Now()
	h.take(firing("Down"))
	server.Find(t, func(m *smtptest.Mail) bool { return m.To()[0] == "ops@example.com" })
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v behind %d", took, n)
	} else {
		t.Logf("it took %v, and %d of %d statements were sent by then", took, len(server.Mails())-1, n)
	}
}
