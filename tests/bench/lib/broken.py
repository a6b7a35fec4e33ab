"""Servers that break: what a tenth of the soak's accounts are at.

    servers = start(cert, "127.0.0.%d", 100)      # one for each way to break
    server.kind, server.scheme, server.address, server.port
    server.told_ms      so long it may take until an account of it is known to
                        fail
"""
import base64

from corpus import plain
from fakemail import FakeImap, FakePop

# Patience (agent/base/limits.h), and some more: for a greeting, and for what
# may make a server think.
GREETING_MS, MAILBOX_MS = 70000, 620000


def _cut_body(s, tag, args):
    """The message's beginning, then no line any more."""
    if "BODY.PEEK[]" not in args:
        return False
    s.say(b"* 1 FETCH (UID 1 BODY[] {5000}\r\nSubject: half\r\n\r\n")
    s.reset()


def _stalled_body(s, tag, args):
    if "BODY.PEEK[]" not in args:
        return False
    s.say(b"* 1 FETCH (UID 1 BODY[] {5000}\r\nSubject: half\r\n\r\n")
    s.hang()


def _endless(s, tag, args):
    s.say(b"* OK " + b"x" * (80 << 10) + b"\r\n")
    s.reset()


def _connect_reset(s):
    s.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")        # SO_LINGER: RST
    return True


def _refuse(answer):
    """Whatever the password."""
    def hook(s, *args):
        tag = args[0] if len(args) == 2 else None
        given = args[-1].split() if tag else args[0]
        if len(given) < 2:                      # no initial response
            s.say(b"+ \r\n")
            base64.b64decode(s.line())
        s.say(b"%s %s\r\n" % (tag.encode(), answer) if tag else answer +
              b"\r\n")
        return True
    return hook


def _say(octets):
    def hook(s, *args):
        s.say(octets)
        s.hang()
    return hook


def _imap(kind):
    one = {"INBOX": [plain(1, "broken")]}
    return {
        "reset": lambda f: f.on("connect", _connect_reset),
        "refused": lambda f: f.on("AUTHENTICATE", _refuse(
            b"NO [AUTHENTICATIONFAILED] no such user")),
        "nonsense": lambda f: f.on("greeting", _say(
            b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        "endless": lambda f: f.on("SELECT", _endless),
        "silent": lambda f: f.on("greeting", lambda s, *a: s.hang()),
        "cut": lambda f: f.on("UID FETCH", _cut_body),
        "stalled": lambda f: f.on("UID FETCH", _stalled_body),
    }[kind], one


def _pop3(kind):
    return {
        "reset": lambda f: f.on("connect", _connect_reset),
        "refused": lambda f: f.on("AUTH", _refuse(b"-ERR [AUTH] no")),
        "nonsense": lambda f: f.on("greeting", _say(b"220 ftp ready\r\n")),
        "silent": lambda f: f.on("greeting", lambda s, a: s.hang()),
        "cut": lambda f: f.on("RETR", lambda s, a: (
            s.say(b"+OK\r\nSubject: half\r\n\r\nhalf"), s.cut())),
    }[kind]


IMAP = ("reset", "refused", "nonsense", "endless", "cut", "silent", "stalled")
POP3 = ("reset", "refused", "nonsense", "cut", "silent")


def start(cert, address, first):
    """One of each; address: a pattern, filled with first and what follows."""
    made = []
    for scheme, kinds, base in (("imaps", IMAP, FakeImap),
                                ("pop3s", POP3, FakePop)):
        for kind in kinds:
            here = address % (first + len(made))
            cls = type("Broken", (base,), {"address": here})
            if scheme == "imaps":
                prepare, boxes = _imap(kind)
                server = cls(boxes, cert=cert)
            else:
                prepare = _pop3(kind)
                server = cls([("one", plain(1, "broken"))], cert=cert)
            prepare(server)
            server.kind, server.scheme = kind, scheme
            server.told_ms = {"silent": GREETING_MS,
                              "stalled": MAILBOX_MS}.get(kind, 0)
            made.append(server)
    return made
