package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// catchKept measures how long a person waits for a list and for a search, when many mails are kept.
func (b *bench) catchKept() error {
	count := b.count(100_000)
	for _, name := range b.in(catchMemory, catchFile) {
		file := ""
		if name == catchFile {
			file = filepath.Join(b.dir, "kept.db")
		}
		s, err := b.startCatch(anywhere, name, file, "--keep", "1000000")
		if err != nil {
			return err
		}
		err = b.askAll(s, count)
		s.end()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) askAll(s *server, count int) error {
	t := &table{
		title: fmt.Sprintf("Looking: %d mails are kept by %s", count, s.name),
		unit:  "ms", base: "list", extra: []string{"p50", "at most"},
		notes: []string{"By the API, over a connection that is kept. What is judged is the slowest of all."},
	}
	if err := fill(s.addr, count); err != nil {
		return err
	}
	if _, _, err := idle(s.pid()); err != nil {
		return err
	}
	for _, q := range questions() {
		var took []float64
		for _, path := range q.paths {
			d, err := ask(s.http+path, q.want)
			if err != nil {
				return err
			}
			took = append(took, millis(d))
		}
		t.row(q.name).add(slices.Max(took), median(took), slices.Max(took))
		t.want(q.name, "< 100 ms", 100)
	}
	b.add(t)
	return nil
}

// A question is something that a person asks of the mails, in several ways.
type question struct {
	name  string
	paths []string
	want  func(total int) bool
}

func questions() []question {
	const list = "/api/v1/messages?limit=50"
	found := func(n int) bool { return n > 0 }
	var searches []string
	search := func(format string, args ...any) {
		searches = append(searches, list+"&query="+url.QueryEscape(fmt.Sprintf(format, args...)))
	}
	for _, word := range vocabulary[:14] {
		search("%s", word)
		search("subject:%s", word)
	}
	for i := range 7 {
		search("from:sender%d@example.net", i*7)
		search("rcpt:customer%d@example.org", i*131)
		search("%s -%s", vocabulary[i], vocabulary[i+10])
	}
	search("has:attachment %s", vocabulary[3])
	pages := []string{list, "/api/v1/messages?limit=200", list + "&before=50000", list + "&before=20000", "/api/v1/messages"}
	return []question{
		{"list", pages, found},
		{fmt.Sprintf("search, %d of them", len(searches)), searches, found},
		{"search that finds nothing", []string{list + "&query=" + url.QueryEscape("nosuchwordanywhere"), list + "&query=" + url.QueryEscape("from:nobody@nowhere.example")}, func(n int) bool { return n == 0 }},
		{"sessions", []string{"/api/v1/sessions?limit=50", "/api/v1/sessions?limit=50&query=" + url.QueryEscape("is:failed")}, func(int) bool { return true }},
	}
}

// ask asks once, and gives how long the whole answer took.
func ask(url string, want func(total int) bool) (time.Duration, error) {
	began := time.Now()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	var page struct{ Total int }
	if err := json.Unmarshal(body, &page); err != nil || resp.StatusCode != http.StatusOK || !want(page.Total) {
		return 0, fmt.Errorf("%s: %s: %.200s: %w", url, resp.Status, body, errors.Join(err, errors.New("not the answer that was wanted")))
	}
	return took, nil
}

// catchMemoryFlat measures whether a server that keeps the newest mails grows when many come.
func (b *bench) catchMemoryFlat() error {
	const turns = 10
	count := b.count(200_000)
	t := &table{
		title: fmt.Sprintf("Memory: %d mails of which 10,000 are kept, resident size after each tenth", count),
		unit:  "MiB", base: "", extra: []string{"at the first tenth", "at the half", "at the end"},
		notes: []string{"Mails of 1 to 4 KiB, one in twenty with an attachment. What is judged is the size at the end against that at the half."},
	}
	for _, name := range b.in(catchMemory, catchFile) {
		sizes, err := b.grow(name, count/turns, turns)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		half, end := sizes[turns/2-1], sizes[turns-1]
		r := t.row(name)
		r.add(end, sizes[0], half, end)
		t.want(name, "≤ 1.15 × at the half", 1.15*half)
	}
	b.add(t)
	return nil
}

func (b *bench) grow(name string, count, turns int) ([]float64, error) {
	s, err := b.startKeeper(anywhere, name)
	if err != nil {
		return nil, err
	}
	defer s.end()
	var sizes []float64
	for range turns {
		if err := fill(s.addr, count); err != nil {
			return nil, err
		}
		if _, _, err := idle(s.pid()); err != nil {
			return nil, err
		}
		n, err := resident(s.pid())
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, float64(n)/(1<<20))
	}
	return sizes, nil
}

var vocabulary = strings.Fields(`invoice statement reminder welcome receipt password newsletter shipment delivery ticket
	agenda minutes budget forecast contract proposal holiday travel hotel flight calendar server backup alert disk
	memory release deployment review merge branch database index kitchen garden bicycle window river mountain forest
	对账单 通知 提醒 会议 报告 发票`)

// fill sends mails that differ, over four connections, each pipelined.
func fill(addr string, count int) error {
	const senders = 4
	errs := make([]error, senders)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() { errs[i] = fillOne(addr, i, count/senders) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func fillOne(addr string, seed, count int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	rnd := rand.New(rand.NewPCG(uint64(seed), 4))
	answers := bufio.NewReader(conn)
	if _, err := io.WriteString(conn, "EHLO load.example\r\n"); err != nil {
		return err
	}
	if err := expect(answers, "220", "250"); err != nil {
		return err
	}
	var b bytes.Buffer
	for n := range count {
		b.Reset()
		fmt.Fprintf(&b, "MAIL FROM:<sender%d@example.net>\r\nRCPT TO:<customer%d@example.org>\r\nDATA\r\n", n%50, n%1000)
		if _, err := conn.Write(b.Bytes()); err != nil {
			return err
		}
		if err := expect(answers, "250", "250", "354"); err != nil {
			return err
		}
		b.Reset()
		various(&b, rnd, n)
		if _, err := conn.Write(b.Bytes()); err != nil {
			return err
		}
		if err := expect(answers, "250"); err != nil {
			return err
		}
	}
	return nil
}

// expect reads a reply for each code.
func expect(r *bufio.Reader, codes ...string) error {
	for _, code := range codes {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if !strings.HasPrefix(line, code) {
				return fmt.Errorf("%s was wanted, and this came: %s", code, strings.TrimSpace(line))
			}
			if line[3] == ' ' || line[3] == '\r' {
				break
			}
		}
	}
	return nil
}

// various is a mail unlike the others, up to its dot.
func various(b *bytes.Buffer, rnd *rand.Rand, n int) {
	word := func() string { return vocabulary[rnd.IntN(len(vocabulary))] }
	attached := n%20 == 0
	fmt.Fprintf(b, "From: Sender %d <sender%d@example.net>\r\nTo: customer%d@example.org\r\n", n%50, n%50, n%1000)
	fmt.Fprintf(b, "Subject: %s %s %d\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d.%d@example.net>\r\nMIME-Version: 1.0\r\n", word(), word(), n, n, rnd.Uint64())
	if attached {
		b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n")
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	for line := range 15 + rnd.IntN(40) {
		fmt.Fprintf(b, "%s %s %s %d %s %s\r\n", word(), word(), word(), line*n, word(), word())
	}
	if attached {
		b.WriteString("--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + word() + ".bin\"\r\n\r\n")
		fmt.Fprintf(b, "%s\r\n--b--\r\n", base64.StdEncoding.EncodeToString([]byte(word())))
	}
	b.WriteString(".\r\n")
}
