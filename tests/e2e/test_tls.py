"""Rows A: TLS and the start of a session, where the peer cheats."""
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from ca import CA
from corpus import ids, msgid, plain
from fakemail import FakeImap, FakePop


@pytest.fixture
def one(haul, sink, smtp, ca):
    """one(fake): the account "anna" at a fake server, over its kind of TLS."""
    made = []

    def make(fake, **settings):
        made.append(fake)
        kind = "imap" if isinstance(fake, FakeImap) else "pop3"
        scheme = kind if fake.starttls or not fake.context else kind + "s"
        haul.delivery(**smtp(sink))
        haul.account("anna", **{**dict(
            server="%s://localhost:%d" % (scheme, fake.port), user="anna",
            password=fake.password, tls_ca=ca.file), **settings})
        haul.sink = sink
        return haul
    yield make
    for fake in made:
        fake.close()


def no_secret(fake):
    assert not {"LOGIN", "AUTHENTICATE", "PASS", "AUTH"} & set(fake.commands)


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_starttls_works(one, user, ca, kind):
    """imap:// and pop3:// mean STARTTLS and STLS, then the usual."""
    mails = [plain(n, user) for n in range(3)]
    cert = ca.issue("fake")
    fake = FakeImap({"INBOX": mails}, cert=cert, starttls=True) \
        if kind == "imap" else FakePop(
            [("u%d" % n, m) for n, m in enumerate(mails)], cert=cert,
            starttls=True)
    haul = one(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))


def test_a5_a6_what_was_said_before_tls_does_not_count(one, user, ca):
    """A5, A6: capabilities, EXISTS, FETCH and ALERT in clear are forgotten;
    capabilities are asked anew under TLS."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(2)]},
                    cert=ca.issue("fake"), starttls=True)

    def capability(session, tag, args):
        if session.secure:
            return False
        session.say(b"* CAPABILITY IMAP4rev1 STARTTLS XEVIL AUTH=EVIL\r\n"
                    b"* 99 EXISTS\r\n* LIST () \"/\" EVIL\r\n"
                    b"* 1 FETCH (UID 1 BODY[] {4}\r\nevil)\r\n")
        session.ok(tag)
        return True
    fake.on("CAPABILITY", capability)
    haul = one(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(2))
    assert sum(c.startswith("CAPABILITY") for c in fake.commands) >= 2


def test_a8_preauth_under_tls_is_refused(one, user, ca):
    """A8: somebody else's session is not ours."""
    fake = FakeImap({"INBOX": [plain(1, user)]}, cert=ca.issue("fake"))
    fake.on("greeting", lambda s, t, a: s.say(b"* PREAUTH root\r\n") or True)
    haul = one(fake)
    assert haul("fetch", "--json").code in (75, 76, 77)
    assert haul.sink.accepted == []


