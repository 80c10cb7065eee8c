// Package view is what a page, and a program, show of a mail that was caught.
//
//	v := view.Open(content, message, view.Limits{})
//	safe := v.HTML(view.HTMLOptions{CID: func(id string) string { return "/messages/7/cid/" + url.PathEscape(id) }})
//	for _, f := range v.Checks() {
//		fmt.Println(f.Severity, f.Title.En)
//	}
//
// The way through it:
//
//  1. [Open] takes the content and what is known of its envelope. It reads nothing yet: each part of the view is made when it is first asked for, and
//     kept. A View may be used by many goroutines.
//  2. [View.Letter] chooses what a person reads, as mail clients do (RFC 2046 §5.1, RFC 2387), and lists the attachments.
//  3. [View.HTML] makes its HTML safe to show, and counts what was left out; [View.Text] gives it as text.
//  4. [View.Links] and [View.Codes] are what a test looks for: where to click, what to type.
//  5. [View.Checks] tells what is wrong with the mail, [View.Clients] what mail clients will not show of it.
//  6. [View.Structure] and [View.Headers] are the mail as it was sent.
//
// # What it costs
//
// Of any content, however it was made, at most [Limits].HTML octets of HTML are read, without recursion and without a tree of elements. What
// was left out is told.
//
// # What it does not do
//
// It asks nobody: no image is fetched, no link tried, no block list looked up. It checks no signature. That HTML was made safe is the second wall:
// show it in a sandboxed frame, under a Content-Security-Policy.
package view
