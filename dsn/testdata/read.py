# Reads a letter with Python's email package, and says as JSON what it saw.
import email, email.policy, json, sys

raw = sys.stdin.buffer.read()
m = email.message_from_bytes(raw, policy=email.policy.default)
parts = m.get_payload()
defects = [repr(d) for p in m.walk() for d in p.defects]


def groups(part):
    if part.get_content_type() == "message/delivery-status":  # Python makes a message of each group
        return [[[k, str(v)] for k, v in g.items()] for g in part.get_payload() if g.items()]
    # It knows no message/global-delivery-status: the body is read as a message, once decoded.
    import quopri

    body = part.as_bytes().split(b"\n\n", 1)[1]
    text = quopri.decodestring(body).decode("utf-8")
    return [
        [l.split(":", 1) for l in g.splitlines() if ":" in l and l[0] not in " \t"]
        for g in text.replace("\r\n", "\n").strip().split("\n\n")
    ]


def returned(part):
    import quopri
    from email.header import decode_header, make_header

    if part.get_content_type() == "message/rfc822":
        return str(part.get_payload()[0]["Subject"])
    text = part.as_bytes().split(b"\n\n", 1)[1]
    if part["Content-Transfer-Encoding"] == "quoted-printable":
        text = quopri.decodestring(text)
    inner = email.message_from_bytes(text)
    return str(make_header(decode_header(str(inner["Subject"])))) if text.isascii() else text.decode("utf-8")


json.dump(
    {
        "Type": m.get_content_type(),
        "ReportType": m.get_param("report-type"),
        "Auto": str(m["Auto-Submitted"]),
        "Parts": [p.get_content_type() for p in parts],
        "Groups": groups(parts[1]),
        "Human": parts[0].get_content(),
        "Defects": defects,
        "Returned": returned(parts[2]),
    },
    sys.stdout,
)
