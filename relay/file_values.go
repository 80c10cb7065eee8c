package relay

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
)

// values finds numbers and ports that cannot be meant. A key that is left out is zero, and means what is usual.
func (l *loading) values() {
	d := l.d
	for key, n := range map[string]int{"max_size": d.Limits.MaxSize, "max_recipients": d.Limits.MaxRecipients, "sending": d.Limits.Sending} {
		if at := "limits." + key; n < 0 || n == 0 && l.f.x.has(at) {
			l.wrong(at, nil, wordTooSmall, key, n, 1)
		}
	}
	for key, n := range map[string]int{"max_sessions": d.Limits.MaxSessions, "max_sessions_per_ip": d.Limits.MaxSessionsPerIP} {
		l.least("limits."+key, key, n, -1)
	}
	for _, name := range slices.Sorted(maps.Keys(d.User)) {
		t := d.User[name]
		for key, n := range map[string]int{"per_minute": t.PerMinute, "per_hour": t.PerHour, "per_day": t.PerDay, "max_size": t.MaxSize} {
			l.least("user."+name+"."+key, key, n, 0)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Server)) {
		t := d.Server[name]
		for key, n := range map[string]int{
			"sessions": t.Sessions, "mails_per_session": t.Mails, "recipients": t.Recipients, "per_minute": t.PerMinute, "per_hour": t.PerHour, "per_day": t.PerDay,
		} {
			l.least("server."+name+"."+key, key, n, -1)
		}
	}
	for i, t := range d.Listen {
		l.port(fmt.Sprintf("listen.%d.address", i), t.Address)
	}
	l.port("http", d.HTTP)
}

func (l *loading) least(at, key string, n, least int) {
	if n < least {
		l.wrong(at, nil, wordTooSmall, key, n, least)
	}
}

// port finds a port that there is none of. What is no host and port at all is found by [Check].
func (l *loading) port(at, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return
	}
	if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
		l.wrong(at, nil, wordPort, address, port)
	}
}
