"""Ways to a source: client certificates, TLS versions and resumption, clear
lines where they are written, against a real Dovecot; protocols that are gone."""
import os
import re
import ssl
import subprocess

import pytest

from ca import CA
from corpus import ids, plain
from fakemail import FakeImap
from servers import Dovecot


# ------------------------------------------------------- client certificates

@pytest.fixture(scope="module")
def strict_dovecot(folder, ca):
    """Lets nobody in who shows no certificate of our authority."""
    server = Dovecot(folder.new("dovecot"), ca, extra=(
        "ssl_ca = <%s\nssl_verify_client_cert = yes\nssl_require_crl = no\n"
        "auth_ssl_require_client_cert = yes\n" % ca.file))
    yield server
    server.leave()


@pytest.fixture(scope="module")
def client(ca, folder):
    """Certificate and key of ours, readable by us alone."""
    cert, key = ca.issue("client", san=None, cn="anna")
    os.chmod(key, 0o600)
    return cert, key


@pytest.fixture
def strict(haul, sink, smtp, strict_dovecot, source, user):
    def make(scheme="imaps", **settings):
        strict_dovecot.put(user, [plain(n, user) for n in range(2)])
        haul.delivery(**smtp(sink))
        haul.account("anna", **source(strict_dovecot, scheme, user,
                                      **settings))
        haul.sink, haul.mailbox = sink, user
        return haul
    return make


@pytest.mark.parametrize("scheme", ["imaps", "imap", "pop3s", "pop3"])
def test_client_certificate(strict, client, scheme):
    """Shown from the first octet and behind STARTTLS, STLS."""
    haul = strict(scheme, client_cert=client[0], client_key=client[1])
    haul.fetch()
    assert haul.sink.count() == ids(haul.mailbox, range(2))


def test_client_certificate_and_key_in_one_file(strict, client, folder):
    both = os.path.join(folder.new("both"), "both.pem")
    with open(both, "w") as f:
        for name in client:
            f.write(open(name).read())
    os.chmod(both, 0o600)
    haul = strict(client_cert=both)
    haul.fetch()
    assert len(haul.sink.accepted) == 2


def test_without_a_client_certificate(strict):
    """The server's words are told, and the mail stays."""
    haul = strict()
    result = haul("check", "anna")
    assert result.code == 77, result
    assert re.search("certificate", result.err, re.I), result
    assert haul("fetch").code == 77 and haul.sink.accepted == []


def test_a_client_certificate_of_another_authority(strict, folder):
    """Dovecot answers with an alert: told as ours, with what to check."""
    cert, key = CA(folder.new("ca5"), "Another").issue("client", san=None,
                                                       cn="eve")
    os.chmod(key, 0o600)
    haul = strict(client_cert=cert, client_key=key)
    result = haul("check", "anna")
    assert result.code == 77, result
    assert re.search("client_cert|certificate", result.err), result


def make(how, where, client):
    """The account's settings, for a file that will not do."""
    cert, key = client
    other = os.path.join(where, "file")
    if how == "missing":
        return dict(client_cert=cert, client_key=other)
    if how == "missing certificate":
        return dict(client_cert=other, client_key=key)
    if how == "no key in it":
        return dict(client_cert=cert)
    run = dict(check=True, stdin=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL)
    if how == "encrypted":
        subprocess.run(["openssl", "pkey", "-in", key, "-aes128", "-passout",
                        "pass:geheim", "-out", other], **run)
    elif how == "another":
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out",
                        other], **run)
    elif how == "fifo":
        os.mkfifo(other)
    elif how in ("open", "garbage", "unreadable"):
        with open(other, "w") as f:
            f.write(open(key).read() if how != "garbage" else "no key\n")
    os.chmod(other, {"open": 0o644, "unreadable": 0}.get(how, 0o600))
    return dict(client_cert=cert, client_key=other)


