#!/usr/bin/env bash
# Dovecot 2.3's submission server, which knows its users by a passwd-file and hands
# all mail on to the server at PARLEY_RELAY (host:port); and its LMTP server,
# on a port and on the unix socket STATE/lmtp, which delivers to STATE/mail/<user>.
. "$(dirname "$0")/lib.sh"

packages="dovecot-core dovecot-submissiond dovecot-lmtpd openssl perl-base"
users="dovecot dovenull"
ports="PLAIN TLS LMTP"
extra="STARTTLS LMTP_SOCKET"

configure() {
	local relay=${PARLEY_RELAY:?is host:port of the server that mail is handed on to}
	RELAY_HOST=${relay%:*} RELAY_PORT=${relay##*:} fill /testdata/dovecot/dovecot.conf >/state/dovecot.conf
	echo "$USER:{PLAIN}$PASSWORD" >/state/users
	chown dovecot /state/users
	chmod 600 /state/users /state/tls/key.pem
	STARTTLS=$PLAIN # offers it, and does not insist
	LMTP_SOCKET=lmtp
}

run() {
	dovecot -F -c /state/dovecot.conf &
}

lib_main "$@"
