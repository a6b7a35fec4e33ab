"""Hostile and broken servers: each ends in a classified error, in bounded
time and memory, and another account of the same run is served (P4, B15)."""
import os
import signal
import time

import pytest

from corpus import plain
from fakemail import FakeImap, FakePop


@pytest.fixture
def beside(haul, sink, smtp, source, dovecot, user):
    """beside(fake): accounts "bad" at the fake and "good" at Dovecot."""
    made = []

    def make(fake, **settings):
        made.append(fake)
        scheme = "imap" if isinstance(fake, FakeImap) else "pop3"
        dovecot.put(user, [plain(n, user) for n in range(3)])
        haul.delivery(**smtp(sink))
        haul.account("bad", **{**dict(
            server="%s://localhost:%d" % (scheme, fake.port), user="u",
            password=fake.password, tls="none"), **settings})
        haul.account("good", **source(dovecot, "imaps", user))
        haul.sink = sink
        return haul
    yield make
    for fake in made:
        fake.close()


def judged(haul, result, classes=("protocol",), codes=(76,)):
    assert result.code in codes, result
    assert result.account("bad")["result"] in classes, result
    assert result.account("good")["result"] == "ok", result
    good = [m for m in haul.sink.accepted if ".user" in (m.msgid or "")]
    assert len(good) == 3


BLOB = b"A" * 65536

POP_FLOODS = {
    "B3 endless lines before the greeting ends":
        ("greeting", lambda s, a: s.flood(b"+OK " + BLOB)),
    "B5 a line without end":
        ("USER", lambda s, a: s.flood(BLOB)),
    "B10 a listing without end":
        ("UIDL", lambda s, a: s.say(b"+OK\r\n") or s.flood(
            b"".join(b"%d x%d\r\n" % (n, n) for n in range(1, 4000)))),
    "E3 a UIDL of a million octets":
        ("UIDL", lambda s, a: s.say(b"+OK\r\n1 " + b"x" * 1000000 +
                                    b"\r\n.\r\n") or True),
    "E2 only LF":
        ("greeting", lambda s, a: s.say(b"+OK hello\n+OK hello\n" * 5000)
         or True),
    "garbage": ("greeting", lambda s, a: s.say(b"\x16\x03\x01\0\0\n" * 99)
                or True),
    "B7 negative and huge numbers":
        ("UIDL", lambda s, a: s.say(
            b"+OK\r\n-1 a\r\n99999999999999999999 b\r\n.\r\n") or True),
}


@pytest.mark.parametrize("title", POP_FLOODS)
def test_b_hostile_pop3(beside, title):
    verb, hook = POP_FLOODS[title]
    fake = FakePop([("x", plain(1, "hostile"))])
    fake.on(verb, hook)
    if verb == "USER":
        fake.on("AUTH", hook)
    haul = beside(fake)
    judged(haul, haul("fetch", "--json"), ("protocol", "network", "quota"),
           (75, 76))


def _fetch(octets):
    def hook(session, tag, args):
        if "BODY" not in args.upper():
            return False
        session.say(octets)
        session.ok(tag)
        return True
    return hook


