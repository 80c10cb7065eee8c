package check

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

const secret = "correct-horse-battery"

// TestGoodWays walks to good servers: all steps are there, in their order, and nothing is sent.
func TestGoodWays(t *testing.T) {
	for _, c := range []struct {
		security smtp.Security
		want     string
	}{
		{smtp.StartTLS, "dns tcp greeting hello-clear tls certificate hello auth mail rcpt reset quit versions"},
		{smtp.ImplicitTLS, "dns tcp tls certificate greeting hello auth mail rcpt reset quit versions"},
		{smtp.Plaintext, "dns tcp greeting hello auth mail rcpt reset quit"},
		{smtp.Opportunistic, "dns tcp greeting hello-clear tls certificate hello auth mail rcpt reset quit versions"},
	} {
		s := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}, Security: c.security}).Start(t)
		check := &Check{Client: s.Client(), From: "kim@example.com"}
		r := check.Report(t.Context())
		var got []string
		for _, step := range r.Steps {
			got = append(got, step.Name)
			if step.Verdict == Failed || step.Verdict == Skipped && step.Name != "dns" || step.Found.En == "" {
				t.Errorf("%v: %+v", c.security, step)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("security %v: %v", c.security, got)
		}
		if len(s.Mails()) != 0 {
			t.Errorf("a mail was sent")
		}
		if r.Failure() != nil || r.Diagnosis() != nil {
			t.Errorf("a failure where there is none")
		}
		said := r.Step("reset").Said
		if len(said) != 2 || said[0].Line != "RSET" {
			t.Errorf("what was said at reset: %v", said)
		}
	}
}

// TestSend sends the mail that it is asked to, once.
func TestSend(t *testing.T) {
	s := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
	r := (&Check{Client: s.Client(), From: "kim@example.com", To: "lee@example.net", Send: true}).Report(t.Context())
	m := s.Wait(t, 1)[0]
	if m.ReversePath.String() != "<kim@example.com>" || m.Recipients[0].Path.String() != "<lee@example.net>" {
		t.Errorf("the envelope: %v", m.Envelope)
	}
	for _, name := range []string{"mail", "rcpt", "send", "quit"} {
		if step := r.Step(name); step == nil || step.Verdict != Good {
			t.Errorf("%s: %+v", name, step)
		}
	}
	if r.Step("reset") != nil {
		t.Error("there is nothing to take back")
	}
}

// TestWithoutCredentials ends before AUTH, and asks for no envelope.
func TestWithoutCredentials(t *testing.T) {
	s := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
	c := s.Client()
	c.Auth = nil
	r := (&Check{Client: c}).Report(t.Context())
	if r.Failure() != nil || r.Step("auth") != nil || r.Step("mail") != nil || r.Step("quit") == nil {
		t.Error(told(r))
	}
	if m := r.Step("hello").Facts.Mechanisms; len(m) == 0 || len(r.Step("hello-clear").Facts.Mechanisms) != 0 {
		t.Errorf("mechanisms: %v", m)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		fault smtptest.Fault
		step  string
		kind  string
		temp  bool
	}{
		{smtptest.Fault{Stage: smtp.StageGreeting, Say: "421 4.3.2 too many connections from you"}, "greeting", "rate-limited", true},
		{smtptest.Fault{Stage: smtp.StageGreeting, Say: "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"}, "greeting", "ip-reputation", false},
		{smtptest.Fault{Stage: smtp.StageHello, Say: "550 5.7.1 <client.example>: Helo command rejected: Access denied"}, "hello-clear", "helo-rejected", false},
		{smtptest.Fault{Stage: smtp.StageAuth, Say: "535 5.7.8 Error: authentication failed"}, "auth", "auth-bad-credential", false},
		{smtptest.Fault{Stage: smtp.StageMail, Say: "553 5.7.1 <kim@example.com>: Sender address rejected: not owned by user lee"}, "mail", "sender-mismatch", false},
		{smtptest.Fault{Stage: smtp.StageRcpt, Say: "550 5.1.1 no such user here"}, "rcpt", "recipient-unknown", false},
		{smtptest.Fault{Stage: smtp.StageRcpt, Say: "554 5.7.1 <kim@example.com>: Relay access denied"}, "rcpt", "relay-denied", false},
		{smtptest.Fault{Stage: smtp.StageRcpt, Say: "450 4.2.0 <kim@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/"}, "rcpt", "greylisted", true},
		{smtptest.Fault{Stage: smtp.StageRcpt, Then: smtptest.HangUp, Mute: true}, "rcpt", "connection-lost", true},
	} {
		s := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
		s.Fault(c.fault)
		r := (&Check{Client: s.Client(), From: "kim@example.com"}).Report(t.Context())
		f := r.Failure()
		if f == nil || f.Name != c.step || string(f.Diagnosis.Kind) != c.kind || f.Diagnosis.Temporary != c.temp {
			t.Errorf("%v %q:\n%s%+v", c.fault.Stage, c.fault.Say, told(r), r.Diagnosis())
		}
		if v := r.Step("versions").Verdict; v != Good && c.fault.Stage > smtp.StageTLS {
			t.Errorf("what could still be learnt was not: versions are %v", v)
		}
	}
}

