"""Reads messages as Python's email package does, and says what is in them.

Each message comes with its length before it, 4 octets with the highest first, and
is answered by JSON in the same form."""

import email
import email.headerregistry
import email.policy
import functools
import json
import struct
import sys

# The structure is read as the package has always read it; fields with a structure of
# their own as it reads them since Python 3.6. That takes time, and most fields are
# the same from message to message.
POLICY = email.policy.default.clone(
    header_factory=functools.lru_cache(maxsize=4096)(email.headerregistry.HeaderRegistry())
)


def fields(part, wanted):
    for name, value in part.raw_items():
        if name.lower() == wanted:
            yield POLICY.header_fetch_parse(name, value)


def describe(part):
    parts = [describe(p) for p in part.get_payload()] if part.is_multipart() else []
    body = "" if parts else (part.get_payload(decode=True) or b"").decode("utf-8", "replace")
    names = [d.params["filename"] for d in fields(part, "content-disposition") if "filename" in d.params]
    return {
        "type": part.get_content_type(),
        "names": [name.lower() for name in part.keys()],
        "file": names[0] if names else "",
        "parts": parts,
        "body": body,
    }


def addresses(message):
    found = {}
    for name in ("from", "sender", "reply-to", "to", "cc", "bcc"):
        for field in fields(message, name):
            found.setdefault(name, []).extend(a.addr_spec for a in field.addresses)
    return found


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(4):
        text = source.read(struct.unpack(">I", size)[0])
        try:
            message = email.message_from_bytes(text)
            answer = {"tree": describe(message), "addresses": addresses(message)}
        except Exception as problem:
            answer = {"problem": repr(problem)}
        answer = json.dumps(answer).encode()
        sink.write(struct.pack(">I", len(answer)) + answer)
        sink.flush()


main()
