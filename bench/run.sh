#!/bin/sh
# Runs the benchmark: fetches its peers, builds it, runs it with the arguments
# given. "run.sh --quick" is what CI runs, "run.sh --help" tells the rest.
set -eu
cd "$(dirname "$0")"

tools=$(./peers.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/bench" .
(cd .. && go build -o "$work/parley" ./cmd/parley)
# Mailpit is in no package of Debian's: PARLEY_BENCH_MAILPIT names it where it is not on the PATH.
: "${PARLEY_BENCH_MAILPIT=$(command -v mailpit || true)}"
export PARLEY_BENCH_MAILPIT
"$work/bench" --postfix "$tools" --parley "$work/parley" "$@"
