package pages

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/parleymail/parley/outbox"
)

// series are what the charts show, each with a word of queueWords, "rate-put".
var series = []struct {
	name string
	of   func(outbox.Flow) int
}{
	{"put", func(f outbox.Flow) int { return f.Put }},
	{"sent", func(f outbox.Flow) int { return f.Events[outbox.WasSent] }},
	{"deferred", func(f outbox.Flow) int { return f.Events[outbox.WasDeferred] }},
	{"bounced", func(f outbox.Flow) int {
		return f.Events[outbox.WasBounced] + f.Events[outbox.WasReturned] + f.Events[outbox.WasExpired]
	}},
}

// hour is how many minutes a chart has.
const hour = 60

// A ratesPage is what happened in the last hour.
type ratesPage struct {
	Charts  []chart
	Minutes []minuteRow // the last one first
	Partial bool        // some minutes are not counted yet
	At      time.Time
}

// A chart is a row of bars, a minute each.
type chart struct {
	Name              string
	Bars              []column
	Most              int // that a minute had: the height of the chart
	Minute, Ten, Hour int // in the last whole minute, ten and sixty
}

// A column is a bar of a chart.
type column struct {
	X, Y, H int
	N       int
	At      time.Time
}

// A minuteRow is a row of the table.
type minuteRow struct {
	At time.Time
	N  []int
}

const (
	columnWidth = 10
	chartHeight = 100
)

func (q *Queue) rates(w http.ResponseWriter, r *http.Request, v *screen) error {
	now := time.Now()
	page, err := q.ratesAt(r.Context(), now)
	if err != nil {
		return err
	}
	return q.show(w, r, v, "rates", v.T("rates"), page)
}

func (q *Queue) ratesAt(ctx context.Context, now time.Time) (*ratesPage, error) {
	last := now.Truncate(time.Minute) // it goes on
	got, err := q.flows.of(ctx, q.Box, last)
	if err != nil {
		return nil, err
	}
	page := &ratesPage{At: now, Partial: len(got) <= hour}
	for i := range hour + 1 {
		at := last.Add(-time.Duration(i) * time.Minute)
		f, ok := got[at.Unix()]
		if !ok {
			continue
		}
		row := minuteRow{At: at}
		for _, s := range series {
			row.N = append(row.N, s.of(f))
		}
		page.Minutes = append(page.Minutes, row)
	}
	for n, s := range series {
		page.Charts = append(page.Charts, page.chart(n, s.name, last))
	}
	return page, nil
}

// chart draws the series with a number: the minute that goes on stands at the right.
func (p *ratesPage) chart(n int, name string, last time.Time) chart {
	c := chart{Name: name}
	for _, m := range p.Minutes {
		c.Most = max(c.Most, m.N[n])
		switch ago := int(last.Sub(m.At) / time.Minute); {
		case ago == 1:
			c.Minute = m.N[n]
			fallthrough
		case ago > 1 && ago <= 10:
			c.Ten += m.N[n]
			fallthrough
		case ago > 10:
			c.Hour += m.N[n]
		}
	}
	for _, m := range p.Minutes {
		if m.N[n] == 0 {
			continue
		}
		h := max(chartHeight*m.N[n]/c.Most, 2) // what is little is seen too
		x := columnWidth * (hour - int(last.Sub(m.At)/time.Minute))
		c.Bars = append(c.Bars, column{X: x, Y: chartHeight - h, H: h, N: m.N[n], At: m.At})
	}
	return c
}

// flows are minutes that were counted. One that is over by a while does not change any more.
type flows struct {
	mu   sync.Mutex
	done map[int64]outbox.Flow // by the Unix time at which the minute began

	got  map[int64]outbox.Flow // that was given last
	at   time.Time
	took time.Duration
}

const (
	settled  = 2                      // minutes after which nothing is added to one
	counting = 700 * time.Millisecond // that a page takes to count; what is not counted by then the next one counts
)

// of gives the minute that goes on and the hour before it, the last ones first as far as there is time for them.
func (f *flows) of(ctx context.Context, box *outbox.Box, last time.Time) (map[int64]outbox.Flow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// However many look, no more than a tenth of the time is spent on it.
	const share = 10
	if len(f.got) > hour && time.Since(f.at) < share*f.took {
		return f.got, nil
	}
	began := time.Now()
	if f.done == nil {
		f.done = make(map[int64]outbox.Flow)
	}
	for at := range f.done {
		if at < last.Add(-(hour+settled)*time.Minute).Unix() {
			delete(f.done, at)
		}
	}
	got := make(map[int64]outbox.Flow)
	end := began.Add(counting)
	for i := range hour + 1 {
		at := last.Add(-time.Duration(i) * time.Minute)
		one, ok := f.done[at.Unix()]
		if !ok && time.Now().After(end) {
			continue
		}
		if !ok {
			var err error
			if one, err = box.Flow(ctx, at, at.Add(time.Minute)); err != nil {
				return nil, err
			}
			if i >= settled {
				f.done[at.Unix()] = one
			}
		}
		got[at.Unix()] = one
	}
	f.got, f.at, f.took = got, time.Now(), time.Since(began)
	return got, nil
}

// Minute is a time of day, to the minute.
func (*screen) Minute(t time.Time) string { return t.Local().Format("15:04") }
