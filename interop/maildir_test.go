package interop_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A maildir is a folder where a server keeps what it took.
type maildir string

// cellField names each mail that these tests send.
const cellField = "X-Parley-Cell"

// delivered is a mail as it was found in a maildir.
type delivered struct {
	file   string
	header mail.Header // read by Go's net/mail, not by the package under test
	body   []byte
}

// A delivery is a mail, by the name in its cellField, and who it was delivered to:
// servers keep a copy for each recipient, or one for all.
type delivery struct{ name, to string }

// await waits until all that is wanted is there, and gives it. What was delivered
// twice is an error.
func (m maildir) await(t *testing.T, wanted map[delivery]bool) map[delivery]delivered {
	t.Helper()
	found := map[delivery]delivered{}
	m.watch(t, func(d delivered) bool {
		for _, to := range d.recipients() {
			what := delivery{d.header.Get(cellField), to}
			if !wanted[what] {
				continue
			}
			if before, twice := found[what]; twice {
				t.Errorf("%s was delivered twice: %s and %s", what, before.file, d.file)
			}
			found[what] = d
		}
		return len(found) == len(wanted)
	})
	for what := range wanted {
		if _, ok := found[what]; !ok {
			t.Errorf("%s was taken and is not in %s", what, m)
		}
	}
	return found
}

// watch shows each mail that is there or comes, once, until it was the last that is
// wanted, for at most 30 seconds.
func (m maildir) watch(t *testing.T, last func(delivered) bool) {
	t.Helper()
	seen := map[string]bool{}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for {
		files, _ := filepath.Glob(filepath.Join(string(m), "new", "*"))
		enough := false
		for _, file := range files {
			if !seen[file] {
				seen[file] = true
				enough = last(read(t, file)) || enough
			}
		}
		if enough {
			return
		}
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			return
		case <-deadline:
			return
		}
	}
}

// recipients are whom the server says that it delivered the mail to; where it says
// nothing, the folder is the recipient's own.
func (d delivered) recipients() []string {
	var all []string
	for _, field := range []string{"Delivered-To", "Envelope-To"} { // the latter is Exim's
		for _, value := range d.header[field] {
			for to := range strings.SplitSeq(value, ",") {
				all = append(all, strings.Trim(to, " <>"))
			}
		}
	}
	if len(all) == 0 {
		box := filepath.Dir(filepath.Dir(d.file))
		all = append(all, filepath.Base(box)+"@example.net")
	}
	return all
}

func read(t *testing.T, file string) delivered {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return delivered{file, msg.Header, body}
}

// text decodes the body of a mail that has one text and nothing else. Servers keep
// mail with LF.
func (d delivered) text(t *testing.T) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(d.body)
	switch coding := strings.ToLower(d.header.Get("Content-Transfer-Encoding")); coding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "", "7bit", "8bit":
	default:
		t.Errorf("%s has Content-Transfer-Encoding %q", d.file, coding)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("%s: %v", d.file, err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
