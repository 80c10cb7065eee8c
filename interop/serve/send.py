"""Hands mail over to "parley serve" by Python's smtplib and urllib, and prints a line of JSON for each. What they have in common,
and what they are told, stands in serve_programs_test.go.

    send.py '{"ways": [...], "ca": "ca.pem", "http": "https://127.0.0.1:8026", "user": "kim", "password": "…"}'
"""

import base64
import email.message
import email.policy
import email.utils
import json
import os
import smtplib
import ssl
import sys
import urllib.error
import urllib.request

told = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=told["ca"])


def tell(**line):
    print(json.dumps(line), flush=True)


def letter(sort, to):
    m = email.message.EmailMessage()
    m["From"] = "财务部 <accounts@example.net>"
    m["To"] = f'"Kim \\"Grüße\\" 李" <{to}@example.net>'
    m["Subject"] = "三月对账单"
    if sort != "bare":
        m["Date"] = email.utils.localtime()
        m["Message-ID"] = f"<{to}@example.net>"
    m.set_content("Grüße, 三月\n.\n..\n. x\n.end\n", cte="8bit" if sort == "text" else None)
    if sort == "files":
        m.add_alternative("<p>Grüße, <b>三月</b></p>\n", subtype="html")
        m.add_attachment(os.urandom(70000), maintype="application", subtype="pdf", filename="对账单.pdf")
        m.add_attachment(".\n..\nnote\n", filename="note.txt")
    if sort == "many":
        del m["To"]
        m["To"] = f"{to}@example.net, {to}.2@example.net"
        m["Cc"] = f"李 <{to}.cc@example.net>"
        m["Bcc"] = f"{to}.bcc@example.net"
    return m


def addresses(m):
    return [a for _, a in email.utils.getaddresses([str(m[f]) for f in ("To", "Cc", "Bcc") if m[f]])]


class Sending:
    """A client that remembers what it was made to say."""

    def sendmail(self, from_addr, to_addrs, msg, *args, **kwargs):
        self.content = msg
        return super().sendmail(from_addr, to_addrs, msg, *args, **kwargs)


class SMTP(Sending, smtplib.SMTP):
    pass


class SMTPS(Sending, smtplib.SMTP_SSL):
    pass


def send(way, mechanism, sort, password):
    m = letter(sort, f"python.{way['name']}.{(mechanism or 'none').lower()}.{sort}")
    line = {"way": way["name"], "mechanism": mechanism, "sort": sort, "from": "accounts@example.net", "to": addresses(m)}
    try:
        if way["mode"] == "TLS":
            client = SMTPS("localhost", way["port"], context=context, timeout=20)
        else:
            client = SMTP("localhost", way["port"], timeout=20)
        with client:
            if way["mode"] == "STARTTLS":
                client.starttls(context=context)
            if mechanism == "any":
                client.login(told["user"], password)
            elif mechanism:
                client.ehlo()
                client.user, client.password = told["user"], password
                if mechanism not in client.esmtp_features["auth"].split():
                    raise smtplib.SMTPNotSupportedError(mechanism + " is not offered")
                client.auth(mechanism, getattr(client, "auth_" + mechanism.lower().replace("-", "_")))
            client.send_message(m)
            line["content"] = base64.b64encode(client.content).decode()
    except smtplib.SMTPRecipientsRefused as e:
        line["error"], line["code"] = str(e), list(e.recipients.values())[0][0]
    except smtplib.SMTPException as e:
        line["error"], line["code"] = str(e), getattr(e, "smtp_code", 0)
    tell(**line)


def post(body, kind, key=None, query="", password=told["password"]):
    header = {"Content-Type": kind, "Authorization": "Basic " + base64.b64encode(f"{told['user']}:{password}".encode()).decode()}
    if key:
        header["Idempotency-Key"] = key
    req = urllib.request.Request(told["http"] + "/api/v1/messages" + query, data=body, headers=header, method="POST")
    try:
        with urllib.request.urlopen(req, timeout=20, context=ssl.create_default_context(cafile=told["ca"])) as resp:
            return {"status": resp.status, "answer": json.load(resp)}
    except urllib.error.HTTPError as e:
        return {"status": e.code, "answer": json.load(e)}


def by_http():
    kind = "application/json"
    one = {
        "from": "财务部 <accounts@example.net>",
        "to": ['"Kim \\"Grüße\\" 李" <python.http.json@example.net>', "python.http.json.2@example.net"],
        "cc": [{"name": "李", "address": "python.http.json.cc@example.net"}],
        "bcc": "python.http.json.bcc@example.net",
        "subject": "三月对账单",
        "text": "Grüße, 三月\n.\n..\n. x\n.end",
        "html": "<p>Grüße, <b>三月</b></p>",
        "attach": [{"name": "对账单.bin", "content": base64.b64encode(b"\x00\x01\xff\r\n." * 10000).decode()}],
        "header": [{"name": "X-Parley-Cell", "value": "json"}],
    }

    def dump(**other):
        return json.dumps(one | other).encode()

    for sort in "first", "again":
        tell(way="http", sort="json " + sort, **post(dump(), kind, "python json"))
    tell(way="http", sort="key of another", **post(dump(to="else@example.net"), kind, "python json"))
    tell(way="http", sort="no such field", **post(dump(sbuject="x"), kind))
    tell(way="http", sort="wrong password", **post(dump(), kind, password="not it"))
    tell(way="http", sort="wrong sender", **post(dump(**{"from": "boss@example.org"}), kind))
    to = ["python.http.batch.0@example.net", "no address", "python.http.batch.2@example.net"]
    batch = {"messages": [{"from": "accounts@example.net", "to": t, "subject": str(n), "text": f"{n}\n"} for n, t in enumerate(to)]}
    for sort in "first", "again":
        tell(way="http", sort="batch " + sort, **post(json.dumps(batch).encode(), kind, "python batch"))
    for sort in "text", "files", "many":
        m = letter(sort, "python.http.raw." + sort)
        # As Python writes it to a file: with LF at each line's end.
        raw = m.as_bytes(policy=email.policy.default)
        for again in "", " again":
            tell(way="http", sort="raw " + sort + again, to=addresses(m), content=base64.b64encode(raw).decode(), **{"from": "accounts@example.net"}, **post(raw, "message/rfc822", "python raw " + sort))


for way in told["ways"]:
    if not way["login"]:
        for sort in "text", "files", "many", "bare":
            send(way, "", sort, "")
        continue
    for mechanism in "any", "PLAIN", "LOGIN", "CRAM-MD5":
        for sort in ("text", "files", "many", "bare") if mechanism == "any" else ("text",):
            send(way, mechanism, sort, told["password"])
    send(way, "PLAIN", "wrong", "not it")
    send(way, "", "stranger", "")
by_http()
