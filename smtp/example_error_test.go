package smtp_test

import (
	"errors"
	"fmt"

	"github.com/parleymail/parley/smtp"
)

// An error, by what can be done about it.
func ExampleError() {
	whatNow := func(err error) string {
		e, ok := errors.AsType[*smtp.Error](err)
		switch {
		case err == nil:
			return "taken"
		case !ok:
			return "not a mail's failure"
		case e.Uncertain():
			return "may have been taken: ask before sending again"
		case e.Temporary():
			return "try again later"
		case e.Kind == smtp.Unauthorized:
			return "tell the operator: the server does not take the password"
		case e.Stage == smtp.StageRcpt:
			return "no such recipient: " + e.Path.String()
		}
		return "give up"
	}
	fmt.Println(whatNow(&smtp.Error{Kind: smtp.Refused, Stage: smtp.StageMail, Reply: smtp.Reply{Code: 451}}))
	fmt.Println(whatNow(&smtp.Error{Kind: smtp.Unauthorized, Stage: smtp.StageAuth, Reply: smtp.Reply{Code: 535}}))
	// Output:
	// try again later
	// tell the operator: the server does not take the password
}
