# shellcheck shell=bash disable=SC2154 # what a peer is, its own file says

# What all peers have in common: how a Debian package is had without being
# installed, and how it is run as if it were.
#
#   peers/postfix.sh fetch          downloads and unpacks, once; says where
#   peers/postfix.sh start STATE    prints KEY=VALUE lines, then READY=1, and stays
#   peers/tools.sh run STATE CMD..  runs one command of an unpacked package
#   peers/tools.sh tls STATE        makes STATE/tls: a certificate and its throwaway CA
#
# The mail servers conflict with each other, so none is installed. Each is
# unpacked, with the libraries that this machine lacks, into a folder of its own
# under $PARLEY_PEERS, else $XDG_CACHE_HOME/parley/peers, else ~/.cache/parley/peers
# (not within /usr). To run it, that folder is laid over the machine's own in a
# private mount namespace: the program finds all at the paths compiled into it, and
# what it writes outside of STATE, which it sees as /state, goes to memory and is gone
# with it. Users that Debian's scripts would have made stand in that root's
# /etc/passwd alone.
#
# Everything runs in a private process namespace whose first process reads the
# standard input of "start": when that ends, or when that process is killed, the
# kernel ends all the rest. No process outlives its test.
#
# It needs root (for the namespaces) and Debian 12's apt.

set -euo pipefail
shopt -s nullglob

self=$(realpath "$0")
here=$(dirname "$self")
name=$(basename "$self" .sh)
data=$(dirname "$here")/testdata

# The one user that all servers know. The password is hard to carry: blanks, a comma and
# an equals sign, which mechanisms use themselves, and octets over 127.
USER=kim
PASSWORD='Geheim, süß = 密码'
export USER PASSWORD
export LC_ALL=C.UTF-8

# cache_key changes when what is wanted or what the machine has changes, for only
# what it lacks is unpacked.
cache_key() {
	{ echo "$packages ${backports-}"; cat /etc/debian_version; dpkg-query -W -f '${Package} ${Version}\n'; } | sha256sum | cut -c1-16
}

home() {
	if [ -n "${PARLEY_PEERS-}" ]; then
		echo "$PARLEY_PEERS"
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/parley/peers"
	fi
}

download() {
	mkdir -p "$1/partial"
	# shellcheck disable=SC2086 # packages is a list
	apt-get install -qq -y --download-only --no-install-recommends --no-upgrade \
		-o Dir::Cache::archives="$1" -o APT::Sandbox::User=root \
		-o APT::Keep-Downloaded-Packages=true $packages >&2
}

# download_backports has the .deb files of $backports from bookworm-backports, which
# few machines have among their sources: by an index of its own, beside theirs.
download_backports() {
	local apt uri opts
	apt=$(realpath "$1")/apt
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
	[ -n "$uri" ] || { echo "apt does not know where bookworm comes from: run apt-get update" >&2; return 1; }
	mkdir -p "$apt/lists/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri bookworm-backports main" >"$apt/sources.list"
	opts=(-qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt" -o APT::Sandbox::User=root)
	apt-get update "${opts[@]}" >&2 || return
	# shellcheck disable=SC2086 # backports is a list
	(cd "$1" && apt-get download "${opts[@]}" $backports >&2)
}

# fetch leaves name/current, a link to the newest complete root.
fetch() {
	local dir key root
	dir=$(home)/$name
	mkdir -p "$dir"
	exec 9>"$dir/lock"
	flock 9
	key=$(cache_key)
	root=$dir/$key
	if [ ! -e "$root" ]; then
		rm -rf "$dir/debs" "$root.new"
		if download_all "$dir/debs"; then
			mkdir "$root.new"
			unpack "$dir/debs" "$root.new"
			mv "$root.new" "$root"
		elif [ -e "$dir/current" ]; then
			echo "$name: cannot be had anew; the one of before is kept" >&2
			key=$(basename "$(realpath "$dir/current")")
		else
			echo "$name: apt cannot get $packages ${backports-}" >&2
			return 1
		fi
	fi
	ln -sfn "$key" "$dir/current"
	find "$dir" -mindepth 1 -maxdepth 1 -type d -name '????????????????' ! -name "$key" -mtime +7 -exec rm -rf {} +
	exec 9>&-
	echo "$dir/$key"
}

download_all() {
	# An old index asks for packages that the mirror has replaced since.
	download "$1" || { apt-get update -qq >&2 && download "$1"; } || return
	[ -z "${backports-}" ] || download_backports "$1"
}

unpack() {
	local deb d
	for deb in "$1"/*.deb; do
		dpkg -x "$deb" "$2"
	done
	# Old packages still name /lib and /sbin, which are links into /usr here; a
	# folder of that name would hide the link.
	for d in bin sbin lib lib64; do
		if [ -L "/$d" ] && [ -d "$2/$d" ] && [ ! -L "$2/$d" ]; then
			mkdir -p "$2/usr/$d"
			cp -a "$2/$d/." "$2/usr/$d/"
			rm -rf "${2:?}/$d"
		fi
	done
}

# lacking ends the script because of what this machine lacks: status 77 is for tests
# to be skipped.
lacking() {
	echo "$name: $1" >&2
	exit 77
}

# enter makes the namespaces and goes on in them as "inside".
enter() {
	local what=$1 state
	state=$(realpath "$2")
	shift 2
	[ "$(id -u)" = 0 ] || lacking "needs root, to make a mount namespace"
	unshare --mount true 2>/dev/null || lacking "this machine lets nobody make a mount namespace"
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || lacking "this kernel has no overlayfs"
	[ -e "$(home)/$name/current" ] || lacking "not fetched: run $self fetch"
	exec unshare --mount --pid --fork --kill-child --propagation private -- \
		bash "$self" inside "$what" "$(realpath "$(home)/$name/current")" "$state" "$@"
}

# overlay makes a root at $state/ns/root: the unpacked /usr over the machine's, its
# /etc and /var over copies in memory. (/usr is laid over by itself since a layer
# may not be found within another, as the cache is within /.)
overlay() {
	local lower=$1 state=$2 ns=$2/ns root=$2/ns/root d
	mkdir -p "$ns" "$lower/usr"
	mount -t tmpfs -o mode=755 parley "$ns"
	mkdir "$root"
	(cd / && cp -a --parents -t "$root" bin sbin lib* 2>/dev/null) || true # links into /usr
	for d in usr etc var; do
		mkdir -p "$ns/up/$d" "$ns/work/$d" "$root/$d"
	done
	for d in etc var; do
		[ ! -d "$lower/$d" ] || cp -a "$lower/$d/." "$ns/up/$d/"
		mount -t overlay -o "lowerdir=/$d,upperdir=$ns/up/$d,workdir=$ns/work/$d" overlay "$root/$d"
	done
	mount -t overlay -o "lowerdir=$lower/usr:/usr,upperdir=$ns/up/usr,workdir=$ns/work/usr" overlay "$root/usr"
	mkdir "$root"/{dev,proc,root,run,state,peers,testdata,tmp}
	mount --bind "$state" "$root/state"
	mount --bind "$here" "$root/peers"
	mount --bind "$data" "$root/testdata"
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	chmod 1777 "$root/tmp"
	# No name is looked up outside of this machine.
	rm -f "$root/etc/hosts" "$root/etc/resolv.conf"
	echo "127.0.0.1 localhost $(hostname)" >"$root/etc/hosts"
	: >"$root/etc/resolv.conf"
}

# add_users writes those of $users that the machine does not have, and vmail,
# who owns what is delivered, into the private /etc/passwd.
add_users() {
	local user id=64100
	for user in vmail ${users-}; do
		id=$((id + 1))
		grep -q "^$user:" /etc/group || echo "$user:x:$id:" >>/etc/group
		grep -q "^$user:" /etc/passwd ||
			echo "$user:x:$id:$(sed -n "s/^$user:[^:]*:\([0-9]*\):.*/\1/p" /etc/group)::/:/usr/sbin/nologin" >>/etc/passwd
	done
}

# make_tls makes a throwaway CA and a certificate by it for localhost and 127.0.0.1.
make_tls() {
	local dir=$1 key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1)
	[ "${key_type-}" != rsa ] || key=(-newkey rsa:2048)
	mkdir -p "$dir"
	openssl req -x509 "${key[@]}" -noenc -days 2 -subj "/CN=Parley interop CA, throw away" \
		-keyout "$dir/ca.key" -out "$dir/ca.pem" 2>"$dir/log"
	openssl req -x509 "${key[@]}" -noenc -days 2 -subj "/CN=localhost" \
		-CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
		-addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -addext "basicConstraints=critical,CA:FALSE" \
		-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>>"$dir/log"
	rm "$dir/ca.key"
}

