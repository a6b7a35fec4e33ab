"""Every way to sign in, with real servers: Dovecot's own, and Cyrus SASL's
where Dovecot 2.3 has none (channel binding)."""
import base64
import hmac
import json
import os
import re
import ssl
import time

import pytest

from fakemail import _Server, _Session
from kerberos import Realm
from servers import Dovecot
from signin import Server

USER, PASSWORD = "tim", "tanstaaf;z! =,\u00e4"
SCRAM = ["scram-sha-256", "scram-sha-1"]


@pytest.fixture
def haul(new_haul, folder):
    h = new_haul()
    h.delivery("home", server="maildir:" + folder.new("box"), to="me@test")
    return h


def ways(server):
    """[(mechanism, gs2-header, accepted)], without what `check` repeats: it
    signs in twice to a source."""
    log = [(mech, "".join(re.findall(r"^[^,]*,,", first)), ok)
           for mech, first, ok in server.log]
    return [x for i, x in enumerate(log) if not i or x != log[i - 1]]


def check(haul, ca, server, code=0, **settings):
    """`check` of one end: an account, or for SMTP a delivery."""
    name = "other" if server.protocol == "smtp" else "one"
    kind = haul.delivery if server.protocol == "smtp" else haul.account
    more = dict(to="me@test", sender="me@test") if name == "other" else \
        dict(delivery="home")
    kind(name, server=server.url, user=USER, tls_ca=ca.file,
         **{"password": PASSWORD, **more, **settings})
    result = haul("check", "-vv")
    assert result.code == code, result
    # CASES C11: neither the secret nor what an exchange says
    for secret in (PASSWORD, "n,,n=", "biws", base64.b64encode(
            b"\0" + USER.encode()).decode()[:6]):
        assert secret not in result.out + result.err, result
    assert 'reply="334' not in result.err, result
    return result


# ------------------------------------------------------ Cyrus SASL, with -PLUS

@pytest.mark.parametrize("tls, kind", [("1.3", "tls-exporter"),
                                       ("1.2", "tls-unique")])
@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
def test_plus_by_a_foreign_server(haul, ca, protocol, tls, kind):
    """The best under auto; the server computes the same binding."""
    with Server(protocol, ca, {USER: PASSWORD}, tls) as server:
        check(haul, ca, server)
        assert ways(server) == [
            ("SCRAM-SHA-256-PLUS", "p=%s,," % kind, True)]
        server.log.clear()
        check(haul, ca, server, auth="scram-sha-1-plus")
        assert ways(server) == [("SCRAM-SHA-1-PLUS", "p=%s,," % kind, True)]


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
@pytest.mark.parametrize("auth", SCRAM)
def test_scram_by_a_foreign_server(haul, ca, protocol, auth):
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        check(haul, ca, server, auth=auth)
        assert ways(server) == [(auth.upper(), "n,,", True)]


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
def test_plus_refused_is_tried_once_without(haul, ca, protocol):
    """A TLS end in front of the server: the bindings differ. gs2 n, since the
    server offered -PLUS."""
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        server.binding = False
        check(haul, ca, server)
        assert ways(server) == [
            ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", False),
            ("SCRAM-SHA-256", "n,,", True)]


