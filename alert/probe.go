package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/smtp"
)

// probe looks once. The value is for the chart: milliseconds, days, or percent.
func (w *Watch) probe(ctx context.Context) (value float64, err error) {
	begun := time.Now()
	switch w.Kind {
	case HTTP:
		err = w.probeHTTP(ctx)
	case TCP:
		err = w.probeTCP(ctx)
	case SMTP:
		err = w.probeSMTP(ctx)
	case TLS:
		return w.probeTLS(ctx)
	case Disk:
		return w.probeDisk()
	case Command:
		err = w.probeCommand(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) || err != nil && ctx.Err() != nil {
		err = fmt.Errorf("it took longer than %v", w.Timeout)
	}
	return float64(time.Since(begun).Microseconds()) / 1000, err
}

const mostPage = 1 << 20

func (w *Watch) probeHTTP(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Target, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "Parley")
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return err
	}
	defer answer.Body.Close()
	if bad := answer.StatusCode < 200 || answer.StatusCode > 399; w.Status == 0 && bad || w.Status > 0 && w.Status != answer.StatusCode {
		return fmt.Errorf("it answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	page, err := io.ReadAll(io.LimitReader(answer.Body, mostPage))
	if err != nil {
		return err
	}
	if w.Contains != "" && !bytes.Contains(page, []byte(w.Contains)) {
		return fmt.Errorf("its page does not hold %s", plain.Quoted(w.Contains))
	}
	return nil
}

func (w *Watch) probeTCP(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", w.Target)
	if err != nil {
		return err
	}
	return conn.Close()
}

// probeSMTP goes as far as EHLO and STARTTLS, and logs in if the URL has a user.
func (w *Watch) probeSMTP(ctx context.Context) error {
	c, err := smtp.ParseURL(w.Target)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it has told what it had to
	s, err := c.Open(ctx)
	if err != nil {
		return err
	}
	return s.Close()
}

func (w *Watch) probeTLS(ctx context.Context) (days float64, err error) {
	target := w.Target
	if _, _, err := net.SplitHostPort(target); err != nil {
		target = net.JoinHostPort(target, "443")
	}
	conn, err := new(tls.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	days = time.Until(end).Hours() / 24
	if days < float64(w.Days) {
		return days, fmt.Errorf("its certificate ends on %s, in %d days", end.UTC().Format("2006-01-02"), int(days))
	}
	return days, nil
}

func (w *Watch) probeDisk() (percent float64, err error) {
	free, all, err := room(w.Target)
	if err != nil {
		return 0, err
	}
	percent = 100 * float64(free) / float64(max(all, 1))
	if percent < w.Free {
		return percent, fmt.Errorf("%.1f %% are free, %d MiB of %d MiB", percent, free>>20, all>>20)
	}
	return percent, nil
}

func (w *Watch) probeCommand(ctx context.Context) error {
	var out Tail
	cmd := exec.CommandContext(ctx, w.Command[0], w.Command[1:]...) //nolint:gosec // whoever writes the file says what is run
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 2*time.Second
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New(strings.TrimSpace(err.Error() + "\n" + out.String()))
}
