#!/usr/bin/env bash
# Fetches all peers from Debian, and tries Parley on each: what "make interop" runs.
# It needs Debian 12, root and Go. See peers/lib.sh for how, and for where they are kept.

set -euo pipefail
cd "$(dirname "$0")"

for peer in peers/*.sh; do
	[ "$peer" = peers/lib.sh ] || "$peer" fetch
done
PARLEY_REQUIRE_PEERS=1 exec "${GO:-go}" test -v -count=1 -timeout=9m . "$@"
