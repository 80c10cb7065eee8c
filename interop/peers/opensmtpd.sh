#!/usr/bin/env bash
# OpenSMTPD 7.4, from bookworm-backports: PLAIN and LOGIN by a table of credentials; delivers all to one
# Maildir, STATE/mail/inbox.
. "$(dirname "$0")/lib.sh"

# Bookworm's own 6.8.0p2 cannot end a TLS handshake: its privilege separation hides
# the key from OpenSSL 3 ("missing private key"; OpenSMTPD issue 1171).
packages="libevent-2.1-7 libdb5.3 libssl3 openssl perl-base"
backports="opensmtpd"
users="opensmtpd opensmtpq"
ports="PLAIN STARTTLS TLS EXPIRED WRONGNAME"

configure() {
	# shellcheck source=/dev/null
	. /testdata/check/tools.sh
	more_tls /state/tls
	chgrp opensmtpq /usr/sbin/smtpctl && chmod g+s /usr/sbin/smtpctl
	fill /testdata/opensmtpd/smtpd.conf >/etc/smtpd.conf
	echo "$USER	$(smtpctl encrypt "$PASSWORD")" >/etc/smtpd.credentials
	chown opensmtpd /etc/smtpd.credentials
	mkdir -p /etc/ssl/certs
	cp /state/tls/ca.pem /etc/ssl/certs/ca-certificates.crt # it does not start without one
	chmod 600 /etc/smtpd.credentials /state/tls/key.pem /state/tls/*.key
}

run() {
	smtpd -d >/state/smtpd.log 2>&1 &
}

lib_main "$@"
