#!/usr/bin/env bash
# LazyFS (https://github.com/dsrhaslab/lazyfs), a file system in user space that keeps what is written to itself until
# it is synced, and forgets it when it is told to: what a disk does when the power fails.
#
#   power/lazyfs.sh fetch        has its source and builds it, once; says where
#   power/lazyfs.sh run CMD...   runs a command with PARLEY_LAZYFS=DIR: DIR/mnt is the file system, what is written to DIR/fifo it does,
#                                and says in DIR/done that it was done
#
# It needs root, /dev/fuse, and Debian's g++ pkg-config libfuse3-dev libspdlog-dev libfmt-dev libtoml11-dev git. The source comes from
# $PARLEY_LAZYFS_GIT, else from GitHub. Status 77: what it needs is not here.
set -euo pipefail

commit=a47a5baea559020f29902662de77764b0cbd62ce
dir=${PARLEY_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/peers}/lazyfs
program=$dir/$commit/lazyfs

lacking() {
	echo "lazyfs: $1" >&2
	exit 77
}

# build compiles all at once: its own build would have the same libraries once more, from elsewhere.
build() {
	local from=${PARLEY_LAZYFS_GIT:-https://github.com/dsrhaslab/lazyfs} src=$dir/$commit.new
	for p in fuse3 spdlog fmt; do
		pkg-config --exists $p || lacking "there is no $p: apt-get install g++ pkg-config libfuse3-dev libspdlog-dev libfmt-dev libtoml11-dev"
	done
	rm -rf "$src"
	mkdir -p "$dir"
	git clone -q --no-checkout "$from" "$src" || lacking "its source cannot be had from $from: set PARLEY_LAZYFS_GIT"
	git -C "$src" checkout -q "$commit" -- lazyfs libs
	# shellcheck disable=SC2046 # lists
	g++ -std=c++17 -O2 -w -I"$src/lazyfs/include" -I"$src/libs/libpcache/include" \
		"$src"/lazyfs/include/lazyfs/fusepp/Fuse.cpp "$src"/lazyfs/src/*.cpp $(find "$src/libs/libpcache/src" -name '*.cpp') \
		$(pkg-config --cflags --libs fuse3 spdlog fmt) -lpthread -o "$src/lazyfs.bin"
	mv "$src/lazyfs.bin" "$src/../lazyfs.bin.new"
	rm -rf "$src"
	mkdir -p "$dir/$commit"
	mv "$dir/lazyfs.bin.new" "$program"
}

fetch() {
	[ -x "$program" ] || build
	echo "$program"
}

run() {
	[ -w /dev/fuse ] || lacking "there is no /dev/fuse"
	[ -x "$program" ] || lacking "not built: run $0 fetch"
	PARLEY_LAZYFS=$(mktemp -d)
	export PARLEY_LAZYFS
	mkdir "$PARLEY_LAZYFS/mnt" "$PARLEY_LAZYFS/root"
	mkfifo "$PARLEY_LAZYFS/fifo" "$PARLEY_LAZYFS/done"
	cat >"$PARLEY_LAZYFS/config" <<-EOF
		[faults]
		fifo_path = "$PARLEY_LAZYFS/fifo"
		fifo_path_completed = "$PARLEY_LAZYFS/done"
		[cache]
		apply_eviction = false
		[cache.simple]
		custom_size = "512mb"
		blocks_per_page = 1
		[filesystem]
		log_all_operations = false
		logfile = "$PARLEY_LAZYFS/log"
	EOF
	exec 9<>"$PARLEY_LAZYFS/done" # or it would wait for somebody to read
	"$program" "$PARLEY_LAZYFS/mnt" --config-path "$PARLEY_LAZYFS/config" -o modules=subdir -o subdir="$PARLEY_LAZYFS/root" -f >"$PARLEY_LAZYFS/out" 2>&1 &
	trap 'umount -l "$PARLEY_LAZYFS/mnt" 2>/dev/null; { wait; } 2>/dev/null; rm -rf "$PARLEY_LAZYFS"' EXIT
	for _ in $(seq 100); do
		! mountpoint -q "$PARLEY_LAZYFS/mnt" || break
		sleep 0.1
	done
	mountpoint -q "$PARLEY_LAZYFS/mnt" || { cat "$PARLEY_LAZYFS/out" >&2; lacking "it cannot be mounted here"; }
	"$@"
}

case ${1-} in
fetch) fetch ;;
run) shift && run "$@" ;;
*) echo "usage: $0 fetch | run CMD..." >&2; exit 64 ;;
esac
