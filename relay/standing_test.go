package relay_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parleymail/parley/relay"
)

// TestUsers: what is told of users is theirs, counts what they sent, and has nothing of their passwords.
func TestUsers(t *testing.T) {
	secret := hash(t, "opensesame")
	r := start(t, func(c *relay.Config) {
		c.Users = []relay.User{
			{Name: "shop@shop.example", Password: secret, PerMinute: 60, PerDay: 1000},
			{Name: "cron", Senders: []string{"root@shop.example", "shop@shop.example"}, Operator: true},
		}
		c.Listeners[0].User = "cron"
	})
	if _, err := r.client().Send(t.Context(), raw("shop@shop.example", "a@example.net b@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	list := r.Users()
	if len(list) != 2 || list[0].Name != "cron" || list[1].Name != "shop@shop.example" {
		t.Fatalf("%+v", list)
	}
	cron, shop := list[0], list[1]
	if cron.LogsIn || !cron.Operator || cron.Minute != 2 || cron.Hour != 2 || cron.Day != 2 {
		t.Errorf("%+v", cron)
	}
	if !shop.LogsIn || shop.Day != 0 || shop.PerDay != 1000 || strings.Join(shop.Senders, " ") != "shop@shop.example" {
		t.Errorf("%+v", shop)
	}
	text, err := json.Marshal(list)
	if err != nil || !shop.Password.IsZero() || strings.Contains(fmt.Sprintf("%+v %s", list, text), "SCRAM") {
		t.Errorf("%s, %v", text, err)
	}
}
