#!/bin/sh
# Runs the benchmark: fetches its peers, builds it, runs it with the arguments
# given. "run.sh --quick" is what CI runs, "run.sh --help" tells the rest.
set -eu
cd "$(dirname "$0")"

tools=$(./peers.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/bench" .
"$work/bench" --postfix "$tools" "$@"