// TestQuitAndResetHarmNothing: what fails after the answer is known changes nothing.
func TestQuitAndResetHarmNothing(t *testing.T) {
	s := smtptest.NewServer(t)
	s.Refuse(smtp.StageReset, "", "502 5.5.1 what")
	s.Fault(smtptest.Fault{Stage: smtp.StageQuit, Mute: true, Then: smtptest.HangUp})
	r := (&Check{Client: s.Client(), From: "kim@example.com"}).Report(t.Context())
	if r.Failure() != nil || r.Step("reset").Verdict != Warning || r.Step("quit").Verdict != Warning {
		t.Error(told(r))
	}
}

// TestNothingIsAskedFor: a Client that cannot be used says so itself.
func TestBadClient(t *testing.T) {
	for _, c := range []*smtp.Client{nil, {}, {Addr: "mx.example:99999"}, {Addr: "mx example:25"}, {Addr: ":25"}, {Addr: "mx.example", LMTP: true}} {
		r := (&Check{Client: c}).Report(t.Context())
		if len(r.Steps) != 1 || r.Steps[0].Verdict != Failed || r.Steps[0].Err.Kind != smtp.Invalid {
			t.Errorf("%v:\n%s", c, told(r))
		}
	}
}

// TestStopListening ends the walk.
func TestStopListening(t *testing.T) {
	s := smtptest.NewServer(t)
	for _, until := range []string{"dns", "greeting", "tls", "mail"} {
		last := ""
		for step := range (&Check{Client: s.Client(), From: "kim@example.com"}).Run(t.Context()) {
			if last = step.Name; last == until {
				break
			}
		}
		if last != until {
			t.Errorf("it ended at %s, and not at %s", last, until)
		}
	}
}

// TestNoSecret looks for the password in all that a check gives, and in what its JSON has.
func TestNoSecret(t *testing.T) {
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} {
		s := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
		c := s.Client()
		c.Auth = sasl.Only(mech, c.Auth)
		r := (&Check{Client: c, From: "kim@example.com"}).Report(t.Context())
		if r.Failure() != nil {
			t.Errorf("%s:\n%s", mech, told(r))
		}
		data, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{secret, "AGtpbUBleGFtcGxlLmNvbQBjb3JyZWN0LWhvcnNlLWJhdHRlcnk=", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"} {
			if strings.Contains(string(data), form) {
				t.Errorf("%s: %q stands in the report", mech, form)
			}
		}
	}
}

// TestOverASocket walks to an LMTP server on a unix socket.
func TestOverASocket(t *testing.T) {
	path := t.TempDir() + "/lmtp"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			speak("220 lmtp", map[string]string{"LHLO": "250 lmtp", "MAIL": "250 ok", "RCPT": "250 ok", "RSET": "250 ok", "QUIT": "221 bye"})(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	r := (&Check{Client: &smtp.Client{Addr: path, LMTP: true}, From: "<>", To: "kim@example.com"}).Report(t.Context())
	if r.Failure() != nil || r.Step("rcpt").Verdict != Good {
		t.Error(told(r))
	}
}

// TestLenientCertificate tells of a certificate that was not judged.
func TestLenientCertificate(t *testing.T) {
	s := smtptest.NewServer(t)
	c := s.Client()
	c.TLS = &tls.Config{InsecureSkipVerify: true}
	r := (&Check{Client: c}).Report(t.Context())
	if !remarked(r, "not-judged") || r.Step("certificate").Facts.Certificate.Problem != problemAuthority {
		t.Error(told(r))
	}
}
