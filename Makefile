# Every word below works on a machine with only Go, but for bench and interop,
# which fetch real peers from Debian first.

GO       ?= go
FUZZTIME ?= 10s

.PHONY: test race lint fuzz bench interop api failures rfc

test: ## all tests; what is missing on this machine is skipped by name
	$(GO) test ./...

race:
	$(GO) test -race -short ./...

lint: ## formatting, vet, and the linters of .golangci.yml
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted: $$files"; exit 1; }
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

fuzz: ## each fuzz target for FUZZTIME
	$(GO) run ./internal/tool/fuzzall -time $(FUZZTIME)

bench: ## ratios against other programs, interleaved in one run
	bench/run.sh

interop: ## real servers and clients from Debian packages
	interop/run.sh

api: ## write api.txt anew, so that a change of the public face is seen in a diff
	$(GO) run ./internal/tool/api > api.txt

failures: ## write docs/failures anew from diagnose/facts
	$(GO) run ./internal/tool/failures

rfc: ## list which paragraphs of which RFCs the code says that it obeys
	@grep -rhoE 'RFC [0-9]+( (§|Appendix )[0-9A-Z.]+)?' --include='*.go' . | sort | uniq -c | sort -k3n
