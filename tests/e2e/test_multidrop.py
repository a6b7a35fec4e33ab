"""One mailbox for many people: multidrop (INTERFACE 2)."""
import pytest

from corpus import plain
from fakemail import FakePop

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


def advice(haul, code=0):
    result = haul("check", "--json")
    assert result.code == code, result
    [account] = result.json["accounts"]
    told = account["multidrop"]
    told["headers"] = {h["header"]: h for h in told["headers"]}
    return told


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_multidrop_check_says_what_would_happen(drop, sink, dovecot, user,
                                                scheme):
    """Issue 4 part 3: of the last 50 messages, how many find their recipient
    by what is written, and by what else stands there; nothing is marked as
    seen; and what it says is what the next fetch does."""
    old = [mail(n, user, to("anna@elsewhere.test")) for n in range(20)]
    dovecot.put(user, old + [
        mail(100 + n, user, to("u%d@shop.test" % (n % 7)) if n < 30 else b"",
             below=b"X-Envelope-To: u1@shop.test\r\n")
        for n in range(45)])
    haul = drop([mail(200 + n, user, to("x@elsewhere.test") if n < 2 else
                      b"Delivered-To: %s\r\n" % user.encode())
                 for n in range(5)], scheme, account=dict(keep=False))
    told = advice(haul)
    assert told["looked"] == 50 and told["error"] is None
    assert told["written"] == dict(header=None, there=32, found=30, fallback=0,
                                   held=20, recipients=7)
    assert told["headers"]["X-Original-To"]["found"] == 30
    assert told["headers"]["Delivered-To"]["there"] == 3
    assert told["headers"]["X-Envelope-To"]["there"] == 0, "it is below"
    assert told["headers"]["Received"]["there"] == 50
    assert told["better"] is None
    assert not any("Seen" in f for _, f in dovecot.flags(user))
    shown = haul("check").out
    assert "of the last 50 messages" in shown
    assert "X-Original-To (as written): in 32; 30 found, for 7 recipients, " \
        "20 held" in shown, shown
    result = haul.fetch().account("all")
    assert (result["delivered"], result["held"]) == (30, 20 + 20)
    assert len({r for m in sink.accepted for r in m.rcpts}) == 7


def test_multidrop_check_names_a_header_that_would_work(drop, user, dovecot):
    """None of them has the header that is written: a fault, with the one that
    finds most; where it is there and finds less, a line."""
    def tell(n, who, name):
        return mail(n, user, b"%s: %s@shop.test\r\n" % (name, who))
    haul = drop([tell(n, b"u%d" % n, b"Envelope-To") for n in range(4)] +
                [tell(9, b"u9", b"X-Delivered-To")], "imaps",
                fallback="info@shop.test")
    told = advice(haul, code=78)
    assert told["written"]["there"] == 0 and told["better"] == "Envelope-To"
    assert told["written"]["fallback"] == 5
    result = haul("check")
    assert result.code == 78
    assert "none of the last 5 messages has X-Original-To" in result.err
    assert 'envelope = "Envelope-To"' in result.err and "4 of them" in \
        result.err
    haul.sections["account", "all"]["multidrop"]["envelope"] = "X-Delivered-To"
    told = advice(haul)
    assert (told["written"]["found"], told["written"]["fallback"]) == (1, 4)
    assert 'envelope = "Envelope-To" would find more' in haul("check").out
    haul.sections["account", "all"]["multidrop"]["envelope"] = \
        ["Envelope-To", "X-Delivered-To"]
    told = advice(haul)
    assert (told["written"]["found"], told["better"]) == (5, None)


def test_multidrop_check_of_gaps_and_of_nothing(drop, user, dovecot):
    """UIDs with gaps far wider than 50; an empty mailbox says so."""
    haul = drop([], "imaps")
    assert advice(haul)["looked"] == 0
    assert "no message there" in haul("check").out
    dovecot.put(user, [mail(n, user, to("u@shop.test")) for n in range(3)])
    dovecot.put(user, [mail(10 + n, user) for n in range(200)])
    box = dovecot.imap(user, "INBOX")
    box.store("4:203", "+FLAGS", "\\Deleted")
    box.expunge()
    box.logout()
    told = advice(haul)
    assert (told["looked"], told["written"]["found"]) == (3, 3)


def test_multidrop_check_without_top(haul, sink):
    """A POP3 server that shows no headers: said, and no fault of ours."""
    server = FakePop([("x", mail(1, "t", to("u@shop.test")))])
    server.on("TOP", lambda s, a: s.say(b"-ERR no TOP here\r\n") or True)
    haul.delivery(server="smtp://localhost:%d" % sink.port)
    haul.account("all", server="pop3://localhost:%d" % server.port, user="u",
                 password=server.password, tls="none", first_run="all",
                 multidrop=dict(DROP))
    result = haul("check")
    server.close()
    assert result.code == 0, result
    assert "no TOP here" in result.out, result