def test_plus_refused_is_remembered(haul, ca):
    """A second account of the same server, in the same process."""
    with Server("imap", ca, {USER: PASSWORD, "tom": PASSWORD}) as server:
        server.binding = False
        haul.general(max_connections=1)
        for name in ("tim", "tom"):
            haul.account(name, server=server.url, user=name, tls_ca=ca.file,
                         password=PASSWORD)
        assert haul("fetch").code == 0
        assert [m for m, _, _ in server.log] == [
            "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256"]


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
def test_c6_a_named_plus_is_pinned(haul, ca, protocol):
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        server.binding = False
        check(haul, ca, server, 77, auth="scram-sha-256-plus")
        assert len(server.log) == 1 and ways(server) == [
            ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", False)]
        server.mechs = ["SCRAM-SHA-256", "PLAIN"]
        r = check(haul, ca, server, 77, auth="scram-sha-256-plus")
        assert "does not offer SCRAM-SHA-256-PLUS (it offers " \
            "SCRAM-SHA-256, PLAIN)" in r.out + r.err, r


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
def test_c6_plus_taken_out_of_the_list_shows(haul, ca, protocol):
    """A middleman removes -PLUS: we say y, and a server that can do -PLUS sees
    it (Cyrus SASL's does)."""
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        server.mechs.remove("SCRAM-SHA-256-PLUS")
        server.mechs.remove("SCRAM-SHA-1-PLUS")
        check(haul, ca, server, 77)
        assert ways(server) == [("SCRAM-SHA-256", "y,,", False)]


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
def test_no_weaker_one_after_a_refusal(haul, ca, protocol):
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        check(haul, ca, server, 77, password="wrong")
        assert {m for m, _, _ in server.log} <= {
            "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}, server.log
        assert len(server.log) <= 2


@pytest.mark.parametrize("protocol", ["imap", "pop"])
def test_c1_scram_gone_is_told_once(haul, ca, protocol):
    """Also by the next process: the ledger remembers."""
    with Server(protocol, ca, {USER: PASSWORD}) as server:
        haul.account("one", server=server.url, user=USER, tls_ca=ca.file,
                     password=PASSWORD)
        said = []
        for mechs in (["SCRAM-SHA-256", "PLAIN"], ["PLAIN"], ["PLAIN"]):
            # y would be refused by a server that can do -PLUS
            server.mechs = mechs + (["SCRAM-SHA-256-PLUS"]
                                    if len(mechs) > 1 else [])
            assert haul("fetch").code == 0   # the level hides warnings
            r = haul("fetch", "-v")
            assert r.code == 0, r
            said.append("signin_weaker" in r.err)
        assert said == [False, True, False]
        # where it is named it is a failure
        haul.account("one", server=server.url, user=USER, tls_ca=ca.file,
                     password=PASSWORD, auth="scram-sha-256")
        assert haul("fetch", "one").code == 77


@pytest.mark.parametrize("protocol", ["imap", "pop", "smtp"])
@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5", "xoauth2",
                                  "oauthbearer"])
def test_each_other_way(haul, ca, protocol, auth):
    """SMTP has the ways of the sources; what is refused is told, and is not
    tried in another way."""
    with Server(protocol, ca, {USER: PASSWORD}, mechs=[
            auth.upper(), "SCRAM-SHA-256"]) as server:
        oauth = auth in ("xoauth2", "oauthbearer")
        right = server.token if oauth else PASSWORD
        check(haul, ca, server, auth=auth, password=right)
        assert [(m, ok) for m, _, ok in ways(server)] == \
            [(auth.upper(), True)]
        server.log.clear()
        r = check(haul, ca, server, 77, auth=auth, password="ya29.other")
        assert [(m, ok) for m, _, ok in server.log] == [(auth.upper(), False)]
        assert ('{"status":"invalid_token"}' in r.err + r.out) == oauth, r
        assert ("access token was refused" in r.err + r.out) == oauth, r


# -------------------------------------------------------------------- Dovecot

def jwt(claims, key):
    def part(v):
        return base64.urlsafe_b64encode(v).rstrip(b"=")

    body = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + \
        part(json.dumps(claims).encode())
    return (body + b"." + part(hmac.new(key, body, "sha256").digest())).decode()


def token(user, key=b"a key for tests", left=3600):
    now = int(time.time())
    return jwt({"sub": user, "iat": now - 7200, "nbf": now - 7200,
                "exp": now + left}, key)


