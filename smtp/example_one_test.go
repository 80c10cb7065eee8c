package smtp_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// One mail. QQ wants TLS on 465 and, in place of the password, an authorization
// code that its web page gives.
func ExampleClient_Send() {
	ctx := context.Background()
	client := &smtp.Client{Addr: "smtp.qq.com:465", Auth: sasl.Password("59419979@qq.com", os.Getenv("QQ_CODE"))}
	defer client.Close()
	receipt, err := client.Send(ctx, &mail.Message{
		From:    mail.Address{Name: "财务部", Address: "59419979@qq.com"},
		To:      mail.To("kim@example.net"),
		Subject: "三月对账单",
		Text:    "见附件。\n",
		Attach:  []mail.Part{mail.File("对账单.pdf")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("taken:", receipt.Reply)
}

// The server in one line, as an environment variable holds it.
func ExampleParseURL() {
	client, err := smtp.ParseURL("smtps://59419979@qq.com:code@smtp.qq.com")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Addr)
	// Output: smtp.qq.com:465
}
