// Package statement sends each row of a table a mail of its own, with a file of its own, and no row twice.
//
//	template, err := statement.LoadTemplate("march", statement.TemplateOptions{Locale: "zh-CN"})
//	...
//	j, err := statement.Open(ctx, "sqlite:march.db", statement.Config{
//		Key: "account", To: "email",
//		From: mail.Address{Name: "Example Bank", Address: "statements@bank.example"},
//		Template: template,
//		Files:    "pdf", Attach: []string{"{{.account}}.pdf"},
//		Worker:   outbox.Worker{Router: router},
//	})
//	...
//	table, err := statement.OpenTable(ctx, "customers.xlsx", statement.TableOptions{})
//	...
//	report, err := j.Prepare(ctx, table, nil) // looks at each row, and sends nothing
//	...
//	err = j.Send(ctx, statement.SendOptions{})
//
// # The way of a row
//
//  1. [OpenTable] reads rows one by one from CSV, XLSX, JSON lines or a database, however many they are.
//  2. [Job.Prepare] makes each row's mail once, to see that it can be made: the address, the fields that the [Template] wants, the files, the size. It writes
//     down the row, a digest of all that its mail is made of, and what is wrong with it.
//  3. [Job.Send] makes the mail again, sees that it is what was looked at, and puts it into an [outbox.Box] in the same transaction that notes
//     that this row is on its way: there are both or neither, whatever dies when. No more of them wait there than can be sent soon.
//  4. What becomes of each mail is noted beside its row: [Job.Status] counts, [Job.Failures] lists what did not arrive, why, and what to do.
//
// A row is known by its key: in a second run, from a table that has grown or was sorted anew, nobody gets anything twice. A row whose data, template or file has
// changed since its mail was sent is told apart, and goes out again only if that is asked for.
//
// # What rows cannot do
//
// They are data. What stands in a cell is never a template, markup, a header field or a path: HTML is escaped for the place where it stands, a header
// field has one line, and a cell within the name of a file is one name there, of a file under one folder.
package statement
