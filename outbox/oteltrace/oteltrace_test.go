package oteltrace_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/oteltrace"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestFollowed: a mail that was refused once is followed from the program to the receipt, within one trace.
func TestFollowed(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Say: "451 4.3.0 the disk is full", Times: 1})
	box, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "box.db"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()

	program, root := tracer.Start(t.Context(), "order")
	_, within, over := oteltrace.Taking(tracer)(t.Context(), oteltrace.Traceparent(program))
	id, err := box.Put(t.Context(), nil, &outbox.Mail{Trace: within, Object: &mail.Message{
		From: mail.Address{Address: "shop@example.com"}, To: mail.To("kim@example.net"), Subject: "hi", Text: "hello",
	}})
	over(id, err)
	root.End()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	client := server.Client()
	client.Trace = nil
	go func() {
		done <- box.Work(ctx, outbox.Worker{
			Router: outbox.One(client, outbox.Limits{}), Around: oteltrace.Around(tracer), Retry: outbox.Retry{First: 10 * time.Millisecond, Most: 10 * time.Millisecond},
		})
	}()
	server.Find(t, func(*smtptest.Mail) bool { return true })
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	names := make(map[string][]sdktrace.ReadOnlySpan)
	for _, s := range recorder.Ended() {
		names[s.Name()] = append(names[s.Name()], s)
		if s.SpanContext().TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s is of another trace", s.Name())
		}
	}
	if len(names["order"]) != 1 || len(names["mail take"]) != 1 || len(names["mail send"]) != 2 {
		t.Fatalf("the spans are %v", names)
	}
	take, send := names["mail take"][0], names["mail send"]
	if take.Parent().SpanID() != root.SpanContext().SpanID() || send[0].Parent().SpanID() != take.SpanContext().SpanID() || send[1].Parent().SpanID() != take.SpanContext().SpanID() {
		t.Error("they are not children of each other")
	}
	if s := send[0].Status(); s.Code != codes.Error || s.Description != "deferred: 451 4.3.0 the disk is full" || send[1].Status().Code == codes.Error {
		t.Errorf("the first ended as %v, the second as %v", s, send[1].Status())
	}
	if e := send[1].Events(); len(e) != 1 || e[0].Name != "sent" {
		t.Errorf("the second tells %v", e)
	}
}

// TestNoTrace: what is no traceparent begins a trace of its own.
func TestNoTrace(t *testing.T) {
	for _, text := range []string{"", "00-x", "00-00000000000000000000000000000000-0000000000000000-00"} {
		if got := oteltrace.Traceparent(oteltrace.Within(t.Context(), text)); got != "" {
			t.Errorf("of %q comes %q", text, got)
		}
	}
}
