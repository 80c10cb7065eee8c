package relay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleymail/parley/outbox"
)

// counts are since the server began.
type counts struct {
	sessions, broken           atomic.Int64 // those that ended otherwise than meant
	taken, recipients, refused atomic.Int64
	unauthorized               atomic.Int64 // logins that were refused
	failures                   atomic.Int64 // mail could not be stored
	returned, unmatched        atomic.Int64
	told, untold, lost         atomic.Int64 // events to webhooks and logs
	tally                      *outbox.Tally
	tallied                    time.Time
	mu                         sync.Mutex
}

// Describe tells of nothing: what is collected is told when it is.
func (s *Server) Describe(chan<- *prometheus.Desc) {}

// Collect gives the counts, for Prometheus.
func (s *Server) Collect(out chan<- prometheus.Metric) {
	c := &s.counts
	one := func(name, help string, kind prometheus.ValueType, n float64, labels ...string) {
		names, values := make([]string, 0, 1), make([]string, 0, 1)
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, n, values...)
	}
	for _, m := range []struct {
		name, help string
		n          *atomic.Int64
	}{
		{"parley_relay_sessions_total", "Sessions that were begun.", &c.sessions},
		{"parley_relay_sessions_broken_total", "Sessions that ended otherwise than their client meant.", &c.broken},
		{"parley_relay_taken_total", "Mails that were taken.", &c.taken},
		{"parley_relay_taken_recipients_total", "Recipients of mails that were taken.", &c.recipients},
		{"parley_relay_refused_total", "Mails and recipients that were refused.", &c.refused},
		{"parley_relay_logins_refused_total", "Logins that were refused, by SMTP and HTTP.", &c.unauthorized},
		{"parley_relay_store_failures_total", "Mails that could not be stored.", &c.failures},
		{"parley_relay_reports_total", "Reports that were laid to a mail.", &c.returned},
		{"parley_relay_reports_unmatched_total", "Reports that were laid to none.", &c.unmatched},
		{"parley_relay_events_total", "Events that webhooks and logs have taken.", &c.told},
		{"parley_relay_events_failures_total", "Times that a webhook or log did not take events.", &c.untold},
		{"parley_relay_events_lost_total", "Events that were given up.", &c.lost},
	} {
		one(m.name, m.help, prometheus.CounterValue, float64(m.n.Load()))
	}
	t := s.tally()
	if t == nil {
		return
	}
	for state, n := range t.States {
		one("parley_outbox_recipients", "Recipients, by state.", prometheus.GaugeValue, float64(n), "state", state.String())
	}
	for _, l := range t.Lanes {
		one("parley_outbox_lane_waiting", "Recipients that wait, by lane.", prometheus.GaugeValue, float64(l.Waiting), "lane", l.Name)
		one("parley_outbox_lane_sending", "Recipients that are being sent to, by lane.", prometheus.GaugeValue, float64(l.Sending), "lane", l.Name)
		suspended := 0.0
		if l.Open.After(time.Now()) {
			suspended = 1
		}
		one("parley_outbox_lane_suspended", "1 where nothing is sent by the lane for now.", prometheus.GaugeValue, suspended, "lane", l.Name)
	}
}

// tally counts what stands in the box, at most four times a minute.
func (s *Server) tally() *outbox.Tally {
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.tallied) < 15*time.Second {
		return c.tally
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	t, err := s.box.Tally(ctx)
	if err != nil {
		return nil
	}
	c.tally, c.tallied = t, time.Now()
	return t
}
