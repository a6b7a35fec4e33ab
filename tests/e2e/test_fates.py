"""What becomes of messages that a destination does not simply accept."""
import collections
import re
import signal

import pytest

from corpus import ids, msgid, plain
from haul import Raw
from shift import Leaps
from sink import CUT, DROP, MUTE, RESET


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_j15_one_refused_message_among_sixty(haul, new_sink, dovecot, source,
                                             smtp, user, scheme, chunking):
    """J15, G3: the other fifty-nine arrive in this run; the one is held, its
    source kept, the exit code 0."""
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(n, user) for n in range(60)])
    sink.rule("dot", "554 5.7.1 smells of spam", match=msgid(17, user))
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, scheme, user, keep=False))
    result = haul.fetch().account("anna")
    assert (result["result"], result["delivered"], result["held"]) == \
        ("ok", 59, 1)
    assert sink.count() == {msgid(n, user): 1 for n in range(60) if n != 17}
    left = dovecot.left(user)
    assert len(left) == 1 and msgid(17, user).encode() in left[0]
    [held] = haul.queue()
    assert (held["state"], held["message_id"], held["account"]) == \
        ("held", msgid(17, user), "anna")
    assert "smells of spam" in held["last_reply"]
    # It is not tried again by itself, is sent on release, and then deleted.
    haul.fetch()
    assert len(sink.events("dot", reply="554 5.7.1 smells of spam")) == 1
    sink.forget_rules()
    assert haul("queue", "retry", held["id"], "-y").code == 0
    assert haul.fetch().account("anna")["delivered"] == 1
    haul.fetch()
    assert dovecot.left(user) == [] and haul.queue() == []


@pytest.mark.parametrize("stage", ["rcpt", "mail", "data", "dot"])
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_g2_refused_for_now_waits_and_is_delivered_later(
        haul, new_sink, dovecot, source, smtp, user, stage, chunking):
    """G2, G5, G14: 4xx at each stage: waits in the queue, source kept, exit
    75 for what failed now; delivered once when the server takes it."""
    if chunking and stage == "data":
        pytest.skip("no DATA with BDAT")
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(n, user) for n in range(3)])
    sink.rule(stage, "451 4.7.1 greylisted")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    result = haul("fetch", "--json")
    assert result.code == 75, result
    assert sink.accepted == [] and len(dovecot.left(user)) == 3
    queued = haul.queue()
    assert {q["state"] for q in queued} == {"queued"} and len(queued) == 3
    assert any("greylisted" in (q["last_reply"] or "") for q in queued)
    assert all(q["next_attempt"] for q in queued)
    sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch("anna")
    assert sink.count() == ids(user, range(3))
    haul.fetch("anna")
    assert dovecot.left(user) == []


def test_what_waits_is_not_tried_before_its_time(simple, user):
    """INTERFACE 1: fetch never waits for a future retry, and what waits for a
    later one is exit 0."""
    haul = simple(1)
    haul.sink.rule("rcpt", "450 4.2.0 later", times=1)
    assert haul("fetch").code == 75
    result = haul.fetch().account("anna")
    assert (result["delivered"], haul.sink.accepted) == (0, [])
    assert len(haul.queue()) == 1
    # but named, it is tried at once
    assert haul.fetch("anna").account("anna")["delivered"] == 1


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
@pytest.mark.parametrize("how", [CUT, RESET])
def test_g7_lost_reply_is_in_doubt_and_not_sent_again_at_once(
        haul, new_sink, dovecot, source, smtp, user, how, chunking):
    """G7, P2: the reply to the end of data is lost: counted in_doubt, visible,
    source kept, not re-sent before 15 minutes; on release it is."""
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(1, user)])
    sink.rule("dot", how, times=1)
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    [doubt] = haul.queue()
    assert (doubt["state"], doubt["message_id"]) == \
        ("in_doubt", msgid(1, user))
    assert haul("status", "--json").json["queue"]["in_doubt"] == 1
    assert len(dovecot.left(user)) == 1
    haul.fetch("anna")
    assert sink.count() == {msgid(1, user): 1}
    assert haul("queue", "retry", doubt["id"], "-y").code == 0
    haul.fetch("anna")
    assert sink.count() == {msgid(1, user): 2}
    haul.fetch("anna")
    assert dovecot.left(user) == [] and haul.queue() == []


