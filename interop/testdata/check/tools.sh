# shellcheck shell=bash
# What the misconfigured servers need beside peers/lib.sh.
#
# A good certificate, and those that something is wrong with. What peers/lib.sh makes ends
# within days, which a check remarks upon. STATE/tls/trusted.pem has the CA of both.

# sign makes NAME.pem, by the CA in $dir, for a subject and its names.
sign() {
	local name=$1 subject=$2 names=$3
	shift 3
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "$subject" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" 2>>"$dir/log"
	printf 'subjectAltName=%s\nbasicConstraints=critical,CA:%s\n' "$names" "${ca:-FALSE}" >"$dir/$name.ext"
	[ -z "${issuer-}" ] || echo "authorityInfoAccess=caIssuers;URI:$issuer" >>"$dir/$name.ext"
	openssl ca -batch -notext -config "$dir/ca.cnf" -extfile "$dir/$name.ext" -in "$dir/$name.csr" -out "$dir/$name.pem" "$@" 2>>"$dir/log"
}

more_tls() {
	local dir=$1 ca
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 90 -subj "/CN=localhost" \
		-addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$dir/self.key" -out "$dir/self.pem" 2>>"$dir/log"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 90 -subj "/CN=Parley interop CA 2" \
		-keyout "$dir/second.key" -out "$dir/second.pem" 2>>"$dir/log"
	: >"$dir/index.txt"
	cat >"$dir/ca.cnf" <<-END
		[ca]
		default_ca = second
		[second]
		database = $dir/index.txt
		new_certs_dir = $dir
		certificate = $dir/second.pem
		private_key = $dir/second.key
		rand_serial = yes
		unique_subject = no
		default_md = sha256
		default_days = 90
		policy = any
		[any]
		commonName = supplied
	END
	sign good /CN=localhost DNS:localhost,IP:127.0.0.1,IP:127.0.0.2
	sign expired /CN=localhost DNS:localhost,IP:127.0.0.1 -startdate 20240101000000Z -enddate 20240331000000Z
	sign stranger /CN=mail.example.org DNS:mail.example.org
	ca=TRUE sign between "/CN=Parley interop intermediate" DNS:between.example.net
	# As a public CA does, it says where the certificate between is to be had.
	issuer=http://between.example.net/ca.der sign leaf /CN=localhost DNS:localhost,IP:127.0.0.1 -cert "$dir/between.pem" -keyfile "$dir/between.key"
	cat "$dir/ca.pem" "$dir/second.pem" >"$dir/trusted.pem"
}

# serve_names starts the DNS of names.pl on a loopback address of its own, for the port is always 53.
serve_names() {
	local at
	for _ in 1 2 3 4 5; do
		at=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)).$((RANDOM % 250 + 1))
		perl /testdata/check/names.pl "$at" 2>/state/names.log &
		sleep 0.2
		if kill -0 $! 2>/dev/null; then
			printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$at" >/etc/resolv.conf
			return
		fi
	done
	cat /state/names.log >&2
	return 1
}
