package alert_test

import (
	"context"
	"log"

	"github.com/parleymail/parley/alert"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// Two servers take the mails: the second where the first cannot be had.
func Example() {
	ctx := context.Background()
	var table route.Table
	for name, url := range map[string]string{"work": "smtp://mail.example.com:587", "backup": "smtp://mail.example.net:587"} {
		client, err := smtp.ParseURL(url)
		if err != nil {
			log.Fatal(err)
		}
		alert.Impatient(client)
		table.Servers = append(table.Servers, route.Server{Name: name, Client: client, Limits: route.Limits{Sessions: 1}})
	}
	table.Default = []string{"work", "backup"}
	router, err := route.New(table)
	if err != nil {
		log.Fatal(err)
	}
	a, err := alert.Open(ctx, "sqlite:alert.db", alert.Config{
		From:      mail.Address{Name: "Alerts", Address: "alerts@example.com"},
		Receivers: []alert.Receiver{{Name: "ops", To: mail.To("ops@example.com")}},
		Worker:    alert.Worker(router),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	go a.Run(ctx)
	if err := a.Take(ctx, alert.Alert{Title: "The disk of db1 is full", Severity: "critical"}); err != nil {
		log.Print(err) // it is not kept
	}
}
