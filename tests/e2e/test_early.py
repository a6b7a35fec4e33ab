"""What is not waited for: connections and mail are asked for before it is known
that the destination is up. An order, held by a gate, not a time."""
import threading

import pytest

from corpus import plain
from relay import Relay


class Gate(Relay):
    """Before a destination: nobody is let through, and hears a greeting, until
    so many connections have come."""

    def __init__(self, port, after):
        super().__init__(port)
        self.after, self.come, self.open = after, 0, threading.Event()
        self.lock = threading.Lock()

    def pass_on(self, client, line):
        with self.lock:
            self.come += 1
            if self.come >= self.after:
                self.open.set()
        if self.open.wait(60):
            super().pass_on(client, line)


class Shut(Relay):
    """Hangs up on everybody once the second connection has come."""

    def __init__(self, port):
        super().__init__(port)
        self.second = threading.Event()

    def pass_on(self, client, line):
        if len(self.lines) > 1:
            self.second.set()
        self.second.wait(60)
        client.close()


@pytest.fixture
def behind(haul, dovecot, source, smtp, user):
    """behind(relay, n): one account with n messages, its delivery by relay."""
    def make(relay, n):
        dovecot.put(user, [plain(i, user) for i in range(n)])
        haul.delivery(**smtp(relay))
        haul.account("anna", **source(dovecot, "imaps", user))
        return haul
    return make


def test_connections_come_before_the_first_is_up(behind, sink):
    """Forty messages and windows of eight: five connections."""
    with Gate(sink.port, after=5) as gate:
        assert behind(gate, 40).fetch().account("anna")["delivered"] == 40
    assert len(sink.accepted) == 40


def test_few_messages_have_one_connection(behind, new_sink):
    with Gate(new_sink(chunking=True).port, after=1) as gate:
        assert behind(gate, 5).fetch().account("anna")["delivered"] == 5
    assert gate.come == 1


def test_what_was_asked_for_early_is_not_lost(behind, haul, smtp, sink, user):
    """The destination turns out to be down while mail was asked for: some waits
    here, the rest at its source, and each arrives once."""
    with Shut(sink.port) as shut:
        told = behind(shut, 100).fetch(code=75).account("anna")
    assert told["delivered"] == 0 and told["queued"] <= 64
    assert not sink.accepted
    haul.delivery(**smtp(sink))
    haul.fetch()
    assert sorted(m.sender for m in sink.accepted) == sorted(
        "s%d.%s@src.test" % (n, user) for n in range(100))
