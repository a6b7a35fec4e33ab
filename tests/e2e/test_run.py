"""`mailhaul run`: the process that stays (rows B15, I22, I23, J9 of CASES).

What happens is awaited by the log, the sink or the notify socket.
"""
import os
import signal

import pytest

from corpus import plain
from haul import Raw
from processes import until
from running import arrived
from shift import Leaps


def test_mail_arrives_and_is_polled_by_schedule(simple, start, notify):
    haul = simple(3, poll_every=Raw("2s"), keep=False)
    run = start(haul, notify=notify)
    notify.wait("READY=1")
    arrived(haul.sink, 3)
    haul.dovecot.put(haul.mailbox, [plain(7, haul.mailbox)])
    arrived(haul.sink, 4)
    result = run.stop()
    assert result.code == 0, result
    notify.wait("STOPPING=1")
    assert haul.fetch().account("anna")["fetched"] == 0
    assert len(haul.sink.accepted) == 4


def test_sigusr1_polls_now_and_a_second_run_does_not_start(simple, start,
                                                           notify):
    haul = simple(1, poll_every=Raw("1h"))
    run = start(haul, notify=notify)
    arrived(haul.sink, 1)
    at = run.wait("polled account=anna")
    second = haul("run", keep=True)
    assert second.code == 75 and not second.err, second
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    arrived(haul.sink, 2)
    run.wait("polled account=anna", at)
    assert run.stop().code == 0


