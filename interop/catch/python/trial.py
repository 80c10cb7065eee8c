"""Python's own tests of smtplib, with parley catch in place of each server that they make.

The test module is Debian's, as it is. What it takes for granted of its own servers is given here:

  * DebuggingServer and SimSMTPServer are a parley catch each. What the latter is told to do wrong (mail_response,
    rcpt_response, a channel of one's own) becomes a fault rule, and what it would print is written from what was kept.
  * EHLO is answered with the words that the tests want to read, by a fault rule too: "EXPN", "DELIVERBY" and one AUTH.
  * "John" and "Sally" are no addresses (RFC 5321 section 4.1.2 wants a domain), and parley catch takes none such: they
    are sent with a domain, and read without it.
  * Where a test wants the words of its own server behind a code ("250 OK", "235 Authentication Succeeded"), the code is
    compared alone.
  * AUTH comes behind EHLO (RFC 4954 section 4), where one test forgets it.
  * The tests that put a mock in place of the socket get the real one, and a parley catch behind it.

Prints "test<TAB>outcome<TAB>why" for each test.
"""

import json
import os
import socket
import smtplib
import sys
import unittest

from test import support, test_smtplib as theirs

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from caught import Catch

NOWHERE = "@nowhere.example"

# What their servers say behind a code, which is no matter of smtplib's.
WORDS = {b"OK", b"Authentication Succeeded", b"Ok", b"Cannot VRFY user, but will accept message and attempt delivery"}

USERS = "/state/users"

# What went wrong when a test was over, where unittest does not see it.
LATE = []

# Tests that have no use for a server of another house, by name.
NATURE = {
    "LMTPGeneralTests.testUnixDomainSocketTimeoutDefault": "wants a socket at a path that is not there, which only a mock can open",
    "SMTPSimTests.testVRFY": "asks its server for the users that it knows",
    "SMTPSimTests.testEXPN": "asks its server for the lists that it knows",
    "DebuggingServerTests.testEXPNNotImplemented": "wants 502 of a server that knows EXPN and has it not; ours says 500",
    "DebuggingServerTests.testHELP": "wants the words of its own server's HELP",
    "NonConnectingTests": "connects to nobody",
    "DefaultArgumentsTests": "connects to nobody",
    "testQuoteData": "connects to nobody",
    "LMTPGeneralTests.testBasic2": "LMTP takes \"host:port\" for a host's name, since its port has a default; only a mock has that host",
}


def whole(address):
    return address if "@" in address or address in ("", "<>") else address + NOWHERE


def bare(address):
    return address.removesuffix(NOWHERE)


their_quoteaddr, their_auth = smtplib.quoteaddr, smtplib.SMTP.auth


def auth(self, *args, **kwargs):
    self.ehlo_or_helo_if_needed()
    return their_auth(self, *args, **kwargs)


def quoteaddr(address):
    quoted = their_quoteaddr(address)
    return quoted if "@" in quoted or quoted == "<>" else "<%s>" % whole(quoted.strip("<>"))


def parameters(catch, message, verb):
    """parameters are those of MAIL or RCPT in the session of a message."""
    line = [l for l in catch.said(message["session"]) if l.upper().startswith(verb)][-1]
    return line.partition(">")[2].split()


class Channel:
    """What the tests know as the server's side of their one session."""

    def __init__(self, catch):
        super().__setattr__("catch", catch)
        super().__setattr__("mail", None)

    def __setattr__(self, name, value):
        if name == "quit_response":
            self.catch.fault(stage="quit", reply=value, then="hang-up")
        elif name == "mail_response":
            self.__dict__["mail"] = value, self.catch.fault(stage="mail", reply=value)
        elif name == "disconnect" and value:
            reply, rule = self.mail
            self.catch.no_fault(rule)
            self.catch.fault(stage="mail", reply=reply, then="hang-up")
        elif name == "rcpt_response":
            for n, reply in enumerate(value):
                if not reply.startswith("2"):
                    self.catch.fault(stage="rcpt", reply=reply, skip=n, times=1)
        else:
            raise AttributeError(name)

    @property
    def rset_count(self):
        return sum(line.upper().startswith("RSET") for line in self.catch.said())

    rcpt_count = rset_count  # theirs counts only where rcpt_response is set, which it is not where they ask


