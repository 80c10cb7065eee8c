"""Does what a mail program does whose reader presses its button to unsubscribe, by the text of RFC 8058 and nothing of Parley's.

one_click.py MAIL DNS CA: a mail as it arrived, a JSON object of TXT records, and the file of a CA. It prints what is wrong, a line each.
"""
import email, email.policy, json, re, ssl, sys, urllib.error, urllib.request
import dkim

raw = open(sys.argv[1], "rb").read()
records = json.load(open(sys.argv[2]))
context = ssl.create_default_context(cafile=sys.argv[3])
wrong = []


def check(ok, what):
    if not ok:
        wrong.append(what)
    return ok


message = email.message_from_bytes(raw, policy=email.policy.SMTP)
leave = message.get_all("List-Unsubscribe") or []
post = message.get_all("List-Unsubscribe-Post") or []
check(len(leave) == 1 and len(post) == 1, "3.1: there must be one List-Unsubscribe and one List-Unsubscribe-Post: %r, %r" % (leave, post))
check(post and post[0].strip() == "List-Unsubscribe=One-Click", "3.1: List-Unsubscribe-Post must hold List-Unsubscribe=One-Click: %r" % post)
uris = re.findall(r"<\s*([^>]*?)\s*>", leave[0]) if leave else []
https = [u for u in uris if u.lower().startswith("https:")]
check(len(https) == 1, "3.1: List-Unsubscribe must contain one HTTPS URI: %r" % uris)

# 4: "The message needs a valid DKIM signature that covers at least the List-Unsubscribe and List-Unsubscribe-Post headers."
def txt(name, timeout=5):
    name = (name.decode() if isinstance(name, bytes) else name).rstrip(".")
    return records.get(name, "").encode() or None


good = 0
for n in range(len(message.get_all("DKIM-Signature") or [])):
    d = dkim.DKIM(raw)
    try:
        ok = d.verify(idx=n, dnsfunc=txt)
    except dkim.DKIMException as e:
        wrong.append("4: a signature cannot be checked: %s" % e)
        continue
    covered = {h.decode().lower() if isinstance(h, bytes) else h.lower() for h in d.signed_headers and [h for h, _ in d.signed_headers] or []}
    if ok and {"list-unsubscribe", "list-unsubscribe-post"} <= covered:
        good += 1
    elif ok:
        wrong.append("4: a signature covers %s alone" % sorted(covered))
check(good > 0, "4: no valid signature covers both fields")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def ask(data=None, kind=None, method=None):
    request = urllib.request.Request(https[0], data=data, method=method)
    if kind:
        request.add_header("Content-Type", kind)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), NoRedirect())
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), b""


if https:
    # 6: a link may be followed by a program that looks at it. Whether that left anything the caller looks at, between these lines.
    for method in ("GET", "HEAD"):
        status, _, _ = ask(method=method)
        check(status == 200, "a %s is answered %d" % (method, status))
    print("looked", flush=True)
    sys.stdin.readline()
    form = b"List-Unsubscribe=One-Click"
    multipart = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    for data, kind in ((multipart, "multipart/form-data; boundary=x"), (form, "application/x-www-form-urlencoded")):
        status, headers, _ = ask(data, kind)
        check(200 <= status < 300, "3.1: the POST is answered %d" % status)
        check(not 300 <= status < 400, "3.1: the sender MUST NOT return an HTTPS redirect")
        check("Set-Cookie" not in headers and "WWW-Authenticate" not in headers, "3.2: the POST MUST NOT need cookies or a login")
    # 5: the URI must have a hard to forge part: another one of the same length is refused.
    forged = https[0][:-2] + ("AA" if not https[0].endswith("AA") else "BB")
    https[0] = forged
    status, _, _ = ask(form, "application/x-www-form-urlencoded")
    check(status >= 400, "6: a forged URI is answered %d" % status)
for line in wrong:
    print("wrong: " + line)
print("done")
