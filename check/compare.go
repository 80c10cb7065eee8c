package check

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A Difference is one thing of two reports, side by side. It may be the same in both.
type Difference struct {
	// What it is: server, verdict, addresses, mx, banner, speaks, clear-keywords, keywords,
	// mechanisms, tls, cipher, versions, certificate-names, certificate-issuer,
	// certificate-until, certificate-sha256, certificate-problem, cause, reply:STEP, time:STEP.
	What    string
	A, B    []string // empty: there is none
	Differs bool
}

// Compare lays two reports side by side: laptop and server, yesterday and today, one
// provider and another. A time differs where one is three times the other and a tenth of a second more.
func Compare(a, b *Report) []Difference {
	var list []Difference
	add := func(what string, of func(*Report) []string) {
		d := Difference{What: what, A: of(a), B: of(b)}
		d.Differs = !slices.Equal(d.A, d.B)
		if len(d.A)+len(d.B) > 0 {
			list = append(list, d)
		}
	}
	add("server", func(r *Report) []string { return one(r.Server) })
	add("verdict", verdictOf)
	for _, row := range rows {
		add(row.what, func(r *Report) []string {
			if s := r.Step(row.step); s != nil {
				return row.of(&s.Facts)
			}
			return nil
		})
	}
	add("cause", func(r *Report) []string {
		if d := r.Diagnosis(); d != nil {
			return one(string(d.Kind) + ": " + d.Cause.En)
		}
		return nil
	})
	for _, name := range allSteps {
		add("reply:"+name, func(r *Report) []string {
			if s := r.Step(name); s != nil {
				return one(s.Facts.Reply)
			}
			return nil
		})
	}
	for _, name := range allSteps {
		add("time:"+name, func(r *Report) []string { return timeOf(r.Step(name)) })
		if n := len(list); n > 0 && list[n-1].What == "time:"+name {
			list[n-1].Differs = slower(a.Step(name), b.Step(name))
		}
	}
	return list
}

// allSteps are the names of steps, in their order.
var allSteps = [...]string{"dns", "tcp", "greeting", "hello-clear", "tls", "certificate", "hello", "auth", "mail", "rcpt", "reset", "send", "quit", "versions"}

// rows are what is laid side by side, and of which step it is.
var rows = [...]struct {
	what, step string
	of         func(*Facts) []string
}{
	{"addresses", "dns", func(f *Facts) []string { return addresses(f.Addresses) }},
	{"mx", "dns", func(f *Facts) []string { return f.MX }},
	{"connections", "tcp", func(f *Facts) []string { return connections(f.Addresses) }},
	{"banner", "greeting", func(f *Facts) []string { return one(f.Banner) }},
	{"speaks", "greeting", func(f *Facts) []string { return one(string(f.Speaks)) }},
	{"clear-keywords", "hello-clear", func(f *Facts) []string { return sorted(f.Keywords) }},
	{"tls", "tls", func(f *Facts) []string { return one(f.TLS) }},
	{"cipher", "tls", func(f *Facts) []string { return one(f.Cipher) }},
	{"versions", "versions", func(f *Facts) []string { return f.Versions }},
	{"certificate-names", "certificate", ofCertificate(func(c *Certificate) []string { return sorted(c.Names) })},
	{"certificate-issuer", "certificate", ofCertificate(func(c *Certificate) []string { return one(c.Issuer) })},
	{"certificate-until", "certificate", ofCertificate(func(c *Certificate) []string { return one(c.NotAfter.UTC().Format(time.DateOnly)) })},
	{"certificate-sha256", "certificate", ofCertificate(func(c *Certificate) []string { return one(c.SHA256) })},
	{"certificate-problem", "certificate", ofCertificate(func(c *Certificate) []string { return one(c.Problem) })},
	{"keywords", "hello", func(f *Facts) []string { return sorted(f.Keywords) }},
	{"mechanisms", "hello", func(f *Facts) []string { return sorted(f.Mechanisms) }},
	{"size", "hello", func(f *Facts) []string {
		if f.Size == 0 {
			return nil
		}
		return one(strconv.FormatInt(f.Size, 10))
	}},
}

func ofCertificate(of func(*Certificate) []string) func(*Facts) []string {
	return func(f *Facts) []string {
		if f.Certificate == nil {
			return nil
		}
		return of(f.Certificate)
	}
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func addresses(list []Address) (ips []string) {
	for _, a := range list {
		ips = append(ips, a.IP.String())
	}
	return sorted(ips)
}

func connections(list []Address) (each []string) {
	for _, a := range list {
		if a.IP.IsValid() {
			each = append(each, a.IP.String()+" "+a.Result)
		}
	}
	return sorted(each)
}

func verdictOf(r *Report) []string {
	if f := r.Failure(); f != nil {
		return one(fmt.Sprintf("%v: %s", Failed, f.Name))
	}
	return one(r.Verdict().String())
}

func timeOf(s *Step) []string {
	if s == nil || s.Verdict == Skipped || s.Took == 0 {
		return nil
	}
	return one(strconv.FormatFloat(milliseconds(s.Took), 'f', 1, 64) + " ms")
}

func slower(a, b *Step) bool {
	if a == nil || b == nil {
		return false
	}
	less, more := min(a.Took, b.Took), max(a.Took, b.Took)
	return less > 0 && more > 3*less && more-less > 100*time.Millisecond
}
