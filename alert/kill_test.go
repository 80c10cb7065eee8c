package alert

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// Beneath TestKilled this is a process that takes alerts from its standard input, tells which it has taken, and mails them until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("PARLEY_ALERT_CHILD"); path != "" {
		if err := child(path, os.Getenv("PARLEY_ALERT_SMTP")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func child(path, url string) error {
	client, err := smtp.ParseURL(url)
	if err != nil {
		return err
	}
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "work", Client: client}}, Default: []string{"work"}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := Open(ctx, "sqlite:"+path, Config{
		From: mail.Address{Address: "alerts@example.com"}, Zone: time.UTC, Worker: Worker(router), Log: slog.New(slog.DiscardHandler), Stall: time.Minute,
		Receivers: []Receiver{{Name: "ops", To: mail.To("ops@example.com"), Most: -1, GroupWait: 20 * time.Millisecond}},
	})
	if err != nil {
		return err
	}
	go a.Run(ctx) //nolint:errcheck // it is killed
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := a.Take(ctx, Alert{State: Once, Title: lines.Text()}); err != nil {
			return err
		}
		fmt.Println(lines.Text())
	}
	time.Sleep(time.Hour)
	return nil
}

// Killed at any moment, no alert that was taken is lost, and none is in two mails.
func TestKilled(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	server := smtptest.NewServer(t)
	path := filepath.Join(t.TempDir(), "alert.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	taken := make(map[string]bool)
	n := 0
	run := func(life time.Duration) (kill func()) {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "PARLEY_ALERT_CHILD="+path, "PARLEY_ALERT_SMTP="+server.URL())
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if life > 0 {
			go func(n int) {
				for i := range 1000 {
					if _, err := fmt.Fprintf(in, "alert-%d-%d\n", n, i); err != nil {
						return
					}
				}
			}(n)
			n++
			had := len(taken)
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if len(taken) == had {
					// Its life counts from the first that it took: a slow machine takes longer than that to start it.
					time.AfterFunc(life, func() { cmd.Process.Kill() }) //nolint:errcheck // it may have ended
				}
				taken[lines.Text()] = true
			}
			cmd.Wait() //nolint:errcheck // it was killed
			return nil
		}
		go io.Copy(io.Discard, out)                      //nolint:errcheck // it says nothing
		return func() { cmd.Process.Kill(); cmd.Wait() } //nolint:errcheck // it ends with the test
	}
	for range rounds {
		run(200*time.Millisecond + rand.N(400*time.Millisecond))
	}
	defer run(0)()
	titles := regexp.MustCompile(`(?m)^\* (alert-\S+)`)
	var in map[string]string // the mail that tells of each
	again := 0
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		in, again = make(map[string]string), 0
		for _, m := range server.Mails() {
			msg, err := m.Message()
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range titles.FindAllStringSubmatch(msg.Text, -1) {
				switch had := in[x[1]]; had {
				case "":
					in[x[1]] = msg.MessageID
				case msg.MessageID:
					again++ // nobody knew whether the server had it: the same mail, by its Message-ID
				default:
					t.Fatalf("%s is in two mails", x[1])
				}
			}
		}
		missing := ""
		for title := range taken {
			if in[title] == "" {
				missing = title
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s was taken, and is in none of %d mails", missing, len(server.Mails()))
		}
	}
	t.Logf("%d kills: %d alerts were taken, %d are told, %d mails came twice and are known by their Message-ID", rounds, len(taken), len(in), again)
	if len(taken) < rounds {
		t.Error("too few were taken to tell anything")
	}
}
