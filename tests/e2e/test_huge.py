"""CASES F12: a message of more than 2 GiB, from a server that makes it up as it
goes, to a sink that keeps nothing of it."""
import hashlib
import os

import pytest

from fakemail import FakeImap, FakePop, _ImapSession, _PopSession
from haul import Raw
from listener import Listener

HEAD = (b"From: huge@src.test\r\nMessage-ID: <huge@src.test>\r\n"
        b"Subject: more than 2 GiB\r\n\r\n")
PIECE = b"".join(b"%07d " % n + b"x" * 70 + b"\r\n" for n in range(20000))
OCTETS = int(os.environ.get("MAILHAUL_HUGE", (2 << 30) + 12346)) & ~1


def pieces():
    left = OCTETS - len(HEAD)
    yield HEAD
    while left > len(PIECE) + 2:
        yield PIECE
        left -= len(PIECE)
    yield b"y" * (left - 2) + b"\r\n"


class Huge:
    def __len__(self):
        return OCTETS

    def split(self, by):
        return [HEAD[:-4]]


class _Pop(_PopSession):
    def do_RETR(self, args):
        self.say(b"+OK\r\n")
        for piece in pieces():
            self.say(piece)
        self.say(b".\r\n")


class _Imap(_ImapSession):
    def do_UID_FETCH(self, tag, args):
        if "BODY" not in args.upper():
            return super().do_UID_FETCH(tag, args)
        self.say(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % OCTETS)
        for piece in pieces():
            self.say(piece)
        self.say(b")\r\n")
        self.ok(tag)


class HugePop(FakePop):
    session = _Pop


class HugeImap(FakeImap):
    session = _Imap


class Drain:
    """An SMTP server for one message, of which it keeps length and hash."""

    def __init__(self, chunking):
        self.chunking = chunking
        self.octets, self.hash = 0, hashlib.sha1()
        self.head, self.front = False, b""
        self.listener = Listener(self.serve)
        self.port = self.listener.port

    def serve(self, s):
        try:
            self.answer(s)
        except OSError:     # QUIT's answer is not awaited
            pass

    def answer(self, s):
        f = s.makefile("rwb", buffering=1 << 20)

        def say(line):
            f.write(line + b"\r\n")
            f.flush()
        say(b"220 drain")
        for line in iter(f.readline, b""):
            verb, _, rest = line.strip().partition(b" ")
            if verb == b"EHLO":
                say(b"250-drain\r\n250-8BITMIME\r\n250 CHUNKING"
                    if self.chunking else b"250-drain\r\n250 8BITMIME")
            elif verb == b"BDAT":
                size = int(rest.split()[0])
                while size:
                    piece = f.read(min(size, 1 << 20))
                    size -= len(piece)
                    self.take(piece)
                say(b"250 2.0.0 taken")
            elif verb == b"DATA":
                say(b"354 go")
                self.drain(f)
                say(b"250 2.0.0 taken")
            else:
                say(b"221 bye" if verb == b"QUIT" else b"250 2.1.0 ok")

    def drain(self, f):
        """Up to the dot: no other line here begins with one."""
        held = b""
        while not held.endswith(b"\r\n.\r\n"):
            self.take(held[:-5])
            held = held[-5:] + f.read1(1 << 20)
        self.take(held[:-3])

    def take(self, piece):
        if not self.head:       # what we put in front is left out
            self.front += piece
            at = self.front.find(HEAD)
            if at < 0:
                return
            self.head, piece = True, self.front[at:]
        self.octets += len(piece)
        self.hash.update(piece)

    def close(self):
        self.listener.close()


@pytest.mark.skipif("MAILHAUL_SLOW" not in os.environ,
                    reason="4 GiB and a minute each: MAILHAUL_SLOW=1")
@pytest.mark.parametrize("scheme,chunking", [("pop3", False), ("imap", True)])
def test_f12_more_than_2_gib(haul, scheme, chunking):
    fake = HugePop([("u1", Huge())]) if scheme == "pop3" else \
        HugeImap({"INBOX": [Huge()]})
    drain = Drain(chunking)
    try:
        haul.general(spool_limit=Raw("8G"))
        haul.delivery(server="smtp://localhost:%d" % drain.port,
                      to="anna@office.test")
        haul.account("anna", server="%s://localhost:%d" % (scheme, fake.port),
                     tls="none", user="u", password=fake.password,
                     keep=False)
        result = haul("fetch", "--json", limit=1200)
        account = result.account("anna")
        assert result.code == 0, result
        assert account["fetched"] == account["delivered"] == 1, result
        assert account["octets"] >= OCTETS and account["deleted"] == 1
        want = hashlib.sha1()
        for piece in pieces():
            want.update(piece)
        assert drain.octets == OCTETS
        assert drain.hash.digest() == want.digest()
    finally:
        drain.close()
        fake.close()
