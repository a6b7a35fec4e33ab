"""`duplicates = once`: the same message by several ways is delivered once."""
import re
import sqlite3
from contextlib import closing

import pytest

from corpus import ids, msgid, plain
from haul import Raw

WEEK = 7 * 86400 * 1000


def two(haul, sink, dovecot, source, smtp, user, schemes=("imaps", "imaps"),
        **more):
    """Accounts one and two of users one.USER and two.USER, both once."""
    haul.delivery(**smtp(sink))
    haul.defaults(duplicates="once", first_run="all")
    for name, scheme in zip(("one", "two"), schemes):
        haul.account(name, **source(dovecot, scheme, name + user, **more))


def ledger(haul, *sql):
    with closing(sqlite3.connect(haul.state + "/ledger.db")) as db, db:
        return [db.execute(s).fetchall() for s in sql][-1]


def bodies(dovecot_result, name):
    """Octets of mail that this account asked of its server."""
    return dovecot_result.account(name)["octets"]


@pytest.mark.parametrize("schemes", [("imaps", "imaps"), ("pop3s", "pop3s"),
                                     ("imaps", "pop3s")],
                         ids=lambda s: "+".join(s))
def test_the_same_message_by_two_accounts_arrives_once(
        haul, sink, dovecot, source, smtp, user, schemes):
    """In one pass, though the headers differ by path and the line ends by
    server; what is left out stays at its source, and is not fetched again."""
    a = plain(1, user, to="one@isp.test")
    b = plain(1, user, to="two@isp.test").replace(b"\r\n", b"\n")
    assert a.split(b"\r\n\r\n")[0] != b.split(b"\n\n")[0]
    dovecot.put("one" + user, [a, plain(2, user)])
    dovecot.put("two" + user, [b, plain(3, user)])
    two(haul, sink, dovecot, source, smtp, user, schemes, keep=False)
    result = haul.fetch()
    assert sink.count() == ids(user, (1, 2, 3))
    both = [result.account(n) for n in ("one", "two")]
    assert sum(a["skipped"] for a in both) == 1
    assert [a["result"] for a in both] == ["ok", "ok"]
    left = [n for n in ("one", "two") if dovecot.left(n + user)]
    skipped = next(a["name"] for a in both if a["skipped"])
    assert left == [skipped] and len(dovecot.left(skipped + user)) == 1
    for _ in range(2):
        again = haul.fetch()
        assert sum(again.account(n)["octets"] for n in ("one", "two")) == 0
    assert len(sink.accepted) == 3


def test_it_is_said_what_it_is_the_same_as(haul, sink, dovecot, source, smtp,
                                           user):
    """status, trace by UID and by Message-ID, and --dry-run."""
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [])
    two(haul, sink, dovecot, source, smtp, user)
    haul.fetch()
    dovecot.put("two" + user, [plain(9, user), plain(1, user)])
    dry = haul("fetch", "--dry-run")
    assert "which of the new ones are duplicates is known once they were " \
        "fetched" in dry.out
    quiet = haul("fetch")
    assert (quiet.out, quiet.err, quiet.code) == ("", "", 0)
    [sent] = [m for m in sink.accepted if m.msgid == msgid(1, user)]
    id = re.search(rb" id (\w{4,})", sent.octets)[1].decode()
    status = haul("status")
    assert re.search(r"two: left at the source: 1 the same as one that came "
                     r"another way .*INBOX 2", status.out), status.out
    trace = haul("trace", "2", "--account", "two")
    assert re.search(r"the same as one that came another way: message %s of "
                     r"account one, delivered at 20\d\d-" % id, trace.out), \
        trace.out
    trace = haul("trace", msgid(1, user))
    assert "two INBOX 2 is the same, and was left there" in trace.out
    dry = haul("fetch", "--dry-run")
    assert "came another way: would be left alone" in dry.out
    # asked for, it is delivered all the same
    assert haul("refetch", "two", "2", "-y").code == 0
    assert sink.count()[msgid(1, user)] == 2


def test_what_is_held_stands_in_nobodys_way(haul, sink, dovecot, source, smtp,
                                            user):
    """The first copy is refused for good: the other one, left out for it, is
    fetched at the next poll and delivered."""
    dovecot.put("one" + user, [plain(1, user, extra=b"X-Way: one\r\n")])
    dovecot.put("two" + user, [])
    two(haul, sink, dovecot, source, smtp, user)
    sink.rule("dot", "451 4.7.1 later", match="X-Way: one", times=1)
    assert haul("fetch").code == 75
    dovecot.put("two" + user, [plain(1, user)])
    haul.fetch()
    assert sink.accepted == [], "it waits for the other copy"
    sink.rule("dot", "554 5.7.1 no", match="X-Way: one")
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch("one")
    [held] = haul.queue()
    assert held["state"] == "held"
    haul.fetch()
    assert sink.count() == {msgid(1, user): 1}
    assert haul.fetch().account("two")["octets"] == 0