class Server:
    """Their SimSMTPServer and DebuggingServer."""

    features = ["EXPN", "SIZE 20000000", "STARTTLS", "DELIVERBY", "HELP"]

    def __init__(self, *_, **__):
        self.catch = Catch(*self.arguments())
        self._SMTPchannel = Channel(self.catch)
        self.socket = self
        self.extra, self.hello = [], None
        self.offer()
        self.begin()

    def arguments(self):
        return ["--users", USERS]

    def begin(self):
        pass  # nothing goes wrong yet

    def offer(self):
        if self.hello:
            self.catch.no_fault(self.hello)
        words = ["testhost"] + self.features + self.extra
        self.hello = self.catch.fault(
            stage="hello", match="EHLO *", reply="\n".join("250%s%s" % (" " if w is words[-1] else "-", w) for w in words))

    def getsockname(self):
        return "127.0.0.1", self.catch.port

    def add_feature(self, feature):
        # Theirs offers AUTH a line each; RFC 4954 section 3 wants one with all.
        self.extra.append(feature)
        self.offer()
        if feature == "AUTH BUGGY":
            # A mechanism that never ends: what it says to each response of the client is said at once.
            self.catch.fault(stage="auth", garbage="334 QnVHZ1liVWdHeQ==\\r\\n" * 10)

    def __setattr__(self, name, value):
        if name == "channel_class":  # the one test that has it answers the content with 421
            self.catch.fault(stage="end", reply="421 closing", then="hang-up")
        super().__setattr__(name, value)

    @property
    def _addresses(self):
        m = self.catch.messages()[-1]
        return {"from": bare(m["reverse_path"]), "tos": [bare(r) for r in m["recipients"]]}

    def ended(self):
        pass


class UTF8Server(Server):
    features = Server.features[:-1] + ["SMTPUTF8", "8BITMIME", "HELP"]

    @property
    def last(self):
        return self.catch.messages()[-1]

    last_mailfrom = property(lambda self: bare(self.last["reverse_path"]))
    last_rcpttos = property(lambda self: [bare(r) for r in self.last["recipients"]])
    last_message = property(lambda self: self.catch.raw(self.last).replace(b"\r\n", b"\n")[:-1])
    last_mail_options = property(lambda self: parameters(self.catch, self.last, "MAIL"))
    last_rcpt_options = property(lambda self: parameters(self.catch, self.last, "RCPT"))


class InitialResponseServer(Server):
    """Takes psu's password, and says 571 to any other."""

    def arguments(self):
        return ["--users", USERS + ".psu"]


class Debugging(Server):
    features = ["SIZE 33554432", "HELP"]

    def offer(self):
        self.catch.fault(stage="hello", match="EHLO *", reply="250-\n250-SIZE 33554432\n250 HELP")

    def begin(self):
        self.catch.fault(stage="hello", match="HELO *", skip=1, reply="503 Duplicate HELO/EHLO")

    def ended(self):
        """Prints each mail, and tells on the debug stream who it was from and for, as theirs would."""
        for line in self.catch.said():
            print("Data:", line, file=theirs.smtpd.DEBUGSTREAM)
        for m in self.catch.messages():
            print("sender:", bare(m["reverse_path"]) or "<>", file=theirs.smtpd.DEBUGSTREAM)
            print("recips:", [bare(r) for r in m["recipients"]], file=theirs.smtpd.DEBUGSTREAM)
            text = self.catch.raw(m).decode().removesuffix("\r\n").replace("\r\n", "\n")
            sys.stdout.write(theirs.MSG_BEGIN + text + "\n" + theirs.MSG_END)


def serve(server, ready, client_ended):
    """serve is in place of their loop: our server runs by itself."""
    ready.set()
    client_ended.wait(30)
    try:
        server.ended()
    except Exception as e:
        LATE.append(repr(e))
    finally:
        server.catch.close()
        ready.set()


