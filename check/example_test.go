package check_test

import (
	"context"
	"fmt"
	"time"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A program that cannot send finds out why.
func Example() {
	c := &check.Check{
		Client: &smtp.Client{
			Addr: "smtp.qq.com:465",
			Auth: sasl.Password("59419979@qq.com", "authorization code"),
		},
		From: "59419979@qq.com",
	}
	for step := range c.Run(context.Background()) {
		fmt.Printf("%-12s %-8v %8v  %s\n", step.Name, step.Verdict, step.Took.Round(time.Millisecond), step.Found.En)
		if d := step.Diagnosis; d != nil {
			fmt.Println("原因：", d.Cause.In(diagnose.Chinese))
			fmt.Println("办法：", d.Fix.In(diagnose.Chinese))
		}
	}
}

// Which of the usual ports can mail go by?
func ExampleCheck_Ways() {
	c := &check.Check{Client: &smtp.Client{Addr: "mail.example.com"}}
	var ways []check.Way
	for way := range c.Ways(context.Background()) {
		ways = append(ways, way)
	}
	if best, ok := check.Best(ways); ok {
		fmt.Println(best.URL())
	}
}
