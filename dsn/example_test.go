package dsn_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A mail was refused: its sender is told, and the letter is read where it comes in.
func Example() {
	letter := &dsn.Letter{
		Report: dsn.Report{
			ReportingMTA: "mx.example.net",
			EnvelopeID:   "0rkq3vj8c1m2t",
			Recipients: []dsn.Recipient{{
				Final:     mail.Path{Local: "kim", Domain: "example.com"},
				Action:    dsn.Failed,
				RemoteMTA: "mx.example.com",
				Reply:     smtp.Reply{Code: 552, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 2, Detail: 2}, Lines: []string{"mailbox full"}},
			}},
		},
		To: mail.Path{Local: "accounts", Domain: "example.net"},
		Content: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("Subject: Statement\r\nMessage-ID: <1@example.net>\r\n\r\nYour statement.\r\n")), nil
		},
	}
	envelope, _ := letter.Envelope()
	fmt.Println(envelope.ReversePath, envelope.Recipients[0].Path)

	notice, err := dsn.Read(bytes.NewReader(written(letter)))
	if err != nil {
		panic(err)
	}
	fmt.Println(notice.Kind, notice.EnvelopeID, notice.Original.MessageID)
	for _, r := range notice.Recipients {
		fmt.Println(r.Address(), r.Action, r.Status, r.Why.Kind, r.Why.Temporary)
		fmt.Println(r.Why.Cause.In(diagnose.English))
		fmt.Println(r.Why.Cause.In(diagnose.Chinese))
	}
	// Output:
	// <> <accounts@example.net>
	// failure 0rkq3vj8c1m2t 1@example.net
	// <kim@example.com> failed 5.2.2 mailbox-full false
	// The recipient's mailbox is full.
	// 收件人的邮箱已满。
}

// A reverse-path with a token comes back in the bounce, and nobody else could have written it.
func ExampleSigner() {
	signer := &dsn.Signer{Key: []byte("32 random octets, kept somewhere")}
	base := mail.Path{Local: "bounces", Domain: "example.net"}
	path, err := signer.Path(base, "0rkq3vj8c1m2t")
	if err != nil {
		panic(err)
	}
	fmt.Println(signer.Token(base, path))
	fmt.Println(signer.Token(base, mail.Path{Local: "bounces+0rkq3vj8c1m2taaaaaaaaaaaaaaaa", Domain: "example.net"}))
	// Output:
	// 0rkq3vj8c1m2t true
	//  false
}

func written(o mail.Object) []byte {
	content, err := o.Open()
	if err != nil {
		panic(err)
	}
	defer content.Close()
	if _, err := content.Fit(mail.Offer{}); err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if _, err := content.WriteTo(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}
