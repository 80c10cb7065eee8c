package config

import (
	"net"
	"net/url"
	"reflect"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
)

// A serverTable is [server.NAME] as it is decoded. Its keys are the parameters of an
// SMTP URL, by the same names and with the same values, but for tls, which says here
// what the scheme says there.
type serverTable struct {
	URL         string `toml:"url"`
	Host        string `toml:"host"`
	Port        int    `toml:"port"`
	TLS         string `toml:"tls"`
	User        string `toml:"user"`
	From        string `toml:"from"`
	Auth        string `toml:"auth"`
	Hello       string `toml:"hello"`
	CA          string `toml:"ca"`
	Cert        string `toml:"cert"`
	Key         string `toml:"key"`
	Fingerprint string `toml:"fingerprint"`
	Proxy       string `toml:"proxy"`
	Timeout     string `toml:"timeout"`

	Password           string `toml:"password"`
	PasswordEnv        string `toml:"password-env"`
	PasswordFile       string `toml:"password-file"`
	PasswordCommand    string `toml:"password-command"`
	PasswordKeyring    string `toml:"password-keyring"`
	PasswordCredential string `toml:"password-credential"`

	Token           string `toml:"token"`
	TokenEnv        string `toml:"token-env"`
	TokenFile       string `toml:"token-file"`
	TokenCommand    string `toml:"token-command"`
	TokenKeyring    string `toml:"token-keyring"`
	TokenCredential string `toml:"token-credential"`
}

// serverKeys are all of its keys, in the order of the struct.
func serverKeys() []string {
	t := reflect.TypeFor[serverTable]()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("toml")
	}
	return keys
}

// given has the keys that say something, with what they say.
func (t *serverTable) given() map[string]reflect.Value {
	given := make(map[string]reflect.Value)
	v := reflect.ValueOf(t).Elem()
	for i, key := range serverKeys() {
		if f := v.Field(i); !f.IsZero() {
			given[key] = f
		}
	}
	return given
}

// parameters are the keys that a URL has behind its ?.
func (t *serverTable) parameters() map[string]string {
	return map[string]string{
		"auth": t.Auth, "hello": t.Hello, "ca": t.CA, "cert": t.Cert, "key": t.Key,
		"fingerprint": t.Fingerprint, "proxy": t.Proxy, "timeout": t.Timeout,
	}
}

// secrets are those that the table names.
func (t *serverTable) secrets() (list []Secret) {
	given := t.given()
	for _, key := range serverKeys() {
		value, ok := given[key]
		if !ok || !isSecretKey(key) {
			continue
		}
		word, source, _ := strings.Cut(key, "-")
		s := Secret{Source: Source(source), Token: word == "token", Name: value.String()}
		if source == "" {
			s.Source, s.Name, s.value = Clear, "", value.String()
		}
		list = append(list, s)
	}
	return list
}

// isSecretKey reports whether a key of a server says what or where its secret is.
func isSecretKey(key string) bool {
	word, _, _ := strings.Cut(key, "-")
	return word == "password" || word == "token"
}

// A reader looks one table through, and notes what is wrong with it.
type reader struct {
	t         *serverTable
	s         *Server
	x         *index
	bad, warn Faults
}

// read makes a server of a table.
func (t *serverTable) read(path, name string, x *index) (s *Server, bad, warn Faults) {
	s = &Server{Name: name, From: t.From, path: path, line: x.line("server", name)}
	r := &reader{t: t, s: s, x: x}
	if !GoodName(name) {
		r.wrong("", wordBadName)
	}
	r.empty()
	if t.URL != "" {
		r.url()
	} else {
		r.fields()
	}
	r.secret()
	if t.From != "" {
		if _, err := mail.ParseAddress(t.From); err != nil {
			r.wrong("from", fill(wordBadFrom, err))
		}
	}
	if len(r.bad) == 0 {
		r.try()
	}
	return s, r.bad, r.warn
}

// GoodName reports whether a server can have a name. It is never one that could be a
// host with a domain, an address or a URL.
func GoodName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_')
	})
}

func (r *reader) fault(key string, w diagnose.Words) *Fault {
	return &Fault{Path: r.s.path, Line: r.x.line("server", r.s.Name, key), Server: r.s.Name, Words: w}
}

