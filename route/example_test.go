package route_test

import (
	"context"
	"fmt"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// Alerts go by the company's server, all else by QQ; where one cannot be had, the other takes it.
func ExampleNew() {
	router, err := route.New(route.Table{
		Servers: []route.Server{
			{Name: "qq", Account: "59419979@qq.com", Client: &smtp.Client{Addr: "smtp.qq.com:465", Auth: sasl.Password("59419979@qq.com", "authorization code")}},
			{Name: "office", Client: &smtp.Client{Addr: "mail.example.com:587", Auth: sasl.Password("shop", "password")}},
		},
		Rules: []route.Rule{
			{Class: []string{"alert"}, Servers: []string{"office", "qq"}},
			{To: []string{"*.invalid"}, Refuse: "there is no such domain"},
		},
		Default: []string{"qq", "office"},
	})
	if err != nil {
		panic(err)
	}
	defer router.Close()

	ctx := context.Background()
	lanes, _ := router.Lanes(ctx, outbox.Recipient{Path: mail.Path{Local: "kim", Domain: "example.net"}})
	fmt.Println(lanes)
	lane, _ := router.Lane(ctx, lanes[0])
	fmt.Printf("%+v\n", lane.Limits)
	_, err = router.Lanes(ctx, outbox.Recipient{Path: mail.Path{Local: "kim", Domain: "shop.invalid"}})
	fmt.Println(err)
	// Output:
	// [qq/59419979@qq.com office]
	// {Sessions:2 Recipients:50 PerMinute:20 PerHour:0 PerDay:0}
	// 550 5.7.1 there is no such domain
}
