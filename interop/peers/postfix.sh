#!/usr/bin/env bash
# Postfix 3.7: takes mail on three ports, knows its users by Cyrus SASL's own
# database, and delivers all to one Maildir, STATE/mail/inbox. What is for returns.example it
# hands to whoever listens at the port RETURN.
. "$(dirname "$0")/lib.sh"

packages="postfix sasl2-bin libsasl2-modules libsasl2-modules-db openssl perl-base"
users="postfix postdrop"
ports="PLAIN STARTTLS TLS EXPIRED WRONGNAME"
extra="RETURN"

configure() {
	local id
	# shellcheck source=/dev/null
	. /testdata/check/tools.sh
	more_tls /state/tls
	RETURN=$(free_ports 1)
	id=$(id -u vmail)
	VMAIL=$id fill /testdata/postfix/main.cf >/etc/postfix/main.cf
	fill /testdata/postfix/master.cf >/etc/postfix/master.cf
	mkdir -p /etc/postfix/sasl
	cp /testdata/postfix/smtpd.conf /etc/postfix/sasl/smtpd.conf
	printf %s "$PASSWORD" | saslpasswd2 -p -c -u localhost "$USER"
	chown postfix /etc/sasldb2
	: >/etc/aliases
	chmod 600 /state/tls/key.pem /state/tls/*.key
	chown postfix /var/lib/postfix
}

run() {
	postfix set-permissions >/dev/null 2>&1 || true # it also looks for manuals that Debian leaves out
	postfix start >/state/postfix-start.log 2>&1
}

lib_main "$@"