@pytest.fixture(scope="module")
def dovecot(folder, ca):
    where = folder.new("dovecot-signin")
    keys = os.path.join(where, "keys", "default", "HS256")
    os.makedirs(keys)
    with open(os.path.join(keys, "default"), "wb") as f:
        f.write(base64.b64encode(b"a key for tests"))
    oauth = os.path.join(where, "oauth2.conf")
    with open(oauth, "w") as f:
        f.write("introspection_mode = local\nusername_attribute = sub\n"
                "local_validation_key_dict = fs:posix:prefix=%s/keys/\n"
                % where)
    for d, _, files in os.walk(where):
        os.chmod(d, 0o755)
        for name in files:
            os.chmod(os.path.join(d, name), 0o644)
    server = Dovecot(where, ca, password=PASSWORD.replace(" ", ""), extra="""
auth_mechanisms = plain login scram-sha-1 scram-sha-256 cram-md5 apop external \
xoauth2 oauthbearer
auth_ssl_username_from_cert = yes
ssl_verify_client_cert = yes
ssl_require_crl = no
ssl_ca = <%s
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %s
}
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
""" % (ca.file, oauth))
    yield server
    server.leave()


def private(pair):
    os.chmod(pair[1], 0o600)
    return pair


@pytest.fixture(scope="module")
def certificate(ca):
    return private(ca.issue("tim-client", san="email:tim@test", cn=USER))


def through(haul, ca, dovecot, scheme, code=0, **settings):
    haul.account("one", **{
        "server": "%s://localhost:%d" % (scheme, dovecot.ports[scheme]),
        "user": USER, "tls_ca": ca.file, "password": dovecot.password,
        "first_run": "all", **settings})
    result = haul("fetch", "-vv", "one")
    assert result.code == code, result
    return result


def used(dovecot, since):
    with open(dovecot.log, errors="replace") as f:
        f.seek(since)
        return re.findall(r"Login: user=<%s>, method=([A-Z0-9-]+)" % USER,
                          f.read())



@pytest.mark.parametrize("scheme", ["imaps", "pop3s", "imap", "pop3"])
@pytest.mark.parametrize("auth", [
    "auto", "scram-sha-256", "scram-sha-1", "plain", "login", "cram-md5",
    "xoauth2", "oauthbearer", "external", "apop"])
def test_each_mechanism_with_dovecot(haul, ca, dovecot, certificate, scheme,
                                     auth):
    if auth == "apop" and scheme.startswith("imap"):
        pytest.skip("APOP is of POP3")
    settings = {"auth": auth}
    if "auth2" in auth or "bearer" in auth:
        settings["password"] = token(USER)
    if auth == "external":
        settings.update(password=None, client_cert=certificate[0],
                        client_key=certificate[1])
    mark = os.path.getsize(dovecot.log)
    r = through(haul, ca, dovecot, scheme, **settings)
    want = {"auto": "SCRAM-SHA-256", "login": "LOGIN"}.get(auth, auth.upper())
    if auth == "login" and scheme.startswith("imap"):
        want = "PLAIN"           # as Dovecot calls the command
    assert used(dovecot, mark) == [want], r
    assert dovecot.password not in r.err and "eyJ" not in r.err, r


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_c10_a_token_refused(haul, ca, dovecot, scheme, auth):
    """The server's JSON is answered and shown; one attempt; what to do."""
    bad = token(USER, left=-600)
    r = through(haul, ca, dovecot, scheme, 77, auth=auth, password=bad)
    assert '"status":"' in r.err, r
    assert "the access token was refused or has expired" in r.err, r
    assert bad not in r.err and bad.split(".")[2] not in r.err, r
    r = haul("status", "--json").account("one")
    assert r["state"] == "auth" and "token" in r["last_error"]["remedy"]


def test_the_secret_is_read_anew(haul, ca, dovecot, folder):
    """A token that changes between two sign-ins."""
    path = os.path.join(folder.new("token"), "token")
    first, second = token(USER), token(USER, left=1800)
    for text, code in ((first, 0), ("expired", 77), (second, 0)):
        with open(path, "w") as f:
            f.write(text + "\n")
        through(haul, ca, dovecot, "imaps", code, auth="xoauth2",
                password=None, password_command=["cat", path])


