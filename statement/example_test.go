package statement_test

import (
	"context"
	"fmt"
	"log"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

func Example() {
	ctx := context.Background()
	client, err := smtp.ParseURL("smtps://bank@smtp.example.com")
	if err != nil {
		log.Fatal(err)
	}
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "bank", Client: client}}, Default: []string{"bank"}})
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()
	template, err := statement.LoadTemplate("march", statement.TemplateOptions{Locale: "zh-CN"})
	if err != nil {
		log.Fatal(err)
	}
	j, err := statement.Open(ctx, "sqlite:march.db", statement.Config{
		Key: "account", To: "email",
		From:     mail.Address{Name: "Example Bank", Address: "statements@bank.example"},
		Template: template,
		Files:    "pdf", Attach: []string{"{{.account}}.pdf"},
		Worker: outbox.Worker{Router: router},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	table, err := statement.OpenTable(ctx, "customers.xlsx", statement.TableOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer table.Close()
	report, err := j.Prepare(ctx, table, nil)
	if err != nil {
		log.Fatal(err)
	}
	for p, err := range j.Problems(ctx) {
		fmt.Println(p.Line, p.Key, p.Words().En, err)
	}
	if report.Bad == 0 {
		err = j.Send(ctx, statement.SendOptions{})
	}
	fmt.Println(err)
}
