"""`rate`: so many messages in each window, from process to process. What is
counted is what the sink saw; no time is asserted."""
import pytest

from corpus import plain
from haul import Raw
from sink import CUT


def slow(haul, rate, **more):
    haul.sections["delivery", "home"].update(rate=Raw(rate), **more)
    return haul


def waiting(haul):
    return [q for q in haul.queue() if "rate" in (q["reason"] or "")]


@pytest.mark.parametrize("chunking", [False, True])
def test_rate_lets_so_many_through_and_the_next_fetch_none(
        haul, new_sink, dovecot, source, smtp, user, chunking):
    """3/h: three of five arrive, two wait with the reason and their time; a
    second pass, as cron starts it, sends none; nor does one that is asked for
    by name, or `queue retry`."""
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(i, user) for i in range(5)])
    haul.delivery(**smtp(sink, rate=Raw("3/h")))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.sink = sink
    result = haul.fetch()
    assert len(sink.accepted) == 3
    assert result.account("anna")["queued"] == 2
    queue = haul.queue()
    assert len(waiting(haul)) == len(queue) == 2
    assert all(q["state"] == "queued" and q["next_attempt"] for q in queue)
    assert haul("fetch").err == ""
    haul.fetch("anna")
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch()
    assert len(sink.accepted) == 3 and len(haul.queue()) == 2


def test_rate_counts_what_is_refused_behind_its_data(simple):
    """A message refused at the end of its data was handed over; one refused
    at RCPT was not."""
    haul = slow(simple(5), "3/h", connections=1)
    haul.sink.rule("dot", "554 5.6.0 no", times=1)
    haul.sink.rule("rcpt", "451 4.2.0 not now", times=1)
    haul.fetch(code=75)
    assert len(haul.sink.events("rcpt")) == 4
    assert len(haul.sink.accepted) == 2
    states = sorted(q["state"] for q in haul.queue())
    assert states == ["held", "queued", "queued"]


def test_rate_counts_what_a_death_left_in_doubt(simple):
    """The reply to one of two is lost: it counts, and so it does for the
    next process."""
    haul = slow(simple(4), "2/h", connections=1)
    haul.sink.rule("dot", CUT, times=1)
    haul.fetch(code=75)
    assert len(haul.sink.events("data")) == 2
    haul.fetch("anna")
    assert len(haul.sink.events("data")) == 2
    assert sorted(q["state"] for q in haul.queue()) == \
        ["in_doubt", "queued", "queued"]


def test_rate_of_a_second_waits_for_its_turn(simple):
    """5/s: all of twelve arrive in one pass, since a turn comes soon."""
    haul = slow(simple(12), "5/s")
    haul.fetch()
    assert len(haul.sink.accepted) == 12 and haul.queue() == []


def test_rate_leaves_a_large_mailbox_where_it_is(simple):
    """2/d against a hundred messages: some wait here, the others at their
    source, and the pass ends."""
    haul = slow(simple(100), "2/d")
    haul.fetch()
    assert len(haul.sink.accepted) == 2
    assert 1 <= len(haul.queue()) <= 66
    haul.fetch("anna")
    assert len(haul.sink.accepted) == 2
