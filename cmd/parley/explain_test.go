package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// runExplain runs parley explain with what stands on standard input.
func runExplain(t *testing.T, in io.Reader, out io.Writer, args ...string) (exit int, stderr string) {
	t.Helper()
	var b bytes.Buffer
	exit = run(append([]string{"parley", "explain"}, args...), system{in: in, out: out, err: &b, environ: []string{"HOME=" + t.TempDir(), "LANG=C.UTF-8"}})
	return exit, b.String()
}

// TestExplainLosesNoLine: so many lines as come, so many are answered, in their order, and a line
// that is too long for anybody hurts no other.
func TestExplainLosesNoLine(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing of it is side by side")
	}
	const n = 2000
	filler := strings.Repeat("x", 1000) // more than a mebibyte of all
	for flag, form := range map[string]string{"--lines": "550 5.1.1 user%d unknown %s\n", "--batch": "*\trcpt\t550 5.1.1 user%d unknown %s\n"} {
		var in, out bytes.Buffer
		for i := range n {
			fmt.Fprintf(&in, form, i, filler)
		}
		in.WriteString(strings.Repeat("\x00\xff", 1<<19) + "\n550 5.1.1 the last has no end")
		if exit, err := runExplain(t, &in, &out, flag, "--json"); exit != 0 {
			t.Fatalf("%s: exit %d: %s", flag, exit, err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != n+2 {
			t.Fatalf("%s: %d lines, and %d answers", flag, n+2, len(lines))
		}
		for i, line := range lines {
			want := fmt.Sprintf("user%d unknown", i)
			if i == n+1 {
				want = "the last has no end"
			}
			if !json.Valid([]byte(line)) || i != n && !strings.Contains(line, want) {
				t.Fatalf("%s: answer %d is %.200s", flag, i, line)
			}
		}
	}
}

// TestExplainAnswersAtOnce: a program that sends a line and waits for the answer gets it.
func TestExplainAnswersAtOnce(t *testing.T) {
	for _, flag := range []string{"--lines", "--batch"} {
		in, send := io.Pipe()
		hear, out := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			exit, _ := runExplain(t, in, out, flag, "--json")
			out.Close()
			ended <- exit
		}()
		answers := make(chan string)
		go func() {
			for s := bufio.NewScanner(hear); s.Scan(); {
				answers <- s.Text()
			}
		}()
		for i := range 3 {
			fmt.Fprintf(send, "550 5.1.1 user%d unknown\n", i)
			select {
			case line := <-answers:
				if !strings.Contains(line, fmt.Sprintf("user%d", i)) {
					t.Errorf("%s: %s", flag, line)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s keeps its answer back", flag)
			}
		}
		send.Close()
		if exit := <-ended; exit != 0 {
			t.Errorf("%s: exit %d", flag, exit)
		}
	}
}

// TestExplainTooLong: what is not read is not left out in silence.
func TestExplainTooLong(t *testing.T) {
	var out bytes.Buffer
	exit, err := runExplain(t, strings.NewReader(strings.Repeat("a line of a log\n", 1<<17)), &out)
	if exit != exitUsage || !strings.Contains(err, "--lines") || out.Len() > 0 {
		t.Errorf("exit %d: %s", exit, err)
	}
}

// TestREADMEExplains: what the README shows of parley explain is what it prints.
func TestREADMEExplains(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "$ parley explain '")
	text, rest, ok2 := strings.Cut(rest, "'\n")
	shown, _, ok3 := strings.Cut(rest, "```")
	if !ok || !ok2 || !ok3 {
		t.Fatal("the README does not show parley explain")
	}
	var out bytes.Buffer
	if exit, stderr := runExplain(t, nil, &out, text); exit != 0 || out.String() != shown {
		t.Errorf("exit %d %s\n%s\nthe README has\n%s", exit, stderr, out.String(), shown)
	}
}
