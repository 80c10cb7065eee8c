#!/usr/bin/env bash
# Exim 4.96 (daemon-heavy): PLAIN, LOGIN and CRAM-MD5 of its own, SCRAM by Cyrus
# SASL; delivers all to one Maildir, STATE/mail/inbox. What is for returns.example it hands to
# whoever listens at the port RETURN.
. "$(dirname "$0")/lib.sh"

packages="exim4-daemon-heavy exim4-base sasl2-bin libsasl2-modules libsasl2-modules-db openssl perl-base"
users="Debian-exim"
ports="PLAIN STARTTLS TLS"
extra="RETURN"

configure() {
	RETURN=$(free_ports 1)
	# Exim trusts the config at its compiled-in place, if only root can write it.
	mkdir -p /etc/exim4
	fill /testdata/exim/exim4.conf >/etc/exim4/exim4.conf
	chmod 644 /etc/exim4/exim4.conf
	install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/log/exim4 /state/log
	mkdir -p /etc/sasl2
	cp /testdata/exim/sasl.conf /etc/sasl2/exim.conf
	printf %s "$PASSWORD" | saslpasswd2 -p -c -u localhost "$USER"
	chown Debian-exim /etc/sasldb2
	chgrp Debian-exim /state/tls/key.pem
	chmod 640 /state/tls/key.pem
}

run() {
	chown root:root /usr/sbin/exim4 && chmod u+s /usr/sbin/exim4
	exim4 -bdf -q1m -oP /run/exim.pid 2>>/state/exim.log &
}

lib_main "$@"
