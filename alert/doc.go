// Package alert mails people when a service misbehaves, and when it is well again.
//
//	a, err := alert.Open(ctx, "sqlite:alert.db", alert.Config{
//		From:      mail.Address{Name: "Alerts", Address: "alerts@example.com"},
//		Receivers: []alert.Receiver{{Name: "ops", To: mail.To("ops@example.com")}},
//		Worker:    alert.Worker(router),
//	})
//	...
//	go a.Run(ctx)
//	...
//	err = a.Take(ctx, alert.Alert{Receiver: "ops", Title: "The disk of db1 is full", Severity: "critical"})
//
// # The way of an alert
//
//  1. [Alerts.Take] returns once the alert is on stable storage. One that is known by its fingerprint changes what is known, and is no second one.
//  2. Alerts of a receiver stand in groups. A group that has something new is mailed after GroupWait, and then no more often than GroupInterval; one in
//     which something still fires is told of again every Repeat, and to a second list of people after [Escalate].After. That all is well again is told in the same thread.
//  3. The mail is put into an [outbox.Box], of class Alert, in the same transaction that notes what it tells: there are both or neither, whatever dies when.
//  4. The box is worked off by [Config].Worker, or by another process over the same database. If the first server cannot be had, the next one is asked within seconds.
//
// No flood comes of it. More than [Receiver].Most mails an hour become summaries; what comes in quiet hours waits for their end and comes as one mail; and while no
// server takes mail, those that wait are taken back, and one takes their place that tells of all.
//
// # What is never thrown away
//
// An alert counts as told once its mail was taken. A mail that came back, or that waited in vain, is written again, and [Alerts.Status] tells that it cannot be mailed.
//
// # What it does not do
//
// It keeps no history beyond a day of what it watches and some weeks of what it mailed. It calls nobody by telephone.
package alert