def test_what_is_dropped_stands_in_nobodys_way(haul, sink, dovecot, source,
                                               smtp, user):
    dovecot.put("one" + user, [plain(1, user, extra=b"X-Way: one\r\n")])
    dovecot.put("two" + user, [])
    two(haul, sink, dovecot, source, smtp, user, ("pop3s", "pop3s"))
    sink.rule("dot", "451 4.7.1 later", match="X-Way: one")
    assert haul("fetch").code == 75
    dovecot.put("two" + user, [plain(1, user)])
    haul.fetch()
    assert haul("queue", "drop", "--all", "-y").code == 0
    haul.fetch()
    assert sink.count() == {msgid(1, user): 1}


def test_only_who_has_it_is_left_out(haul, sink, dovecot, source, smtp, user):
    """Recipients are looked at one by one, in either case of their domain."""
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [plain(1, user)])
    two(haul, sink, dovecot, source, smtp, user)
    haul.sections["account", "one"]["to"] = "anna@office.test"
    haul.sections["account", "two"]["to"] = ["anna@OFFICE.test",
                                             "ben@office.test"]
    haul.fetch("one")
    haul.fetch("two")
    assert [m.rcpts for m in sink.accepted] == [["anna@office.test"],
                                                ["ben@office.test"]]
    trace = haul("trace", msgid(1, user))
    assert re.search(r"to anna@OFFICE.test: accepted: the same as message ",
                     trace.out), trace.out


def test_a_copy_for_more_people_waits_for_the_one_on_its_way(
        haul, new_sink, dovecot, source, smtp, user):
    """Both in one pass: nobody gets it twice, nobody is forgotten."""
    sink = new_sink()
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [plain(1, user)])
    two(haul, sink, dovecot, source, smtp, user)
    haul.sections["account", "one"]["to"] = "anna@office.test"
    haul.sections["account", "two"]["to"] = ["anna@office.test",
                                             "ben@office.test"]
    for _ in range(3):
        haul.fetch()
    assert sorted(r for m in sink.accepted for r in m.rcpts) == [
        "anna@office.test", "ben@office.test"]


def test_what_differs_is_no_duplicate(haul, sink, dovecot, source, smtp, user):
    """Another body, another recipient, no Message-ID, the same folder: each is
    delivered."""
    nameless = re.sub(rb"Message-ID:[^\r]*\r\n", b"", plain(2, user))
    dovecot.put("one" + user, [plain(1, user), nameless, plain(3, user),
                               plain(4, user), plain(4, user)])
    dovecot.put("two" + user, [plain(1, user, body=b"other\r\n"), nameless])
    two(haul, sink, dovecot, source, smtp, user)
    haul.account("three", **source(dovecot, "imaps", "three" + user,
                                   to="ben@office.test"))
    dovecot.put("three" + user, [plain(3, user)])
    haul.fetch()
    assert len(sink.accepted) == 8
    assert haul("status").out.count("left at the source") == 0


def test_after_a_week_it_is_delivered_again(haul, sink, dovecot, source, smtp,
                                            user):
    """And what was once left out stays so."""
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [plain(1, user)])
    dovecot.put("three" + user, [])
    two(haul, sink, dovecot, source, smtp, user)
    haul.account("three", **source(dovecot, "pop3s", "three" + user))
    haul.fetch()
    assert len(sink.accepted) == 1
    ledger(haul, "UPDATE settled SET at = at - %d" % (WEEK + 60000))
    ledger(haul, "UPDATE site SET clock_at = clock_at - 7200000")  # 2 h
    dovecot.put("three" + user, [plain(1, user)])
    haul.fetch()
    assert len(sink.accepted) == 2
    assert ledger(haul, "SELECT count(*) FROM once") == [(1,)]


def test_with_deliver_they_come_after_all(haul, sink, dovecot, source, smtp,
                                          user):
    """What is skipped is decided anew when the setting changes; and the
    account that says `once` counts, not the one that came first."""
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [plain(1, user)])
    two(haul, sink, dovecot, source, smtp, user)
    haul.sections["account", "one"]["duplicates"] = "deliver"
    haul.fetch("one")
    haul.fetch("two")
    assert len(sink.accepted) == 1
    haul.sections["account", "two"]["duplicates"] = "deliver"
    haul.fetch()
    assert len(sink.accepted) == 2


def test_folders_of_one_account(haul, sink, dovecot, source, smtp, user):
    """A copy in another folder counts as well."""
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user, [plain(1, user)], folder="Copies")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, duplicates="once",
                                  folders=["INBOX", "Copies"],
                                  first_run="all", keep=Raw("0s")))
    result = haul.fetch().account("anna")
    assert (result["delivered"], result["skipped"]) == (1, 1)
    assert len(sink.accepted) == 1
