package digest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// childDigests, in the environment of this very program, makes it a digest at work: the database, and the address of a server that takes its mails.
const childDigests = "PARLEY_TEST_DIGEST"

func TestMain(m *testing.M) {
	if how := os.Getenv(childDigests); how != "" {
		if err := childDigest(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func killConfig() Config {
	return Config{
		Name: "Kim's notes", From: mail.Address{Address: "news@example.com"}, URL: "https://news.example.com", Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Log: slog.New(slog.DiscardHandler), MostNew: 1000, MostItems: 1000,
	}
}

// hasty opens a digest that looks again at once.
func hasty(ctx context.Context, database string) (*Digest, error) {
	d, err := Open(ctx, database, killConfig())
	if err == nil {
		d.c.Every, d.claim, d.fetch.rest = 10*time.Millisecond, 50*time.Millisecond, 0
	}
	return d, err
}

// childDigest is at work until it is killed. It says that it has begun.
func childDigest(how string) error {
	database, server, _ := strings.Cut(how, " ")
	ctx := context.Background()
	d, err := hasty(ctx, database)
	if err != nil {
		return err
	}
	client := &smtp.Client{Addr: server, Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 4, Partial: true}
	failed := make(chan error, 1)
	go func() {
		soon := outbox.Retry{First: 100 * time.Millisecond, Most: 200 * time.Millisecond}
		failed <- d.Box().Work(ctx, outbox.Worker{Router: outbox.One(client, outbox.Limits{Sessions: 4}), Retry: soon, AlertRetry: soon})
	}()
	fmt.Println("begun")
	for {
		if _, err := d.Look(ctx); err != nil {
			return err
		}
		if _, err := d.Compose(ctx); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
		}
	}
}

// TestKilled: a digest is killed at random while it looks, composes and sends. Nobody gets an article twice, and nobody is passed over: what may have been
// taken when it died is known by name, and waits for a person.
func TestKilled(t *testing.T) {
	kills := 8
	if n, err := strconv.Atoi(os.Getenv("PARLEY_KILLS")); err == nil {
		kills = n
	} else if testing.Short() {
		kills = 4
	}
	t.Run("sqlite", func(t *testing.T) { testKilled(t, "sqlite:"+filepath.Join(t.TempDir(), "digest.db"), kills, 400) })
	t.Run("postgres", func(t *testing.T) { testKilled(t, testpg.Start(t).Database(t), kills, 1500) })
}

func testKilled(t *testing.T, database string, kills, within int) {
	const people = 150
	feeds := newFeedServer(t)
	var last atomic.Int64
	last.Store(1)
	feeds.does("/f", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, rss(items(1, int(last.Load()))...)) })
	sink := &smtptest.Server{Security: smtp.Plaintext}
	sink.Start(t)
	d, err := hasty(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.AddFeed(t.Context(), Feed{URL: feeds.URL + "/f"}); err != nil {
		t.Fatal(err)
	}
	for i := range people {
		if _, err := d.Subscribe(t.Context(), Subscriber{Address: fmt.Sprintf("c%d@example.net", i), Choice: Choice{All: true, Frequency: AtOnce}}, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Look(t.Context()); err != nil { // of a new feed the newest goes out alone
		t.Fatal(err)
	}
	for range kills {
		last.Add(1)
		c := startChild(t, database, sink.Addr())
		time.Sleep(time.Duration(rand.IntN(within)) * time.Millisecond) // it is killed wherever it is by then
		c.kill(t)
	}
	c := startChild(t, database, sink.Addr())
	defer c.kill(t)
	unknown := settled(t, d, int(last.Load()), people)
	doubled, missing := arrived(sink, people, int(last.Load()), unknown)
	t.Logf("%d kills, %d articles, %d people, %d mails arrived; may have been taken, and wait for a person: %d", kills, last.Load(), people, len(sink.Mails()), len(unknown))
	if doubled > 0 || missing > 0 {
		t.Errorf("%d articles came twice, and %d did not come", doubled, missing)
	}
	// A person lets those go, and then nothing is missing.
	for id := range unknown {
		if _, err := d.Box().Release(t.Context(), outbox.All(id)); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, d, int(last.Load()), people)
	twice, missing := arrived(sink, people, int(last.Load()), nil)
	t.Logf("once these were let go %d articles came twice", twice)
	if missing > 0 {
		t.Errorf("%d did not come", missing)
	}
}

// settled waits until all is composed and sent, and gives the mails that may have been taken.
func settled(t *testing.T, d *Digest, articles, people int) map[outbox.ID]string {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		tally, err := d.Box().Tally(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var behind int
		if err := d.s.DB.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM parley_digest_subscribers WHERE position < %d", articles)).Scan(&behind); err != nil {
			t.Fatal(err)
		}
		if behind == 0 && tally.States[outbox.Queued]+tally.States[outbox.Sending]+tally.States[outbox.Deferred] == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are behind: %+v", behind, people, tally)
		}
	}
	unknown := make(map[outbox.ID]string)
	for i, err := range d.Box().Each(t.Context(), outbox.Query{States: []outbox.State{outbox.Unknown}}) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Box().Content(t.Context(), i.Message)
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(r)
		r.Close()
		unknown[i.Message] = i.Path + "\n" + string(content)
	}
	return unknown
}

var articleIn = regexp.MustCompile(`(?m)^Article (\d+)\r?$`)

// articlesIn are the articles whose text a mail has.
func articlesIn(content string) (list []string) {
	plain, _, _ := strings.Cut(content, "text/html")
	for _, m := range articleIn.FindAllStringSubmatch(plain, -1) {
		list = append(list, m[1])
	}
	return list
}

// arrived counts what came twice, and what neither came nor may have come.
func arrived(sink *smtptest.Server, people, articles int, unknown map[outbox.ID]string) (twice, missing int) {
	got, maybe := make(map[string]int), make(map[string]bool)
	for _, m := range sink.Mails() {
		for _, n := range articlesIn(string(m.Content)) {
			got[m.To()[0]+" "+n]++
		}
	}
	for _, content := range unknown {
		to, rest, _ := strings.Cut(content, "\n")
		for _, n := range articlesIn(rest) {
			maybe[to+" "+n] = true
		}
	}
	for i := range people {
		for n := 1; n <= articles; n++ {
			key := fmt.Sprintf("c%d@example.net %d", i, n)
			if got[key] > 1 {
				twice++
			}
			if got[key] == 0 && !maybe[key] {
				missing++
			}
		}
	}
	return twice, missing
}

// A child is another process.
type child struct {
	cmd  *exec.Cmd
	dead bool
}

func startChild(t *testing.T, database, server string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childDigests+"="+database+" "+server)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("the child says %q: %v", line, err)
	}
	return c
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if c.dead {
		return
	}
	c.dead = true
	c.cmd.Process.Kill() //nolint:errcheck // it may be over
	if err := c.cmd.Wait(); err != nil && !strings.Contains(err.Error(), "killed") {
		t.Errorf("the child: %v", err)
	}
}
