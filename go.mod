module github.com/parleymail/parley

go 1.26.0

require (
	charm.land/lipgloss/v2 v2.0.6 // the command: colours, and columns of Chinese that align
	github.com/adhocore/gronx v1.20.4 // alert: when a schedule of cron is due
	github.com/charmbracelet/colorprofile v0.4.3 // the command: whether a terminal has colours, and NO_COLOR
	github.com/chromedp/cdproto v0.159.0 // statement: PDFs of pages; tests of web: what the browser tells
	github.com/chromedp/chromedp v0.23.0 // statement: PDFs of pages; tests of web: pages in headless Chromium
	github.com/creack/pty v1.1.24 // tests: a terminal for parley talk
	github.com/emersion/go-message v0.18.2 // mail/eml alone: MIME and charsets as they are in the wild
	github.com/emersion/go-msgauth v0.7.0 // relay: DKIM
	github.com/gabriel-vasile/mimetype v1.4.16 // inbox/view: what an attachment is, by its first octets
	github.com/go-sql-driver/mysql v1.10.1 // statement: tables in MySQL and MariaDB
	github.com/gofrs/flock v0.13.1 // inbox: one process at a time has a store, on each system
	github.com/google/go-cmp v0.7.0 // tests: what differs between two messages
	github.com/jackc/pgx/v5 v5.12.0 // outbox/postgres: PostgreSQL
	github.com/microcosm-cc/bluemonday v1.0.27 // inbox/view, digest: the second look at HTML that is shown
	github.com/mmcdole/gofeed v1.4.2 // digest: RSS, Atom and JSON feeds as they are in the wild
	github.com/pdfcpu/pdfcpu v0.15.0 // statement: files with a password: PDF
	github.com/pelletier/go-toml/v2 v2.4.3 // diagnose, the config file: TOML, which people edit; strict, with line and key
	github.com/pressly/goose/v3 v3.29.0 // inbox, outbox: tables that change from one version to the next
	github.com/prometheus/client_golang v1.25.0 // web: metrics as Prometheus reads them
	github.com/reeflective/readline v1.3.0 // parley talk: a line editor that redraws what is typed when the server speaks meanwhile
	github.com/rogpeppe/go-internal v1.16.0 // tests: testscript, which runs the command in scripts
	github.com/schollz/progressbar/v3 v3.19.1 // parley statement: how far it has come
	github.com/spf13/cobra v1.10.2 // the command: flags, help, completions for four shells, man pages
	github.com/spf13/pflag v1.0.10 // the command: cobra's flags, for values of our own
	github.com/vanng822/go-premailer v1.34.0 // statement: styles go into the elements, where mail programs look
	github.com/xdg-go/scram v1.4.0 // sasl: the arithmetic of SCRAM
	github.com/xuri/excelize/v2 v2.11.1 // statement: tables in XLSX, row by row
	github.com/yeka/zip v0.0.0-20231116150916-03d6312748a9 // statement: files with a password: ZIP, with AES
	github.com/yuin/goldmark v1.8.7 // statement: templates in Markdown
	github.com/zalando/go-keyring v0.2.8 // internal/config: the keyring of each system; fails cleanly where there is none
	go.opentelemetry.io/otel v1.47.0 // transcript/oteltrace and outbox/oteltrace alone: attributes, status codes, traceparent
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0 // parley serve: spans go out as every collector takes them
	go.opentelemetry.io/otel/sdk v1.47.0 // parley serve: spans are exported, in batches; tests of both oteltrace
	go.opentelemetry.io/otel/trace v1.47.0 // transcript/oteltrace and outbox/oteltrace alone: spans
	go.uber.org/goleak v1.3.0 // tests: no goroutine is left behind
	golang.org/x/crypto v0.58.0 // web: bcrypt, as htpasswd -B writes it
	golang.org/x/net v0.62.0 // mail: IDNA; smtp: SOCKS5; web: no more connections than it can serve; tests: nettest for connections in memory
	golang.org/x/oauth2 v0.37.0 // sasl/oauth alone: a token source that refreshes
	golang.org/x/sys v0.49.0 // parley talk: a terminal that keeps what is typed to itself while the server speaks; outbox: how much room a disk has
	golang.org/x/term v0.47.0 // the command: width, and whether there is a terminal
	golang.org/x/text v0.43.0 // diagnose: Chinese servers say their replies in GBK, bounces come in any charset
	golang.org/x/time v0.16.0 // smtp: Client.Rate
	modernc.org/sqlite v1.61.1 // inbox, outbox/sqlite: SQLite without cgo, with FTS5
	pgregory.net/rapid v1.3.0 // tests: properties
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/PuerkitoBio/goquery v1.12.0 // indirect
	github.com/andybalholm/cascadia v1.3.3 // indirect
	github.com/aymerick/douceur v0.2.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/charmbracelet/ultraviolet v0.0.0-20260811164956-006e29f97886 // indirect
	github.com/charmbracelet/x/ansi v0.11.8 // indirect
	github.com/charmbracelet/x/term v0.2.2 // indirect
	github.com/charmbracelet/x/termios v0.1.1 // indirect
	github.com/charmbracelet/x/windows v0.2.2 // indirect
	github.com/clipperhouse/displaywidth v0.11.0 // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/fatih/color v1.18.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/godbus/dbus/v5 v5.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/css v1.0.1 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.30.0 // indirect
	github.com/hhrutter/tiff v1.0.6 // indirect
	github.com/inbucket/html2text v1.0.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/lucasb-eyer/go-colorful v1.4.1 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mattn/go-runewidth v0.0.27 // indirect
	github.com/mfridman/interpolate v0.0.2 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/mmcdole/goxpp/v2 v2.0.0 // indirect
	github.com/muesli/cancelreader v0.2.2 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/olekukonko/errors v1.1.0 // indirect
	github.com/olekukonko/ll v0.0.9 // indirect
	github.com/olekukonko/tablewriter v1.0.7 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/richardlehane/mscfb v1.0.9 // indirect
	github.com/richardlehane/msoleps v1.0.6 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/sethvargo/go-retry v0.5.0 // indirect
	github.com/ssor/bom v0.0.0-20170718123548-6386211fdfcf // indirect
	github.com/tiendc/go-deepcopy v1.7.2 // indirect
	github.com/vanng822/css v1.0.1 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/xo/terminfo v0.0.0-20220910002029-abceb7e1c41e // indirect
	github.com/xuri/efp v0.0.3-0.20260924042702-217b81952dec // indirect
	github.com/xuri/nfp v0.0.2-0.20250530014748-2ddeb826f9a9 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.opentelemetry.io/proto/otlp v1.11.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/image v0.44.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/grpc v1.84.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
