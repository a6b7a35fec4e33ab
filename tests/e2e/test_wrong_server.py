"""A server that is not what the configuration takes it for: `fetch` and `check`
say who answers there, or what it wants, and which setting to write."""
import contextlib
import os
import re
import threading

import pytest

from corpus import plain
from fakemail import FakeImap, FakePop
from listener import Listener
from processes import until
from relay import Relay
from shift import Leaps


@pytest.fixture
def speaks(new_sink):
    """speaks("pop3"): the port of a server of that protocol, in clear."""
    made = []

    def server(what):
        if what in ("smtp", "lmtp"):
            return new_sink(lmtp=what == "lmtp").port
        made.append(FakePop([]) if what == "pop3" else FakeImap({"INBOX": []}))
        return made[-1].port
    yield server
    for fake in made:
        fake.close()


@pytest.mark.parametrize("takes, real, words", [
    ("imap", "pop3", r"no IMAP greeting: \+OK.*a POP3 server answers there"),
    ("imap", "smtp", "no IMAP greeting: 220.*an SMTP server answers there"),
    ("pop3", "imap", r"not a POP3 greeting: \* OK.*an IMAP server answers"),
    ("pop3", "smtp", "not a POP3 greeting: 220 .*an SMTP server answers")])
def test_a_source_of_another_protocol(haul, sink, smtp, speaks, takes, real,
                                      words):
    haul.delivery(**smtp(sink))
    haul.account("anna", server="%s://localhost:%d" % (takes, speaks(real)),
                 tls="none", user="anna", password="x")
    for command in ("fetch", "check"):
        result = haul(command, "anna")
        assert result.code == 76, result
        assert re.search(words + ".*port in `server`", result.err), result


@pytest.mark.parametrize("scheme, real, words", [
    ("smtp", "imap", r"not a reply line: \* OK.*an IMAP server answers there"),
    ("smtp", "pop3", r"not a reply line: \+OK.*a POP3 server answers there"),
    ("smtp", "lmtp", "EHLO was refused: 50[02] .*write lmtp:// in `server`"),
    ("lmtp", "smtp", "LHLO was refused: 50[02] .*write smtp:// in `server`")])
def test_a_destination_of_another_protocol(haul, dovecot, source, user, speaks,
                                           scheme, real, words):
    dovecot.put(user, [plain(0, user)])
    haul.delivery(server="%s://localhost:%d" % (scheme, speaks(real)),
                  tls="none", to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user))
    for command in (("fetch", "-v"), ("check",)):
        result = haul(*command)
        assert result.code in (75, 76), result
        assert re.search("delivery home: " + words, result.err), result


@pytest.mark.parametrize("reply, words, code", [
    ("530 5.7.0 Must issue a STARTTLS command first",
     "wants TLS first: 530 5.7.0 Must issue a STARTTLS.*tls = required", 77),
    ("530 5.7.0 Authentication required",
     "wants a sign-in: 530 5.7.0 Authentication.*`user` and a secret", 77)])
def test_g13_what_it_wants_before_mail(simple, reply, words, code):
    """Told by both, and by `check` not once more for each recipient, who
    cannot be asked for without a sender."""
    haul = simple(1)
    haul.sink.rule("mail", reply)
    for command in ("fetch", "check"):
        result = haul(command)
        assert result.code == code, result
        assert re.search("delivery home: the server " + words, result.err), \
            result
        assert "503" not in result.err and "`sender`" not in result.err, result
    assert haul("queue", "list", "--json").json, "it is still there"


def test_three_refused_senders_are_no_wrong_recipient(simple):
    haul = simple(3)
    haul.sink.rule("mail", "550 5.1.8 sender domain not found")
    result = haul("fetch")
    assert result.code == 75, result
    assert re.search("three senders in a row were refused: 550 5.1.8.*"
                     "set `sender` of the delivery", result.err), result
    assert "correct `to`" not in result.err, result
    result = haul("check")
    assert "sender <> refused: 550 5.1.8" in result.err, result
    assert "503" not in result.err, "no recipient without a sender"


@pytest.mark.parametrize("stage, reply, words", [
    ("connect", "554 5.7.1 on a blocklist",
     "refuses us: 554 5.7.1 on a blocklist: its operator knows"),
    ("ehlo", "550 5.7.1 invalid name",
     "EHLO was refused: 550 5.7.1 invalid name: set `hostname`")])
