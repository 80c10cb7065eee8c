package view

import (
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// blockedFiles are the ends of names that Gmail's list of blocked files has (support.google.com/mail/answer/6590), and Outlook's.
var blockedFiles = setOf(`.ade .adp .apk .app .appx .appxbundle .bat .cab .chm .cmd .com .cpl .diagcab .diagcfg .diagpkg .dll .dmg .ex .ex_ .exe .gadget .hta .img .inf .ins .iso .isp .jar .jnlp
	.js .jse .lib .lnk .mde .mjs .msc .msi .msix .msixbundle .msp .mst .nsh .pif .ps1 .psc1 .reg .scf .scr .sct .settingcontent-ms .shb .sys .url .vb .vbe .vbs .vhd .vhdx .vxd .wsc .wsf .wsh .xll`)

// files looks at the attachments.
func (c *checkup) files() {
	for _, p := range c.v.letter().Attachments {
		if _, blocked := blockedFiles[strings.ToLower(path.Ext(p.Name))]; blocked || p.Sniffed() == "application/vnd.microsoft.portable-executable" || p.Sniffed() == "application/x-elf" {
			c.found("attachment-dangerous", p.Name)
		}
		if p.Size() == 0 {
			c.found("attachment-empty", p.Name)
			continue
		}
		if p.Told != "" && p.Told != p.Name && strings.TrimSpace(p.Told) != p.Name {
			c.found("attachment-name", p.Name)
		}
		if differs(p.Type, p.Sniffed()) {
			c.found("attachment-type", p.Name+": "+p.Type+", "+p.Sniffed())
		}
	}
}

// differs says whether a type that is declared cannot be the one that the octets show. It says so only where both are known and of
// different kinds: a CSV is plain text to its octets, a document of an office is a ZIP.
func differs(declared, sniffed string) bool {
	if declared == sniffed || sniffed == "application/octet-stream" || declared == "application/octet-stream" || strings.HasPrefix(declared, "message/") {
		return false
	}
	known := mimetype.Lookup(declared)
	shown := mimetype.Lookup(sniffed)
	if known == nil || shown == nil {
		return false
	}
	for m := shown; m != nil; m = m.Parent() {
		if m.Is(declared) {
			return false
		}
	}
	for m := known; m != nil; m = m.Parent() {
		if m.Is(sniffed) && sniffed != "application/octet-stream" {
			return false
		}
	}
	return true
}
