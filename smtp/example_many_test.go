package smtp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// Many mails over one connection that is the caller's own. Client.Send uses its
// connections again too; this is for whoever wants to know which one.
func ExampleClient_Open() {
	ctx := context.Background()
	client := &smtp.Client{Addr: "mx.example:587"}
	letters := []*mail.Message{ /* ... */ }

	session, err := client.Open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for _, m := range letters {
		if _, err := session.Send(ctx, m); err != nil {
			log.Print(err)
		}
	}
}

// Very many: the next envelope rides with the last content, and what became of
// each mail comes back as it is known.
func ExampleClient_SendAll() {
	ctx := context.Background()
	client := &smtp.Client{Addr: "mx.example:587"}
	defer client.Close()
	letters := []*mail.Message{ /* ... */ }

	for r := range client.SendAll(ctx, mail.Objects(letters)) {
		if r.Err != nil {
			fmt.Println("mail", r.Index, "was not taken:", r.Err)
		}
	}
}
