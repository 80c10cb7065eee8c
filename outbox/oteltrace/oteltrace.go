// Package oteltrace follows a mail by OpenTelemetry, from the program that hands it over to the server that takes it.
//
//	mail.Trace = oteltrace.Traceparent(ctx)              // in the program, which has a span
//	worker.Around = oteltrace.Around(otel.Tracer("shop")) // where the mail is sent, hours later perhaps
//
// There is a span "mail send" for each transaction, a child of the one that the mail was handed over in. It has the mail's number, its
// lane, the server that was spoken with, and an event for each recipient with what became of it. It is an error unless all were taken.
// It tells no addresses, contents or secrets, but for what a refusal's text repeats.
package oteltrace

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/parleymail/parley/outbox"
)

const header = "traceparent"

// Traceparent is the span of a context as [outbox.Mail.Trace] has it: https://www.w3.org/TR/trace-context/#traceparent-header. It is
// empty where there is none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// Within is a context whose spans are children of the one that a traceparent names. What is none changes nothing.
func Within(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: traceparent})
}

// Around gives a function for [outbox.Worker.Around].
func Around(tracer trace.Tracer) func(ctx context.Context, message outbox.ID, lane, traceparent string) (context.Context, func([]outbox.Event)) {
	return func(ctx context.Context, message outbox.ID, lane, traceparent string) (context.Context, func([]outbox.Event)) {
		ctx, span := tracer.Start(Within(ctx, traceparent), "mail send", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("network.protocol.name", "smtp"), attribute.String("parley.message", message.String()), attribute.String("parley.lane", lane),
		))
		return ctx, func(events []outbox.Event) { end(span, events) }
	}
}

// mostEvents is how many recipients of a transaction are told of each: a span has room for 128 of them.
const mostEvents = 100

func end(span trace.Span, events []outbox.Event) {
	defer span.End()
	for i, e := range events {
		if e.What != outbox.WasSent {
			span.SetStatus(codes.Error, e.What.String()+": "+e.Reply)
		}
		if i == 0 {
			span.SetAttributes(attribute.String("network.peer.address", e.Remote), attribute.String("tls.protocol.version", e.TLS))
		}
		if i >= mostEvents {
			continue
		}
		said := []attribute.KeyValue{
			attribute.Int("parley.recipient", e.Recipient), attribute.Int("parley.attempt", e.Attempt), attribute.String("smtp.reply", e.Reply),
			attribute.String("parley.took", e.Took.Round(time.Millisecond).String()),
		}
		if e.What != outbox.WasSent {
			said = append(said, attribute.String("smtp.stage", e.Stage.String()), attribute.String("parley.kind", string(e.Kind)))
		}
		span.AddEvent(e.What.String(), trace.WithAttributes(said...))
	}
	if len(events) > mostEvents {
		span.AddEvent("and " + strconv.Itoa(len(events)-mostEvents) + " more")
	}
}

// Taking gives a function that begins a span "mail take" for a mail that is handed over to us, a child of the one that its program
// names, and the traceparent of it, for [outbox.Mail.Trace]. over ends it.
func Taking(tracer trace.Tracer) func(ctx context.Context, traceparent string) (_ context.Context, within string, over func(outbox.ID, error)) {
	return func(ctx context.Context, traceparent string) (context.Context, string, func(outbox.ID, error)) {
		ctx, span := tracer.Start(Within(ctx, traceparent), "mail take", trace.WithSpanKind(trace.SpanKindServer))
		return ctx, Traceparent(ctx), func(id outbox.ID, err error) {
			if err != nil {
				span.SetStatus(codes.Error, err.Error())
			} else {
				span.SetAttributes(attribute.String("parley.message", id.String()))
			}
			span.End()
		}
	}
}
