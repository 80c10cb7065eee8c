#!/usr/bin/env bash
# aiosmtpd 1.4: Python's SMTP server, PLAIN and LOGIN; keeps all in one Maildir,
# STATE/mail/inbox.
. "$(dirname "$0")/lib.sh"

packages="python3-aiosmtpd python3-minimal libpython3-stdlib openssl perl-base"
ports="PLAIN STARTTLS TLS"

configure() { :; }

run() {
	/usr/bin/python3 /testdata/aiosmtpd/server.py "$PLAIN" "$STARTTLS" "$TLS" 2>/state/aiosmtpd.log &
}

lib_main "$@"
