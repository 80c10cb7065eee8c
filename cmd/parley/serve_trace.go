package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracing exports spans where the environment says so, by the variables that OpenTelemetry has for it. Without them there is no tracer.
// end sends what has not gone yet.
func (s *serving) tracing(ctx context.Context) (_ trace.Tracer, end func(), err error) {
	none := func() {}
	endpoint, base := s.u.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), s.u.env("OTEL_EXPORTER_OTLP_ENDPOINT")
	if endpoint == "" && base != "" {
		endpoint = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	if endpoint == "" || s.u.env("OTEL_SDK_DISABLED") == "true" || s.u.env("OTEL_TRACES_EXPORTER") == "none" {
		return nil, none, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, none, &usageError{s.u.say(wordServeOTLP, endpoint)}
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, none, err
	}
	// What the environment says of us (OTEL_SERVICE_NAME) counts before what we say.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "parley"), attribute.String("service.version", version())), resource.WithFromEnv())
	if err != nil {
		return nil, none, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return provider.Tracer("github.com/parleymail/parley"), func() {
		const patience = 5 * time.Second
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer stop()
		provider.Shutdown(ctx) //nolint:errcheck // who collects traces may be gone: that is no reason to fail
	}, nil
}
