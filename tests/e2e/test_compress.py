"""COMPRESS=DEFLATE (RFC 4978): with real Dovecot, and with servers that make
much of little. B11, B12."""
import os
import re
import zlib

import pytest

from corpus import expected, from_ours, msgid, plain, strip
from fakemail import FakeImap
from relay import Relay
from servers import Dovecot

ZLIB = """
protocol imap {
  mail_plugins = imap_zlib
}
"""


@pytest.fixture(scope="module")
def zlib_dovecot(folder, ca):
    server = Dovecot(folder.new("dovecot"), ca, extra=ZLIB)
    yield server
    server.leave()


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_compressed_mail_arrives_as_it_came(haul, zlib_dovecot, sink, smtp,
                                            source, user, scheme):
    """B12: asked for behind the sign-in alone; every octet arrives, and few of
    them crossed the line; keep = no deletes; nothing comes twice."""
    mails = [plain(n, user, size=3000 * (n + 1)) for n in range(20)]
    zlib_dovecot.put(user, mails)
    haul.delivery(**smtp(sink))
    with Relay(zlib_dovecot.ports[scheme]) as relay:
        haul.account("a", **dict(
            source(zlib_dovecot, scheme, user, compress=True, keep=False),
            server="%s://localhost:%d" % (scheme, relay.port)))
        first = haul("-vv", "fetch", "--json")
        assert first.code == 0, first
        assert first.account("a")["delivered"] == 20
        assert first.account("a")["deleted"] == 20
        said = re.findall(r"command=(\S+)", first.err)
        assert said.index("AUTHENTICATE") < said.index("ID") < \
            said.index("SELECT")
        assert "COMPRESS" not in said       # that is told if it is refused
        assert haul.fetch().account("a")["found"] == 0
    assert sorted(strip(from_ours(m.octets)) for m in sink.accepted) == \
        sorted(expected(m) for m in mails)
    assert zlib_dovecot.left(user) == []
    assert relay.lines[0].from_server < 0.7 * sum(map(len, mails))


def test_compress_where_it_is_not_offered(haul, dovecot, sink, smtp, source,
                                          user):
    dovecot.put(user, [plain(1, user)])
    haul.delivery(**smtp(sink))
    haul.account("a", **source(dovecot, "imaps", user, compress=True))
    assert haul.fetch().account("a")["delivered"] == 1


# -------------------------------------------------------- scripted servers

@pytest.fixture
def fake(ca):
    made = []

    def make(*mails):
        server = FakeImap({"INBOX": list(mails)}, cert=ca.issue("fake"))
        server.capability.append("COMPRESS=DEFLATE")
        made.append(server)
        return server
    yield make
    for server in made:
        server.close()


@pytest.fixture
def beside(haul, sink, smtp, ca, dovecot, source, user):
    """The account "a" at the fake, "good" at Dovecot."""
    def make(server, **more):
        dovecot.put(user, [plain(n, user) for n in range(3)])
        haul.delivery(**smtp(sink))
        haul.account("a", server="imaps://localhost:%d" % server.port,
                     user="u", password=server.password, tls_ca=ca.file,
                     **dict(dict(compress=True), **more))
        haul.account("good", **source(dovecot, "imaps", user))
        return haul
    return make


def test_b12_no_secret_is_compressed(beside, fake, sink):
    """B12: COMPRESS once, behind the sign-in, before anything of the mailbox;
    what we send is stored, not packed: as long as what is in it."""
    server = fake(plain(1, "packed"))
    raw = []
    server.on_raw = raw.append
    beside(server).fetch()
    verbs = [c.split()[0] for c in server.commands]
    assert verbs.count("COMPRESS") == 1
    assert verbs.index("AUTHENTICATE") < verbs.index("COMPRESS") < \
        verbs.index("SELECT")
    assert msgid(1, "packed") in sink.count()
    assert raw and b"SELECT" in b"".join(raw)
    assert server.password.encode() not in b"".join(raw)


def test_b11_a_bomb_is_cut_off(beside, fake, sink):
    """B11: a gigabyte of nothing out of a megabyte: a limit, said in words with
    the remedy; the other account does not notice; nothing is delivered."""
    server = fake(plain(1, "bomb"))

    def explode(session, tag, args):
        if "BODY" not in args.upper():
            return False
        session.say(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % (1 << 30))
        for _ in range(1 << 10):
            session.say(b"\n" * (1 << 20))
        return True
    server.on("UID FETCH", explode)
    haul = beside(server)
    result = haul("fetch", "--json")
    assert result.account("a")["result"] != "ok", result
    assert "compressed data grows beyond measure" in \
        result.account("a")["error"]["text"], result
    assert "compress = no" in result.account("a")["error"]["remedy"]
    assert result.account("good")["delivered"] == 3
    assert not [m for m in sink.accepted if "bomb" in (m.msgid or "")]


@pytest.mark.parametrize("what, words", [
    (b"\0\0\0\xff\xff" * 20000, "holds nothing"),
    (b"\x07", "malformed"),
    (zlib.compress(b"a4 OK\r\n"), "malformed"),          # with RFC 1950's head
    (b"\x03\x00" + b"a4 OK\r\n", "follow the end"),       # an end, and text
], ids=["empty", "type-3", "rfc1950", "behind-the-end"])
def test_b11_odd_deflate(beside, fake, what, words):
    """B11: frames without content, no DEFLATE at all, octets behind its end."""
    server = fake(plain(1, "odd"))

    def spoil(session, tag, args):
        session.raw(what)
        return True
    server.on("SELECT", spoil)
    result = beside(server)("fetch", "--json")
    assert result.code == 76, result
    assert words in result.account("a")["error"]["text"], result
    assert result.account("good")["result"] == "ok"


def test_b11_cut_inside_a_block(beside, fake, sink):
    """A line that ends inside a block: as any line cut off; later it comes."""
    server = fake(plain(1, "cut", size=50000))

    def cut(session, tag, args):
        if "BODY" not in args.upper() or server.sessions > 1:
            return False
        octets = session.packed(b"* 1 FETCH (UID 1 BODY[] {50000}\r\n" +
                                os.urandom(40000))
        session.raw(octets[:20000])
        session.cut()
    server.on("UID FETCH", cut)
    haul = beside(server)
    result = haul("fetch", "--json")
    assert result.account("a")["result"] == "network", result
    assert haul.fetch("a").account("a")["delivered"] == 1
    assert sink.count()[msgid(1, "cut")] == 1
