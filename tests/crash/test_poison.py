"""DESIGN 5, "Poison": I18, I19, J8. A message that brings the program down is
found out by trying singly what was in hand, and held; the rest flows."""
import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest

from corpus import msgid, plain
from fakemail import FakeImap
from haul import Mailhaul, release
from sink import Sink
from sweep import HERE

CRASHES = 14                      # passes at most until all is quiet


@pytest.fixture(scope="session")
def poison(folder):
    path = os.path.join(folder.path, "poison.so")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", path,
                    os.path.join(HERE, "poison.c"), "-ldl"], check=True)
    return path


class Place:
    """Two mailboxes of an IMAP server in clear, one sink, the program."""

    def __init__(self, folder, shim, **words):
        self.haul = m = Mailhaul(folder, release())
        self.env = dict(LD_PRELOAD=shim, **words)
        if "ASAN_OPTIONS" in m.environment():
            self.env["ASAN_OPTIONS"] = (m.environment()["ASAN_OPTIONS"] +
                                        ":verify_asan_link_order=0")
        self.sink = Sink()
        m.delivery(server="smtp://localhost:%d" % self.sink.port,
                   to="home@office.test")
        self.servers, self.mails = [], {}

    def box(self, name, mails):
        server = FakeImap({"INBOX": mails})
        self.servers.append(server)
        self.haul.account(name, user=name, password=server.password, tls="none",
                          server="imap://127.0.0.1:%d" % server.port)

    def fetch(self):
        return self.haul("fetch", "--json", *[n for k, n in self.haul.sections
                                              if k == "account"],
                         env=self.env)

    def until_quiet(self):
        """Fetches until nothing is due or in doubt; the 15 minutes of those
        in doubt pass between. Returns the results of the passes."""
        results = []
        for _ in range(CRASHES):
            results.append(self.fetch())
            with contextlib.closing(sqlite3.connect(
                    os.path.join(self.haul.state, "ledger.db"))) as ledger:
                doubts = ledger.execute("UPDATE queue SET next_at = 1 WHERE "
                                        "state = 3").rowcount
                ledger.commit()
            if not doubts and results[-1].code in (0, 75):
                return results
        raise AssertionError("not quiet: %r" % results)

    def close(self):
        self.sink.close()
        for s in self.servers:
            s.close()


@pytest.fixture
def place(folder, poison):
    places = []

    def make(**words):
        places.append(Place(folder.new("poison"), poison, **words))
        return places[-1]
    yield make
    for p in places:
        p.close()


def crashes(results):
    return sum(r.code == -signal.SIGSEGV for r in results)


def test_i19_a_message_that_crashes_the_sending_is_held(place):
    p = place(POISON_OUT="X-Fatal: yes")
    mails = [plain(n, "a", size=900, extra=b"X-Fatal: yes\r\n" if n == 4
                   else b"") for n in range(12)]
    p.box("anna", mails)
    results = p.until_quiet()
    assert 3 <= crashes(results) <= 5, results
    held = p.haul.queue()
    assert [q["message_id"] for q in held] == [msgid(4, "a")], held
    assert held[0]["state"] == "held"
    assert "crashed three times" in held[0]["reason"]
    assert set(p.sink.count()) == {msgid(n, "a") for n in range(12)} - {
        msgid(4, "a")}
    r = p.haul("queue", "retry", "-y", held[0]["id"])
    assert r.code == 0, r
    p.env.pop("POISON_OUT")       # the bug is mended
    assert p.fetch().code == 0
    assert p.haul.queue() == []
    assert p.sink.count()[msgid(4, "a")] >= 1


def test_i19_a_message_that_crashes_the_fetching_is_held(place):
    """Two accounts: the other one's mail all arrives."""
    p = place(POISON_IN="X-Fatal: yes")
    p.box("anna", [plain(n, "a", size=400000 if n == 2 else 500,
                         extra=b"X-Fatal: yes\r\n" if n == 2 else b"")
                   for n in range(5)])
    p.box("ben", [plain(n, "b", size=500) for n in range(5)])
    results = p.until_quiet()
    assert 3 <= crashes(results) <= 6, results
    told = [r.err for r in results if "a bug of ours" in r.err]
    assert len(told) == crashes(results) and "it is held" in told[-1], results
    held = p.haul.queue()
    assert [(q["account"], q["uid"], q["state"]) for q in held] == [
        ("anna", "3", "held")], held
    assert set(p.sink.count()) == {msgid(n, "a") for n in (0, 1, 3, 4)} | {
        msgid(n, "b") for n in range(5)}
    # it stays so, and its source keeps it
    assert crashes([p.fetch()]) == 0
    p.env.pop("POISON_IN")
    assert p.haul("queue", "retry", "-y", held[0]["id"]).code == 0
    assert p.fetch().code == 0
    assert p.sink.count()[msgid(2, "a")] == 1
    assert p.haul.queue() == []


def test_j8_three_restarts_under_load_strike_nobody(place):
    """SIGKILL while mail is in hand, as an OOM killer does (I18) or a person
    in a hurry: nothing is called poison, all of it arrives."""
    p = place()
    p.box("anna", [plain(n, "a", size=20000) for n in range(400)])
    for n in range(3):
        process = p.haul.start("fetch", env=p.env)
        p.sink.wait(lambda s, n=n: len(s.accepted) > 10 * (n + 1),
                    "some mail")
        process.kill()
        process.wait()
    results = p.until_quiet()
    assert crashes(results) == 0
    assert not any("bug" in r.err for r in results), results
    assert p.haul.queue() == []
    assert set(p.sink.count()) == {msgid(n, "a") for n in range(400)}
