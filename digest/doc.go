// Package digest mails the articles of feeds to those who have subscribed.
//
//	d, err := digest.Open(ctx, "sqlite:digest.db", digest.Config{
//		Name: "Kim's notes",
//		From: mail.Address{Name: "Kim", Address: "news@example.com"},
//		URL:  "https://news.example.com",
//		Worker: outbox.Worker{Router: router},
//	})
//	...
//	feed, err := d.AddFeed(ctx, digest.Feed{URL: "https://example.com/feed.xml"})
//	...
//	go http.ListenAndServe("127.0.0.1:8027", d.Handler()) // behind a proxy that speaks TLS
//	err = d.Run(ctx)
//
// # The way of an article
//
//  1. [Digest.Run] looks at each feed that is due: RSS, Atom or JSON, in whatever encoding. It asks politely, and for nothing on a private network
//     unless [Config].Allow names it.
//  2. What is new is known by several signs, so that a feed that changes its numbers or its addresses sends nothing twice. Of a feed that is looked at for the
//     first time the newest article goes out, and the others count as read.
//  3. An article is made clean, as HTML and as text, once.
//  4. Each subscriber who is due gets one mail with all that is new in their feeds: at once, every day or every week. The mail is put into an
//     [outbox.Box] in the same transaction that notes how far this subscriber has come: there are both or neither, whatever dies when.
//  5. The box is worked off by [Config].Worker, or by another process over the same database.
//
// # The way of a subscriber
//
// Somebody writes an address on the page of [Digest.Handler], and is mailed a link. Who follows it and presses the button there is subscribed. Each mail has
// a link to what they may choose, and one to leave, which is also what a mail program's own button uses: RFC 8058. A link alone changes nothing:
// programs follow links in mails to see where they lead. Whoever has left gets nothing more, not even what was already waiting to be sent.
//
// # What it does not do
//
// It does not count who opens a mail or follows a link: there is no such code. It does not run scripts of a feed's pages, nor fetch an article that a feed
// only names. It keeps one list a database.
package digest