class Socket:
    """The real socket, by the name of their mock."""

    def __getattr__(self, name):
        return getattr(socket, name)

    def reply_with(self, line):
        pass

    def getfqdn(self, *_):
        return "localhost"

    def create_connection(self, address, timeout=None, source_address=None):
        # The one port that two tests want as their own may be another's, or still warm from the one before.
        return socket.create_connection(address, timeout, source_address and (source_address[0], 0))


def code_alone(self, first, second, msg=None):
    if isinstance(second, tuple) and len(second) == 2 and second[1] in WORDS:
        first, second = first[:1], second[:1]
    their_assert(self, first, second, msg)


their_assert = unittest.TestCase.assertEqual


def instead(cls, *rules):
    """instead gives a class a parley catch in place of the socket's mock or the raw server it sets up."""

    def set_up(self):
        self.catch = Catch()
        for rule in rules:
            self.catch.fault(**rule)
        self.port = self.catch.port
        smtplib.socket = theirs.mock_socket

    def tear_down(self):
        smtplib.socket = socket
        self.catch.close()

    cls.setUp, cls.tearDown = set_up, tear_down


def replace():
    with open(USERS, "w") as f:
        f.write("%s:%s\n" % theirs.sim_auth)
    with open(USERS + ".psu", "w") as f:
        f.write("psu:doesnotexist\n")
    os.chmod(USERS, 0o600)
    os.chmod(USERS + ".psu", 0o600)
    smtplib.quoteaddr, smtplib.SMTP.auth = quoteaddr, auth
    unittest.TestCase.assertEqual = code_alone
    theirs.smtpd.DebuggingServer = Debugging
    theirs.SimSMTPServer = Server
    theirs.SimSMTPUTF8Server = UTF8Server
    theirs.SimSMTPAUTHInitialResponseServer = InitialResponseServer
    theirs.debugging_server = serve
    theirs.mock_socket = Socket()
    theirs.HOST = "127.0.0.1"
    instead(theirs.GeneralTests)
    instead(theirs.BadHELOServerTests, {"stage": "greeting", "garbage": "199 no hello for you!\\r\\n"})
    instead(theirs.TooLongLineTests, {"stage": "greeting", "garbage": theirs.TooLongLineTests.respdata.decode().replace("\n", "\\n")})


def net():
    """net gives the tests of test_smtpnet, which else talk to Gmail: STARTTLS and TLS at once."""
    support.use_resources = ["network"]
    from test import test_smtpnet
    catch = Catch("--smtps", "127.0.0.1:0", "--save-cert", "/state/catch.pem")
    os.environ["SSL_CERT_FILE"] = "/state/catch.pem"
    test_smtpnet.SmtpTest.testServer = test_smtpnet.SmtpSSLTest.testServer = "localhost"
    test_smtpnet.SmtpTest.remotePort = catch.port
    test_smtpnet.SmtpSSLTest.remotePort = catch.tls_port
    smtplib.SMTP_SSL.default_port = catch.tls_port
    return test_smtpnet, catch


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.outcomes = {}

    def tell(self, test, outcome, why=""):
        name = test.id().split("test.", 1)[-1]
        if self.outcomes.get(name, ("ok",))[0] == "ok":
            self.outcomes[name] = outcome, why

    def addSuccess(self, test):
        self.tell(test, "ok")

    def addSkip(self, test, reason):
        self.tell(test, "skipped", reason)

    def addError(self, test, err):
        self.tell(test, "ERROR", self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self.addError(test, err)


def nature(name):
    return next((why for part, why in NATURE.items() if part in name), None)


def main():
    replace()
    loader, result = unittest.TestLoader(), Result()
    suite = loader.loadTestsFromModule(theirs)
    net_tests, catch = net()
    suite.addTests(loader.loadTestsFromModule(net_tests))
    try:
        for group in suite:
            for test in group:
                if why := nature(test.id()):
                    result.tell(test, "not for it", why)
                elif not sys.argv[1:] or any(a in test.id() for a in sys.argv[1:]):
                    test.run(result)
    finally:
        catch.close()
    for name, (outcome, why) in sorted(result.outcomes.items()):
        print(json.dumps({"test": name, "outcome": outcome, "why": why}))
    if LATE:
        sys.exit("after a test: " + "; ".join(LATE))


if __name__ == "__main__":
    main()