@pytest.mark.parametrize("how", [CUT, RESET])
def test_p3_on_doubt_hold_never_sends_twice(simple, user, how):
    """P3: on_doubt = hold parks it."""
    haul = simple(1, on_doubt="hold", keep=False)
    haul.sink.rule("dot", how, times=1)
    haul("fetch", "--json")
    [held] = haul.queue()
    assert held["state"] in ("held", "in_doubt")
    for _ in range(2):
        haul.fetch("anna")
    assert haul.sink.count() == {msgid(0, user): 1}
    assert len(haul.dovecot.left(user)) == 1


def test_p2_only_what_was_unanswered_is_in_doubt(haul, new_sink, dovecot,
                                                 source, smtp, user):
    """P2: a line cut among forty messages puts at most the windows of the
    open connections in doubt; the others arrive once."""
    for chunking, window in ((False, 1), (True, 8)):
        sink = new_sink(chunking=chunking)
        who = "%s.%d" % (user, window)
        dovecot.put(who, [plain(n, who) for n in range(40)])
        sink.rule("dot", CUT, match=msgid(20, who), times=1)
        haul.fresh()
        haul.delivery(**smtp(sink))
        haul.account(who, **source(dovecot, "imaps", who))
        haul("fetch", "--json")
        doubts = {q["message_id"] for q in haul.queue()
                  if q["state"] == "in_doubt"
                  and q["message_id"].endswith("." + who + "@src.test>")}
        assert msgid(20, who) in doubts and len(doubts) <= window
        haul("queue", "retry", "--all", "-y")
        haul.fetch(who)
        counts = sink.count()
        assert set(counts) == {msgid(n, who) for n in range(40)}
        assert {i for i, n in counts.items() if n > 1} <= doubts


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "body"])
def test_g6_line_cut_before_the_dot_is_no_doubt(simple, user, stage):
    """G4, G6: not accepted: sent again without ado, exactly once."""
    haul = simple(2)
    # so large that its end cannot be on its way when the line is cut
    haul.dovecot.put(user, [plain(2, user, body=b"x" * 70 + b"\r\n")
                            if stage != "body" else
                            plain(2, user, body=b"y" * 998 + b"\r\n" +
                                  b"z" * 998 * 20000 + b"\r\n")])
    haul.sink.rule(stage, DROP, times=1, match=lambda octets:
                   stage != "body" or len(octets) > 100000)
    haul("fetch", "--json")
    assert haul.sink.events(stage, reply=DROP)
    assert not [q for q in haul.queue() if q["state"] == "in_doubt"]
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "dot"])
def test_g4_421_is_no_acceptance(simple, user, stage):
    """G1, G4, G5: 421 at any point: not accepted, delivered later, once."""
    haul = simple(3, keep=False)
    haul.sink.rule(stage, "421 4.3.2 shutting down")
    assert haul("fetch", "--json").code == 75
    assert haul.sink.accepted == []
    assert not [q for q in haul.queue() if q["state"] == "in_doubt"]
    assert len(haul.dovecot.left(user)) == 3
    haul.sink.forget_rules()
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_g9_each_recipient_has_its_own_fate(haul, new_sink, dovecot, source,
                                            smtp, user, chunking):
    """G9: 250, 451 and 550 in one transaction: the accepted set is recorded;
    the source goes only when all are settled; nobody gets it twice."""
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(1, user)])
    haul.delivery(**smtp(sink, ["a@office.test", "b@office.test",
                                "c@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    sink.rule("rcpt", "451 4.2.2 full", match="b@office.test")
    haul("fetch", "--json")
    assert [m.rcpts for m in sink.accepted] == \
        [["a@office.test", "c@office.test"]]
    assert len(dovecot.left(user)) == 1
    [waiting] = haul.queue()
    assert waiting["state"] == "queued"
    sink.forget_rules()
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    assert [m.rcpts for m in sink.accepted] == \
        [["a@office.test", "c@office.test"], ["b@office.test"]]
    haul.fetch("anna")
    assert dovecot.left(user) == []


def test_g9_one_refused_for_good_keeps_the_source(haul, sink, dovecot, source,
                                                  smtp, user):
    """G9 with a 550: the others have it, the source is kept."""
    dovecot.put(user, [plain(1, user)])
    haul.delivery(**smtp(sink, ["a@office.test", "b@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    sink.rule("rcpt", "550 5.1.1 unknown", match="b@office.test")
    haul("fetch", "--json")
    assert [m.rcpts for m in sink.accepted] in ([["a@office.test"]], [])
    assert len(dovecot.left(user)) == 1
    assert len(haul.queue()) == 1


def test_j6_no_body_after_354_without_recipients(haul, new_sink, dovecot,
                                                 source, smtp, user):
    """J6: 354 though every RCPT was refused: a lone dot, never the body."""
    sink = new_sink(pipelining=True)
    dovecot.put(user, [plain(1, user)])
    sink.rule("rcpt", "450 4.1.1 later")
    sink.rule("data", "354 go on then")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul("fetch", "--json")
    assert sink.events("mail")
    assert all(m.octets == b"" for m in sink.accepted)
    assert all(e["size"] == 0 for e in sink.events("dot"))
    assert len(haul.queue()) == 1


def test_g12_a_refused_chunk_falls_back_to_data(haul, new_sink, dovecot,
                                                source, smtp, user):
    """G12: BDAT offered and refused: the next session uses DATA."""
    sink = new_sink(chunking=True)
    sink.rule("bdat", "502 5.5.1 BDAT is out of order")
    dovecot.put(user, [plain(n, user) for n in range(3)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    for _ in range(3):
        haul("fetch", "--json", "anna")
        haul("queue", "retry", "--all", "-y")
    haul("fetch", "--json", "anna")
    assert sink.count() == ids(user, range(3))


def test_g11_dead_with_pipelining_goes_on_without(haul, new_sink, dovecot,
                                                  source, smtp, user):
    """G11: the server offers PIPELINING and dies when it is used."""
    sink = new_sink()
    dovecot.put(user, [plain(n, user) for n in range(3)])

    def pipelined(line):
        return b"\n" in line
    sink.rule("data", "554 5.5.1 no valid recipients", match=pipelined)
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    assert sink.count() == ids(user, range(3))


@pytest.mark.parametrize("quirk", [dict(pipelining=False),
                                   dict(eightbit=False), dict(enhanced=False),
                                   dict(smtputf8=False), dict(chunking=True,
                                                              pipelining=False)])
def test_poor_servers_get_the_mail_too(haul, new_sink, dovecot, source, smtp,
                                       user, quirk):
    """F4, F5 and servers without the extensions."""
    sink = new_sink(**quirk)
    dovecot.put(user, [plain(n, user) for n in range(20)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    assert sink.count() == ids(user, range(20))


def test_g8_control_characters_in_a_reply(simple, user):
    """G8, H1, H2, H3, H5: the code counts; the text is escaped and cut, one
    event stays one line, and is no format string."""
    haul = simple(2)
    haul.sink.rule("dot", "250 ok \x1b[2J\x07%n%s\u202e" + "A" * 4000,
                   match=msgid(0, user))
    haul.sink.rule("dot", "550 no \x1b]0;title\x07 \x9b31m%n%s",
                   match=msgid(1, user))
    result = haul("-v", "fetch")
    assert result.code == 0, result
    shown = result.err + result.out + haul("trace").out + \
        haul("status").out + haul("queue").out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
    assert "A" * 1000 not in shown
    assert "%n%s" in shown
    [held] = haul.queue()
    assert "\x1b" not in held["last_reply"]
    assert haul.sink.count() == {msgid(0, user): 1}


def test_g13_sign_in_refused_pauses_the_delivery(haul, new_sink, dovecot,
                                                 source, user, ca):
    """G13: 535: one alarm, 77, messages untouched, nothing more tried."""
    sink = new_sink(tls="implicit", auth={"robot": "right"})
    dovecot.put(user, [plain(n, user) for n in range(5)])
    haul.delivery(server="smtps://localhost:%d" % sink.port, user="robot",
                  password="wrong", tls_ca=ca.file, sender="original",
                  to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    result = haul("fetch", "--json")
    assert result.code == 77, result
    assert len(sink.events("auth")) == 1
    assert len(dovecot.left(user)) == 5 and sink.accepted == []
    haul.sections["delivery", "home"]["password"] = "right"
    haul.fetch("anna")
    assert sink.count() == ids(user, range(5))


def test_g21_no_password_in_clear(haul, new_sink, dovecot, source, user):
    """G21: AUTH offered only in clear, TLS not offered: nothing is sent."""
    sink = new_sink(auth={"robot": "right"}, auth_clear=True)
    dovecot.put(user, [plain(1, user)])
    haul.delivery(server="submission://localhost:%d" % sink.port,
                  user="robot", password="right", sender="original",
                  to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user))
    result = haul("fetch", "--json")
    assert result.code in (75, 76, 77), result
    assert not sink.events("auth") and not sink.events("mail")


@pytest.mark.parametrize("how", ["refused", "never offered", "injected"])
def test_a1_smtp_starttls_is_required(haul, new_sink, dovecot, source, user,
                                      ca, how):
    """A1, A2, A3 towards the destination: no mail in clear."""
    sink = new_sink(tls=None if how == "never offered" else "starttls")
    if how == "refused":
        sink.rule("starttls", "454 4.7.0 not today")
    if how == "injected":
        sink.rule("starttls", b"220 2.0.0 go\r\n250 injected\r\n")
    dovecot.put(user, [plain(1, user)])
    haul.delivery(server="submission://localhost:%d" % sink.port,
                  tls_ca=ca.file, to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user))
    result = haul("fetch", "--json")
    assert result.code in (75, 76, 77), result
    assert not sink.events("mail") and sink.accepted == []


def test_several_connections_share_the_work(simple, user):
    """connections: parallel, all once."""
    haul = simple(200)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(200))


def test_connections_are_limited(simple, user):
    """connections = 1: never two at once."""
    haul = simple(80)
    haul.sections["delivery", "home"]["connections"] = 1
    haul.fetch()
    open_now = most = 0
    for e in sorted(haul.sink.events("connect") + haul.sink.events("close"),
                    key=lambda e: e["at"]):
        open_now += 1 if e["event"] == "connect" else -1
        most = max(most, open_now)
    assert most == 1 and len(haul.sink.accepted) == 80


def test_f11_too_large_stays_at_the_source(haul, new_sink, dovecot, source,
                                           smtp, user):
    """F11, max_size: the destination's SIZE is the limit; larger ones stay,
    are listed, and are fetched when the limit rises."""
    sink = new_sink(size=20000)
    dovecot.put(user, [plain(0, user), plain(1, user, size=50000)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    result = haul.fetch().account("anna")
    assert (result["delivered"], result["skipped"]) == (1, 1)
    assert sink.count() == {msgid(0, user): 1}
    assert len(dovecot.left(user)) == 1
    assert haul("status", "--json").account("anna")["skipped"] == 1
    sink.size = 200000
    haul.fetch("anna")
    assert sink.count() == {msgid(0, user): 1, msgid(1, user): 1}


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_max_size_raised_fetches_what_was_left(simple, user, scheme):
    haul = simple(2, scheme, max_size=Raw("10K"))
    haul.dovecot.put(user, [plain(7, user, size=30000)])
    result = haul.fetch().account("anna")
    assert (result["delivered"], result["skipped"]) == (2, 1)
    assert "1" in haul("status").out
    haul.sections["account", "anna"]["max_size"] = Raw("1M")
    assert haul.fetch().account("anna")["delivered"] == 1
    assert haul.sink.count()[msgid(7, user)] == 1


def test_b_a_silent_destination_does_not_stop_the_others(
        haul, new_sink, dovecot, source, smtp, user):
    """P4, J9: one destination never answers the dot; accounts of another are
    served; ctrl-C ends the run within its time and loses nothing."""
    stuck, good = new_sink(), new_sink()
    stuck.rule("dot", MUTE)
    dovecot.put(user + "a", [plain(1, user + "a")])
    dovecot.put(user + "b", [plain(n, user + "b") for n in range(5)])
    haul.delivery("stuck", **smtp(stuck))
    haul.delivery("good", **smtp(good))
    haul.account("a", **source(dovecot, "imaps", user + "a",
                               delivery="stuck"))
    haul.account("b", **source(dovecot, "pop3s", user + "b",
                               delivery="good", keep=False))
    leaps = Leaps(haul)
    process = haul.start("fetch", "--json", env=leaps.env)
    good.wait(lambda s: len(s.accepted) == 5, "the other account's mail")
    stuck.wait(lambda s: s.accepted, "the stuck message")
    process.send_signal(signal.SIGINT)
    result = leaps.to_the_end(process, 10)
    assert result.code == 130, result
    assert len(good.accepted) == 5
    doubts = [q for q in haul.queue() if q["account"] == "a"]
    assert [q["state"] for q in doubts] == ["in_doubt"]


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_f11_refused_to_takes_what_is_refused_or_too_large(
        haul, new_sink, dovecot, source, smtp, user, chunking):
    """F11, G3, refused_to: what one destination refuses for good, or finds
    too large, another takes in the same pass; it counts as delivered, and
    trace tells of both."""
    first, other = new_sink(chunking=chunking, size=20000), new_sink()
    dovecot.put(user, [plain(0, user), plain(1, user, size=50000),
                       plain(2, user)])
    first.rule("dot", "554 5.7.1 smells of spam", match=msgid(2, user))
    first.rule("mail", "552 5.3.4 too large", match=lambda line: int(
        re.search(rb"SIZE=(\d+)", line)[1]) > 20000)
    haul.delivery("home", **smtp(first, refused_to="rest"))
    haul.delivery("rest", **smtp(other, sender="rest@office.test"))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False,
                                  delivery="home"))
    result = haul.fetch().account("anna")
    assert (result["result"], result["delivered"], result["skipped"],
            result["held"]) == ("ok", 3, 0, 0)
    assert first.count() == {msgid(0, user): 1}
    assert other.count() == {msgid(1, user): 1, msgid(2, user): 1}
    assert {m.sender for m in other.accepted} == {"rest@office.test"}
    told = haul("trace", msgid(2, user)).out
    assert "smells of spam" in told and "rest" in told, told
    haul.fetch("anna")
    assert dovecot.left(user) == [] and haul.queue() == []


def test_refused_to_that_is_down_waits_and_that_refuses_holds(
        haul, new_sink, dovecot, source, smtp, user):
    """The other one down: it waits there; it refuses too: held."""
    first, other = new_sink(), new_sink()
    dovecot.put(user, [plain(0, user)])
    first.rule("dot", "554 5.7.1 smells of spam")
    other.rule("dot", "554 5.7.1 to me as well")
    other.down()
    haul.delivery("home", **smtp(first, refused_to="rest"))
    haul.delivery("rest", **smtp(other))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False,
                                  delivery="home"))
    haul("fetch", "--json")
    [waiting] = haul.queue()
    assert waiting["state"] == "queued" and len(dovecot.left(user)) == 1
    other.up()
    haul("fetch", "--json", "anna")
    [held] = haul.queue()
    assert held["state"] == "held" and "me as well" in held["last_reply"]
    assert len(first.events("dot")) == 1 and len(dovecot.left(user)) == 1


def test_the_alarm_names_the_delivery_that_refused(
        haul, new_sink, dovecot, source, smtp, user):
    """refused_to: it is the other one whose recipient is wrong."""
    first, other = new_sink(), new_sink()
    dovecot.put(user, [plain(0, user)])
    first.rule("dot", "554 5.7.1 smells of spam")
    other.rule("rcpt", "550 5.1.1 unknown here")
    haul.delivery("home", **smtp(first, refused_to="rest"))
    haul.delivery("rest", **smtp(other))
    haul.account("anna", **source(dovecot, "imaps", user, delivery="home"))
    error = haul("fetch", "--json").account("anna")["error"]["text"]
    assert 'delivery "rest"' in error and '"home"' not in error, error


def test_three_senders_in_a_row_are_a_wrong_setting(simple, user):
    """INTERFACE 2: the third different sender refused pauses the account;
    one refused between others that are taken is held alone."""
    haul = simple(12)
    haul.sections["delivery", "home"]["connections"] = 1
    haul.sink.rule("mail", "553 5.7.1 not your address")
    result = haul("fetch", "--json")
    assert len(haul.sink.events("mail")) == 3
    states = sorted(q["state"] for q in haul.queue())
    assert states.count("held") == 2 and "queued" in states
    assert haul("status", "--json").account("anna")["state"] == "refused"
    assert result.code != 0
    haul.sink.forget_rules()
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    assert len(haul.sink.accepted) == 12


def test_three_senders_in_a_row_are_counted_across_processes(simple, user):
    """INTERFACE 2: one refused sender in each of three passes, as cron starts
    them, is three in a row; mail that is taken between them ends the row."""
    haul = simple(1)
    haul.sink.rule("mail", "553 5.7.1 not your address", match="bad")

    def passes(sender):
        path = b"Return-Path: <%s@far.test>\r\n" % sender.encode()
        n = len(haul.sink.events("mail"))
        _, _, rest = plain(100 + n, user).partition(b"\r\n")
        haul.dovecot.put(user, [path + rest])
        return haul("fetch", "--json", "anna")
    for sender in ("bad1", "bad2", "good", "bad3", "bad4"):
        assert passes(sender).code == 0, sender
    assert [q["state"] for q in haul.queue()] == ["held"] * 4
    result = passes("bad5")
    assert result.code == 75, result
    assert "three senders in a row" in result.account("anna")["error"]["text"]


@pytest.mark.parametrize("answer,state", [("550 5.1.1 unknown", "refused"),
                                          ("451 4.7.1 later", "failing")])
def test_status_of_a_delivery_that_refuses_is_not_ok(simple, user, answer,
                                                     state):
    """status: a delivery that is up and takes nothing is not "ok"."""
    haul = simple(2)
    haul.sink.rule("rcpt", answer)
    haul("fetch")
    [home] = haul("status", "--json").json["deliveries"]
    assert (home["state"], home["last_success"]) == (state, None)
    haul.sink.forget_rules()
    haul.fetch("anna")
    [home] = haul("status", "--json").json["deliveries"]
    assert home["state"] == "ok" and home["last_success"]


@pytest.mark.parametrize("stage", ["rcpt", "dot"])
def test_what_defers_mail_is_named_and_each_failed_try_is_75(simple, stage):
    """A full mailbox: `status` says why the delivery fails, also for mail of an
    earlier pass, and no longer once it is over."""
    haul = simple(2)
    haul.sink.rule(stage, "452 4.2.2 mailbox full")
    codes = [haul("fetch").code]
    assert haul("queue", "retry", "--all", "-y").code == 0
    codes.append(haul("fetch").code)         # tried again
    codes.append(haul("fetch").code)         # nothing is due
    assert codes == [75, 75, 0]
    [home] = haul("status", "--json").json["deliveries"]
    error = home["last_error"]
    assert (home["state"], error["count"]) == ("failing", 2), home
    assert error["text"] == "defers mail: 452 4.2.2 mailbox full"
    assert "mailhaul queue" in error["remedy"]
    assert "delivery home: defers mail: 452 4.2.2 mailbox full" in \
        haul("status").out
    haul.sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y").code == 0
    assert haul("fetch").code == 0
    [home] = haul("status", "--json").json["deliveries"]
    assert (home["state"], home["last_error"]) == ("ok", None), home


def test_nobody_waits_any_more_for_what_was_deferred(simple):
    """What is dropped from the queue is no trouble of the delivery's."""
    haul = simple(1)
    haul.sink.rule("rcpt", "452 4.2.2 mailbox full")
    assert haul("fetch").code == 75
    assert haul("queue", "drop", "--all", "-y").code == 0
    assert haul("fetch").code == 0
    [home] = haul("status", "--json").json["deliveries"]
    assert (home["state"], home["last_error"]) == ("ok", None), home


def test_g16_a_smarthost_that_has_no_address_is_temporary(simple, user):
    """G16: NXDOMAIN for our own smarthost holds nothing and pauses nothing for
    good: the mail goes as soon as the name is there."""
    haul = simple(3, keep=False)
    good = haul.sections["delivery", "home"]["server"]
    haul.sections["delivery", "home"].update(
        server="smtp://nowhere.invalid", tls="none")
    for _ in range(2):
        assert haul("fetch", "--json", "anna").code == 75
    assert len(haul.dovecot.left(user)) == 3
    assert all(q["state"] == "queued" for q in haul.queue())
    haul.sections["delivery", "home"].update(server=good, tls=None)
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    assert haul.queue() == []


@pytest.mark.parametrize("words", [
    "450 4.7.1 Error: too much mail from 127.0.0.1",
    "421 4.7.0 Error: too many connections from 127.0.0.1"])
def test_g15_too_much_at_a_time_is_too_much(simple, words):
    """One connection from then on, and more by and by: of those that were open
    each ends what it has begun."""
    haul = simple(100)
    haul.sections["delivery", "home"]["connections"] = 8
    haul.sink.rule("mail", words, times=1,
                   match=lambda line: len(haul.sink.accepted) >= 30)
    result = haul("fetch", "--json")
    refused, = [e for e in haul.sink.events("mail")
                if e["reply"].startswith(words[:3])]
    since = [e for e in haul.sink.events("mail")
             if e["at"] > refused["at"]][:20]    # then one more is tried
    begun = collections.Counter(e["conn"] for e in since)
    assert sum(n > 3 for n in begun.values()) == 1, begun
    assert (result.code, len(haul.sink.accepted)) == \
        ((75, 99) if words[0:3] == "450" else (0, 100))