def test_i23_a_wrong_file_keeps_the_old_one(simple, start, notify):
    haul = simple(1, poll_every=Raw("1h"))
    run = start(haul, notify=notify)
    notify.wait("READY=1")
    arrived(haul.sink, 1)
    good = haul.text()
    haul.write(good + 'acount "ben" { }\nfolder_typo = 3\n')
    run.kill_with(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in notify.wait("RELOADING=1")
    notify.wait("READY=1")
    run.wait("acount")
    run.wait("folder_typo")
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    arrived(haul.sink, 2)
    haul.write(good)
    run.kill_with(signal.SIGHUP)
    run.wait("reloaded accounts=1")
    assert run.stop().code == 0


def test_i22_an_account_is_renamed_and_gets_another_target(
        simple, new_sink, smtp, source, start, notify):
    haul = simple(3, poll_every=Raw("1h"))
    run = start(haul, notify=notify)
    arrived(haul.sink, 3)
    run.wait("polled account=anna")
    other = new_sink()
    haul.forget("account", "anna")
    haul.delivery("away", **smtp(other))
    haul.account("renamed", delivery="away", poll_every=Raw("1h"),
                 **source(haul.dovecot, "imaps", haul.mailbox))
    for settings in haul.sections.values():
        settings.setdefault("to", "anna@office.test")
    haul.write()
    run.kill_with(signal.SIGHUP)
    at = run.wait("reloaded")
    # not sooner: the session that rests might have it fetched as before
    haul.dovecot.put(haul.mailbox, [plain(9, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    arrived(other, 1)
    run.wait("polled account=renamed", at)
    assert len(haul.sink.accepted) == 3 and len(other.accepted) == 1
    assert run.stop().code == 0


def test_kill_9_and_a_fetch_behind_it(simple, start):
    haul = simple(60, keep=False)
    run = start(haul)
    arrived(haul.sink, 5)
    run.kill()
    haul("fetch", "anna")
    haul("fetch", "anna")
    n = haul.sink.count()
    assert len(n) + len(haul.queue()) >= 60, (len(n), haul.queue())
    assert max(n.values()) == 1, n


def test_stopped_under_load_loses_and_repeats_nothing(simple, start):
    haul = simple(200, keep=False)
    run = start(haul)
    arrived(haul.sink, 5)
    assert run.stop().code == 0
    haul.fetch("anna")
    n = haul.sink.count()
    assert len(n) == 200 and max(n.values()) == 1


def test_a_destination_that_comes_back_gets_what_waits(simple, start):
    haul = simple(3, poll_every=Raw("1h"))
    haul.sink.down()
    run = start(haul)
    run.wait("paused delivery=home")
    run.wait("polled account=anna")
    haul.sink.up()
    assert haul("queue", "retry", "--all", "-y", keep=True).code == 0
    arrived(haul.sink, 3)
    run.wait("resumed delivery=home")
    assert run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def greeted(sink):
    return len(sink.events("connect"))


def test_a_mailbox_that_fills_up_is_named(simple, start):
    """What a destination took before does not hide that it takes nothing now."""
    haul = simple(1, poll_every=Raw("1h"))

    def is_told(state, words):
        [home] = haul("status", "--json").json["deliveries"]
        error = home["last_error"] or {"text": None}
        return (home["state"], error["text"]) == (state, words)
    run = start(haul)
    arrived(haul.sink, 1)
    until(lambda: is_told("ok", None), "a delivery that works")
    haul.sink.rule("rcpt", "452 4.2.2 mailbox full")
    haul.dovecot.put(haul.mailbox, [plain(7, haul.mailbox)])
    run.wait("deferred account=anna")
    until(lambda: is_told("failing", "defers mail: 452 4.2.2 mailbox full"),
          "the cause")
    haul.sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y").code == 0
    arrived(haul.sink, 2)
    until(lambda: is_told("ok", None), "a delivery that works again")
    haul.sink.rule("rcpt", "452 4.2.2 mailbox full")
    haul.dovecot.put(haul.mailbox, [plain(8, haul.mailbox)])
    until(lambda: is_told("failing", "defers mail: 452 4.2.2 mailbox full"),
          "the cause")
    assert haul("queue", "drop", "--all", "-y").code == 0
    until(lambda: is_told("ok", None), "what nobody waits for")
    assert run.stop().code == 0


def test_a_destination_that_is_down_is_tried_ever_less_often(simple, start):
    """Down: tried after a minute, then after two, whatever comes in between;
    back again, all that waits goes at the next try."""
    haul = simple(4, poll_every=Raw("1h"), idle=False)
    leaps = Leaps(haul)
    haul.sink.rule("connect", "421 4.3.2 down for today")
    run = start(haul, env=leaps.env)
    run.wait("paused delivery=home")
    run.wait("polled account=anna")
    tried = greeted(haul.sink)
    leaps.on(30)
    assert greeted(haul.sink) == tried
    leaps.on(40)
    haul.sink.wait(lambda s: greeted(s) == tried + 1, "the second try")
    haul.sink.quiet()
    leaps.on(70)
    leaps.on(1)
    assert greeted(haul.sink) == tried + 1
    haul.sink.forget_rules()
    assert haul.sink.accepted == []
    leaps.on(70)
    arrived(haul.sink, 4)
    run.wait("resumed delivery=home")
    assert run.stop().code == 0
    assert max(haul.sink.count().values()) == 1
    assert haul.queue() == []


def test_room_that_queue_drop_makes_is_used(simple, start):
    """What lies in the spool is counted anew when somebody else changed the
    queue."""
    haul = simple(0, poll_every=Raw("1h"))
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox, size=200000)
                                    for n in range(12)])
    haul.general(spool_limit="1M")
    haul.sink.rule("dot", "554 5.6.0 no such thing here")
    run = start(haul)
    run.wait("spool_limit")
    held = haul.queue()
    assert 3 <= len(held) < 8 and {q["state"] for q in held} == {"held"}, held
    haul.sink.forget_rules()
    assert haul("queue", "drop", "--all", "-y", keep=True).code == 0
    run.kill_with(signal.SIGUSR1)
    arrived(haul.sink, 12 - len(held))
    assert haul.queue() == []
    assert run.stop().code == 0


@pytest.mark.skipif("MAILHAUL_SLOW" not in os.environ,
                    reason="takes two minutes: MAILHAUL_SLOW=1")
def test_rate_what_is_postponed_goes_at_its_turn(
        haul, new_sink, dovecot, source, smtp, user, start):
    """rate under run: what waits for more than 30 s lies in the ledger and
    goes when its turn comes, with no other event; xclient beside it."""
    sink = new_sink(xclient="NAME ADDR PROTO HELO")
    dovecot.put(user, [plain(n, user) for n in range(8)])
    haul.delivery(**smtp(sink, rate=Raw("2/m"), xclient=True, connections=2))
    haul.account("anna", **source(dovecot, "imaps", user, poll_every="1h",
                                  idle=False, received_by=["src.test"]))
    run = start(haul)
    arrived(sink, 2)
    for n in (4, 6):
        arrived(sink, n, limit=90)
        assert len(sink.accepted) == n
    run.stop()
    assert len(sink.accepted) == 6 and len(haul.queue()) == 2
