"""How often a poll waits for the other end: an order, counted by a relay, not a
time. The figures are those of the issue "sources complete": from the first SYN
to the last answer at most 7 for an empty imaps poll, 8 for pop3s."""
import shutil

import pytest

from corpus import plain
from relay import Relay

MOST = {"imaps": 7, "imap": 8, "pop3s": 8, "pop3": 9}

# The first visit over IMAP, with mail that is fetched and deleted: connection,
# TLS, greeting, sign-in, the folder with its listing, the bodies, the deletion,
# the survey of what is not fetched, the farewell.
FIRST = {"imaps": 9, "imap": 10}


@pytest.fixture
def relayed(haul, sink, smtp, dovecot, source, user):
    """relayed(scheme, ...) polls twice; the second pass's connections."""
    def make(scheme, messages=5, **more):
        dovecot.put(user, [plain(n, user) for n in range(messages)])
        haul.delivery(**smtp(sink))
        with Relay(dovecot.ports[scheme]) as relay:
            haul.account("a", **dict(
                source(dovecot, scheme, user, **more),
                server="%s://localhost:%d" % (scheme, relay.port)))
            assert haul.fetch().account("a")["delivered"] >= messages
            first = len(relay.lines)
            assert haul.fetch().account("a")["fetched"] == 0
        return relay.lines[first:]
    return make


@pytest.mark.parametrize("scheme", MOST)
def test_an_empty_poll_waits_seldom(relayed, scheme):
    """One connection, and STARTTLS or STLS costs no more than its own."""
    lines = relayed(scheme)
    assert len(lines) == 1
    assert lines[0].round_trips <= MOST[scheme], lines[0].turns


def test_an_empty_poll_with_compression(relayed):
    lines = relayed("imaps", compress=True)
    assert lines[0].round_trips <= MOST["imaps"], lines[0].turns


def first_visit(haul, dovecot, source, user, scheme):
    dovecot.put(user, [plain(n, user) for n in range(20)])
    with Relay(dovecot.ports[scheme]) as relay:
        haul.account("a", **dict(
            source(dovecot, scheme, user, keep=False, first_run="all"),
            server="%s://localhost:%d" % (scheme, relay.port)))
        told = haul.fetch().account("a")
    assert (told["delivered"], told["deleted"]) == (20, 20)
    assert dovecot.left(user) == []
    assert len(relay.lines) == 1
    return relay.lines[0]


@pytest.mark.parametrize("scheme", FIRST)
def test_the_first_visit_waits_seldom(haul, sink, smtp, dovecot, source, user,
                                      scheme):
    """Twenty messages cost no round trip more than one. Where both speak at
    once, or an answer is cut in two, the relay counts one too many: the least
    of three, each with nothing known before."""
    haul.delivery(**smtp(sink))
    lines = []
    while len(lines) < 3 and (
            not lines or lines[-1].round_trips > FIRST[scheme]):
        shutil.rmtree(haul.state, ignore_errors=True)
        lines.append(first_visit(haul, dovecot, source,
                                 "%s-%d" % (user, len(lines)), scheme))
    assert lines[-1].round_trips <= FIRST[scheme], [x.turns for x in lines]


def test_a_server_that_is_known_saves_one_more(haul, sink, smtp, dovecot,
                                               source, user):
    """Dovecot hands on what comes behind the sign-in: from the second account
    on the folder is opened with it."""
    haul.delivery(**smtp(sink))
    haul.general(max_connections_per_host=1)
    with Relay(dovecot.ports["imaps"]) as relay:
        for n in range(5):
            who = "%s-%d" % (user, n)
            dovecot.put(who, [plain(n, who)])
            haul.account(who, **dict(
                source(dovecot, "imaps", who, keep=False, first_run="all"),
                server="imaps://localhost:%d" % relay.port))
        told = haul.fetch()
    assert [told.account("%s-%d" % (user, n))["deleted"]
            for n in range(5)] == [1] * 5
    trips = [line.round_trips for line in relay.lines]
    assert len(trips) == 5
    # a server that is late may cut an answer in two, which counts as one more
    assert min(trips[1:]) <= FIRST["imaps"] - 1, trips


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_an_empty_poll_leaves_the_destination_alone(simple, scheme):
    """Each connection there is a sign-in for somebody who counts them."""
    haul = simple(3, scheme)
    assert haul.fetch().account("anna")["delivered"] == 3
    haul.sink.quiet()
    before = len(haul.sink.log)
    assert haul.fetch().account("anna")["found"] == 3
    haul.sink.quiet()
    assert before and haul.sink.log[before:] == []


def test_an_empty_poll_of_many_folders(relayed, dovecot, user):
    """Fifty folders where nothing is new: a handful of round trips, not one
    for each."""
    names = ["INBOX"] + ["f%02d" % n for n in range(50)]
    for name in names[1:]:
        dovecot.put(user, [plain(int(name[1:]), user + name)], folder=name)
    lines = relayed("imaps", folders=names)
    assert len(lines) == 1
    assert lines[0].round_trips <= MOST["imaps"], lines[0].turns
