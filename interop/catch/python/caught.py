"""parley catch as a server of Python tests: started, told what to do wrong, and asked what it kept."""

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

PARLEY = os.environ["PARLEY"]


class Catch:
    """A parley catch of its own, for as long as close is not called."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [PARLEY, "catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("parley catch said nothing, and ended with %s" % self.process.wait())
        said = json.loads(line)
        self.port = int(said["smtp"].rpartition(":")[2])
        self.tls_port = int((said.get("smtps") or ":0").rpartition(":")[2])
        self.http = said["http"].rstrip("/")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, method="GET", body=None):
        """ask gives what the API answers: octets, or what JSON says."""
        request = urllib.request.Request(self.http + "/api/v1" + path, method=method)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                octets = answer.read()
        except urllib.error.HTTPError as e:
            raise RuntimeError("%s %s: %s: %s" % (method, path, e, e.read().decode())) from None
        if "json" in answer.headers.get("Content-Type", ""):
            return json.loads(octets)
        return octets

    def fault(self, **rule):
        return self.ask("/faults", "POST", rule)["id"]

    def no_fault(self, name):
        self.ask("/faults/" + urllib.parse.quote(name), "DELETE")

    def messages(self):
        """messages are those that were kept, oldest first."""
        return (self.ask("/messages?limit=100")["items"] or [])[::-1]

    def raw(self, message):
        return self.ask("/messages/%d/raw" % message["id"])

    def said(self, session=None):
        """said is every line of a client, of one session or of all, in order; what is secret is not in it."""
        if session is None:
            sessions = [s["id"] for s in self.ask("/sessions?limit=100")["items"]]
            return [line for i in sorted(sessions) for line in self.said(i)]
        lines = self.ask("/sessions/%d/transcript" % session).decode().splitlines()
        return [line[3:] for line in lines if line.startswith("C: ")]
