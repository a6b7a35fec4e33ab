"""The queue as a tool, and the life of a message: each word of INTERFACE 1
for `queue` and `trace`."""
import re
import time

import pytest

from corpus import msgid, plain
from fakemail import FakeImap
from haul import Mailhaul, Raw
from shift import Shift
from sink import Sink

CLOCK = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def place(folder):
    """anna: 0 is delivered, 1 refused for good, 2 deferred, 3 is too large;
    "Old" is not fetched. ben: one that is refused."""
    large = plain(3, "k", size=90000)
    anna = FakeImap({"INBOX": [plain(n, "k") for n in range(3)] + [large],
                     "Old": [plain(n, "o") for n in range(5)]})
    ben = FakeImap({"INBOX": [plain(4, "b")]})
    sink = Sink()
    haul = Mailhaul(folder.new("queue"))
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to=["home@office.test", "copy@office.test"])
    for name, server in (("anna", anna), ("ben", ben)):
        haul.account(name, user=name, password=server.password, tls="none",
                     max_size=Raw("50K"),
                     server="imap://127.0.0.1:%d" % server.port)
    sink.rule("dot", "554 5.6.0 not this one", match=msgid(1, "k"))
    sink.rule("dot", "554 5.7.1 nor that one", match=msgid(4, "b"))
    sink.rule("mail", "451 4.7.1 come later", match="s2.k@src.test")
    haul.sink, haul.shift = sink, Shift(haul.folder)
    assert haul("fetch").code == 75
    haul.ids = {q["message_id"].strip("<>").split("@")[0]: q["id"]
                for q in haul.queue()}
    assert set(haul.ids) == {"1.k", "2.k", "4.b"}, haul.queue()
    yield haul
    for s in (sink, anna, ben):
        s.close()


def shown(haul, *args):
    """Whom `trace` tells of, by Message-ID."""
    r = haul("trace", *args)
    assert r.code == 0, r
    j = haul("trace", "--json", *args)
    names = {m["message_id"].strip("<>").split("@")[0]
             for m in j.json["messages"]}
    for name in names:
        assert "<%s@src.test>" % name in r.out, (name, r)
    return names


ALL = {"0.k", "1.k", "2.k", "4.b"}


def test_trace_finds_by_each_key(place):
    uid = {m["message_id"]: m["uid"] for m in
           place("trace", "--json").json["messages"]}
    day, ids = 86400, place.ids
    iso = lambda t: time.strftime("%Y-%m-%d", time.localtime(t))
    for words, want in (
            ([], ALL),
            ([msgid(0, "k")], {"0.k"}),
            (["0.k@src"], {"0.k"}),                 # a part of the Message-ID
            ([ids["2.k"]], {"2.k"}),                # queue id
            ([uid["<2.k@src.test>"], "--account", "anna"], {"2.k"}),
            (["s1.k@src.test"], {"1.k"}),           # sender
            (["S1.K@SRC"], {"1.k"}),
            (["copy@office.test"], ALL),            # recipient
            (["--from", "s4.b"], {"4.b"}),
            (["--to", "home@"], ALL), (["--to", "else@"], set()),
            (["--account", "ben"], {"4.b"}), (["--account", "b"], set()),
            (["--since", "3d"], ALL), (["--since", "1h"], ALL),
            (["--since", iso(time.time() - day)], ALL),
            (["--since", iso(time.time() + 2 * day)], set()),
            (["--from", "s0.k", "--to", "copy@", "--since", "1d",
              "--account", "anna"], {"0.k"}),
            (["--from", "s0.k", "--account", "ben"], set())):
        assert shown(place, *words) == want, words
    r = place("trace", "--since", "yesterday")
    assert r.code == 64 and "3d" in r.err and r.out == "", r


def test_trace_tells_times_and_the_servers_words(place):
    out = place("trace", place.ids["1.k"]).out
    assert re.search(r"^  %s  fetched$" % CLOCK, out, re.M), out
    assert re.search(r"^  %s  attempt 1$" % CLOCK, out, re.M), out
    assert re.search(r"^  %s  held: 554 5.6.0 not this one$" % CLOCK, out,
                     re.M), out
    assert "to copy@office.test: not delivered" in out, out
    out = place("trace", place.ids["2.k"]).out
    assert re.search(r"^  %s  deferred: 451 4.7.1 come later$" % CLOCK, out,
                     re.M), out
    assert "to copy@office.test: waiting" in out, out
    out = place("trace", msgid(0, "k")).out
    assert re.search(r"^  %s  delivered: 250 .*kept as" % CLOCK, out,
                     re.M), out
    assert re.search(r"to copy@office.test: accepted: 250 ", out), out
    place("queue", "drop", "-y", place.ids["1.k"])
    out = place("trace", place.ids["1.k"]).out
    assert re.search(r"^  %s  dropped" % CLOCK, out, re.M), out


def test_trace_tells_of_the_action_on_the_source(place):
    place.defaults(keep=False)
    place("fetch", "anna")
    out = place("trace", msgid(0, "k")).out
    assert re.search(r"^  %s  deleted$" % CLOCK, out, re.M), out


