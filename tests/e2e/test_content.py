"""Rows F and B13: what may stand in a message."""
import os
import random

import pytest

from corpus import expected, plain, strip
from fakemail import FakeImap, FakePop


@pytest.fixture
def through(haul, sink, smtp):
    """through(octets): both protocols; the octets as they arrived."""
    def run(octets):
        arrived = []
        for fake, scheme in ((FakeImap({"INBOX": [octets]}), "imap"),
                             (FakePop([("x", octets)]), "pop3")):
            haul.delivery(**smtp(sink))
            haul.account(scheme, server="%s://localhost:%d"
                         % (scheme, fake.port), tls="none", user="u",
                         password=fake.password)
            before = len(sink.accepted)
            haul.fetch(scheme)
            got = sink.accepted[before:]
            assert len(got) == 1
            arrived.append(strip(got[0].octets))
            haul.fresh()
            fake.close()
        assert arrived[0] == arrived[1]
        return arrived[0]
    return run


def _header(lines):
    return b"".join(lines) + b"\r\nbody\r\n"


CONTENT = {
    "F8 a sender that looks like an option":
        lambda: b"Return-Path: <-oQ/tmp@x.test>\r\nFrom: a\r\n\r\nb\r\n",
    "F8 a sender with shell words":
        lambda: b"Return-Path: <\"`id`;rm\"@x.test>\r\nFrom: a\r\n\r\nb\r\n",
    "F9 no Message-ID": lambda: b"From: a\r\n\r\nb\r\n",
    "F9 two Message-IDs":
        lambda: b"Message-ID: <a@x>\r\nMessage-ID: <b@x>\r\n\r\nb\r\n",
    "F9 a Message-ID of 300 KB":
        lambda: b"Message-ID: <" + b"m" * 300000 + b"@x>\r\n\r\nb\r\n",
    "F5 UTF-8 in the envelope":
        lambda: "Return-Path: <jürgen@münchen.test>\r\n\r\nb\r\n".encode(),
    "F13 random octets":
        lambda: b"From: a\r\n\r\n" + random.Random(1).randbytes(300000)
        .replace(b"\0", b"\1") + b"\r\n",
    "B13 a million header lines":
        lambda: _header([b"X-%d: y\r\n" % n for n in range(1000000)]),
    "B13 one header field of 20 MB":
        lambda: _header([b"X-Big: a\r\n"] + [b" " + b"c" * 900 + b"\r\n"] *
                        22000),
    "B13 nothing but header": lambda: b"A: b\r\n" * 3,
    "F15 looks like our own lines":
        lambda: b"Received: from localhost\r\nX-Mailhaul-Trace: A.B.C\r\n"
        b"\r\n.\r\nMAIL FROM:<x@y>\r\n\r\n.\r\n",
}


@pytest.mark.parametrize("title", CONTENT)
def test_f_content_arrives_as_it_came(through, title):
    octets = CONTENT[title]()
    assert through(octets) == expected(octets)


def test_f4_eight_bit_to_a_server_without_8bitmime(haul, new_sink, dovecot,
                                                   source, smtp, user):
    """F4: as it is, or held; never damaged."""
    sink = new_sink(eightbit=False, smtputf8=False)
    mail = plain(1, user, body="Grüße\r\n".encode() * 9)
    dovecot.put(user, [mail])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    if sink.accepted:
        assert strip(sink.accepted[0].octets) == expected(mail)
    else:
        assert [q["state"] for q in haul.queue()] == ["held"]


def test_i4_bit_rot_in_the_spool_is_never_sent(simple, user):
    """I4: a body that no longer fits its hash is fetched again or held."""
    haul = simple(1, keep=False)
    haul.sink.rule("rcpt", "450 4.2.0 later", times=1)
    haul("fetch")
    [entry] = haul.queue()
    flipped = 0
    for folder, _, files in os.walk(haul.state):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                octets = f.read()
            at = octets.find(b"Subject: number 0")
            if at >= 0:
                with open(path, "r+b") as f:
                    f.seek(at + 9)
                    f.write(b"NUMBER")
                flipped += 1
    assert flipped == 1
    haul("queue", "retry", entry["id"], "-y")
    for _ in range(2):
        haul("fetch", "--json", "anna")
    assert not any(b"NUMBER" in m.octets for m in haul.sink.accepted)
    assert haul.sink.accepted or haul.queue()
    if not haul.sink.accepted:
        assert len(haul.dovecot.left(user)) == 1


def test_i10_a_ledger_from_yesterday_is_noticed(simple, user):
    """I10: the ledger alone is put back: said so, nothing sent again."""
    haul = simple(3)
    haul.fetch()
    kept = {}
    for name in os.listdir(haul.state):
        path = os.path.join(haul.state, name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                octets = f.read()
            if octets.startswith(b"SQLite") or name.endswith(("-wal", "-shm")):
                kept[path] = octets
    assert kept
    haul.dovecot.put(user, [plain(n, user) for n in range(3, 9)])
    haul.fetch()
    for name in os.listdir(haul.state):
        if name.endswith(("-wal", "-shm")):
            os.unlink(os.path.join(haul.state, name))
    for path, octets in kept.items():
        with open(path, "wb") as f:
            f.write(octets)
    haul("fetch", "--json", "anna")
    haul("fetch", "--json", "anna")
    assert all(n == 1 for n in haul.sink.count().values())
