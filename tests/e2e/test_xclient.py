"""xclient and received_by: whom the destination judges. Postfix with a policy
service is the judge, where it can be; a sink does what Postfix does not."""
import os
import re
import socketserver
import threading

import pytest

from corpus import ids, msgid, plain
from haul import Raw
from servers import Postfix
from sink import CUT

HANDED = "NAME ADDR PROTO HELO"


class Policy:
    """A policy service (Postfix, SMTPD_POLICY_README): takes down what it is
    asked, refuses clients in .refused."""

    def __init__(self):
        policy, self.asked, self.refused = self, [], set()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                asked = {}
                for line in self.rfile:
                    name, eq, value = line.decode().rstrip("\n").partition("=")
                    if eq:
                        asked[name] = value
                        continue
                    policy.asked.append(asked)
                    bad = asked.get("client_address") in policy.refused
                    self.wfile.write(b"action=%s\n\n" % (
                        b"reject your address is on a list" if bad
                        else b"dunno"))
                    asked = {}
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def clients(self):
        """{sender: (address, name, helo)}"""
        return {a["sender"]: (a["client_address"], a["client_name"],
                              a["helo_name"]) for a in self.asked
                if a.get("protocol_state") == "RCPT"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def judge(folder, ca):
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    policy = Policy()
    postfix = Postfix(folder.new("postfix"), ca, ["box"], extra="""
inet_protocols = all
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:%d
""" % policy.port)
    postfix.policy = policy
    yield postfix
    postfix.stop()
    policy.close()


def line(helo, name, address, by="mx1.isp.test"):
    return ("Received: from %s (%s [%s])\r\n\tby %s (Postfix) with ESMTPS id "
            "4Q\r\n\tfor <x@isp.test>; Mon, 6 Jan 2025 10:00:00 +0000\r\n"
            % (helo, name, address, by)).encode()


def mail(n, user, *lines):
    """A message whose only Received lines are these."""
    head = re.sub(rb"Received: .*\r\n\t.*\r\n\t.*\r\n", b"",
                  plain(n, user), count=1)
    path, _, rest = head.partition(b"\r\n")
    return path + b"\r\n" + b"".join(lines) + rest


def arrange(haul, dovecot, source, smtp, user, server, messages, **more):
    dovecot.put(user, messages)
    haul.delivery(**smtp(server, to="box@office.test", xclient=True, **more))
    haul.account("anna", **source(dovecot, "imaps", user,
                                  received_by=["isp.test"]))
    return haul


def test_xclient_a_policy_service_sees_the_real_client(
        haul, judge, dovecot, source, smtp, user):
    """Issue 4 part 5: the address, name and HELO of whoever came to the
    provider; a line forged below changes nothing; without a line of the
    provider's nothing is handed over."""
    inner = line("mx1.isp.test", "mx1.isp.test", "10.0.0.5", "box.isp.test")
    forged = line("good", "good.test", "203.0.113.7")
    arrange(haul, dovecot, source, smtp, user, judge, [
        mail(0, user, line("spike", "dsl.far.test", "198.51.100.9"), forged),
        mail(1, user, inner, line("other", "unknown", "IPv6:2001:db8::25"),
             forged),
        mail(2, user, line("x", "x.test", "192.0.2.99", "mx.other.test"),
             forged),
        mail(3, user, line("spike", "dsl.far.test", "198.51.100.9"))])
    haul.fetch()
    assert len(judge.box("box")) == 4
    seen = judge.policy.clients()
    assert seen["s0.%s@src.test" % user] == \
        ("198.51.100.9", "dsl.far.test", "spike")
    assert seen["s1.%s@src.test" % user] == \
        ("2001:db8::25", "unknown", "other")
    assert seen["s2.%s@src.test" % user][0] == "127.0.0.1"
    assert seen["s3.%s@src.test" % user] == seen["s0.%s@src.test" % user]


def test_xclient_a_customer_of_the_provider_is_not_judged(
        haul, judge, dovecot, source, smtp, user):
    """Who signed in to send is no remote server: the provider's way out is
    judged, or nobody; a PTR record that was not looked up leads nowhere."""
    dialled = line("me", "dsl.far.test", "198.51.100.9", "out.isp.test") \
        .replace(b"ESMTPS", b"ESMTPSA")
    forged = line("good", "good.test", "203.0.113.7")
    arrange(haul, dovecot, source, smtp, user, judge, [
        mail(0, user, dialled, forged),
        mail(1, user, line("out.isp.test", "out.isp.test", "192.0.2.5"),
             dialled),
        mail(2, user, line("x", "ptr.isp.test", "198.51.100.77")
             .replace(b"Postfix", b"Haraka/3.0"), forged)])
    before = len(judge.box("box"))
    haul.fetch()
    assert len(judge.box("box")) == before + 3
    seen = judge.policy.clients()
    assert [seen["s%d.%s@src.test" % (n, user)][0] for n in range(3)] == \
        ["127.0.0.1", "192.0.2.5", "198.51.100.77"]


def test_xclient_judged_for_its_client_alone(
        haul, judge, dovecot, source, smtp, user):
    """The policy refuses one client: its mail alone is concerned."""
    judge.policy.refused.add("198.51.100.66")
    arrange(haul, dovecot, source, smtp, user, judge, [
        mail(0, user, line("bad", "bad.test", "198.51.100.66")),
        mail(1, user, line("fine", "fine.test", "198.51.100.67"))])
    before = len(judge.box("box"))
    haul("fetch", "--json")
    assert len(judge.box("box")) == before + 1
    [left] = haul.queue()
    assert "on a list" in left["last_reply"]


@pytest.mark.parametrize("chunking", [False, True])
@pytest.mark.parametrize("connections", [1, 4])
def test_xclient_messages_are_grouped_by_client(
        haul, new_sink, dovecot, source, smtp, user, chunking, connections):
    """Thirty messages of three clients and of nobody known, in turn: one
    connection serves all of one client; each message has its own."""
    sink = new_sink(chunking=chunking, xclient=HANDED)
    clients = ["198.51.100.%d" % n for n in (1, 2, 3)]

    def lines(n):
        return [line("h", "c.test", clients[n % 4])] if n % 4 < 3 else []
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(n, user, *lines(n)) for n in range(30)],
            connections=connections)
    haul.fetch()
    assert sink.count() == ids(user, range(30))
    for m in sink.accepted:
        n = int(m.msgid[1:].split(".")[0])
        want = "NAME=c.test ADDR=%s HELO=h" % clients[n % 4] \
            if n % 4 < 3 else ""
        assert m.client == want, (n, m.client)
    assert len(sink.events("xclient")) < 15


