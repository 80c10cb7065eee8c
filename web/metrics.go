package web

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
)

// newMetrics is a registry of our own: whoever uses this package in a program keeps theirs.
func newMetrics(store *inbox.Store, plan *fault.Plan, h *hooks) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &kept{store: store, plan: plan}, h)
	return registry
}

// kept tells what the store has, when it is asked.
type kept struct {
	store *inbox.Store
	plan  *fault.Plan
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("parley_inbox_"+name, help, labels, nil)
}

// Describe tells of nothing: what is collected is told when it is.
func (*kept) Describe(chan<- *prometheus.Desc) {}

// Collect asks the store.
func (k *kept) Collect(out chan<- prometheus.Metric) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stats, err := k.store.Stats(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(desc("up", "Whether the store answers."), err)
		return
	}
	gauge := func(name, help string, value float64) {
		out <- prometheus.MustNewConstMetric(desc(name, help), prometheus.GaugeValue, value)
	}
	gauge("messages", "Messages that are kept.", float64(stats.Messages))
	gauge("messages_unseen", "Messages that nobody has looked at.", float64(stats.Unseen))
	gauge("content_bytes", "Octets of the contents that are kept.", float64(stats.Bytes))
	gauge("sessions", "Sessions that are kept.", float64(stats.Sessions))
	gauge("sessions_open", "Sessions that go on.", float64(stats.Open))
	gauge("sessions_failed", "Kept sessions in which something went wrong.", float64(stats.Failed))
	out <- prometheus.MustNewConstMetric(desc("messages_taken_total", "Messages taken since the start."), prometheus.CounterValue, float64(stats.Taken))
	if k.plan == nil {
		return
	}
	hits := desc("fault_hits_total", "How often a fault on purpose was hit.", "id", "stage")
	for _, r := range k.plan.Rules() {
		out <- prometheus.MustNewConstMetric(hits, prometheus.CounterValue, float64(r.Hit), r.ID, r.Stage)
	}
}
