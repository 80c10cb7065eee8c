package interop_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// checkByHTTP looks at what was answered to a program by HTTP.
func checkByHTTP(t *testing.T, h handed) {
	t.Helper()
	sort, again := strings.CutSuffix(h.Sort, " again")
	sort = strings.TrimSuffix(sort, " first")
	wants := map[string]struct {
		status int
		code   string
	}{
		"json": {status: 202}, "raw text": {status: 202}, "raw files": {status: 202}, "raw many": {status: 202}, "raw bare": {status: 202}, "batch": {status: 207},
		"key of another": {409, "key_reused"}, "no such field": {422, "invalid"}, "wrong password": {401, "login"}, "wrong sender": {403, "not_allowed"},
	}
	want, known := wants[sort]
	code := ""
	if h.Answer.Error != nil {
		code = h.Answer.Error.Code
	}
	if !known || h.Status != want.status || code != want.code {
		t.Errorf("%s: answered %d, %+v, %+v", h, h.Status, h.Answer, h.Answer.Error)
		return
	}
	switch {
	case sort == "no such field":
		if f := h.Answer.Error.Fields; len(f) != 1 || f[0].Field != "sbuject" {
			t.Errorf("%s: the field that does not exist is told as %+v", h, *h.Answer.Error)
		}
	case sort == "batch":
		if l := h.Answer.Items; len(l) != 3 || l[0].ID == "" || l[1].Error == nil || l[2].ID == "" || h.Answer.Taken != 2 {
			t.Errorf("%s: %+v", h, h.Answer)
		}
	case want.status == 202 && h.Answer.ID == "":
		t.Errorf("%s, again %v: no ID is told: %+v", h, again, h.Answer)
	}
}

// checkJSON reads what came of the mails that were handed over as JSON, by Python's email package, and compares field by field. Each came once,
// though it was handed over twice.
func checkJSON(t *testing.T, postfix *peer, all []handed) {
	t.Helper()
	var programs []string
	ids := map[string]string{}
	for _, h := range all {
		if kind, _, _ := strings.Cut(h.Sort, " "); h.Way == "http" && (kind == "json" || kind == "raw") {
			if !slices.Contains(programs, h.program) {
				programs = append(programs, h.program)
			}
			name := h.program + " " + strings.TrimSuffix(strings.TrimSuffix(h.Sort, " again"), " first")
			if before, ok := ids[name]; ok && before != h.Answer.ID {
				t.Errorf("%s: handed over twice it is %s and %s", name, before, h.Answer.ID)
			}
			ids[name] = h.Answer.ID
		}
	}
	for _, program := range programs {
		base := program + ".http.json"
		for _, to := range []string{base, base + ".2", base + ".cc", base + ".bcc"} {
			out, err := tool(t, postfix.state, "", "/usr/bin/python3", "/testdata/fields/read.py", "/state/mail/inbox", to+"@example.net", cellField)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); n++ {
				var got seen
				if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				compareJSON(t, to, base, got)
			}
			if n != 1 {
				t.Errorf("%d mails came for %s", n, to)
			}
		}
	}
}

func compareJSON(t *testing.T, to, base string, got seen) {
	t.Helper()
	file := bytes.Repeat([]byte("\x00\x01\xff\r\n."), 10_000)
	text, html := "Grüße, 三月\n.\n..\n. x\n.end\n", "<p>Grüße, <b>三月</b></p>\n"
	for _, c := range []struct {
		field     string
		got, want any
	}{
		{"from", got.From, []seenAddress{{"财务部", "accounts@example.net"}}},
		{"to", got.To, []seenAddress{{`Kim "Grüße" 李`, base + "@example.net"}, {"", base + ".2@example.net"}}},
		{"cc", got.Cc, []seenAddress{{"李", base + ".cc@example.net"}}},
		{"bcc", len(got.Bcc), 0},
		{"subject", got.Subject, "三月对账单"},
		{"text", *got.Text, text},
		{"html", *got.HTML, html},
		{"attach", got.Attach, []seenFile{{"对账单.bin", "application/octet-stream", "", len(file), fmt.Sprintf("%x", sha256.Sum256(file))}}},
		{"tree", got.Tree, "mixed(alternative(text/plain, text/html), application/octet-stream)"},
		{"defects", len(got.Defects), 0},
		{"bare CR and NUL", got.Bare, 0},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %s is %+v, and not %+v", to, c.field, c.got, c.want)
		}
	}
}