def test_xclient_signs_in_behind_it(haul, new_sink, dovecot, source, smtp,
                                    user, ca):
    """XCLIENT goes before AUTH, which it would undo."""
    sink = new_sink(xclient=HANDED, tls="implicit", auth={"u": "p;w"})
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(0, user, line("h", "c.test", "198.51.100.1"))])
    haul.sections["delivery", "home"].update(
        server="smtps://localhost:%d" % sink.port, user="u", password="p;w",
        tls_ca=ca.file, sender="original")
    haul.fetch()
    assert [m.client for m in sink.accepted] == \
        ["NAME=c.test ADDR=198.51.100.1 HELO=h"]


@pytest.mark.parametrize("offered", [False, True])
def test_xclient_not_taken_is_told_once(haul, new_sink, dovecot, source, smtp,
                                        user, offered):
    """Not offered, or refused: the mail arrives as from us, one line says
    what to do, and the next pass is silent; so does check."""
    sink = new_sink(xclient=HANDED if offered else None)
    sink.rule("xclient", "550 5.7.0 Error: insufficient authorization")
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(n, user, line("h", "c.test", "198.51.100.%d" % (n + 1)))
             for n in range(4)])
    result = haul("fetch")
    assert result.code == 0 and len(sink.accepted) == 4
    assert result.err.count("\n") == 1 and "XCLIENT" in result.err
    assert "smtpd_authorized_xclient_hosts" in result.err
    assert len(sink.events("xclient")) <= 4 and \
        {m.client for m in sink.accepted} == {""}
    dovecot.put(user, [mail(9, user, line("h", "c.test", "198.51.100.9"))])
    result = haul("fetch")
    assert (result.code, result.err) == (0, "") and len(sink.accepted) == 5
    [home] = haul("status", "--json").json["deliveries"]
    assert home["state"] == "ok" and "XCLIENT" in home["last_error"]["text"]


