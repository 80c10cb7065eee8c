package statement_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

// TestFailOver: while the first server cannot be had the second one takes the mails.
func TestFailOver(t *testing.T) {
	h := newHouse(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	first, err := smtp.ParseURL("smtp://" + dead + "?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "first", Client: first}, {Name: "second", Client: h.smtp.Client()}}, Default: []string{"first", "second"}})
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	h.c.Worker = outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}}
	h.Close()
	h.open()
	h.prepare(h.customers(20))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	h.has(20)
}

// TestPaused: what is paused stays, and goes on when it is resumed.
func TestPaused(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Window = 10 })
	const n = 300
	h.prepare(h.customers(n))
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	began := false
	err := h.Send(ctx, statement.SendOptions{Progress: func(p statement.Progress) {
		if !began {
			began = true
			if err := h.Pause(ctx); err != nil {
				t.Error(err)
			}
		}
	}})
	if !errors.Is(err, statement.ErrPaused) {
		t.Fatalf("%v", err)
	}
	s, err := h.Status(ctx)
	if err != nil || !s.Paused || s.Counts[statement.Sent] == n {
		t.Fatalf("%+v %v", s, err)
	}
	if err := h.Send(ctx, statement.SendOptions{}); !errors.Is(err, statement.ErrPaused) {
		t.Errorf("it is sent though it is paused: %v", err)
	}
	if err := h.Resume(ctx, statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	h.has(n)
}
