"""Sends a file by Python's smtplib: send.py MODE PORT MECHANISM USER PASSWORD FROM TO FILE"""

import smtplib
import ssl
import sys

mode, port, mechanism, user, password, sender, to, file = sys.argv[1:]
context = ssl.create_default_context(cafile="/state/tls/ca.pem")
if mode == "TLS":
    client = smtplib.SMTP_SSL("127.0.0.1", int(port), context=context)
else:
    client = smtplib.SMTP("127.0.0.1", int(port))
with client:
    if mode == "STARTTLS":
        client.starttls(context=context)
    client.ehlo()
    if mechanism:
        client.user, client.password = user, password
        client.auth(mechanism, getattr(client, "auth_" + mechanism.lower().replace("-", "_")))
    with open(file, "rb") as f:
        content = f.read()
    options = ["BODY=8BITMIME"]
    if not (sender + to).isascii():
        options.append("SMTPUTF8")
    refused = client.sendmail(sender, [to], content, mail_options=options)
    if refused:
        sys.exit(f"refused: {refused}")
