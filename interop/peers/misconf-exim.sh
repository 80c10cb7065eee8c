#!/usr/bin/env bash
# Exim 4.96 as it should be, and with a port for each way in which it is set up
# wrong, or refuses: see testdata/check/exim/exim4.conf.
. "$(dirname "$0")/lib.sh"

packages="exim4-daemon-heavy exim4-base openssl perl"
users="Debian-exim"
ports="GOOD TLS NOTLS NOCERT SELFSIGNED EXPIRED WRONGNAME SENDER VERIFY GREY SMALL BUSY NOMAP REJECTING CONTENT BLOCKED HELO"
extra="SHUT"

configure() {
	# shellcheck source=/dev/null
	. /testdata/check/tools.sh
	more_tls /state/tls
	serve_names
	SHUT=$(free_ports 1)
	# Exim trusts the config at its compiled-in place, if only root can write it.
	mkdir -p /etc/exim4
	fill /testdata/check/exim/exim4.conf >/etc/exim4/exim4.conf
	chmod 644 /etc/exim4/exim4.conf
	install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/log/exim4 /state/log
	chgrp Debian-exim /state/tls/*.key /state/tls/key.pem
	chmod 640 /state/tls/*.key /state/tls/key.pem
}

run() {
	chown root:root /usr/sbin/exim4 && chmod u+s /usr/sbin/exim4
	exim4 -bdf -q1m -oP /run/exim.pid 2>>/state/exim.log &
}

lib_main "$@"