IMAP_FLOODS = {
    "B3 endless untagged responses":
        ("SELECT", lambda s, t, a: s.flood(b"* 1 EXISTS\r\n" * 1000)),
    "B3 endless unknown data":
        ("UID FETCH", lambda s, t, a: s.flood(b"* XYZZY ((( \r\n" * 1000)),
    "B5 a line without end":
        ("LOGIN", lambda s, t, a: s.flood(b"* OK " + BLOB)),
    "B6 literal of 2^32-1":
        ("UID FETCH", _fetch(b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\nxx")),
    "B6 literal of 2^63-1":
        ("UID FETCH", _fetch(b"* 1 FETCH (UID 1 BODY[] "
                             b"{9223372036854775807}\r\nxx")),
    "B6 literal of twenty nines":
        ("UID FETCH", _fetch(b"* 1 FETCH (UID 1 BODY[] "
                             b"{99999999999999999999}\r\nxx")),
    "B6 a huge literal in SELECT":
        ("SELECT", lambda s, t, a: s.say(b"* OK {9223372036854775807}\r\n")
         or s.ok(t) or True),
    "B9 nested parentheses":
        ("UID FETCH", _fetch(b"* 1 FETCH (" + b"(" * 100000 + b"\r\n")),
    "garbage": ("greeting", lambda s, t, a: s.say(b"\0\xff" * 4000 + b"\r\n")
                or True),
    "A9 greeting BYE":
        ("greeting", lambda s, t, a: s.say(b"* BYE go away\r\n") or s.cut()),
}


@pytest.mark.parametrize("title", IMAP_FLOODS)
def test_b_hostile_imap(beside, title):
    verb, hook = IMAP_FLOODS[title]
    fake = FakeImap({"INBOX": [plain(1, "hostile")]})
    fake.on(verb, hook)
    if verb == "SELECT":
        fake.on("EXAMINE", hook)
    if verb == "LOGIN":
        fake.on("AUTHENTICATE", hook)
    # An endless literal is ended by the run's end, as a dying server's is.
    if "literal" in title or "SELECT" in title:
        inner = fake.hooks[verb]

        def hook_and_cut(session, tag, args):
            if inner(session, tag, args):
                session.cut()
            return False
        fake.on(verb, hook_and_cut)
        if verb == "SELECT":
            fake.on("EXAMINE", hook_and_cut)
    haul = beside(fake)
    judged(haul, haul("fetch", "--json"), ("protocol", "network", "quota"),
           (75, 76))
    assert not [m for m in haul.sink.accepted if "hostile" in (m.msgid or "")]


def test_b4_endless_smtp_reply(simple, new_sink, dovecot, source, smtp, user):
    """B4: 250- without end: cut off, classified; the other goes on."""
    haul = simple(2)
    evil = new_sink()
    evil.rule("ehlo", "\n".join(["250 x"] * 5000))
    dovecot.put(user + "e", [plain(1, user + "e")])
    haul.delivery("evil", **smtp(evil))
    haul.sections["account", "anna"]["delivery"] = "home"
    haul.account("evil", **source(dovecot, "imaps", user + "e",
                                  delivery="evil"))
    result = haul("fetch", "--json")
    assert result.code in (75, 76), result
    assert len(haul.sink.accepted) == 2 and evil.accepted == []
    assert len(dovecot.left(user + "e")) == 1


@pytest.mark.parametrize("verb", ["greeting", "CAPA", "PASS", "UIDL", "RETR"])
def test_b1_silence_does_not_hold_up_others(beside, verb):
    """B1: the other account is served meanwhile; Ctrl-C ends the run within
    10 s and exits 130."""
    fake = FakePop([("x", plain(1, "silent"))])
    fake.on(verb, lambda s, a: s.hang())
    if verb == "PASS":
        fake.on("AUTH", lambda s, a: s.hang())
    haul = beside(fake)
    process = haul.start("fetch", "--json")
    haul.sink.wait(lambda s: len(s.accepted) == 3, "the good account's mail")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = haul.finish(process, limit=30)
    assert result.code == 130, result
    assert time.monotonic() - began < 25


STRIPPED = {
    "A1 not offered": ("imap", lambda f: None),
    "A1 not offered by POP3": ("pop3", lambda f: None),
    "A2 refused": ("imap", lambda f: (
        f.capability.append("STARTTLS"),
        f.on("STARTTLS", lambda s, t, a: s.no(t) or True))),
    "A2 refused by POP3": ("pop3", lambda f: (
        f.capa.append("STLS"),
        f.on("STLS", lambda s, a: s.say(b"-ERR no\r\n") or True))),
    "A3 injected behind the OK": ("imap", lambda f: (
        f.capability.append("STARTTLS"),
        f.on("STARTTLS", lambda s, t, a: s.say(
            ("%s OK go\r\n* OK injected\r\n" % t).encode()) or True))),
    "A3 injected behind the OK by POP3": ("pop3", lambda f: (
        f.capa.append("STLS"),
        f.on("STLS", lambda s, a: s.say(b"+OK go\r\n+OK injected\r\n")
             or True))),
    "A4 clear text in place of a handshake": ("imap", lambda f: (
        f.capability.append("STARTTLS"),
        f.on("STARTTLS", lambda s, t, a: s.ok(t) or s.line() and False
             or True))),
    "A7 PREAUTH in clear": ("imap", lambda f: f.on(
        "greeting", lambda s, t, a: s.say(b"* PREAUTH hello\r\n") or True)),
}


@pytest.mark.parametrize("title", STRIPPED)
def test_a_no_credential_without_tls(beside, title):
    """A1-A7: TLS is required: no password, no user name, no mail."""
    kind, prepare = STRIPPED[title]
    fake = FakeImap({"INBOX": [plain(1, "clear")]}) if kind == "imap" else \
        FakePop([("x", plain(1, "clear"))])
    prepare(fake)
    haul = beside(fake, tls=None)
    result = haul("fetch", "--json")
    judged(haul, result, ("protocol", "tls", "network"), (75, 76, 77))
    assert not {"LOGIN", "AUTHENTICATE", "PASS", "AUTH"} & set(fake.commands)
    assert not [c for c in fake.commands if c.startswith("USER")]


def test_c2_logindisabled_is_obeyed(beside):
    """C2: LOGIN is never sent, even on a line that was allowed to be clear."""
    fake = FakeImap({"INBOX": [plain(1, "x")]},
                    capability=["IMAP4rev1", "LOGINDISABLED"])
    haul = beside(fake)
    judged(haul, haul("fetch", "--json"), ("auth", "protocol"), (76, 77))
    assert "LOGIN" not in fake.commands


def test_a10_referral_is_not_followed(beside):
    """A10: a secret never goes to another host."""
    elsewhere = FakeImap({"INBOX": []})
    fake = FakeImap({"INBOX": [plain(1, "x")]})

    def refer(session, tag, args):
        session.no(tag, "[REFERRAL imap://localhost:%d/] moved"
                   % elsewhere.port)
        return True
    fake.on("LOGIN", refer)
    fake.on("AUTHENTICATE", lambda s, t, a: refer(s, t, a))
    haul = beside(fake)
    result = haul("fetch", "--json")
    assert result.account("good")["result"] == "ok"
    assert result.account("bad")["result"] != "ok"
    assert elsewhere.sessions == 0
    elsewhere.close()


def test_h1_what_servers_say_is_escaped(beside):
    """H1, H2, H3, H5, D10: control characters, line ends and format
    directives of a server in log and status; one event, one line."""
    evil = "go \x1b[31m\x07\x08 %n%s \u202e \x9b2J away"

    fake = FakePop([("x", plain(1, "evil"))])

    def refuse(session, args):
        session.say(b"-ERR " + evil.encode("latin-1", "replace") + b"\r\n")
        return True
    fake.on("PASS", refuse)
    fake.on("AUTH", refuse)
    haul = beside(fake)
    result = haul("-v", "fetch")
    shown = result.err + result.out + haul("status").out + \
        haul("status", "--json").out + haul("-vv", "check", "bad").err
    assert "%n%s" in shown
    bad = [c for c in shown if (ord(c) < 32 and c not in "\n\t") or
           0x7f <= ord(c) < 0xa0 or 0x202a <= ord(c) <= 0x202e]
    assert not bad, (bad, result)


def test_d11_folder_names_from_the_server(beside):
    """D11: odd names in LIST are opaque and create no files."""
    fake = FakeImap({"INBOX": [plain(1, "names")],
                     "../../etc": [], "a\\b": [], "&bad-": []})
    haul = beside(fake)
    haul("fetch", "--json")
    haul("check")
    assert not os.path.exists(os.path.join(haul.folder, "etc"))


def test_b7_sizes_that_lie(beside):
    """B7, E11: RFC822.SIZE and LIST sizes are advisory; framing decides."""
    pop = FakePop([("a", plain(1, "liar")), ("b", plain(2, "liar"))])

    def sizes(session, args):
        session.say(b"+OK\r\n1 9223372036854775807\r\n2 0\r\n.\r\n"
                    if not args else b"+OK 1 0\r\n")
        return True
    pop.on("LIST", sizes)
    pop.on("STAT", lambda s, a: s.say(b"+OK 2 99999999999\r\n") or True)
    haul = beside(pop, first_run="all")
    result = haul("fetch", "--json")
    got = {m.msgid for m in haul.sink.accepted if "liar" in m.msgid}
    assert "<2.liar@src.test>" in got, result
    assert result.account("good")["result"] == "ok"
