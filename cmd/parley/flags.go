package main

import (
	"time"

	"github.com/spf13/pflag"
)

// sendFlags are the values of all that "parley send" can be told.
type sendFlags struct {
	// What the message says.
	from, sender             string
	to, cc, bcc, replyTo     []string
	subject, text, html      string
	attach, inline           []string
	invite                   string
	header                   []string
	priority, date           string
	messageID, inReplyTo     string
	references, unsubscribe  []string
	oneClick                 bool
	autoSubmitted            string
	eml, jsonMessage         string
	envelopeFrom, envelopeID string
	notify, returned         string
	requireTLS               bool

	// Where it goes, and what is told of it.
	server, passwordFile, passwordCommand string
	timeout                               time.Duration
	partial, dryRun, verbose, json        bool

	// The parts of sendmail.
	readRecipients, ignoreDots, gateway bool
	fullName                            string
	options, modes                      []string

	// asSendmail is that we stand in for sendmail: who calls that takes any word on
	// standard output for trouble, or sends it on to a reader.
	asSendmail bool
}

// A flagGroup is a heading of --help and what stands under it.
type flagGroup struct {
	title text
	flags []flagWord
}

// A flagWord is what --help says of a flag. Value names what it takes; flags that
// are switched on take none.
type flagWord struct {
	name, value string
	usage       text
}

// define makes the flags. What is said of them stands in sendWords.
func (f *sendFlags) define(set *pflag.FlagSet) {
	set.StringVar(&f.from, "from", "", "")
	set.StringVar(&f.sender, "sender", "", "")
	set.StringArrayVar(&f.to, "to", nil, "")
	set.StringArrayVar(&f.cc, "cc", nil, "")
	set.StringArrayVar(&f.bcc, "bcc", nil, "")
	set.StringArrayVar(&f.replyTo, "reply-to", nil, "")
	set.StringVar(&f.subject, "subject", "", "")
	set.StringVar(&f.text, "text", "", "")
	set.StringVar(&f.html, "html", "", "")
	set.StringArrayVar(&f.attach, "attach", nil, "")
	set.StringArrayVar(&f.inline, "inline", nil, "")
	set.StringVar(&f.invite, "invite", "", "")
	set.StringArrayVar(&f.header, "header", nil, "")
	set.StringVar(&f.priority, "priority", "", "")
	set.StringVar(&f.date, "date", "", "")
	set.StringVar(&f.messageID, "message-id", "", "")
	set.StringVar(&f.inReplyTo, "in-reply-to", "", "")
	set.StringArrayVar(&f.references, "references", nil, "")
	set.StringArrayVar(&f.unsubscribe, "unsubscribe", nil, "")
	set.BoolVar(&f.oneClick, "one-click", false, "")
	set.StringVar(&f.autoSubmitted, "auto-submitted", "", "")
	set.StringVar(&f.eml, "eml", "", "")
	set.StringVar(&f.jsonMessage, "json-message", "", "")
	f.defineEnvelope(set)
	f.defineServer(set)
	f.defineSendmail(set)
}

func (f *sendFlags) defineEnvelope(set *pflag.FlagSet) {
	set.StringVarP(&f.envelopeFrom, "envelope-from", "f", "", "")
	set.StringVarP(&f.notify, "notify", "N", "", "")
	set.StringVarP(&f.returned, "return", "R", "", "")
	set.StringVarP(&f.envelopeID, "envelope-id", "V", "", "")
	set.BoolVar(&f.requireTLS, "require-tls", false, "")
	set.BoolVar(&f.partial, "partial", false, "")
}

func (f *sendFlags) defineServer(set *pflag.FlagSet) {
	set.StringVar(&f.server, "server", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	set.BoolVar(&f.json, "json", false, "")
	set.BoolVar(&f.dryRun, "dry-run", false, "")
}

// defineSendmail makes those that are here for programs that call sendmail: all
// that do mean something have a meaning, and the others are taken and not heeded.
func (f *sendFlags) defineSendmail(set *pflag.FlagSet) {
	set.BoolVarP(&f.readRecipients, "recipients-from-header", "t", false, "")
	set.BoolVarP(&f.ignoreDots, "ignore-dots", "i", false, "")
	set.StringVarP(&f.fullName, "full-name", "F", "", "")
	set.StringArrayVarP(&f.options, "sendmail-option", "o", nil, "")
	set.StringArrayVarP(&f.modes, "sendmail-mode", "b", nil, "")
	set.BoolVarP(&f.gateway, "gateway", "G", false, "")
}