def test_xclient_a_client_that_is_not_let_in(haul, new_sink, dovecot, source,
                                             smtp, user):
    """The server greets that client with 554: its mail is refused for good,
    never sent as ours; another client's arrives; 450 waits."""
    sink = new_sink(xclient=HANDED)
    sink.rule("xclient", "554 5.7.1 dsl.test: Client host rejected",
              match="198.51.100.1 ")
    sink.rule("xclient", "450 4.7.1 come back later", match="198.51.100.2 ")
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(n, user, line("h", "c.test", "198.51.100.%d" % (n + 1)))
             for n in range(3)])
    haul.fetch(code=75)
    assert sink.count() == {msgid(2, user): 1}
    queue = sorted((q["state"], q["last_reply"][:3]) for q in haul.queue())
    assert queue == [("held", "554"), ("queued", "450")]


def test_xclient_odd_names_do_not_bring_a_client_through(
        haul, new_sink, dovecot, source, smtp, user):
    """A name or HELO that the server will not have is said to be unknown."""
    sink = new_sink(xclient=HANDED)
    sink.rule("xclient", "501 5.5.4 Bad HELO syntax", match="HELO=odd!")
    arrange(haul, dovecot, source, smtp, user, sink, [
        mail(0, user, line("odd!", "1.2.3", "198.51.100.1")),
        mail(1, user, line("a=b+c", "-x.test", "198.51.100.2"))])
    sink.rule("xclient", "501 5.5.4 Bad ADDR syntax", match="IPV6:")
    dovecot.put(user, [mail(2, user, line("h", "c.test", "IPv6:2001:db8::1"))])
    haul.fetch()
    assert {m.client for m in sink.accepted} == {
        "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]",
        "NAME=[UNAVAILABLE] ADDR=198.51.100.1 HELO=[UNAVAILABLE]",
        "NAME=[UNAVAILABLE] ADDR=198.51.100.2 HELO=a+3Db+2Bc"}


def test_xclient_lost_reply_is_one_doubt(haul, new_sink, dovecot, source, smtp,
                                         user):
    """P2 on a connection of a client's: the reply to its end is lost."""
    sink = new_sink(xclient=HANDED)
    sink.rule("dot", CUT, match=msgid(1, user), times=1)
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(n, user, line("h", "c.test", "198.51.100.%d" % (n + 1)))
             for n in range(3)], connections=1)
    haul.fetch(code=75)
    assert sink.count() == ids(user, range(3))
    assert [q["state"] for q in haul.queue()] == ["in_doubt"]


def test_xclient_under_a_rate(haul, new_sink, dovecot, source, smtp, user):
    """Both at once: the pass ends, and no more than so many arrive."""
    sink = new_sink(xclient=HANDED)
    arrange(haul, dovecot, source, smtp, user, sink,
            [mail(n, user, line("h", "c.test", "198.51.100.%d" % (n + 1)))
             for n in range(5)], connections=1, rate=Raw("2/h"))
    haul.fetch()
    assert len(sink.accepted) == 2 and len(haul.queue()) == 3
