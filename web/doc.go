// Package web is what a browser and a test see of what was caught: the pages, the JSON API, metrics, and who may see them.
//
// A [Server] is a struct whose Handler has all of it; a [Door] opens the port, and refuses one that other machines reach where
// nobody has to say who they are, or where passwords would come in clear text. Every route stands behind one guard: a name in Host that is not ours is refused (DNS
// rebinding), an Origin that is not ours too (another page in the same browser), a body that is too large hears 413 before
// any of it is looked at, and where there are users each request must name one.
//
//	server := &web.Server{Inbox: store, Faults: plan}
//	handler, err := server.Handler(ctx)
//	listener, err := web.Door{Addr: "127.0.0.1:8025"}.Listen()
//	web.HTTPServer(handler).Serve(listener)
//
// The API stands in package web/api, with its OpenAPI file; the pages in web/pages.
package web
