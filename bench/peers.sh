#!/bin/sh
# Fetches smtp-sink, smtp-source and Postfix for the benchmark: Debian's package,
# unpacked into a folder of its own and not installed. Prints that folder.
set -eu

peers=${PARLEY_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/peers}
into=$peers/postfix-tools
if [ -x "$into/usr/sbin/smtp-sink" ]; then
	echo "$into"
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
	echo "bench: smtp-sink comes from a Debian package, and there is no apt-get here" >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/root"

# get downloads a package, the lists first where they are missing, and unpacks it.
get() {
	(cd "$work" && { apt-get -q download "$1" || { apt-get -q update && apt-get -q download "$1"; }; }) >&2
	for deb in "$work"/"$1"_*.deb; do dpkg -x "$deb" "$work/root"; done
}

get postfix

# The libraries it is linked with are mostly there already. Where one is not, the
# libraries that the package names are unpacked beside it.
arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
export LD_LIBRARY_PATH="$work/root/usr/lib/postfix:$work/root/usr/lib/$arch:$work/root/lib/$arch"
missing() { ldd "$work/root/usr/sbin/smtp-sink" "$work/root/usr/lib/postfix/sbin/smtpd" | grep -q 'not found'; }
if missing; then
	for lib in $(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances postfix |
		sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\)$/\1/p' | sort -u | grep -v '^libc6$'); do
		missing || break
		get "$lib"
	done
fi
if missing; then
	echo "bench: libraries that Postfix needs are still missing:" >&2
	ldd "$work/root/usr/sbin/smtp-sink" | grep 'not found' >&2
	exit 1
fi

# Whole or not at all: a download cut off never looks like one that is there.
mkdir -p "$peers"
rm -rf "$into"
mv "$work/root" "$into"
chmod 755 "$into"
echo "$into"
