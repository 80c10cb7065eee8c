package relay

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/route"
)

// mendable are the kinds of failures that a configuration may be to blame for: a password, a certificate, a host, a port. What a provider
// has to forget, which is how much or what was sent, no configuration mends.
var mendable = []diagnose.Kind{
	"config-invalid", "dns-failure", "connection-refused", "network-blocked", "timeout", "wrong-port-or-tls-mode", "tls-handshake", "certificate", "tls-required",
	"starttls-unavailable", "auth-required", "auth-bad-credential", "auth-needs-app-password", "auth-needs-oauth", "auth-service-disabled", "auth-mechanism", "helo-rejected",
}

// reopen has the servers of a configuration that was just read tried at once, where they are suspended for what may be right by now. Who has
// mended a password is not to wait until the next day, which is how long a wrong one is not tried again.
func (s *Server) reopen(st *state) {
	const longest = 5 * time.Second
	ctx, stop := context.WithTimeout(context.Background(), longest)
	defer stop()
	n, err := s.box.Reopen(ctx, func(lane, why string) bool {
		server, _, _ := strings.Cut(lane, "/")
		named := slices.ContainsFunc(st.config.Routes.Servers, func(one route.Server) bool { return one.Name == server })
		return named && slices.Contains(mendable, diagnose.Text(why, diagnose.Hint{}).Kind)
	})
	if err != nil {
		st.log().Error("relay: servers that are suspended are not tried before their time", "error", err)
	} else if n > 0 {
		st.log().Info("relay: servers that were suspended are tried anew", "lanes", n)
	}
}
