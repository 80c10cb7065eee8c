package talk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// TestEveryCommandIsWhole: a row of the table has all its facts.
func TestEveryCommandIsWhole(t *testing.T) {
	for _, c := range commands {
		if c.fits == nil || c.why.empty() || !strings.HasPrefix(c.syntax, c.verb) || !strings.HasPrefix(c.begin, c.verb) {
			t.Errorf("%s lacks something", c.verb)
		}
		if stageOf(c.verb) == 0 {
			t.Errorf("%s has no stage", c.verb)
		}
		if c.next != nil && !strings.Contains("LHLO EHLO STARTTLS AUTH MAIL RCPT DATA QUIT", c.verb) {
			t.Errorf("%s is suggested", c.verb)
		}
	}
}

// TestWhatComesNext walks a session, and looks at each point at what is suggested, and what
// Tab gives.
func TestWhatComesNext(t *testing.T) {
	reply := func(code int, lines ...string) smtp.Reply { return smtp.Reply{Code: code, Lines: lines} }
	ehlo := reply(250, "mx", "STARTTLS", "AUTH LOGIN PLAIN", "SIZE 1000", "CHUNKING", "DSN")
	var s State
	for _, step := range []struct {
		to    string
		reply smtp.Reply
		next  string // suggested then
		tab   string // and all that Tab gives on an empty line
	}{
		{greeting, reply(220, "mx"), "EHLO", "EHLO|HELO|NOOP|HELP|QUIT"},
		{"EHLO me", reply(502, "no"), "EHLO", "EHLO|HELO|NOOP|HELP|QUIT"},
		{"EHLO me", ehlo, "STARTTLS", "STARTTLS|EHLO|AUTH|MAIL|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"tls", smtp.Reply{}, "EHLO", "EHLO|HELO|NOOP|HELP|QUIT"},
		{"EHLO me", ehlo, "AUTH", "AUTH|EHLO|MAIL|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"AUTH LOGIN", reply(334, "VXNlcm5hbWU6"), "AUTH", "AUTH|EHLO|MAIL|NOOP|VRFY|EXPN|HELP|QUIT"},
		{response, reply(235, "ok"), "MAIL", "MAIL|EHLO|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"MAIL FROM:<a@b>", reply(250, "ok"), "RCPT", "RCPT|EHLO|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"RCPT TO:<a@b>", reply(550, "no"), "RCPT", "RCPT|EHLO|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"rcpt to:<a@b>", reply(250, "ok"), "DATA", "DATA|EHLO|RCPT|BDAT|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"RSET", reply(250, "ok"), "MAIL", "MAIL|EHLO|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"MAIL FROM:<>", reply(250, "ok"), "RCPT", "RCPT|EHLO|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"RCPT TO:<a@b>", reply(250, "ok"), "DATA", "DATA|EHLO|RCPT|BDAT|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{"DATA", reply(354, "go"), "DATA", "DATA|EHLO|RCPT|BDAT|RSET|NOOP|VRFY|EXPN|HELP|QUIT"},
		{".", reply(250, "ok"), "QUIT", "QUIT|EHLO|MAIL|NOOP|VRFY|EXPN|HELP"},
	} {
		if step.to == "tls" {
			s.startedTLS()
		} else {
			a := ask(step.to)
			if step.to == greeting || step.to == response {
				a.verb = step.to
			}
			s.heard(a, step.reply)
		}
		var tab []string
		for _, c := range complete(&s, "", names{host: "me"}, diagnose.English) {
			verb, _, _ := strings.Cut(c.Line, " ")
			tab = append(tab, verb)
		}
		if c := next(&s); c == nil || c.verb != step.next || strings.Join(tab, "|") != step.tab {
			t.Errorf("after %s %v: %+v is next, and Tab gives %s", step.to, step.reply, c, strings.Join(tab, "|"))
		}
		for _, l := range []Lang{diagnose.English, diagnose.Chinese} {
			if hint := Hint(&s, "", l); !strings.Contains(hint, step.next) {
				t.Errorf("after %s: the hint is %q", step.to, hint)
			}
		}
	}
}

func TestComplete(t *testing.T) {
	s := State{Greeted: true, Hello: "EHLO", Mechanisms: []string{"LOGIN", "PLAIN"},
		Extensions: map[string]string{"AUTH": "", "SIZE": "1", "DSN": "", "8BITMIME": ""}}
	for line, want := range map[string]string{
		"ma":                        "MAIL FROM:<",
		"MAIL FROM:<":               "MAIL FROM:<kim@example.com>",
		"mail from:<a@b> ":          "MAIL FROM:<a@b> SIZE=|MAIL FROM:<a@b> BODY=8BITMIME|MAIL FROM:<a@b> RET=HDRS|MAIL FROM:<a@b> ENVID=",
		"MAIL FROM:<a@b> SIZE=1 re": "MAIL FROM:<a@b> SIZE=1 RET=HDRS",
		"MAIL FROM:<a@b> SIZE=1 s":  "",
		"ehlo ":                     "EHLO me.example",
		"auth p":                    "AUTH PLAIN",
		"AUTH ":                     "AUTH LOGIN|AUTH PLAIN",
		"/auth ":                    "/auth login|/auth plain",
		"/w":                        "/wait ",
		"/q":                        "/quit",
		"rcpt":                      "",
		"XYZ":                       "",
		"你":                         "",
	} {
		var got []string
		for _, c := range complete(&s, line, names{host: "me.example", address: "kim@example.com"}, diagnose.English) {
			got = append(got, c.Line)
			if !strings.EqualFold(c.Line[:len(line)], line) {
				t.Errorf("%q became %q", line, c.Line)
			}
		}
		// The path of a mail stays as it was typed.
		if g := strings.Join(got, "|"); !strings.EqualFold(g, want) {
			t.Errorf("%q: %q, and not %q", line, g, want)
		}
	}
}

func TestShown(t *testing.T) {
	for line, want := range map[string]string{
		"AUTH PLAIN AGtpbQ==":           "AUTH PLAIN (secret)",
		"  auth\tlogin  a2lt  ":         "  auth\tlogin  (secret)",
		`/raw AUTH PLAIN AGtpbQ==\r\n`:  "/raw AUTH PLAIN (secret)",
		`/RAW auth LOGIN\r\n`:           `/RAW auth LOGIN\r\n`,
		"AUTH LOGIN":                    "AUTH LOGIN",
		"AUTH PLAIN ":                   "AUTH PLAIN ",
		"AUTH hunter2":                  "AUTH (secret)",
		"MAIL FROM:<a@b> AUTH=<kim@ex>": "MAIL FROM:<a@b> AUTH=<kim@ex>",
		"":                              "",
	} {
		if got := Shown(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// TestHistoryKeepsNoSecret, in the file and in memory.
func TestHistoryKeepsNoSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "parley", "talk_history")
	h := openHistory(file)
	h.add("EHLO me")
	h.add("EHLO me")
	h.add("AUTH PLAIN c2VzYW1l")
	h.add("/base64 sesame")
	h.add("/unbase64 c2VzYW1l")
	h.add("/sesame")
	h.add("  ")
	h.add("MAIL FROM:<a@b>\nAUTH LOGIN c2VzYW1l\n/raw AUTH PLAIN c2VzYW1l\\r\\n\n/save x")
	want := []string{"EHLO me", "AUTH PLAIN (secret)", "MAIL FROM:<a@b>", "AUTH LOGIN (secret)", "/raw AUTH PLAIN (secret)", "/save x"}
	if !slices.Equal(h.lines, want) {
		t.Errorf("%q", h.lines)
	}
	again := openHistory(file)
	if !slices.Equal(again.lines, want) {
		t.Errorf("read back: %q", again.lines)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	// It does not grow for ever.
	os.WriteFile(file, []byte(strings.Repeat("NOOP\nHELP\n", 3*mostHistory)), 0o600)
	openHistory(file)
	if again := openHistory(file); len(again.lines) != mostHistory {
		t.Errorf("%d lines are kept", len(again.lines))
	}
	if data, _ := os.ReadFile(file); len(data) != 5*mostHistory {
		t.Errorf("the file has %d octets", len(data))
	}
}

// TestEveryTextHasBothLanguages walks all texts of the package.
func TestEveryTextHasBothLanguages(t *testing.T) {
	files := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[dqsv]`)
	n := 0
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			lit, ok := node.(*ast.CompositeLit)
			if !ok || len(lit.Elts) != 2 {
				return true
			}
			var both [2]string
			plain := 0
			for i, elt := range lit.Elts {
				if s, ok := elt.(*ast.BasicLit); ok && s.Kind == token.STRING {
					both[i], _ = strconv.Unquote(s.Value)
					plain++
				}
			}
			name, _ := lit.Type.(*ast.Ident)
			isWords := name != nil && name.Name == "words" || lit.Type == nil && plain == 2 // those of a map have no type written
			if !isWords {
				return true
			}
			n++
			en, zh := verbs.FindAllString(both[0], -1), verbs.FindAllString(both[1], -1)
			if both[0] == "" || both[1] == "" || !slices.Equal(en, zh) {
				t.Errorf("%s: %q", files.Position(lit.Pos()), both)
			}
			return true
		})
	}
	if n < 60 {
		t.Errorf("only %d texts were found: the walk has lost its way", n)
	}
}
