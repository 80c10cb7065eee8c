#!/usr/bin/env bash
# nodemailer, by npm, for the node of this machine. It is no package of Debian's, so lib.sh is not for it.
#
#   peers/nodemailer.sh fetch                downloads what package-lock.json names, once; says where
#   peers/nodemailer.sh run STATE SCRIPT..   runs a script of catch/nodemailer
set -euo pipefail

here=$(cd "$(dirname "$0")/../catch/nodemailer" && pwd)
home=${PARLEY_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/peers}/nodemailer

# lacking ends the script because of what this machine lacks: status 77 is for tests to be skipped.
lacking() {
	echo "nodemailer: $1" >&2
	exit 77
}

root=$home/$(sha256sum <"$here/package-lock.json" | cut -c1-16)

fetch() {
	command -v npm >/dev/null || lacking "there is no npm: .ci/install has it from Debian"
	if [ ! -e "$root" ]; then
		rm -rf "$root.new"
		mkdir -p "$root.new"
		cp "$here/package.json" "$here/package-lock.json" "$root.new"
		(cd "$root.new" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
		mv "$root.new" "$root"
	fi
	echo "$root"
}

case ${1-} in
fetch) fetch ;;
run)
	command -v node >/dev/null || lacking "there is no node: .ci/install has it from Debian"
	[ -e "$root" ] || lacking "not fetched: run $0 fetch"
	cd "$2"
	NODE_PATH=$root/node_modules exec node "$here/$3" "${@:4}"
	;;
*)
	echo "usage: $0 fetch | run STATE SCRIPT" >&2
	exit 64
	;;
esac
