package main

import (
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parleymail/parley/smtp"
)

// An adviceError is a failure that is not the mail's, with what to do about it.
type adviceError struct {
	what, cause, fix string
	exit             int
}

func (e *adviceError) Error() string { return e.what }

// databaseError is why a database cannot be opened. One that cannot be had now may be had later, and is no mistake of the command's.
func (u *ui) databaseError(database string, err error) error {
	said := smtp.Printable(lastSaid(err))
	advice := func(exit int, cause, fix text) error {
		return &adviceError{u.say(wordDatabaseAway, withoutPassword(database), said), u.say(cause), u.say(fix), exit}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(e.Code, "28"): // invalid authorization
			return advice(exitCredentials, wordDatabaseLogin, wordDatabaseLoginFix)
		case e.Code == "3D000":
			return advice(exitUsage, wordDatabaseNone, wordDatabaseNoneFix)
		case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "53"): // it starts or ends; it has too many connections, or no room
			return advice(exitLater, wordDatabaseBusy, wordDatabaseBusyFix)
		case strings.HasPrefix(e.Code, "42501"):
			return advice(exitCredentials, wordDatabaseRights, wordDatabaseRightsFix)
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return advice(exitNoHost, wordDatabaseHost, wordDatabaseHostFix)
	}
	_, refused := errors.AsType[*net.OpError](err)
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting || refused {
		return advice(exitLater, wordDatabaseDown, wordDatabaseDownFix)
	}
	return &usageError{"--database: " + err.Error()}
}

// opened is the same for those who know more of other errors than this does.
func (u *ui) opened(database string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*adviceError](u.databaseError(database, err)); ok {
		return e
	}
	return err
}

// lastSaid is the last of what was tried, without what led there.
func lastSaid(err error) string {
	text := err.Error()
	text = text[strings.LastIndexByte(text, '\n')+1:]
	for _, before := range []string{"server error: ", "dial error: ", "hostname resolving error: "} {
		if _, rest, ok := strings.Cut(text, before); ok {
			return rest
		}
	}
	return strings.TrimSpace(text)
}

// advise tells of it.
func (u *ui) advise(e *adviceError) *failure {
	f := &failure{Kind: "database", Message: e.what, Temporary: e.exit == exitLater, Cause: e.cause, Fix: e.fix}
	u.tell(e.what)
	u.advice(f)
	return f
}
