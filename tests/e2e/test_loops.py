"""J11: a trace line of ours counts by its MAC, not by its looks."""
import os
import re

import pytest

from corpus import ids, plain
from servers import Postfix
from shift import Shift


def own_trace(haul):
    """The line mailhaul put in front of the message it delivered last."""
    octets = haul.sink.accepted[-1].octets
    return re.search(rb"^X-Mailhaul-Trace: [^\r]+\r\n", octets, re.M)[0]


def test_j11_a_trace_line_with_another_mac_is_no_loop(simple, user):
    """J11: somebody copies our line and changes one character of the MAC:
    ten of them hold nothing."""
    haul = simple(1)
    haul.fetch()
    line = own_trace(haul)
    last = line[-3:-2]
    forged = line[:-3] + (b"0" if last != b"0" else b"1") + b"\r\n"
    haul.dovecot.put(user, [plain(1, user, extra=forged * 10)])
    result = haul.fetch("anna", env=Shift(haul.folder)(hours=0.05))
    assert result.account("anna")["held"] == 0
    assert haul.sink.count() == ids(user, range(2))


def test_j11_a_trace_line_of_another_message_as_it_is(simple, user):
    """J11, G20: the same line three times with its own MAC is what a loop
    looks like: held, the source kept; once or twice is none."""
    haul = simple(1, keep=False)
    haul.sections["account", "anna"]["keep"] = True
    haul.fetch()
    line = own_trace(haul)
    haul.dovecot.put(user, [plain(1, user, extra=line),
                            plain(2, user, extra=line * 3)])
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3)), \
        "within a minute it is no round"
    haul.dovecot.put(user, [plain(3, user, extra=line * 2),
                            plain(4, user, extra=line * 3)])
    haul.fetch("anna", env=Shift(haul.folder)(hours=0.05))
    assert haul.sink.count() == ids(user, range(4))
    [held] = haul.queue()
    assert held["state"] == "held" and "loop" in held["reason"]


@pytest.fixture
def returning(folder, ca, dovecot):
    """A Postfix that forwards into the mailbox that is polled."""
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    postfix = Postfix(folder.new("postfix"), ca, [], extra="""
virtual_mailbox_domains = office.test
virtual_mailbox_maps =
virtual_transport = lmtp:inet:127.0.0.1:%d
""" % dovecot.ports["lmtp"])
    yield postfix
    postfix.stop()


def test_g20_a_destination_that_forwards_into_the_polled_mailbox(
        haul, returning, dovecot, source, smtp, user):
    """G20: what was delivered comes back, and with keep = no would go round
    for ever. At its third return it is held, other mail goes on."""
    later = Shift(haul.folder)
    dovecot.put(user, [plain(0, user)])
    haul.delivery(**smtp(returning, to="%s@office.test" % user))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    for n in range(1, 4):
        result = haul.fetch("anna", env=later(hours=n / 20))
        assert result.account("anna")["delivered"] == 1
        returning.settled()
        [back] = dovecot.left(user)
        assert back.count(b"\r\nX-Mailhaul-Trace: ") == n
    assert haul.fetch("anna", env=later(hours=0.2)).account("anna")["held"] == 1
    [held] = haul.queue()
    assert held["state"] == "held" and "loop" in held["reason"]
    assert len(dovecot.left(user)) == 1
    result = haul.fetch("anna", env=later(hours=0.25))
    assert result.account("anna")["fetched"] == 0


@pytest.mark.parametrize("received,state", [(50, None), (51, "held")])
def test_f10_more_than_fifty_received(simple, user, received, state):
    """F10: fifty Received lines pass, fifty-one are a loop."""
    haul = simple(0)
    line = b"Received: from a by b; Mon, 6 Jan 2025 10:00:00 +0000\r\n"
    haul.dovecot.put(user, [plain(0, user, extra=line * (received - 1))])
    haul.fetch()
    assert [q["state"] for q in haul.queue()] == ([state] if state else [])
    assert len(haul.sink.accepted) == (0 if state else 1)