def test_who_we_are_is_not_liked(simple, stage, reply, words):
    haul = simple(1)
    haul.sink.rule(stage, reply)
    for command in ("fetch", "check"):
        result = haul(command)
        assert result.code == 75, result
        assert "delivery home: " in result.err and words in result.err, result


def test_nobody_listens_at_a_socket(simple, folder):
    """A socket has neither host nor port to check."""
    haul = simple(1)
    path = os.path.join(folder.new("dead"), "lmtp")
    with open(path, "w"):
        pass
    haul.delivery(server="lmtp:" + path, to="anna@office.test")
    result = haul("check")
    assert "nothing listens at that socket" in result.err, result
    assert "host" not in result.err, result


@pytest.mark.parametrize("prints, words", [
    ("echo one; echo two", "the secret is more than one line"),
    ("true", "the secret is empty")])
def test_what_a_password_command_must_print(simple, prints, words):
    haul = simple(1, password=None,
                  password_command=["/bin/sh", "-c", prints])
    result = haul("fetch")
    assert result.code == 78, result
    assert "anna: password_command /bin/sh: %s: it must print the secret " \
        "alone" % words in result.err, result


@pytest.mark.parametrize("whose", ["account anna", "delivery home"])
def test_a_password_command_that_hangs_is_named(simple, whose):
    """Told when it begins, though it may pass: it is no network error."""
    haul = simple(1)
    kind, name = whose.split()
    pipe = os.path.join(haul.folder, "pipe")
    os.mkfifo(pipe)
    haul.sections[kind, name].update(
        user=haul.mailbox, password=None, password_command=[
            "/bin/sh", "-c", "read x < %s; echo; exec sleep 60" % pipe])
    if kind == "delivery":
        haul.sections[kind, name]["sender"] = "a@office.test"
    leaps = Leaps(haul)
    fetch = haul.start("fetch", env=leaps.env)
    # it waits for that, and may have been killed by then
    with contextlib.suppress(BrokenPipeError), open(pipe, "w") as f:
        leaps.on(31)
        f.write("\n")
    result = haul.finish(fetch)
    assert result.code == 75, result
    assert re.search("^%s: password_command /bin/sh: it did not end within "
                     "30 s: it must print the secret without asking" %
                     whose.replace("account ", ""), result.err, re.M), result


def test_a_destination_without_sign_in(simple, new_sink, ca):
    """A `user` for a server that offers no AUTH at that port."""
    haul, plain_sink = simple(1), new_sink(tls="implicit")
    haul.delivery(server="smtps://localhost:%d" % plain_sink.port,
                  to="anna@office.test", tls_ca=ca.file, user="u",
                  password="x", sender="u@office.test")
    result = haul("fetch")
    assert result.code == 77, result
    assert "leave `user` out if it wants no sign-in" in result.err, result


def test_check_does_not_wait_long_where_tls_begins(haul, dovecot, ca, user):
    """A server that waits for a ClientHello is silent: RFC 5321 gives five
    minutes for a greeting, `check` half a minute, and says what to write."""
    leaps, told = Leaps(haul), threading.Event()
    waker = Listener(lambda s: told.wait(60) and s.sendall(b"* BYE later\r\n"))
    with Relay(dovecot.ports["imaps"]) as relay:
        haul.delivery(server="smtp://localhost:%d" % relay.port,
                      to="anna@office.test", tls="required")
        for kind in ("imap", "pop3"):
            haul.account(kind, user=user, password="x", tls_ca=ca.file,
                         server="%s://localhost:%d" % (kind, relay.port))
        haul.account("waker", user="w", password="x", tls="none",
                     server="imap://127.0.0.1:%d" % waker.port)
        check = haul.start("check", env=leaps.env)
        until(lambda: len(relay.lines) == 3, "three silent lines")
        leaps.on(31)
        told.set()
        result = haul.finish(check)
    waker.close()
    assert result.code == 75, result
    for name in ("delivery home", "imap", "pop3"):
        assert re.search(r"^%s: .*did not answer within 30 s.*where it begins "
                         "with TLS, write imaps://, pop3s:// or smtps://"
                         % name, result.err, re.M), result