@pytest.mark.parametrize("how,words", [
    ("missing", "client_key .*must be there"),
    ("missing certificate", "client_cert .*must be there"),
    ("no key in it", "client_cert .*name the file of its key in client_key"),
    ("encrypted", "client_key .*encrypted.*openssl pkey"),
    ("another", "client_key .*not that of the certificate"),
    ("fifo", "client_key .*not a file"),
    ("garbage", "client_key .*PEM"),
    ("open", "client_key .*must not be open to everybody.*chmod 600"),
    ("unreadable", "client_key .*Permission denied.*readable")])
def test_client_key_that_will_not_do(strict, folder, client, how, words):
    """78, the file and its remedy named; only this account fails."""
    haul = strict(**make(how, folder.new("key"), client))
    if how == "unreadable" and os.geteuid() == 0:
        haul.user = (65534, 65534)         # root reads every file
        os.mkdir(haul.state, 0o700)
        os.chown(haul.state, 65534, 65534)
    result = haul("fetch")
    assert result.code == 78, result
    assert re.search("^anna: " + words, result.err, re.M), result
    assert haul.sink.accepted == []


# ------------------------------------------------------------- TLS sessions

@pytest.fixture(scope="module")
def telling_dovecot(folder, ca):
    """Writes down each step of a handshake; one process makes them all, since
    each has its own key for tickets."""
    one = "service %s-login {\n  process_limit = 1\n  client_limit = 100\n}\n"
    server = Dovecot(folder.new("dovecot"), ca, extra="verbose_ssl = yes\n" +
                     one % "imap" + one % "pop3")
    yield server
    server.leave()


@pytest.mark.parametrize("scheme", ["imaps", "imap", "pop3s", "pop3"])
def test_tls_sessions_are_resumed_in_one_process(haul, sink, smtp, source,
                                                 user, scheme,
                                                 telling_dovecot):
    """Of three connections one after the other the first alone is shown the
    server's certificate; so says the server. The next process begins anew:
    a session on disk would be one more secret there."""
    server = telling_dovecot

    def certificates():
        with open(server.log) as f:
            return len(re.findall("%s-login.*write (?:server )?certificate(?! "
                                  "verify)" % scheme.rstrip("s"), f.read()))
    haul.general(max_connections=1)
    haul.delivery(**smtp(sink))
    for n in range(3):
        who = "%s%d" % (user, n)
        server.put(who, [plain(n, user)])
        haul.account("a%d" % n, **source(server, scheme, who))
    before = certificates()
    haul.fetch()
    assert len(sink.accepted) == 3
    assert certificates() - before == 1
    haul.fetch()
    assert certificates() - before == 2


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1", "TLSv1.2", None])
def test_tls_min(haul, sink, smtp, user, ca, version):
    """tls_min = 1.0 lets an old server in, 1.2 does not, 1.3 wants the new."""
    fake = FakeImap({"INBOX": [plain(1, user)]}, cert=ca.issue("fake"))
    if version:
        try:
            fake.context.set_ciphers("ALL:@SECLEVEL=0")
            fake.context.minimum_version = ssl.TLSVersion.TLSv1
            fake.context.maximum_version = getattr(
                ssl.TLSVersion, version.replace(".", "_"))
        except (ValueError, ssl.SSLError):
            pytest.skip("this Python has no " + version)
    order = ["1.0", "1.1", "1.2", "1.3"]
    speaks = {"TLSv1": "1.0", "TLSv1.1": "1.1", "TLSv1.2": "1.2"}.get(
        version, "1.3")
    haul.delivery(**smtp(sink))
    for least in order:
        haul.account("anna", server="imaps://localhost:%d" % fake.port,
                     user="anna", password=fake.password, tls_ca=ca.file,
                     tls_min=least)
        result = haul("check", "anna")
        if order.index(speaks) >= order.index(least):
            assert result.code == 0, (least, result)
            assert ("TLSv" + speaks).replace("v1.0", "v1") + "," in result.out
        else:
            assert result.code == 77, (least, result)
            assert "tls_min" in result.err, (least, result)
    fake.close()


