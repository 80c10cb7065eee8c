package interop_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An attempt is what a program's caller saw of one mail that it was to send.
type attempt struct {
	Error    string // empty: the mail was taken
	Command  string
	Code     int
	Response string
	Message  string
}

// String is what it comes to, on a page.
func (a attempt) String() string {
	switch {
	case a.Error == "":
		return "taken"
	case a.Code != 0:
		return fmt.Sprintf("%s, %d", a.Error, a.Code)
	}
	for _, why := range reasons {
		if strings.Contains(strings.ToLower(a.Message), why) {
			return a.Error + ", " + why
		}
	}
	switch a.Error {
	case "ECONNECTION", "ESOCKET", "Error":
		return "the connection is lost" // nodemailer has a code or another for it, by the moment
	}
	return a.Error
}

// reasons are what OpenSSL says of a certificate or a handshake, behind all that clients put before it; the longer ones first.
var reasons = []string{
	"certificate has expired", "hostname mismatch", "does not match certificate's altnames", "self-signed certificate in certificate chain", "self-signed certificate",
	"unable to get local issuer certificate", "unsupported protocol", "alert protocol version", "certificate verify failed",
}

// A client is a program of another house that sends one mail, over STARTTLS and with a login, to the port. It may be told to be
// idle for a second before MAIL; not all can.
type client interface {
	name() string
	send(t *testing.T, port, to string, idle bool) attempt
}

// A teller is a client that stays, and is told of each mail by a line: smtplib, nodemailer.
type teller struct {
	program, ca string
	command     []string
	cmd         *exec.Cmd
	in          io.WriteCloser
	out         *bufio.Reader
}

func (c *teller) name() string { return c.program }

func (c *teller) start(t *testing.T) {
	t.Helper()
	c.cmd = exec.Command(c.command[0], c.command[1:]...)
	c.cmd.WaitDelay = 5 * time.Second
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
}

func (c *teller) stop() {
	c.in.Close()
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.cmd = nil
}

func (c *teller) send(t *testing.T, port, to string, idle bool) attempt {
	t.Helper()
	c.start(t)
	defer c.stop()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(map[string]any{"port": n, "to": to, "user": user, "password": password, "ca": c.ca, "timeout": patience.Seconds(), "idle": idle})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c.in, "%s\n", line); err != nil {
		t.Fatalf("%s: %v", c.program, err)
	}
	late := time.AfterFunc(tooLong, func() { c.cmd.Process.Kill() })
	said, err := c.out.ReadBytes('\n')
	if !late.Stop() {
		return attempt{Error: endless}
	}
	if err != nil {
		t.Fatalf("%s: %v", c.program, err)
	}
	var a attempt
	if err := json.Unmarshal(said, &a); err != nil {
		t.Fatalf("%s says %q: %v", c.program, said, err)
	}
	return a
}

// tooLong is when a client is taken for one that goes on for ever: it should have lost patience long ago.
const tooLong = 8 * time.Second

// patience is how long a client waits for a reply.
const patience = 2 * time.Second

// swaksClient is swaks, whose exit code is its error.
type swaksClient struct{ state string }

func (swaksClient) name() string { return "swaks" }

func (c swaksClient) send(t *testing.T, port, to string, _ bool) attempt {
	t.Helper()
	out, exit := runSwaks(t, tooLong, c.state, "swaks", "--server", "127.0.0.1", "--port", port, "--helo", "localhost", "--from", "accounts@example.net", "--to", to,
		"--tls", "--tls-verify", "--tls-ca-path", "/state/catch.pem", "--auth", "PLAIN", "--auth-user", user, "--auth-password", password,
		"--timeout", strconv.Itoa(int(patience.Seconds())), "--body", "one")
	if exit == 0 {
		return attempt{}
	}
	if exit < 0 {
		return attempt{Error: endless, Message: out}
	}
	a := attempt{Error: "exit " + strconv.Itoa(exit), Message: out}
	bad := shown(out, "<**", "<~*")
	a.Response = strings.Join(bad, "\n")
	if len(bad) > 0 && len(bad[0]) >= 3 {
		a.Code, _ = strconv.Atoi(bad[0][:3])
	}
	return a
}
