#!/usr/bin/env bash
# The programs that send to our server: swaks, msmtp, curl, Python's smtplib.
#
#   peers/tools.sh run STATE swaks --to kim@example.net ...
. "$(dirname "$0")/lib.sh"

packages="swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl libdigest-hmac-perl msmtp curl python3-minimal libpython3-stdlib openssl perl"

lib_main "$@"
