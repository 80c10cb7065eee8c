#!/usr/bin/env bash
# A mail host as many a company has it, with Postfix in front, Dovecot for AUTH,
# quotas, LMTP and submission, and postgrey: first as it should be, then with a port
# for each way in which such a host is set up wrong, or refuses. What a port is for stands in
# testdata/check/postfix/master.cf and dovecot.conf.
. "$(dirname "$0")/lib.sh"

packages="postfix dovecot-core dovecot-submissiond dovecot-lmtpd postgrey libnet-server-perl libberkeleydb-perl libnet-dns-perl libnetaddr-ip-perl libnet-rblclient-perl libparse-syslog-perl openssl perl"
users="postfix postdrop dovecot dovenull postgrey"
ports="GOOD TLS NOTLS MUSTTLS DEFER SENDER DOMAIN SOFTDOMAIN GREY FULL SMALL NOSIZE BUSY RATE AUTHRATE FORGED
	SELFSIGNED EXPIRED SOON WRONGNAME NOCHAIN OLDTLS NOCERT NOSASL NOPOLICY NOMAP NOMILTER HELO HELODNS CLIENT BLOCKED DISK CONTENT SCREEN FAILING
	SUBMISSION SUBMISSIONS BACKENDLESS LMTP LMTPSOFT POLICY POSTGREY"
extra="CLOSED CA"

configure() {
	# shellcheck source=/dev/null
	. /testdata/check/tools.sh
	more_tls /state/tls
	CA=tls/trusted.pem
	CLOSED=$(free_ports 1)
	VMAIL=$(id -u vmail)
	serve_names
	fill /testdata/check/postfix/main.cf >/etc/postfix/main.cf
	fill /testdata/check/postfix/master.cf >/etc/postfix/master.cf
	: >/etc/aliases
	echo "/X-Parley-Check|Subject: Parley check/ REJECT" >/etc/postfix/content
	local d
	for d in dovecot soft lonely; do
		fill /testdata/check/postfix/$d.conf >/state/$d.conf
	done
	printf '%s\n' "$USER@example.net:{PLAIN}$PASSWORD::::::" "full@example.net:{PLAIN}$PASSWORD::::::userdb_quota_rule=*:storage=1" >/state/users
	chown dovecot /state/users
	chmod 600 /state/users /state/tls/*.key /state/tls/key.pem
	chown postfix /var/lib/postfix
	fill_mailbox
}

# fill_mailbox gives full@example.net more than its quota allows.
fill_mailbox() {
	local box=/state/mail/full
	mkdir -p $box/new $box/cur $box/tmp
	{ printf 'Subject: all that fits\n\n'; head -c 3000 /dev/zero | tr '\0' x; echo; } >$box/cur/1.localhost:2,S
	chown -R vmail:vmail $box
}

run() {
	local d
	install -d -o postgrey /var/lib/postgrey
	# It writes to the system's log, of which there is none here.
	postgrey --inet=127.0.0.1:"$POSTGREY" --delay=6 --user=postgrey --group=postgrey --dbdir=/var/lib/postgrey \
		--whitelist-clients=/dev/null --whitelist-recipients=/dev/null --hostname=localhost >/state/postgrey.log 2>&1 &
	postfix set-permissions >/dev/null 2>&1 || true # it also looks for manuals that Debian leaves out
	postfix start >/state/postfix-start.log 2>&1
	# Their socket stands in a folder that Postfix makes.
	for d in dovecot soft lonely; do
		dovecot -F -c /state/$d.conf >/state/$d-start.log 2>&1 &
	done
}

lib_main "$@"
