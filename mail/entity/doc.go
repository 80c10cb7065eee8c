// Package entity reads a mail's content as it was sent, as the tree of entities that
// RFC 2045 §2.4 speaks of: the message, its parts, and the messages within them.
//
//	root := entity.Parse(content, entity.Limits{})
//	for e := range root.All() {
//		fmt.Println(e.Path(), e.Type, e.File, e.End-e.Start)
//	}
//	body, cut := root.Parts[0].Body(1 << 20)
//
// The way through it:
//
//  1. [Parse] goes over the content once, from front to end, and never back. It notes
//     where each entity begins and ends; nothing is copied, so the content must not
//     be changed while the tree is in use.
//  2. An entity's type, disposition, file name and Content-ID are there at once. Its
//     header is read by [Entity.Fields] and [Entity.Get], its body by [Entity.Body],
//     [Entity.Open] and [Entity.Text], each time anew: what is not asked for costs
//     nothing.
//  3. [Summary] reads a header alone, for the rows of a list.
//
// There is no content that it refuses. What is broken is read as mail clients read
// it, and told in [Entity.Odd]; what stands beyond the limits is left out, and told
// in [Entity.Cut], so that who shows the mail can say so.
//
// What it does not do: it checks no signature, opens no archive, and does not judge.
// To make a draft of a mail there is package eml.
package entity
