package inbox

import (
	"testing"

	"github.com/parleymail/parley/transcript"
)

// TestWhatFollows: a refusal that only follows from another is not what went wrong.
func TestWhatFollows(t *testing.T) {
	for said, want := range map[string]string{
		"C: MAIL FROM:<a@b.example>\nC: RCPT TO:<x@y.example>\nC: DATA\nS: 250 ok\nS: 550 5.1.1 no such user\nS: 503 5.5.1 no recipient was taken\nC: QUIT\nS: 221 bye\n": "550 5.1.1 no such user",
		"C: MAIL FROM:<a@b.example>\nS: 553 5.7.1 not yours\nC: RCPT TO:<x@y.example>\nS: 503 5.5.1 MAIL first\n":                                                         "553 5.7.1 not yours",
		"C: DATA\nS: 503 5.5.1 MAIL first\n": "503 5.5.1 MAIL first",
		"C: MAIL FROM:<a@b.example>\nC: RCPT TO:<x@y.example>\nC: DATA\nS: 250 ok\nS: 450-4.2.1 full\nS: 450 4.2.1 later\nS: 554 5.5.1 no valid recipients\n": "450-4.2.1 full\n450 4.2.1 later",
		"C: RCPT TO:<x@y.example>\nS: 550 5.1.1 no\nC: RSET\nS: 250 ok\nC: MAIL FROM:<a@b.example>\nS: 452 4.3.1 disk full\n":                                 "452 4.3.1 disk full",
	} {
		text, err := transcript.Parse(said)
		if err != nil {
			t.Fatal(err)
		}
		// A text tells no stages; a session that was kept does.
		var f transcript.Follower
		for i := range text {
			text[i].Stage = f.Follow(text[i]).Stage
		}
		if got := lastRefusal(text); got != want {
			t.Errorf("%s\nis told as %q, want %q", said, got, want)
		}
	}
}