def test_external_with_another_certificate(haul, ca, dovecot):
    cert, key = private(ca.issue("tom-client", san="email:tom@test",
                                 cn="tom"))
    r = through(haul, ca, dovecot, "imaps", 77, auth="external",
                password=None, client_cert=cert, client_key=key)
    assert "client_cert" in r.err, r


class _SmtpByCertificate(_Session):
    """SMTP that knows who is there by the certificate of the handshake, and
    takes mail from nobody else (AUTH EXTERNAL, RFC 4422 appendix A)."""
    def serve(self):
        self.say(b"220 fake.test ESMTP\r\n")
        known = False
        while True:
            verb, _, args = self.line().decode().partition(" ")
            self.server.commands.append((verb + " " + args).strip())
            if verb == "EHLO":
                self.say(b"250-fake.test\r\n250 AUTH EXTERNAL PLAIN\r\n")
            elif verb == "AUTH":
                word = args.split()[1:] or [""]
                if not word[0]:
                    self.say(b"334 \r\n")
                    word = [self.line().decode()]
                known = self.is_right(word[0])
                self.say(b"235 2.7.0 yes\r\n" if known else
                         b"535 5.7.8 not with this certificate\r\n")
            elif verb == "QUIT":
                self.say(b"221 bye\r\n")
                return
            else:
                self.say(b"250 ok\r\n" if known else b"530 who?\r\n")

    def is_right(self, word):
        names = dict(x for rdn in self.s.getpeercert()["subject"]
                     for x in rdn)
        asked = b"" if word in ("", "=") else base64.b64decode(word)
        return names["commonName"] == USER and \
            asked.decode() in ("", USER)


@pytest.fixture
def by_certificate(ca):
    server = _Server(ca.issue("fake"))
    server.session = _SmtpByCertificate
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.load_verify_locations(ca.file)
    server.protocol = "smtp"
    server.url = "smtps://localhost:%d" % server.port
    yield server
    server.close()


def test_external_over_smtp(haul, ca, by_certificate, certificate):
    r = check(haul, ca, by_certificate, auth="external", password=None,
              client_cert=certificate[0], client_key=certificate[1])
    said = [c for c in by_certificate.commands if c.startswith("AUTH")]
    assert len(said) == 1 and said[0].startswith("AUTH EXTERNAL"), said
    assert "MAIL FROM:<me@test>" in " ".join(by_certificate.commands), r


def test_external_over_smtp_with_another_certificate(haul, ca,
                                                     by_certificate):
    cert, key = private(ca.issue("tom-smtp", san="email:tom@test", cn="tom"))
    r = check(haul, ca, by_certificate, 77, auth="external", password=None,
              client_cert=cert, client_key=key)
    assert "not with this certificate" in r.err, r
    assert "client_cert" in r.err, r
    said = [c for c in by_certificate.commands if c.startswith("AUTH")]
    assert len(said) == 1, said


# gsasl's GSSAPI keeps 16 octets and more of MIT's library, which is not ours
QUIET = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=0"}


@pytest.fixture(scope="module")
def realm(folder):
    with Realm(folder.new("realm"), ["imap", "pop", "smtp"], {
            USER: "kerb", "tom": "kerb"}) as r:
        yield r


@pytest.fixture(scope="module")
def kerberized(folder, ca, realm):
    server = Dovecot(folder.new("dovecot-krb"), ca, extra="""
auth_mechanisms = gssapi
auth_gssapi_hostname = localhost
auth_krb5_keytab = %s
import_environment = $import_environment KRB5_CONFIG=%s KRB5RCACHETYPE=none
""" % (realm.keytab, realm.config))
    yield server
    server.leave()