# free_ports prints as many free ports of 127.0.0.1. Another may take one before
# we do; then start fails, and says so.
free_ports() {
	perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die "port: $!" } 1 .. shift;
		print join(" ", map { $_->sockport } @s), "\n"' "$1"
}

# fill copies a config, with each @NAME@ replaced by the variable of that name.
fill() {
	local text key
	text=$(cat "$1")
	while [[ $text =~ @([A-Z_]+)@ ]]; do
		key=${BASH_REMATCH[1]}
		text=${text//"@$key@"/${!key}}
	done
	printf '%s\n' "$text"
}

# await_port waits until a port is listened on, for at most 20 seconds.
await_port() {
	local end=$((SECONDS + 20))
	until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			echo "$name: nothing listens on port $1" >&2
			tail -n 40 /state/*.log >&2 || true
			exit 1
		fi
		sleep 0.05
	done
}

# serve starts the peer. Its own file says which ports it needs, and has configure
# and run.
serve() {
	local key list
	add_users
	install -d -o vmail -g vmail /state/mail
	make_tls /state/tls
	read -r -a list <<<"$(free_ports "$(wc -w <<<"$ports")")"
	for key in $ports; do
		printf -v "$key" %s "${list[0]}"
		list=("${list[@]:1}")
	done
	configure
	run
	for key in $ports; do
		await_port "${!key}"
	done
	for key in $ports ${extra-} USER PASSWORD; do
		echo "$key=${!key}"
	done
	echo READY=1
}

# guard is the first process of a running peer: when it ends, all end. It does when
# whoever started us is gone, or serve comes to nothing.
guard() {
	trap 'exit 0' TERM INT HUP
	trap 'exit 1' USR1
	{ bash "/peers/$name.sh" in-serve </dev/null || kill -USR1 $$; } &
	while read -r _; do :; done
}

lib_main() {
	case ${1-} in
	fetch) fetch ;;
	start) mkdir -p "$2" && enter guard "$2" ;;
	run) mkdir -p "$2" && enter command "${@:2}" ;;
	tls) mkdir -p "$2" && enter tls "$2" ;;
	inside) # what, lower, state, arguments: in the namespaces, and not yet in the root
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin
		overlay "$3" "$4"
		exec chroot "$4/ns/root" bash "/peers/$name.sh" "in-$2" "${@:5}"
		;;
	in-guard) guard ;;
	in-tls) make_tls /state/tls ;;
	in-serve) serve ;;
	in-command) cd /state && exec "${@:2}" ;;
	*) echo "usage: $0 fetch | start STATE" >&2; exit 64 ;;
	esac
}
