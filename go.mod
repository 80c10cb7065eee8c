module github.com/parleymail/parley

go 1.26.0

require (
	charm.land/lipgloss/v2 v2.0.6 // the command: colours, and columns of Chinese that align
	github.com/charmbracelet/colorprofile v0.4.3 // the command: whether a terminal has colours, and NO_COLOR
	github.com/creack/pty v1.1.24 // tests: a terminal for parley talk
	github.com/emersion/go-message v0.18.2 // mail/eml alone: MIME and charsets as they are in the wild
	github.com/google/go-cmp v0.7.0 // tests: what differs between two messages
	github.com/pelletier/go-toml/v2 v2.4.3 // diagnose, the config file: TOML, which people edit; strict, with line and key
	github.com/reeflective/readline v1.3.0 // parley talk: a line editor that redraws what is typed when the server speaks meanwhile
	github.com/rogpeppe/go-internal v1.16.0 // tests: testscript, which runs the command in scripts
	github.com/spf13/cobra v1.10.2 // the command: flags, help, completions for four shells, man pages
	github.com/spf13/pflag v1.0.9 // the command: cobra's flags, for values of our own
	github.com/xdg-go/scram v1.4.0 // sasl: the arithmetic of SCRAM
	github.com/zalando/go-keyring v0.2.8 // internal/config: the keyring of each system; fails cleanly where there is none
	go.opentelemetry.io/otel v1.47.0 // transcript/oteltrace alone: attributes and status codes
	go.opentelemetry.io/otel/sdk v1.47.0 // tests of transcript/oteltrace: spans as they would be exported
	go.opentelemetry.io/otel/trace v1.47.0 // transcript/oteltrace alone: spans
	go.uber.org/goleak v1.3.0 // tests: no goroutine is left behind
	golang.org/x/net v0.62.0 // mail: IDNA; smtp: SOCKS5; tests: nettest for connections in memory
	golang.org/x/oauth2 v0.37.0 // sasl/oauth alone: a token source that refreshes
	golang.org/x/sys v0.49.0 // parley talk: a terminal that keeps what is typed to itself while the server speaks
	golang.org/x/term v0.47.0 // the command: width, and whether there is a terminal
	golang.org/x/text v0.43.0 // diagnose: Chinese servers say their replies in GBK, bounces come in any charset
	golang.org/x/time v0.16.0 // smtp: Client.Rate
	pgregory.net/rapid v1.3.0 // tests: properties
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/charmbracelet/ultraviolet v0.0.0-20260811164956-006e29f97886 // indirect
	github.com/charmbracelet/x/ansi v0.11.8 // indirect
	github.com/charmbracelet/x/term v0.2.2 // indirect
	github.com/charmbracelet/x/termios v0.1.1 // indirect
	github.com/charmbracelet/x/windows v0.2.2 // indirect
	github.com/clipperhouse/displaywidth v0.11.0 // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/godbus/dbus/v5 v5.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/lucasb-eyer/go-colorful v1.4.1 // indirect
	github.com/mattn/go-runewidth v0.0.24 // indirect
	github.com/muesli/cancelreader v0.2.2 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/xo/terminfo v0.0.0-20220910002029-abceb7e1c41e // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)