# --------------------------------------------------------------- clear lines

@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
@pytest.mark.parametrize("tls", ["required", "none"])
@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_imap_and_pop3_with_starttls_and_in_clear(
        haul, sink, smtp, ca, user, scheme, tls, keep, clear_dovecot):
    """Without a word STARTTLS is used although the server would take us in
    clear; with tls = "none" it is not; mail is fetched and kept or deleted."""
    server = clear_dovecot
    server.put(user, [plain(n, user) for n in range(3)])
    haul.delivery(**smtp(sink))
    haul.account("anna", server="%s://localhost:%d"
                 % (scheme, server.ports[scheme]), user=user, tls_ca=ca.file,
                 password=server.password, keep=keep,
                 **({} if tls == "required" else {"tls": tls}))
    haul.fetch()
    assert sink.count() == ids(user, range(3))
    assert len(server.left(user)) == (3 if keep else 0)
    with open(server.log) as f:
        mine = [l for l in f if "Login: user=<%s>" % user in l and
                scheme + "-login" in l]
    secure = [", TLS" in l for l in mine]
    assert secure[0] == (tls == "required"), mine


@pytest.fixture(scope="module")
def clear_dovecot(folder, ca):
    """Takes passwords in clear, too."""
    server = Dovecot(folder.new("dovecot"), ca, secure="no")
    yield server
    server.leave()


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_a_clear_line_is_said_again_by_check(haul, sink, smtp, ca, user,
                                             scheme, clear_dovecot):
    """To another machine; that the name leads here is not known to a reader
    of the file, so a name in /etc/hosts is said as well."""
    clear_dovecot.put(user, [])
    haul.delivery(**smtp(sink))
    port = clear_dovecot.ports[scheme]
    for host, said in (("127.0.0.1", False), ("localhost", False),
                       (os.uname().nodename, True)):
        haul.account("anna", server="%s://%s:%d" % (scheme, host, port),
                     user=user, password=clear_dovecot.password, tls="none")
        result = haul("check", "anna")
        assert ('warning: tls = "none"' in result.out) == said, result


# ------------------------------------------------------------ dead protocols

@pytest.mark.parametrize("url,why", [
    ("pop2://mail.example.org", "POP2.*109.*pop3s://HOST"),
    ("POP2://mail.example.org:109", "POP2.*109.*pop3s://HOST"),
    ("imap4-ssl://mail.example.org", "585.*imaps://HOST"),
    ("imap4-ssl://mail.example.org:585", "585.*imaps://HOST"),
    ("http://webmail.example.org", "no mail protocol.*imaps://HOST"),
    ("https://outlook.office.com/mail/", "no mail protocol.*imaps://HOST")])
def test_dead_protocols_are_refused_in_one_line(haul, url, why):
    """One line on why and what to write instead; nothing is started."""
    haul.delivery(server="smtp://localhost", to="a@b.example")
    haul.account("anna", server=url, user="anna")
    result = haul("fetch")
    assert result.code == 78, result
    lines = [l for l in result.err.splitlines() if 'account "anna"' in l]
    assert len(lines) == 1 and re.search(why, lines[0]), result
    assert not os.path.exists(haul.state)


@pytest.mark.parametrize("url,why", [
    ("pop2://mail.example.org", "POP2"),
    ("imap4-ssl://mail.example.org", "585"),
    ("http://mail.example.org", "no mail protocol"),
    ("https://mail.example.org/inbox", "no mail protocol")])
def test_dead_protocols_in_a_delivery(haul, url, why):
    """The line also names what delivers."""
    haul.delivery(server=url, to="a@b.example")
    haul.account("anna", provider="gmx", user="anna@gmx.de")
    result = haul("fetch")
    assert result.code == 78, result
    lines = [l for l in result.err.splitlines() if 'delivery "home"' in l]
    assert len(lines) == 1 and why in lines[0], result
    assert "smtps://HOST in a delivery" in lines[0], result
