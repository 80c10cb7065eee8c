"""aiosmtpd on three ports: clear text, STARTTLS and implicit TLS. See peers/aiosmtpd.sh."""

import asyncio
import mailbox
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = os.environb[b"USER"], os.environb[b"PASSWORD"]


class Keep:
    """Refuses nobody@example.net, and keeps the rest."""

    def __init__(self):
        self.inbox = mailbox.Maildir("/state/mail/inbox")

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == "nobody@example.net":
            return "550 5.1.1 no such user"
        if not address.endswith(("@example.net", "@例子.中国", "@xn--fsqu00a.xn--fiqs8s")):
            return "550 5.7.1 not ours"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        head = "".join(f"Delivered-To: {rcpt}\n" for rcpt in envelope.rcpt_tos).encode()
        content = envelope.original_content.replace(b"\r\n", b"\n")
        self.inbox.add(head + content)
        return "250 2.0.0 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == USER and data.password == PASSWORD
    return AuthResult(success=good, handled=False)  # not handled: let aiosmtpd say 535


async def main(plain, starttls, tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/state/tls/cert.pem", "/state/tls/key.pem")
    keep = Keep()
    loop = asyncio.get_running_loop()

    def factory(**options):
        return lambda: SMTP(keep, hostname="localhost", data_size_limit=4 << 20, enable_SMTPUTF8=True,
                            authenticator=authenticate, **options)

    clear = factory(auth_require_tls=False)
    upgrade = factory(tls_context=context, require_starttls=True, auth_require_tls=True)
    await loop.create_server(clear, "127.0.0.1", plain)
    await loop.create_server(upgrade, "127.0.0.1", starttls)
    await loop.create_server(clear, "127.0.0.1", tls, ssl=context)
    await asyncio.Event().wait()


asyncio.run(main(*map(int, sys.argv[1:])))
