package view

import (
	"net/url"
	"slices"
	"strings"
)

// Blocked counts what was left out of a mail's HTML, so that a page can say so.
type Blocked struct {
	RemoteImages int      `json:"remote_images,omitempty"` // images, backgrounds, media
	RemoteStyles int      `json:"remote_styles,omitempty"` // style sheets
	RemoteFonts  int      `json:"remote_fonts,omitempty"`
	Hosts        []string `json:"hosts,omitempty"` // that would have been asked; the first twenty

	Scripts    int `json:"scripts,omitempty"`     // script elements
	Handlers   int `json:"handlers,omitempty"`    // on... attributes
	Frames     int `json:"frames,omitempty"`      // iframe, frame, object, embed, applet, svg, math
	Forms      int `json:"forms,omitempty"`       // form, input, button and the like
	Metas      int `json:"metas,omitempty"`       // meta refresh, base
	URLs       int `json:"urls,omitempty"`        // of schemes that are not for mails, such as javascript:
	Styles     int `json:"styles,omitempty"`      // rules and declarations of CSS
	MissingCID int `json:"missing_cid,omitempty"` // images that are said to be in the mail, and are not
	TooDeep    int `json:"too_deep,omitempty"`    // elements that stood too deep in others
}

// Remote says whether something would be loaded from elsewhere.
func (b Blocked) Remote() bool { return b.RemoteImages+b.RemoteStyles+b.RemoteFonts > 0 }

// Unsafe says whether something was left out that could have done harm.
func (b Blocked) Unsafe() bool {
	return b.Scripts+b.Handlers+b.Frames+b.Forms+b.Metas+b.URLs > 0
}

// host notes whom a URL would have asked.
func (b *Blocked) host(raw string) {
	const most = 20
	s := strings.ReplaceAll(plainURL(raw), `\`, "/")
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || len(u.Host) > 253 || len(b.Hosts) >= most {
		return
	}
	if h := strings.ToLower(u.Hostname()); h != "" && !slices.Contains(b.Hosts, h) {
		b.Hosts = append(b.Hosts, h)
	}
}