@pytest.mark.parametrize("greeting", [
    b"* BYE busy\r\n", b"* NO go\r\n", b"* BAD go\r\n", b"x1 OK hello\r\n",
    b"220 mail.test ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a9_a20_odd_imap_greetings(one, user, ca, greeting):
    """A9, A20: another service, or a refusal: closed, no secret sent."""
    fake = FakeImap({"INBOX": [plain(1, user)]}, cert=ca.issue("fake"))
    fake.on("greeting", lambda s, t, a: s.say(greeting) or True)
    haul = one(fake)
    assert haul("fetch", "--json").code in (75, 76)
    no_secret(fake)


@pytest.mark.parametrize("greeting", [
    b"-ERR busy\r\n", b"-ERR [SYS/TEMP] later\r\n", b"* OK imap\r\n",
    b"220 mail.test ESMTP\r\n", b"+OKAY\r\n"])
def test_a9_a20_odd_pop3_greetings(one, user, ca, greeting):
    fake = FakePop([("x", plain(1, user))], cert=ca.issue("fake"))
    fake.on("greeting", lambda s, a: s.say(greeting) or True)
    haul = one(fake)
    assert haul("fetch", "--json").code in (75, 76)
    no_secret(fake)


@pytest.mark.parametrize("greeting,code", [
    ("421 4.3.2 later", 75), ("554 5.7.1 not you", 75), ("354 go", 76),
    ("221 bye", 75)])
def test_g1_odd_smtp_greetings(simple, greeting, code):
    """G1: no mail is offered; it stays and waits."""
    haul = simple(2, keep=False)
    haul.sink.rule("connect", greeting)
    result = haul("fetch", "--json")
    assert result.code in (code, 75, 76, 77), result
    assert not haul.sink.events("mail")
    assert len(haul.dovecot.left(haul.mailbox)) == 2


def test_a14_nul_in_a_certificate_name(one, user, ca, folder):
    """A14: localhost<NUL>.evil.test is not localhost."""
    where = folder.new("nul")
    with open(where + "/cnf", "w") as f:
        # a DER IA5String of "localhost\0.evil.test" as a dNSName
        name = b"localhost\0.evil.test"
        inner = b"\x82" + bytes([len(name)]) + name
        der = b"\x30" + bytes([len(inner)]) + inner
        f.write("[v]\nsubjectAltName = DER:%s\n"
                % ":".join("%02x" % c for c in der))
    run = dict(check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes",
                    "-subj", "/CN=x", "-keyout", where + "/key", "-out",
                    where + "/csr"], **run)
    subprocess.run(["openssl", "x509", "-req", "-in", where + "/csr", "-CA",
                    ca.file, "-CAkey", ca.folder + "/ca.key", "-days", "9",
                    "-CAcreateserial", "-extfile", where + "/cnf",
                    "-extensions", "v", "-out", where + "/cert"], **run)
    fake = FakeImap({"INBOX": [plain(1, user)]},
                    cert=(where + "/cert", where + "/key"))
    haul = one(fake)
    assert haul("fetch", "--json").code == 77
    no_secret(fake)


def test_a16_old_tls_is_refused(one, user, ca):
    """A16: a server that knows TLS 1.1 at most; tls_min is 1.2."""
    fake = FakeImap({"INBOX": [plain(1, user)]}, cert=ca.issue("fake"))
    try:
        fake.context.set_ciphers("ALL:@SECLEVEL=0")
        fake.context.minimum_version = ssl.TLSVersion.TLSv1
        fake.context.maximum_version = ssl.TLSVersion.TLSv1_1
    except (ValueError, ssl.SSLError):
        pytest.skip("this Python has no TLS 1.1")
    haul = one(fake)
    assert haul("fetch", "--json").code in (75, 76, 77)
    no_secret(fake)


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a18_a_line_cut_without_farewell_is_incomplete(one, user, ca, kind):
    """A18: FIN without close_notify inside a message: discarded; the next
    pass brings it whole, once."""
    mail, cert = plain(1, user, size=20000), ca.issue("fake")
    if kind == "imap":
        fake = FakeImap({"INBOX": [mail]}, cert=cert)

        def cut(session, tag, args):
            if "BODY" in args.upper() and "HEADER" not in args.upper():
                session.say(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s"
                            % (len(mail), mail))
                session.cut()
        fake.on("UID FETCH", cut)
    else:
        fake = FakePop([("x", mail)], cert=cert)

        def cut(session, args):
            session.say(b"+OK\r\n" + session.stuffed(mail)[:-3])
            session.cut()
        fake.on("RETR", cut)
    haul = one(fake, keep=False)
    assert haul("fetch", "--json").code in (75, 76)
    assert haul.sink.accepted == []
    fake.hooks.clear()
    haul.fetch("anna")
    assert haul.sink.count() == {msgid(1, user): 1}


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a19_silence_after_starttls_holds_up_nobody(one, user, ca, kind,
                                                    dovecot, source):
    """A19: acknowledged, then nothing: others are served, the run can be
    ended."""
    cert = ca.issue("fake")
    if kind == "imap":
        fake = FakeImap({"INBOX": []}, cert=cert, starttls=True)
        fake.on("STARTTLS", lambda s, t, a: s.ok(t) or s.hang())
    else:
        fake = FakePop([], cert=cert, starttls=True)
        fake.on("STLS", lambda s, a: s.say(b"+OK\r\n") or s.hang())
    haul = one(fake)
    dovecot.put(user, [plain(1, user)])
    haul.account("good", **source(dovecot, "imaps", user))
    process = haul.start("fetch")
    haul.sink.wait(lambda s: s.accepted, "the good account's mail")
    process.send_signal(signal.SIGINT)
    assert haul.finish(process, limit=30).code == 130
    no_secret(fake)


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a20_another_service_with_the_same_certificate(simple, ca, scheme):
    """A20: TLS with a good certificate, behind it an HTTP server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("http"))
    server = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        while True:
            try:
                s, _ = server.accept()
                s = context.wrap_socket(s, server_side=True)
                s.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
                heard.append(s.recv(1000))
                s.close()
            except ssl.SSLError:
                pass
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    haul = simple(1, scheme, server="%s://localhost:%d"
                  % (scheme, server.getsockname()[1]))
    assert haul("fetch", "--json").code in (75, 76)
    assert haul.dovecot.password.encode() not in b"".join(heard)
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_a21_trust_is_not_shared_between_accounts(haul, sink, smtp, dovecot,
                                                  source, user, folder):
    """A21: the same server; one account trusts it, the other does not: no
    session of the first is resumed for the second."""

    for who in (user + "a", user + "b"):
        dovecot.put(who, [plain(1, who)])
    haul.delivery(**smtp(sink))
    haul.account("a", **source(dovecot, "imaps", user + "a"))
    haul.account("b", **source(dovecot, "imaps", user + "b", tls_ca=CA(
        folder.new("otherca")).file))
    for _ in range(2):
        result = haul("fetch", "--json", "a", "b")
        assert result.code == 77, result
        assert result.account("a")["result"] == "ok"
        assert result.account("b")["result"] == "tls"
    assert sink.count() == {msgid(1, user + "a"): 1}
