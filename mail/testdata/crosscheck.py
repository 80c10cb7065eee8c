"""Reads every *.eml of a folder with the email package, and prints what it sees, a JSON object a line."""
import email, email.header, email.policy, email.utils, hashlib, json, pathlib, sys

def people(value):
    # The new policy keeps blanks between the encoded-words of a name until Python 3.12.10
    # (gh-128110), so names are decoded by the older half of the package.
    if value is None:
        return []
    return [[str(email.header.make_header(email.header.decode_header(name))), addr]
            for name, addr in email.utils.getaddresses([value])]

def text(part):
    return part.get_content().replace("\r\n", "\n") if part is not None else ""

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    m = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    old = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
    texts, files = {}, []
    for part in m.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_content_disposition() is None:
            texts[kind] = text(part)
        else:
            files.append([part.get_content_disposition(), part.get_filename() or "", kind,
                          str(part["content-id"] or ""), hashlib.sha256(part.get_payload(decode=True)).hexdigest()])
    # A name in RFC 2231 beside its likeness in ASCII is a duplicate for Python, which says so.
    defects = [str(d) for p in m.walk() for d in p.defects]
    print(json.dumps({
        "file": path.name, "defects": defects, "subject": str(m["subject"] or ""), "x": str(m["x-text"] or ""),
        "from": people(old["from"]), "to": people(old["to"]), "cc": people(old["cc"]), "replyTo": people(old["reply-to"]),
        "date": m["date"].datetime.isoformat(), "id": str(m["message-id"]), "references": str(m["references"] or ""),
        "texts": texts, "files": files, "bcc": "bcc" in m,
    }))
