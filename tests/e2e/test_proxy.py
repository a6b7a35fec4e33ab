"""Ways to a server: proxies and source addresses, rows A, B, G, I, J where a
proxy changes the picture."""
import re

import pytest

from corpus import ids, msgid, plain
from fakemail import FakeImap
from proxy import Microsocks, Proxy, Tinyproxy

ELSEWHERE = "mail.elsewhere.test"      # no resolver knows it
SECRET = "s3cr:et@/%"                   # of a proxy


@pytest.fixture
def new_proxy():
    made = []

    def make(*args, **kw):
        made.append(Proxy(*args, **kw))
        return made[-1]
    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def elsewhere(ca):
    """Certificate and key of the machine behind the proxy."""
    return ca.issue("elsewhere", san="DNS:" + ELSEWHERE, cn=ELSEWHERE)


def all_words(haul):
    """What the program says anywhere, with the most talkative options."""
    return "".join(r.out + r.err for r in (
        haul("-vv", "fetch", "anna"), haul("check"), haul("check", "--json"),
        haul("status", "--json"), haul("check", "--effective"),
        haul("check", "--effective", "--json")))


@pytest.mark.parametrize("sign_in", [False, True])
@pytest.mark.parametrize("kind", ["socks5", "http"])
@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_i13_the_name_is_looked_up_at_the_proxy(
        haul, new_proxy, new_sink, user, ca, elsewhere, kind, sign_in, scheme):
    """I13: source and delivery under a name that only the proxy knows; TLS is
    checked against that name; nothing of the proxy's secret is ever shown."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                    cert=elsewhere, starttls=scheme == "imap")
    sink = new_sink(tls="starttls", cert=elsewhere)
    who = dict(user="me", password=SECRET) if sign_in else {}
    proxy = new_proxy(kind, names={ELSEWHERE: fake.port}, **who)
    other = new_proxy(kind, names={ELSEWHERE: sink.port}, **who)
    haul.delivery(server="smtp://" + ELSEWHERE, to="anna@office.test",
                  tls_ca=ca.file, proxy=other.url)
    haul.account("anna", server="%s://%s" % (scheme, ELSEWHERE), user="anna",
                 password=fake.password, tls_ca=ca.file, proxy=proxy.url)
    words = all_words(haul)
    fake.close()
    assert sink.count() == ids(user, range(3))
    assert set(proxy.asked) == {(ELSEWHERE, 993 if scheme == "imaps"
                                 else 143)}
    assert set(other.asked) == {(ELSEWHERE, 25)}
    assert set(proxy.secrets) == ({("me", SECRET)} if sign_in else set())
    assert SECRET not in words and "s3cr" not in words
    assert proxy.url.split("@")[-1] in words    # host and port are shown
    if sign_in:
        assert "(set)@" in words


@pytest.mark.parametrize("real", [Microsocks, Tinyproxy])
def test_real_proxies(simple, new_sink, ca, folder, dovecot, real):
    """Real Dovecot through real proxies that want a sign-in: IMAP and POP3,
    from the first octet and by STARTTLS, kept and deleted."""
    if not real.program:
        pytest.skip("no " + real.__name__.lower())
    proxy = real(folder.new("proxy"), "me", "s3cret",
                 *([dovecot.ports.values()] if real is Tinyproxy else []))
    try:
        haul = simple(3, proxy=proxy.url)
        for scheme in ("pop3s", "imap", "pop3"):
            who = haul.mailbox + scheme
            dovecot.put(who, [plain(n, who) for n in range(3)])
            haul.account(scheme, **dict(
                haul.sections["account", "anna"], user=who, keep=False,
                server="%s://localhost:%d" % (scheme, dovecot.ports[scheme])))
        result = haul.fetch()
        assert len(haul.sink.accepted) == 12, result
        assert len(dovecot.left(haul.mailbox)) == 3
        for scheme in ("pop3s", "imap", "pop3"):
            assert dovecot.left(haul.mailbox + scheme) == []
        haul.sections["account", "anna"]["proxy"] = \
            proxy.url.replace("s3cret", "wr0ng")
        result = haul("check", "anna")
        assert result.code in (75, 78), result
        assert "the proxy 127.0.0.1 port %d" % proxy.port in result.err
        assert "wr0ng" not in result.out + result.err
    finally:
        proxy.close()


@pytest.mark.parametrize("kind,answer,code,words", [
    ("socks5", None, 78, "refuses its user and password"),
    ("http", None, 78, "407"),
    ("socks5", b"\5\2\0\1\0\0\0\0\0\0", 78, "not allowed by ruleset"),
    ("http", b"HTTP/1.1 403 Forbidden\r\n\r\n", 78, "403 Forbidden"),
    ("http", b"HTTP/1.1 504 Slow\r\n\r\n", 75, "504 Slow"),
    ("http", b"HTTP/1.1 302 Go\r\nLocation: http://evil/\r\n\r\n", 78, "302"),
    ("http", b"SSH-2.0-x\r\n", 76, "does not speak HTTP"),
    ("socks5", b"HTTP/1.1 400 Bad\r\n\r\n", 76, "http://")])
def test_what_a_proxy_refuses_is_its_fault(simple, new_proxy, kind, answer,
                                           code, words):
    """The error names the proxy, has its words, and a remedy; the mail server
    never heard of us."""
    refused = answer is None
    proxy = new_proxy(kind, answer=answer,
                      **(dict(user="me", password="right") if refused else {}))
    url = proxy.url.replace("right", "wr0ng")
    haul = simple(1, proxy=url)
    result = haul("-v", "fetch")      # a network error is told an hour later
    assert result.code == code, result
    line = [l for l in result.err.splitlines() if l.startswith("anna: ")]
    assert line and "the proxy 127.0.0.1 port %d" % proxy.port in line[0]
    assert words in line[0], line
    assert line[0].count(": ") >= 2
    assert "wr0ng" not in all_words(haul)
    assert haul.sink.accepted == []


@pytest.mark.parametrize("kind,how", [
    ("http", dict(answer=b"HTTP/1.1 200 OK\r\n", flood=b"A: " + b"b" * 500)),
    ("http", dict(answer=b"HTTP/1.1 200 OK\r\n", flood=b"A: b\r\n" * 100)),
    ("http", dict(answer=b"", flood=b"HTTP/1.1 100 x\r\n\r\n" * 100)),
    ("http", dict(answer=b"", flood=b"x" * 500)),
    ("http", dict(behind=b"* OK [CAPABILITY IMAP4rev1] evil\r\n")),
    ("http", dict(answer=b"HTTP/1.1 200 OK\r\n\r\n* PREAUTH evil\r\n")),
    ("socks5", dict(behind=b"* OK evil\r\n")),
    ("socks5", dict(answer=b"\5\0\0\3\xff" + b"x" * 257, behind=b"\x16\3\1")),
    ("socks5", dict(answer=b"\5\0\0\7")),
    ("socks5", dict(answer=b"", flood=b"\0" * 500))],
    ids=lambda v: None if isinstance(v, dict) else v)
def test_b3_b5_a3_hostile_proxies(simple, new_proxy, kind, how):
    """B3, B4, B5, A3: endless, early and forged octets: an error of the
    proxy, bounded; no credential leaves, other accounts go on."""
    proxy = new_proxy(kind, **how)
    haul = simple(2)
    haul.account("evil", **dict(haul.sections["account", "anna"],
                                user=haul.mailbox + "-evil", proxy=proxy.url))
    result = haul("fetch", "--json", limit=60)
    assert result.account("anna")["result"] == "ok"
    assert len(haul.sink.accepted) == 2
    assert result.code == 76, result
    assert "proxy" in result.account("evil")["error"]["text"]


def test_j10_the_proxys_localhost_is_not_ours(simple, new_proxy):
    """J10: smtp://localhost needs no TLS, but not through a proxy, where it
    is another machine: nothing is offered in clear."""
    proxy = new_proxy("socks5")
    haul = simple(1, keep=False)
    haul.sections["delivery", "home"]["proxy"] = proxy.url
    result = haul("fetch")
    assert proxy.asked == [("localhost", haul.sink.port)]
    assert result.code in (76, 77), result
    assert not haul.sink.events("mail")
    assert len(haul.dovecot.left(haul.mailbox)) == 1
    del haul.sections["delivery", "home"]["proxy"]
    haul.fetch("anna")
    assert haul.sink.count() == {msgid(0, haul.mailbox): 1}


def test_tls_none_through_a_proxy_is_said(simple, new_proxy):
    """tls = "none" to localhost is not worth a word; through a proxy it is."""
    haul = simple(1)
    haul.sections["delivery", "home"].update(tls="none")
    warning = 'tls = "none"'
    assert warning not in haul("check").out
    haul.sections["delivery", "home"]["proxy"] = new_proxy("http").url
    assert warning in haul("check").out


def test_proxy_none_takes_back_the_default(simple, new_proxy):
    proxy = new_proxy("socks5")
    haul = simple(1)
    haul.defaults(proxy=proxy.url)
    haul.sections["account", "anna"]["proxy"] = "none"
    haul.fetch()
    assert proxy.connections == 0 and len(haul.sink.accepted) == 1
    del haul.sections["account", "anna"]["proxy"]
    haul.fetch()
    assert proxy.connections > 0


def test_a_corrected_proxy_ends_the_backoff(simple, new_proxy):
    """The wrong password of a proxy is not tried again from cron, but at once
    when the configuration changed, though the effective one shows none."""
    proxy = new_proxy("socks5", user="me", password="right")
    haul = simple(1, proxy=proxy.url.replace("right", "wrong"))
    assert haul("fetch").code == 78
    assert haul("fetch").code == 0 and len(proxy.secrets) == 1
    haul.sections["account", "anna"]["proxy"] = proxy.url
    haul.fetch()
    assert len(haul.sink.accepted) == 1


@pytest.mark.parametrize("through", [False, True])
def test_source_address(haul, new_sink, new_proxy, user, ca, through):
    """Sources and deliveries connect from the address that is written, also
    to a proxy."""
    peers = []
    fake = FakeImap({"INBOX": [plain(1, user)]}, cert=ca.issue("fake"))
    fake.on("connect", lambda s: peers.append(s.getpeername()[0]))
    sink = new_sink()
    proxy = new_proxy("http")
    ways = dict(proxy=proxy.url) if through else {}
    seen = []
    serve = proxy.listener.serve
    proxy.listener.serve = lambda s: (seen.append(s.getpeername()[0]),
                                      serve(s))
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to="anna@office.test", source_address="127.0.0.8")
    haul.account("anna", server="imaps://localhost:%d" % fake.port,
                 user="anna", password=fake.password, tls_ca=ca.file,
                 source_address="127.0.0.9", **ways)
    haul.fetch()
    fake.close()
    assert set(seen if through else peers) == {"127.0.0.9"}
    assert {e["address"] for e in sink.events("from")} == {"127.0.0.8"}


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_a_source_address_of_another_machine(simple, address):
    """Told as such, with what to look at."""
    haul = simple(1, source_address=address)
    result = haul("check", "anna")
    assert result.code == 75, result
    assert "source_address" in result.err
    assert re.search(r"^anna: ", result.err, re.M)
