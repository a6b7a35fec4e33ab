"""One mailbox for many people: multidrop (INTERFACE 2)."""
import pytest

from corpus import plain

DROP = dict(envelope="X-Original-To", domains=["shop.test"])


def mail(n, tag, above=b"", below=b""):
    """A message whose last server wrote `above`."""
    octets = plain(n, tag)
    head, _, rest = octets.partition(b"Received:")
    return above + b"Received:" + rest.replace(
        b"Subject:", below + b"Subject:", 1)


def to(*names):
    return b"X-Original-To: %s\r\n" % ", ".join(names).encode()


@pytest.fixture
def drop(haul, sink, dovecot, source, user):
    """drop(messages, **multidrop) fills a mailbox and sets the account up."""
    def make(messages, scheme="pop3s", account=None, port=None, **settings):
        dovecot.put(user, messages)
        haul.delivery(server="smtp://localhost:%d" % (port or sink.port))
        haul.account("all", **source(
            dovecot, scheme, user, multidrop=dict(DROP, **settings),
            **(account or {})))
        return haul
    return make


def rcpts(sink):
    return sorted(sorted(m.rcpts) for m in sink.accepted)


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_multidrop_finds_each_recipient(drop, sink, dovecot, user, scheme):
    """map, strip, domains; several addresses in one line; a copy for each
    recipient is a message of its own."""
    same = plain(7, user).partition(b"Received:")[2]
    copies = [to(who) + b"Received:" + same
              for who in ("anna@shop.test", "ben@shop.test")]
    haul = drop([mail(1, user, to("SALES@shop.test")),
                 mail(2, user, to("shop-cia@shop.test", "dan@Shop.Test")),
                 mail(3, user, to("x@old.test")), *copies], scheme,
                strip="shop-", account=dict(keep=False),
                map=["sales=anna@office.test", "x@old.test=ben@office.test"])
    haul.fetch()
    assert rcpts(sink) == [
        ["anna@office.test"], ["anna@shop.test"], ["ben@office.test"],
        ["ben@shop.test"], ["cia@shop.test", "dan@Shop.Test"]]
    haul.fetch()
    assert dovecot.left(user) == [] and haul.queue() == []


def test_multidrop_believes_only_the_last_server(drop, sink, user):
    """A line below the topmost Received, To and Cc name nobody: such mail is
    held with the reason, or goes to the fallback."""
    forged = [mail(1, user, b"", to("boss@shop.test")),
              mail(2, user, b"X-Original-To: <-oQ>\r\n"),
              mail(3, user, to("anna@elsewhere.test")),
              mail(4, user, b"X-Original-To: \"\x00a\"@shop.test\r\n"),
              mail(5, user, b"X-Original-To: " + b"(" * 900000 + b"\r\n"),
              mail(6, user, b"X-Original-To: " + b"a@shop.test, " * 3 +
                   b", ".join(b"u%d@shop.test" % n for n in range(300)) +
                   b"\r\n")]
    haul = drop(forged, account=dict(keep=False))
    result = haul.fetch().account("all")
    assert (result["delivered"], result["held"]) == (0, 6)
    assert sink.accepted == [] and not sink.events("mail")
    reasons = " | ".join(q["reason"] for q in haul.queue())
    for words in ("no X-Original-To above its first Received",
                  "<-oQ> is no address", "no `fallback`",
                  "anna@elsewhere.test is in none of `domains`",
                  "more recipients than one message may have"):
        assert words in reasons, reasons
    # the configuration of the day of its release decides
    haul.sections["account", "all"]["multidrop"]["fallback"] = "info@shop.test"
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch("all")
    assert rcpts(sink) == [["info@shop.test"]] * 5
    [held] = haul.queue()
    assert "more recipients" in held["reason"]


