package digest_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// A list with one feed, whose pages a proxy makes reachable as https://news.example.com.
func Example() {
	client, err := smtp.ParseURL(os.Getenv("SMTP_URL"))
	if err != nil {
		log.Fatal(err)
	}
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "main", Client: client}}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	d, err := digest.Open(ctx, "sqlite:digest.db", digest.Config{
		Name: "Kim's notes", From: mail.Address{Name: "Kim", Address: "news@example.com"}, URL: "https://news.example.com", Proxied: true,
		Worker: outbox.Worker{Router: router},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	if _, err := d.AddFeed(ctx, digest.Feed{URL: "https://example.com/feed.xml"}); err != nil {
		log.Fatal(err)
	}
	pages := &http.Server{Addr: "127.0.0.1:8027", Handler: d.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go pages.ListenAndServe()
	if err := d.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