def test_trace_of_nothing_says_what_there_is(place):
    """The last good poll of each account, folders not fetched and their
    counts, what was skipped and why."""
    r = place("trace", "never-seen@nowhere.test")
    assert r.code == 0 and "No message of that kind has been here" in r.out, r
    assert re.search(r"^anna: .*last good poll (\d+ s ago|now)", r.out,
                     re.M), r
    assert re.search(r"^ben: .*last good poll", r.out, re.M), r
    assert 'folders not fetched: "Old" (5)' in r.out, r
    assert re.search(r"left at the source: 1 too large \(9\d.*kB\): INBOX 4",
                     r.out), r
    one = place("trace", "never-seen@nowhere.test", "--account", "ben").out
    assert "anna" not in one and "ben: " in one, one
    none = place("trace", "x@y", "--account", "nobody").out
    assert 'There is no account "nobody"' in none, none
    j = place("trace", "--json", "never-seen@nowhere.test").json
    assert j["messages"] == [] and len(j["accounts"]) == 2, j
    assert [(u["account"], u["folder"], u["messages"])
            for u in j["unfetched"]] == [("anna", "Old", 5)], j
    assert [(s["account"], s["reason"], s["messages"])
            for s in j["skipped"]] == [("anna", "size", 1)], j
    # the one that was never fetched is known by its UID
    r = place("trace", "4", "--account", "anna")
    assert "anna INBOX: was left at the source: too large" in r.out, r


@pytest.mark.parametrize("words, left", [
    (["--account", "anna"], {"4.b"}),
    (["--reason", "nor that"], {"1.k", "2.k"}),
    (["--account", "anna", "--reason", "5.6.0"], {"2.k", "4.b"}),
    (["--account", "b"], ALL - {"0.k"}),
    (["--all"], set()),
])
def test_queue_is_chosen_from(place, words, left):
    """By account, reason, all; list, retry and drop mean the same ones."""
    mine = set(place.ids) - left
    r = place("queue", "list", "--json", *words)
    assert {q["id"] for q in r.json} == {place.ids[k] for k in mine}, r
    r = place("queue", "retry", "--json", "-y", *words)
    if mine:
        assert r.json == {"changed": len(mine), "left": 0}, r
    else:
        assert "nothing in the queue matches" in r.err and r.code == 0, r
    states = {q["id"]: q["state"] for q in place.queue()}
    for k in mine:
        assert states[place.ids[k]] == "queued", states
    # what is due has lost its reason's state, not its words
    r = place("queue", "drop", "-y", *words)
    assert r.code == 0, r
    assert {q["id"] for q in place.queue()} == {place.ids[k] for k in left}


def test_queue_by_id(place):
    one, two = place.ids["1.k"], place.ids["4.b"]
    assert place("queue", "show", one).out.count(msgid(1, "k")) == 1
    j = place("queue", "show", one, "--json").json
    assert j["id"] == one and j["last_reply"] == "554 5.6.0 not this one", j
    # nothing is done where not all are meant that were named
    r = place("queue", "drop", "-y", one, "ZZZZ")
    assert r.code == 64 and "not all of these are in the queue" in r.err, r
    r = place("queue", "drop", "-y", one, "no-id")
    assert r.code == 64 and "no-id is not a queue id" in r.err, r
    for words in ([], [one, two]):
        r = place("queue", "show", *words)
        assert r.code == 64 and "takes one ID" in r.err, r
    r = place("queue", "drop", "-y")
    assert r.code == 64 and "which?" in r.err, r
    r = place("queue", "purge")
    assert r.code == 64 and "list, show, retry or drop" in r.err, r
    assert len(place.queue()) == 3
    assert place("queue", "drop", "-y", one, two).code == 0
    assert {q["id"] for q in place.queue()} == {place.ids["2.k"]}
    r = place("queue", "show", one)
    assert r.code == 64 and "no message with the id" in r.err, r


def test_queue_drop_asks(place):
    code, text = place.on_terminal("queue", "drop", "--all",
                                   answers=[b"n\n"])
    assert "3 messages" in text and "local copy" in text, text
    assert len(place.queue()) == 3
    code, text = place.on_terminal("queue", "drop", "--all",
                                   answers=[b"y\n"])
    assert code == 0 and "3 messages given up" in text, text
    assert place.queue() == []
    assert "The queue is empty." in place("queue").out


def test_a_held_copy_that_was_given_up_is_told_and_fetched_again(place):
    at = place.shift(days=2)
    place("fetch", "anna", env=at)
    held = place.ids["1.k"]
    r = place("queue", "show", held)
    assert r.code == 64 and "its source should have it" in r.err, r
    assert "mailhaul queue retry %s" % held in r.err, r
    assert held in place("queue", "list").out
    place.sink.forget_rules()
    r = place("queue", "retry", "-y", held)
    assert r.code == 0 and "1 message due now" in r.out, r
    place.fetch("anna", env=at)
    assert place.sink.count()[msgid(1, "k")] == 1


def test_p2_who_has_a_held_message_never_gets_it_twice(place):
    """One recipient took it, the other did not: held for days, and retried."""
    assert place("queue", "drop", "-y", "--all").code == 0
    sink = Sink(lmtp=True)
    try:
        sink.rule("verdict", "554 5.2.2 not for me", match="copy@")
        place.sections["delivery", "home"]["server"] = \
            "lmtp://localhost:%d" % sink.port
        assert place("refetch", "ben", "-y").code == 0
        place("fetch", "ben")
        [entry] = place.queue()
        assert entry["state"] == "held", entry
        at = place.shift(days=3)
        place("fetch", "ben", env=at)
        assert msgid(4, "b") in place("queue", "show", entry["id"]).out
        sink.forget_rules()
        place("queue", "retry", "-y", "--all")
        place("fetch", "ben", env=at)
        assert place.queue() == []
        got = sorted(r for m in sink.accepted for r in m.rcpts)
        assert got == ["copy@office.test", "home@office.test"], sink.accepted
    finally:
        sink.close()
