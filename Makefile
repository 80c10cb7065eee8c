# Every word below works on a machine with only Go, but for bench, bench-catch,
# bench-relay and interop, which fetch real peers from Debian first.

GO       ?= go
FUZZTIME ?= 10s

.PHONY: test race lint fuzz bench bench-catch bench-relay interop slow screens hostile-web api failures rfc kill power cuts fair jobs

test: ## all tests; what is missing on this machine is skipped by name
	$(GO) test ./...

race:
	$(GO) test -race -short -timeout=20m ./...

lint: ## formatting, vet, and the linters of .golangci.yml
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted: $$files"; exit 1; }
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

fuzz: ## each fuzz target for FUZZTIME
	$(GO) run ./internal/tool/fuzzall -time $(FUZZTIME)

bench: ## ratios against other programs, interleaved in one run
	bench/run.sh

bench-catch: ## what parley catch keeps in a second, costs, and answers in; against Mailpit where there is one
	bench/run.sh -parts catch-rate,catch-cpu,catch-kept,catch-memory

bench-relay: ## what parley serve takes in a second so that it is on the disk, passes on, costs, and how it starts with a million queued; against Postfix
	bench/run.sh -parts relay-accept,relay-through,relay-workers,relay-queued

interop: ## real servers and clients from Debian packages
	interop/run.sh

slow: ## the long forms: 10,000 slow connections to parley catch, and 50 times kill -9 under load
	PARLEY_SLOW=1 PARLEY_REQUIRE_PEERS=1 $(GO) test -v -count=1 -timeout=20m -run 'TestCatchKilled|TestCatchSlowConnections' ./interop

KILLS          ?= 10000
KILLS_POSTGRES ?= 2000
kill: ## kill -9 a program that puts mail and works it off, 10,000 times over SQLite and 2,000 over PostgreSQL, every fifth of these PostgreSQL itself; then parley serve under load, as often; takes three hours
	PARLEY_KILLS=$(KILLS) $(GO) test -v -count=1 -timeout=48h -run '^TestKilledAtWork$$/^sqlite$$' ./outbox
	PARLEY_KILLS=$(KILLS_POSTGRES) $(GO) test -v -count=1 -timeout=48h -run '^TestKilledAtWork$$/^postgres$$' ./outbox
	PARLEY_KILLS=200 $(GO) test -v -count=1 -timeout=4h -run '^TestKilledPutting$$' ./outbox
	PARLEY_KILLS=$(KILLS) $(GO) test -v -count=1 -timeout=24h -run '^TestServeKilled$$/^sqlite$$' ./cmd/parley
	PARLEY_KILLS=$(KILLS_POSTGRES) $(GO) test -v -count=1 -timeout=24h -run '^TestServeKilled$$/^postgres$$' ./cmd/parley

cuts: ## the line to the next server cut at every octet of a session, in five ways, both ways, also within TLS; takes some minutes
	PARLEY_CUTS=1 $(GO) test -v -count=1 -timeout=60m -run '^TestLineIsCut$$' ./outbox

fair: ## 50,000 destinations of which one is dead and one slow; an alert among 1,000,000 statements for its own lane; how many sessions are had with a server that takes 5
	PARLEY_FAIR=50000 PARLEY_SETTLES=20000 PARLEY_STATEMENTS=1000000 PARLEY_STATEMENTS_POSTGRES=200000 $(GO) test -v -count=1 -timeout=60m -run '^(TestFairness|TestSettles|TestAlertAmongStatements)$$' ./outbox

jobs: ## the three jobs at length: a million statements looked through and put; 10,000 PDFs by parley serve to Postfix, with 50 kills; an alert behind a million statements; 20,000 readers of odd feeds
	PARLEY_STATEMENT_ROWS=1000000 $(GO) test -v -count=1 -timeout=2h -run '^TestMany$$' ./statement
	interop/peers/postfix.sh fetch
	PARLEY_REQUIRE_PEERS=1 PARLEY_TEST_CUSTOMERS=10000 PARLEY_KILLS=50 $(GO) test -v -count=1 -timeout=2h -run '^TestStatementKilled$$' ./interop
	PARLEY_STATEMENTS=1000000 $(GO) test -v -count=1 -timeout=1h -run '^TestBeforeStatements$$' ./alert
	PARLEY_PEOPLE=20000 $(GO) test -v -count=1 -timeout=2h -run '^TestMany$$' ./digest

POWER ?= 500
power: ## the power fails: 500 times under LazyFS with a program that puts, 500 times with parley serve, at 500 moments of logs of system calls; every write and sync fails; the disk is full. Takes half an hour, root and LazyFS: interop/power/lazyfs.sh
	.ci/install power
	interop/power/lazyfs.sh fetch
	PARLEY_POWER=$(POWER) interop/power/lazyfs.sh run $(GO) test -tags=lazyfs -v -count=1 -timeout=4h -run '^TestPowerFailsLazyFS$$' ./outbox
	PARLEY_REQUIRE_PEERS=1 PARLEY_POWER=$(POWER) interop/power/lazyfs.sh run $(GO) test -v -count=1 -timeout=4h -run '^Test(ServePowerFails|ServeFullDisk.*)$$' ./interop
	PARLEY_POWER=$(POWER) $(GO) test -v -count=1 -timeout=4h -run '^Test(PowerFails|WritesFail|SyncFailsBeforeTheEnd|Room)$$' ./outbox

api: ## write api.txt anew, so that a change of the public face is seen in a diff
	$(GO) run ./internal/tool/api > api.txt

failures: ## write docs/failures anew from diagnose/facts
	$(GO) run ./internal/tool/failures

screens: ## the pictures of docs/screens, from a real browser; look at them
	PARLEY_SCREENS=$(CURDIR)/docs/screens $(GO) test -count=1 -run TestScreens ./web
	PARLEY_SCREENS=$(CURDIR)/docs/screens $(GO) test -count=1 -run InABrowser ./digest ./alert ./statement

hostile-web: ## every hostile message in a real browser; takes minutes
	PARLEY_HOSTILE_SHARE=1 $(GO) test -v -count=1 -timeout=30m -run TestHostileMessages ./web

rfc: ## list which paragraphs of which RFCs the code says that it obeys
	@grep -rhoE 'RFC [0-9]+( (§|Appendix )[0-9A-Z.]+)?' --include='*.go' . | sort | uniq -c | sort -k3n
