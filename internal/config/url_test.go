package config

import (
	"strings"
	"testing"
)

// TestProxyIsShownWithoutPassword: a proxy that is badly written is tried only when somebody
// connects, and shown before that.
func TestProxyIsShownWithoutPassword(t *testing.T) {
	for _, row := range []struct{ proxy, want string }{
		{"socks5://p.example:1080", "socks5://p.example:1080"},
		{"socks5://kim@p.example", "socks5://kim@p.example"},
		{"socks5://kim:sesame@p.example", "socks5://kim@p.example"},
		{"socks5://kim:ses/sesame@p.example", "socks5://kim@p.example"},
		{"socks5://kim:ses@sesame@p.example", "socks5://kim@p.example"},
		{"kim:sesame@p.example:1080", "kim@p.example:1080"},
		{"kim:ses:sesame@p.example:1080", "kim@p.example:1080"},
		{"socks5:kim:sesame@p.example", "socks5@p.example"},
	} {
		f, err := Parse("config.toml", []byte("[server.a]\nhost = 'a.example'\nproxy = '"+row.proxy+"'\n"))
		if err != nil {
			t.Errorf("%s: %v", row.proxy, err)
			continue
		}
		if got := f.Servers[0].URL(); !strings.HasSuffix(got, "proxy="+strings.ReplaceAll(row.want, "@", "%40")) {
			t.Errorf("%s is shown as %s", row.proxy, got)
		}
		if secret := row.want != row.proxy; f.holdsSecret() != secret || len(f.Warnings) > 0 != secret {
			t.Errorf("%s: a secret: %v, warnings %v", row.proxy, f.holdsSecret(), f.Warnings)
		}
	}
	if shown, had := withoutProxyPassword("smtp://h?proxy=socks5://a&proxy=socks5://kim:sesame@p"); !had || strings.Contains(shown, "sesame") {
		t.Error(shown)
	}
}
