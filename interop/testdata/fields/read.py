"""Reads the mails of a Maildir by Python's email package, which shares nothing with
the code under test, and says what is in each as a line of JSON.

    read.py MAILDIR RECIPIENT FIELD

Only the copies for RECIPIENT are read, and only mails that have FIELD.
"""

import email.parser
import email.policy
import hashlib
import json
import pathlib
import re
import sys

policy = email.policy.default


def addresses(msg, name):
    return [{"name": a.display_name, "address": a.addr_spec} for value in msg.get_all(name, []) for a in value.addresses]


def tree(part):
    if not part.is_multipart() or part.get_content_type() == "message/rfc822":
        return part.get_content_type()
    return part.get_content_subtype() + "(" + ", ".join(tree(p) for p in part.iter_parts()) + ")"


def octets(part):
    if part.get_content_type() == "message/rfc822":
        return part.get_payload(0).as_bytes(policy=policy.clone(linesep="\r\n", refold_source="none"))
    return part.get_payload(decode=True)


def file(part):
    content = octets(part)
    cid = part.get("content-id", "")
    return {
        "name": part.get_filename() or "",
        "type": part.get_content_type(),
        "cid": cid.strip("<> "),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def text(part):
    return None if part is None else part.get_content().replace("\r\n", "\n")


# What Python calls a defect and is meant so: an address in UTF-8 (RFC 6532), and
# filename beside filename*, for readers that know only the one (RFC 6266 §4.3).
MEANT = "NonASCIILocalPartDefect", "duplicate parameter name; duplicate ignored"


def defects(parts, header):
    found = [f"{type(d).__name__}: {d}" for part in parts for d in part.defects]
    for part in [header, *parts[1:]]:
        for name, value in part.items():
            found += [f"{name}: {type(d).__name__}: {d}" for d in value.defects]
    return [f for f in found if not any(m in f for m in MEANT)]


def parse_header(head, mend):
    """The header, from text: Python's parser of bytes has no ear for UTF-8 in fields
    (RFC 6532). To mend is to take out the blank between encoded-words, which Python
    leaves standing where they are a phrase (RFC 2047 §6.2)."""
    if mend:
        head = re.sub(r"(?<=\?=)\s+(?==\?)", "", head)
    return email.parser.HeaderParser(policy=policy).parsestr(head + "\n\n")


def read(content, field):
    head = content.partition(b"\n\n")[0]
    header = parse_header(head.decode(), mend=True)
    msg = email.parser.BytesParser(policy=policy).parsebytes(content)
    leaves = [p for p in msg.walk() if not p.is_multipart() or p.get_content_type() == "message/rfc822"]
    attached = [p for p in leaves if p.get_content_disposition() == "attachment"]
    inline = [p for p in leaves if p.get_content_disposition() == "inline"]
    bodies = {p.get_content_type(): p for p in reversed(leaves) if p.get_content_disposition() is None}
    calendar = bodies.get("text/calendar")
    return {
        "cell": header[field],
        "from": addresses(header, "from"),
        "sender": addresses(header, "sender"),
        "replyTo": addresses(header, "reply-to"),
        "to": addresses(header, "to"),
        "cc": addresses(header, "cc"),
        "bcc": addresses(header, "bcc"),
        "subject": (header["subject"] or "").lstrip(),
        "date": header["date"].datetime.isoformat(),
        # A line end right behind the colon leaves Python with the blank after it.
        "fields": [[name, str(value).lstrip()] for name, value in header.items()],
        "text": text(bodies.get("text/plain")),
        "html": text(bodies.get("text/html")),
        "calendar": text(calendar),
        "method": None if calendar is None else calendar["content-type"].params.get("method"),
        "attach": [file(p) for p in attached],
        "inline": [file(p) for p in inline],
        "tree": tree(msg),
        "longest": max(map(len, content.split(b"\n"))),
        "bare": content.count(b"\r") + content.count(b"\0"),
        "defects": defects(list(msg.walk()), parse_header(head.decode(), mend=False)),
    }


def main(maildir, recipient, field):
    wanted = f"Delivered-To: {recipient}\n".encode()
    for path in sorted(pathlib.Path(maildir, "new").iterdir()):
        content = path.read_bytes()
        head = content.partition(b"\n\n")[0] + b"\n"
        if wanted in head and f"\n{field}: ".encode() in head:
            print(json.dumps(read(content, field)))


main(*sys.argv[1:])
