package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

const (
	demoUser = "demo"
	demoHost = "demo.parley.example"
)

// A demoServer takes mail on this machine, and delivers none.
type demoServer struct {
	addr        string
	password    string
	certificate *x509.Certificate
	server      *smtpd.Server

	mu    sync.Mutex
	count int
	mails map[uint64]arrived // that were taken and not yet shown, by session
}

// An arrived mail is one that the server took.
type arrived struct {
	number   int
	envelope mail.Envelope
	content  []byte
}

// newDemoServer is a server that is not started. What it tells of sessions goes to
// trace.
func newDemoServer(trace func(smtp.Event)) *demoServer {
	d := &demoServer{password: rand.Text()[:12], mails: make(map[uint64]arrived)}
	d.server = &smtpd.Server{
		Hostname:    demoHost,
		Accounts:    sasl.Users(map[string]string{demoUser: d.password}),
		RequireTLS:  true,
		RequireAuth: true,
		// Most servers that people meet have no CHUNKING: the demo shows how they speak.
		Without: []string{"CHUNKING"},
		MaxSize: 25 << 20,
		Data:    d.take,
		Trace:   trace,
	}
	return d
}

// start takes a port that is free.
func (d *demoServer) start() error {
	const life = 7 * 24 * time.Hour
	cert, err := throwaway.SelfSigned(time.Now().Add(life), "localhost", demoHost, "127.0.0.1")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("opening a port: %w", err)
	}
	d.addr, d.certificate = l.Addr().String(), cert.Leaf
	d.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	go d.server.Serve(l) // ends when the server is closed
	return nil
}

// take keeps a mail until it was shown.
func (d *demoServer) take(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	data, err := io.ReadAll(content)
	if err != nil {
		return smtp.Reply{} // the client hears what is wrong with it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	d.mails[t.Session.Number()] = arrived{number: d.count, envelope: t.Envelope, content: data}
	return smtpd.Reply(fmt.Sprintf("250 2.0.0 taken, queued as demo-%d", d.count))
}

// taken is the mail that a session has brought, once.
func (d *demoServer) taken(session uint64) (a arrived, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok = d.mails[session]
	delete(d.mails, session)
	return a, ok
}

// client is what sends to it, and believes its certificate alone.
func (d *demoServer) client() *smtp.Client {
	roots := x509.NewCertPool()
	roots.AddCert(d.certificate)
	return &smtp.Client{
		Addr:     d.addr,
		Security: smtp.StartTLS,
		Auth:     sasl.Password(demoUser, d.password),
		TLS:      &tls.Config{RootCAs: roots},
	}
}

// url is what a person gives as SMTP_URL to send to it.
func (d *demoServer) url() string {
	sum := sha256.Sum256(d.certificate.Raw)
	return fmt.Sprintf("smtp://%s:%s@%s?fingerprint=%s", demoUser, d.password, d.addr, hex.EncodeToString(sum[:]))
}

func (d *demoServer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	d.server.Shutdown(ctx)
}