def test_multidrop_reads_the_for_clause(drop, sink, user):
    """envelope = "Received": the topmost one's, never a deeper one's."""
    haul = drop([plain(1, user, to="anna@shop.test"),
                 b"Received: from x by mail.isp.test; 1 Jan 2025\r\n" +
                 plain(2, user, to="anna@shop.test")],
                envelope="Received", fallback="info@shop.test")
    haul.fetch()
    assert rcpts(sink) == [["anna@shop.test"], ["info@shop.test"]]


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_multidrop_unknown_recipient_goes_to_the_fallback(
        drop, new_sink, dovecot, user, chunking):
    """5xx to a recipient that was found: the others have it, the fallback in
    its place; the account goes on."""
    sink = new_sink(chunking=chunking)
    sink.rule("rcpt", "550 5.1.1 no such user", match="nobody@")
    haul = drop([mail(1, user, to("nobody@shop.test")),
                 mail(2, user, to("nobody@shop.test", "ben@shop.test")),
                 mail(3, user, to("ben@shop.test"))], port=sink.port,
                account=dict(keep=False), fallback="info@shop.test")
    result = haul.fetch().account("all")
    assert (result["result"], result["delivered"]) == ("ok", 3)
    assert rcpts(sink) == [["ben@shop.test"], ["ben@shop.test"],
                           ["info@shop.test"], ["info@shop.test"]]
    assert "no such user" in haul("trace", "nobody@shop.test").out
    haul.fetch("all")
    assert dovecot.left(user) == [] and haul.queue() == []


def test_multidrop_refused_recipient_is_no_wrong_setting(drop, sink, user):
    """Without fallback it is held, and the rest goes on; the fallback itself
    refused is a wrong setting."""
    sink.rule("rcpt", "550 5.1.1 no such user", match="nobody@")
    haul = drop([mail(n, user, to("nobody@shop.test" if n % 2 else
                                  "ben@shop.test")) for n in range(8)])
    result = haul.fetch().account("all")
    assert (result["result"], result["delivered"], result["held"]) == \
        ("ok", 4, 4)
    assert all("nobody@shop.test refused" in q["reason"]
               for q in haul.queue())


def test_multidrop_refused_fallback_pauses(drop, sink, user):
    sink.rule("rcpt", "550 5.1.1 no such user", match="info@")
    haul = drop([mail(n, user) for n in range(4)], fallback="info@shop.test")
    result = haul("fetch", "--json")
    assert result.account("all")["held"] == 0 and result.code != 0
    assert haul("status", "--json").account("all")["state"] == "refused"
    assert len(sink.events("rcpt")) == 1
    sink.forget_rules()
    haul.fetch("all")
    assert rcpts(sink) == [["info@shop.test"]] * 4


def test_multidrop_into_postfix(drop, postfix, user, box):
    """The same with a real server, which knows whom it has."""
    haul = drop([mail(1, user, to(box + "@office.test")),
                 mail(2, user, to("unknown.%s@office.test" % box))],
                port=postfix.port, domains="office.test",
                fallback="box499@office.test")
    assert haul.fetch().account("all")["delivered"] == 2
    postfix.settled()
    assert len(postfix.box(box)) == 1
    assert any(b"2.%s@src.test" % user.encode() in m
               for m in postfix.box("box499"))


def test_multidrop_into_a_maildir(haul, dovecot, source, user, tmp_path):
    """%u: the checked local part of who was found."""
    dovecot.put(user, [mail(1, user, to("anna@shop.test", "ben@shop.test")),
                       mail(2, user, to("..@shop.test", "a/b@shop.test"))])
    haul.delivery(server="maildir:%s/%%u" % haul.folder)
    haul.account("all", **source(dovecot, "imaps", user,
                                 multidrop=dict(DROP)))
    haul.fetch()
    import os
    assert [len(os.listdir(os.path.join(haul.folder, who, "new")))
            for who in ("anna", "ben")] == [1, 1]
    [held] = haul.queue()
    assert held["state"] == "held"


def test_check_asks_whom_a_multidrop_names(drop, sink, user):
    """check: `map` and `fallback` are recipients that stand in the
    configuration: each is asked for."""
    sink.rule("rcpt", "550 5.1.1 no such user", match="sale@")
    haul = drop([mail(1, user)], map=["sales=sale@shop.test"],
                fallback="info@shop.test")
    result = haul("check")
    assert result.code != 0 and "sale@shop.test" in result.err + result.out
    assert len(sink.events("rcpt")) == 2