func (r *reader) wrong(key string, w diagnose.Words)   { r.bad = append(r.bad, r.fault(key, w)) }
func (r *reader) warning(key string, w diagnose.Words) { r.warn = append(r.warn, r.fault(key, w)) }

// empty refuses keys that say nothing: they were meant to.
func (r *reader) empty() {
	given := r.t.given()
	for _, key := range serverKeys() {
		_, says := given[key]
		if _, stands := r.x.find("server", r.s.Name, key); !stands || says {
			continue
		}
		if key == "port" {
			r.wrong(key, wordPort)
		} else {
			r.wrong(key, fill(wordEmpty, key))
		}
	}
}

// url takes a table that says by a URL where the server is.
func (r *reader) url() {
	given := r.t.given()
	for _, key := range serverKeys() {
		if _, says := given[key]; says && key != "url" && key != "from" && !isSecretKey(key) {
			r.wrong(key, fill(wordURLAnd, key))
		}
	}
	before, info, after := SplitURL(r.t.URL)
	name, password, has := strings.Cut(info, ":")
	user, err1 := url.PathUnescape(name)
	plain, err2 := url.PathUnescape(password)
	if info == "" || err1 != nil || err2 != nil || has && plain == "" {
		r.s.url = r.t.URL // what may be wrong with it is found when it is tried
		return
	}
	r.s.User, r.s.url = user, before+name+"@"+after
	if has {
		r.s.Secret, r.s.inURL = ClearSecret(plain), true
	}
}

// fields takes a table that says it key by key, and makes a URL of it.
func (r *reader) fields() {
	t, s := r.t, r.s
	s.User = t.User
	switch {
	case t.Host == "":
		r.wrong("", wordNoWhere)
	case strings.ContainsAny(t.Host, "/@?# ") || strings.Contains(t.Host, ":") && net.ParseIP(t.Host) == nil:
		r.wrong("host", wordHostPort)
	}
	if t.Port < 0 || t.Port > 65535 {
		r.wrong("port", wordPort)
	}
	query := url.Values{}
	scheme := "smtp"
	switch t.TLS {
	case "":
		if t.Port == 465 { // as smtp.Automatic does
			scheme = "smtps"
		}
	case "implicit":
		scheme = "smtps"
	case "starttls":
	case "opportunistic", "none":
		query.Set("tls", t.TLS)
	default:
		r.wrong("tls", fill(wordTLS, t.TLS))
	}
	for key, value := range t.parameters() {
		if value != "" {
			query.Set(key, value)
		}
	}
	s.url = scheme + "://"
	if t.User != "" {
		s.url += EscapeUser(t.User) + "@"
	}
	s.url += HostPort(t.Host, t.Port)
	if len(query) > 0 {
		s.url += "?" + encode(query)
	}
}

// secret takes the one that is named, and refuses two.
func (r *reader) secret() {
	s := r.s
	list := r.t.secrets()
	in := "url"
	if s.Secret.Source == Nowhere && len(list) > 0 {
		s.Secret, in, list = list[0], list[0].key(), list[1:]
	}
	for _, also := range list {
		r.wrong(also.key(), fill(wordNotTwice, in, also.key()))
	}
	if s.Secret.Source != Nowhere && s.User == "" {
		r.wrong(in, fill(wordNoUser, in))
	}
	if auth := s.auth(); s.Secret.Token && auth != "" && !takesToken(auth) {
		r.wrong("auth", fill(wordTokenAuth, strings.ToLower(auth)))
	}
	if s.Secret.Source == Clear {
		r.warning(in, fill(wordInClear, s.Name))
	}
	if _, had := withoutProxyPassword(s.url); had {
		key := "proxy"
		if r.t.URL != "" {
			key = "url"
		}
		r.warning(key, wordProxyClear)
	}
}

func takesToken(mechanism string) bool { return mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER" }

// try makes a client as it will be made later, to see whether that can be done. Files
// are not looked for: some are there for those alone who will use the server.
func (r *reader) try() {
	_, err := r.s.client("x", func(query url.Values) {
		for _, key := range []string{"ca", "cert", "key"} {
			query.Del(key)
		}
	})
	if err != nil {
		key := ""
		for name, value := range r.t.parameters() {
			if value != "" && strings.Contains(err.Error(), "parameter "+name) {
				key = name
			}
		}
		if r.t.URL != "" {
			key = "url"
		}
		r.wrong(key, diagnose.Words{En: err.Error()})
	}
}
