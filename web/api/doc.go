// Package api is the JSON API of what was caught: openapi.yaml tells all of it, and is served at /api/v1/openapi.yaml.
//
// What is not there is 404, a parameter that no route knows is 400 and named, and each error is
// {"error": {"code": "...", "message": "..."}}. Names of fields stay as they are. A mailbox is chosen by the parameter "mailbox" or
// the header Parley-Mailbox, so that tests which run at once see only what is theirs.
//
// The API has no guard of its own: package web stands before it.
package api
