"""A clock that leaps: ahead ten years, back a year, 1970 at boot. Nothing is
deleted early, and nothing waits for a time that was a mistake."""
import pytest

from corpus import plain
from fakemail import FakeImap
from haul import Mailhaul, Raw
from shift import Shift
from sink import Sink

YEAR = 365


@pytest.fixture
def place(folder):
    server = FakeImap({"INBOX": [plain(n, "k", size=700)
                                 for n in range(5)]})
    sink = Sink()
    haul = Mailhaul(folder.new("clock"))
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to="home@office.test")
    haul.account("anna", user="anna", password=server.password, tls="none",
                 keep=Raw("14d"),
                 server="imap://127.0.0.1:%d" % server.port)
    haul.server, haul.sink = server, sink
    haul.shift = Shift(haul.folder)
    haul.at = lambda *words, **when: haul(
        "fetch", "--json", *words, env=haul.shift(**when))
    yield haul
    sink.close()
    server.close()


def left(haul):
    return len(haul.server.boxes["INBOX"].mail)


def test_clock_ahead_ten_years_deletes_nothing(place):
    assert place.at().account("anna")["delivered"] == 5
    for hours in (0, 1, 20):
        r = place.at(days=10 * YEAR, hours=hours)
        assert r.code == 0 and r.account("anna")["deleted"] == 0, r
    assert place.at(days=1).account("anna")["deleted"] == 0
    # the trace is not forgotten either
    assert len(place("trace", "--json").json["messages"]) == 5
    assert left(place) == 5
    # its time comes, by a clock that was seen to go
    for days in range(2, 15):
        assert place.at(days=days).account("anna")["deleted"] == 0, days
    assert sum(place.at(days=days).account("anna")["deleted"]
               for days in (15, 16)) == 5


def test_clock_after_three_weeks_off_deletes_a_day_later(place):
    assert place.at().account("anna")["delivered"] == 5
    assert place.at(days=21).account("anna")["deleted"] == 0
    assert place.at(days=22, hours=1).account("anna")["deleted"] == 5


def test_clock_not_set_at_boot_deletes_nothing(place):
    assert place.at(at=3600).account("anna")["delivered"] == 5
    for days in (0, 1, 2):
        assert place.at(days=days).account("anna")["deleted"] == 0


def test_clock_back_a_year_leaves_nothing_waiting(place):
    place.sink.rule("dot", "451 4.7.1 come again")
    r = place.at(days=YEAR)
    assert r.code == 75 and len(place.queue()) > 0, r
    place.sink.forget_rules()
    place.at()
    assert place.at("anna").code == 0
    assert sorted(place.sink.count().values()) == [1] * 5
    assert place.queue() == []
    # an account that had to wait is polled again
    place.server.on("greeting", lambda s, *a: s.cut())
    r = place.at(days=YEAR)
    assert r.code == 75, r
    place.server.hooks.clear()
    place.server.boxes["INBOX"].add(plain(77, "k"))
    assert place.at().account("anna")["delivered"] == 1