@pytest.mark.parametrize("scheme", ["imaps", "pop3s", "imap"])
def test_gssapi_with_a_ticket(haul, ca, kerberized, realm, scheme):
    """Dovecot and a KDC of Debian's: no password anywhere."""
    mark = os.path.getsize(kerberized.log)
    haul.account("one", user=USER, tls_ca=ca.file, auth="gssapi",
                 first_run="all", server="%s://localhost:%d" % (
                     scheme, kerberized.ports[scheme]))
    r = haul("fetch", "-vv", "one", env=dict(QUIET, **realm.ticket(USER)))
    assert r.code == 0, r
    assert used(kerberized, mark) == ["GSSAPI"], r


def test_gssapi_with_the_ticket_of_another(haul, ca, kerberized, realm):
    haul.account("one", user=USER, tls_ca=ca.file, auth="gssapi",
                 server="imaps://localhost:%d" % kerberized.ports["imaps"])
    r = haul("fetch", "one", env=dict(QUIET, **realm.ticket("tom")))
    assert r.code == 77 and "somebody else's (klist)" in r.err, r


def test_gssapi_over_smtp(haul, ca, realm, monkeypatch):
    """By Cyrus SASL, as -PLUS is."""
    monkeypatch.setenv("KRB5_CONFIG", realm.config)
    monkeypatch.setenv("KRB5_KTNAME", "FILE:" + realm.keytab)
    monkeypatch.setenv("KRB5RCACHETYPE", "none")
    with Server("smtp", ca, {USER: PASSWORD}, mechs=["GSSAPI"]) as server:
        haul.delivery("other", server=server.url, user=USER, tls_ca=ca.file,
                      auth="gssapi", to="me@test", sender="me@test")
        env = dict(QUIET, **realm.ticket(USER))
        r = haul("check", "-vv", env=env)
        assert r.code == 0, r
        assert [(m, ok) for m, _, ok in server.log] == [("GSSAPI", True)]


def test_gssapi_without_a_ticket(haul, ca):
    """Refused in words. MIT's library keeps 16 octets of it."""
    with Server("imap", ca, {USER: PASSWORD}, mechs=["GSSAPI"]) as server:
        haul.account("one", server=server.url, user=USER, tls_ca=ca.file,
                     auth="gssapi")
        r = haul("fetch", "one", env={
            "KRB5CCNAME": "FILE:/nonexistent", "KRB5_CONFIG": "/dev/null",
            "ASAN_OPTIONS": "exitcode=99:detect_leaks=0"})
        assert r.code == 77 and "Kerberos" in r.err and "kinit" in r.err, r


def test_c1_is_not_for_a_wish(haul, ca):
    """auth = plain on a server with SCRAM is what was asked for."""
    with Server("imap", ca, {USER: PASSWORD}) as server:
        check(haul, ca, server, auth="plain")
        assert ways(server) == [("PLAIN", "", True)]


# --------------------------------------------------------------------- passwd

@pytest.mark.parametrize("auth, word", [("external", "client_cert"),
                                        ("gssapi", "kinit")])
def test_passwd_where_no_password_is_used(haul, certificate, auth, word):
    """Said, and nothing is asked for."""
    keys = {"external": dict(client_cert=certificate[0],
                             client_key=certificate[1])}.get(auth, {})
    haul.account("one", server="imaps://localhost:1", user=USER, auth=auth,
                 **keys)
    code, text = haul.on_terminal("passwd", "one", answers=[])
    assert code == 78 and "takes no password" in text, text
    assert word in text and "not shown" not in text, text


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_passwd_asks_for_an_access_token(haul, ca, auth):
    with Server("imap", ca, {USER: PASSWORD}, mechs=[auth.upper()]) as server:
        haul.account("one", server=server.url, user=USER, tls_ca=ca.file,
                     auth=auth)
        code, text = haul.on_terminal("passwd", "one", answers=[
            server.token.encode() + b"\n"])
        assert code == 0 and "Access token of one (" in text, text
        assert "not with a password" in text and server.token not in text
        assert haul("check").code == 0
