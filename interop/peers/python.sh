#!/usr/bin/env bash
# Python with its own tests, which Debian has in a package apart: those of smtplib send to
# parley catch.
#
#   peers/python.sh run STATE /usr/bin/python3 /catch/python/trial.py ...
. "$(dirname "$0")/lib.sh"

packages="libpython3.11-testsuite python3.11 python3-minimal libpython3-stdlib openssl perl-base"

lib_main "$@"
