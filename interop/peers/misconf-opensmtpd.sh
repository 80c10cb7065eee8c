#!/usr/bin/env bash
# OpenSMTPD 7.4 as it should be, and with a port for each way in which it is set up wrong,
# or refuses: see testdata/check/opensmtpd/smtpd.conf.
. "$(dirname "$0")/lib.sh"

packages="libevent-2.1-7 libdb5.3 libssl3 openssl perl-base"
backports="opensmtpd" # see opensmtpd.sh
users="opensmtpd opensmtpq"
ports="GOOD TLS NOTLS OPTIONAL MUSTLOGIN SENDER SELFSIGNED EXPIRED WRONGNAME GREY BLOCKED JUNK HELO"

configure() {
	# shellcheck source=/dev/null
	. /testdata/check/tools.sh
	more_tls /state/tls
	chgrp opensmtpq /usr/sbin/smtpctl && chmod g+s /usr/sbin/smtpctl
	fill /testdata/check/opensmtpd/smtpd.conf >/etc/smtpd.conf
	echo "$USER@example.net	$(smtpctl encrypt "$PASSWORD")" >/etc/smtpd.credentials
	chown opensmtpd /etc/smtpd.credentials
	mkdir -p /etc/ssl/certs
	cp /state/tls/ca.pem /etc/ssl/certs/ca-certificates.crt # it does not start without one
	chmod 600 /etc/smtpd.credentials /state/tls/*.key /state/tls/key.pem
}

run() {
	smtpd -d >/state/smtpd.log 2>&1 &
}

lib_main "$@"
