#!/usr/bin/env bash
# PHP with PHPMailer, as Debian has them: the program that most people send with.
#
#   peers/php.sh run STATE php.default /testdata/proxy/phpmailer.php ...
. "$(dirname "$0")/lib.sh"

packages="php-cli php-mbstring libphp-phpmailer openssl perl"

lib_main "$@"
