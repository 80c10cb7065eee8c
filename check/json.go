package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// The names in JSON stay as they are. Sentences are objects with a string a language,
// {"en": ..., "zh": ...}.

type wordsRecord struct {
	En string `json:"en"`
	Zh string `json:"zh"`
}

func recordWords(w diagnose.Words) *wordsRecord {
	if w.En == "" {
		return nil
	}
	return &wordsRecord{w.In(diagnose.English), w.In(diagnose.Chinese)}
}

func (r *wordsRecord) words() (w diagnose.Words) {
	if r != nil {
		w = diagnose.Words{En: r.En, Zh: r.Zh}
	}
	return w
}

type stepRecord struct {
	Step      string                `json:"step"`
	Verdict   string                `json:"verdict"`
	At        time.Time             `json:"at"`
	TookMS    float64               `json:"took_ms"`
	Found     *wordsRecord          `json:"found,omitempty"`
	Facts     *Facts                `json:"facts,omitempty"`
	Remarks   []remarkRecord        `json:"remarks,omitempty"`
	Diagnosis *diagnosisRecord      `json:"diagnosis,omitempty"`
	Error     string                `json:"error,omitempty"`
	Said      transcript.Transcript `json:"said,omitempty"`
}

type remarkRecord struct {
	Code string       `json:"code"`
	Text *wordsRecord `json:"text"`
}

type diagnosisRecord struct {
	Kind       diagnose.Kind `json:"kind"`
	Temporary  bool          `json:"temporary"`
	Cause      *wordsRecord  `json:"cause"`
	Fix        *wordsRecord  `json:"fix"`
	Confidence float64       `json:"confidence"`
	Provider   string        `json:"provider,omitempty"`
	Page       string        `json:"page,omitempty"`
	Rules      []string      `json:"rules,omitempty"`
}

// MarshalJSON makes an object with the names step, verdict, at, took_ms, found, facts, remarks,
// diagnosis (kind, temporary, cause, fix, confidence, provider, page, rules), error and
// said, which is a transcript.
func (s Step) MarshalJSON() ([]byte, error) {
	r := stepRecord{Step: s.Name, Verdict: s.Verdict.String(), At: s.At, TookMS: milliseconds(s.Took), Found: recordWords(s.Found), Said: s.Said}
	facts := s.Facts
	r.Facts = &facts
	for _, m := range s.Remarks {
		r.Remarks = append(r.Remarks, remarkRecord{m.Code, recordWords(m.Text)})
	}
	if s.Err != nil {
		r.Error = smtp.Printable(s.Err.Error())
	}
	if d := s.Diagnosis; d != nil {
		r.Diagnosis = &diagnosisRecord{
			Kind: d.Kind, Temporary: d.Temporary, Cause: recordWords(d.Cause), Fix: recordWords(d.Fix),
			Confidence: d.Confidence, Provider: d.Provider, Page: d.Kind.Page(),
		}
		for _, e := range d.Evidence {
			if e.Rule != "" {
				r.Diagnosis.Rules = append(r.Diagnosis.Rules, e.Rule)
			}
		}
	}
	return marshal(r)
}

// marshal leaves <kim@example.net> to be read by people too.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON makes, but for Err.
func (s *Step) UnmarshalJSON(data []byte) error {
	var r stepRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("check: a step: %w", err)
	}
	*s = Step{Name: r.Step, At: r.At, Took: duration(r.TookMS), Found: r.Found.words(), Said: r.Said}
	for v := Good; v <= Skipped; v++ {
		if v.String() == r.Verdict {
			s.Verdict = v
		}
	}
	if s.Verdict == 0 {
		return fmt.Errorf("check: the verdict of a step is %q, which is none", r.Verdict)
	}
	if r.Facts != nil {
		s.Facts = *r.Facts
	}
	for i := range s.Facts.Addresses {
		s.Facts.Addresses[i].Took = duration(s.Facts.Addresses[i].TookMS)
	}
	for _, m := range r.Remarks {
		s.Remarks = append(s.Remarks, Remark{m.Code, m.Text.words()})
	}
	if d := r.Diagnosis; d != nil {
		s.Diagnosis = &diagnose.Diagnosis{Kind: d.Kind, Temporary: d.Temporary, Cause: d.Cause.words(), Fix: d.Fix.words(), Confidence: d.Confidence, Provider: d.Provider}
		for _, id := range d.Rules {
			s.Diagnosis.Evidence = append(s.Diagnosis.Evidence, diagnose.Evidence{Rule: id})
		}
	}
	return nil
}

func duration(ms float64) time.Duration {
	const most = 24 * float64(time.Hour/time.Millisecond) // of a file that somebody else wrote
	return time.Duration(max(0, min(ms, most)) * float64(time.Millisecond))
}

type reportRecord struct {
	Server  string    `json:"server"`
	At      time.Time `json:"at"`
	TookMS  float64   `json:"took_ms"`
	Verdict string    `json:"verdict"`
	Steps   []Step    `json:"steps"`
}

// MarshalJSON makes an object with the names server, at, took_ms, verdict and steps.
func (r *Report) MarshalJSON() ([]byte, error) {
	return marshal(reportRecord{r.Server, r.At, milliseconds(r.Took), r.Verdict().String(), r.Steps})
}

// UnmarshalJSON reads what MarshalJSON makes.
func (r *Report) UnmarshalJSON(data []byte) error {
	var record reportRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return err
	}
	if len(record.Steps) == 0 {
		return fmt.Errorf("check: no report: it has no steps")
	}
	*r = Report{Server: record.Server, At: record.At, Took: duration(record.TookMS), Steps: record.Steps}
	return nil
}
