"""adopt, refetch, poll_every = 0, and what --dry-run explains."""
import re
import time

import pytest

from corpus import ids, msgid, plain
from fakemail import FakePop
from haul import Raw


def refetched(haul, user, *args):
    """The numbers of the messages that arrived by one refetch."""
    before = len(haul.sink.accepted)
    result = haul("refetch", "-y", "--json", "anna", *args)
    assert result.code == 0, result
    return result, sorted(
        n for n in range(20) for m in haul.sink.accepted[before:]
        if msgid(n, user).encode() in m.octets)


# ---------------------------------------------------------------------- adopt

@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_j3_adopt_takes_as_handled_without_fetching(simple, user, scheme):
    """J3: nothing of it is fetched, then or later, and nothing is deleted
    when keep becomes no; what comes afterwards is fetched."""
    haul = simple(6, scheme)
    result = haul("adopt", "-y", "--json", "anna")
    assert result.code == 0, result
    assert result.account("anna")["adopted"] == 6
    assert haul.sink.log == []
    haul.sections["account", "anna"]["keep"] = False
    haul.dovecot.put(user, [plain(10, user)])
    assert haul.fetch().account("anna")["delivered"] == 1
    haul.fetch("-y")
    assert haul.sink.count() == ids(user, [10])
    assert len(haul.dovecot.left(user)) == 6


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_adopt_ends_indecision(simple, user, scheme):
    """first_run = ask stopped it; adopt is an answer, and the state is ok."""
    haul = simple(501, scheme)
    result = haul("fetch", "--json")
    assert result.code == 78 and "adopt anna" in result.err, result
    result = haul("adopt", "-y", "anna")
    assert result.code == 0 and "501" in result.out, result
    assert haul("status", "--json").account("anna")["state"] == "ok"
    assert haul.fetch().account("anna")["fetched"] == 0
    assert haul.sink.accepted == []


def test_adopt_takes_what_was_too_large(simple, user):
    """What was skipped is handled from then on, whatever the limit becomes."""
    haul = simple(2, max_size=Raw("10K"))
    haul.dovecot.put(user, [plain(9, user, size=30000)])
    haul.fetch()
    assert haul("status", "--json").account("anna")["skipped"] == 1
    assert haul("adopt", "-y", "--json", "anna").account(
        "anna")["adopted"] == 1
    haul.sections["account", "anna"]["max_size"] = None
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, [0, 1])
    assert haul("status", "--json").account("anna")["skipped"] == 0


def test_adopt_leaves_the_queue_and_deletions_alone(simple, user):
    """What waits is not sent by it, what is due is not deleted by it."""
    haul = simple(2)
    haul.fetch()
    haul.sink.rule("rcpt", "451 4.3.0 later")
    haul.dovecot.put(user, [plain(5, user)])
    haul("fetch", "--json")
    sessions = len(haul.sink.log)
    haul.sections["account", "anna"]["keep"] = False
    haul.dovecot.put(user, [plain(6, user)])
    assert haul("adopt", "-y", "--json", "anna").account(
        "anna")["adopted"] == 1
    assert len(haul.sink.log) == sessions
    assert len(haul.queue()) == 1 and len(haul.dovecot.left(user)) == 4


def test_adopt_all_and_each_folder(haul, sink, smtp, dovecot, source, user):
    """--all: every account, every folder of it; also in backoff."""
    haul.delivery(**smtp(sink))
    other = user + "b"
    dovecot.put(user, [plain(n, user) for n in range(3)])
    dovecot.put(user, [plain(n, user) for n in range(3, 5)], folder="Work")
    dovecot.put(other, [plain(n, other) for n in range(4)])
    haul.account("one", **source(dovecot, "imaps", user,
                                 folders=["INBOX", "Work"]))
    haul.account("two", **source(dovecot, "pop3s", other))
    result = haul("adopt", "--all", "-y", "--json")
    assert result.code == 0, result
    assert [result.account(n)["adopted"] for n in ("one", "two")] == [5, 4]
    haul.fetch()
    assert sink.accepted == []


def test_adopt_asks(simple, user):
    """With count and octets; no is no, and so is nobody there."""
    haul = simple(7)
    result = haul("adopt", "anna")
    assert result.code == 64 and "--yes" in result.err, result
    code, text = haul.on_terminal("adopt", "anna", answers=[b"n\n"])
    assert code == 0 and "7 messages (" in text, text
    assert haul("fetch", "-n", "--json").account(
        "anna")["reasons"]["new"]["messages"] == 7
    code, text = haul.on_terminal("adopt", "anna", answers=[b"y\n"])
    assert code == 0 and "7 taken as handled" in text, text
    assert haul.fetch().account("anna")["fetched"] == 0


def test_adopt_counts_only_with_dry_run(simple, user):
    haul = simple(3)
    result = haul("adopt", "-n", "-v", "--json", "anna")
    reasons = result.account("anna")["reasons"]
    assert reasons["was there before"]["messages"] == 3, result
    assert len(result.account("anna")["messages"]) == 3
    assert haul.fetch().account("anna")["delivered"] == 3


def test_adopt_wants_to_know_whom(simple):
    haul = simple(1)
    for args in (["adopt"], ["adopt", "--all", "anna"],
                 ["adopt", "-y", "nobody"], ["refetch"],
                 ["refetch", "-y", "nobody"]):
        assert haul(*args).code == 64, haul.last


# -------------------------------------------------------------------- refetch

@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_refetch_takes_again_what_was_delivered(simple, user, scheme):
    """All of it, at once, with no doubt recorded; the older delivery stays
    in trace beside the new one; the next pass takes nothing again."""
    haul = simple(4, scheme)
    haul.fetch()
    result, numbers = refetched(haul, user)
    assert numbers == [0, 1, 2, 3]
    assert result.account("anna")["delivered"] == 4
    assert haul("status", "--json").json["queue"]["in_doubt"] == 0
    lives = haul("trace", "--json", msgid(2, user)).json["messages"]
    assert len(lives) == 2 and all(
        [e["what"] for e in m["events"]][-1] == "delivered" for m in lives)
    assert len({m["id"] for m in lives}) == 2
    assert haul.fetch().account("anna")["fetched"] == 0
    _, numbers = refetched(haul, user)
    assert numbers == [0, 1, 2, 3]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_refetch_takes_what_was_adopted_or_skipped(simple, user, scheme):
    haul = simple(3, scheme, first_run="new", max_size=Raw("10K"))
    haul.fetch()
    haul.dovecot.put(user, [plain(9, user, size=30000)])
    haul.fetch()
    assert haul.sink.accepted == []
    haul.sections["account", "anna"]["max_size"] = None
    _, numbers = refetched(haul, user)
    assert numbers == [0, 1, 2, 9]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_refetch_by_uid(simple, user, scheme):
    """UIDs of IMAP, unique-ids of POP3, as fetch -n -v lists them; one that
    is not there is named, and a wrong command line."""
    haul = simple(4, scheme)
    haul.fetch()
    listed = haul("fetch", "-n", "-v", "--json").account("anna")["messages"]
    uids = [m["uid"] for m in listed]
    assert len(set(uids)) == 4
    _, numbers = refetched(haul, user, uids[1], uids[3])
    assert len(numbers) == 2
    result = haul("refetch", "-y", "anna", "4711")
    assert result.code == 64 and "4711" in result.err, result
    both = haul("refetch", "-y", "--json", "anna", "4711", uids[0])
    assert both.code == 64, both
    assert both.account("anna")["not_found"] == ["4711"]
    assert both.account("anna")["delivered"] == 1


def test_refetch_leaves_what_is_new_undecided(simple, user):
    """One message is taken again; mail that came meanwhile is still new for
    the next pass, and first_run has not been decided by it."""
    haul = simple(3)
    haul.fetch()
    haul.dovecot.put(user, [plain(10, user), plain(11, user)])
    listed = haul("fetch", "-n", "-v", "--json").account("anna")["messages"]
    uid = next(m["uid"] for m in listed if m["reason"] != "new")
    _, numbers = refetched(haul, user, uid)
    assert len(numbers) == 1
    assert haul.fetch().account("anna")["delivered"] == 2
    assert {msgid(10, user), msgid(11, user)} <= set(haul.sink.count())


def test_refetch_of_one_folder(simple, user):
    haul = simple(2, folders=["INBOX", "Work"])
    haul.dovecot.put(user, [plain(11, user)], folder="Work")
    haul.fetch()
    _, numbers = refetched(haul, user, "--folder", "Work")
    assert numbers == [11]
    result = haul("refetch", "-y", "--folder", "Wrk", "anna")
    assert result.code == 64 and "Wrk" in result.err, result


def test_refetch_folder_is_not_for_pop3(simple, user):
    haul = simple(1, "pop3s")
    result = haul("refetch", "-y", "--folder", "Work", "anna")
    assert result.code == 64 and "POP3" in result.err, result


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_refetch_since(simple, user, scheme):
    """By the time of delivery, else of arrival (POP3: topmost Received)."""
    haul = simple(2, scheme)
    haul.fetch()
    _, numbers = refetched(haul, user, "--since", "1d")
    assert numbers == [0, 1]
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))
    _, numbers = refetched(haul, user, "--since", tomorrow)
    assert numbers == []
    if scheme == "pop3s":
        haul.fresh()
        haul.delivery(server="smtp://localhost:%d" % haul.sink.port,
                      to="anna@office.test")
        haul.account("anna", server="pop3s://localhost:%d"
                     % haul.dovecot.ports["pop3s"], user=user,
                     password=haul.dovecot.password, first_run="new",
                     tls_ca=haul.dovecot.ca.file)
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        haul.dovecot.put(user, [re.sub(
            rb"Mon, 6 Jan 2025 [0-9:]+ \+0000 \(UTC\)", stamp.encode(),
            plain(5, user), count=1)])
        haul.fetch()
        _, numbers = refetched(haul, user, "--since", "3d")
        assert numbers == [5]


def test_refetch_deletes_what_keep_says(simple, user):
    """Delivered again with keep = no it goes; others that are due do not go
    by this."""
    haul = simple(3)
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    uid = haul("fetch", "-n", "-v", "--json").account(
        "anna")["messages"][0]["uid"]
    result, _ = refetched(haul, user, uid)
    assert result.account("anna")["deleted"] == 1
    assert len(haul.dovecot.left(user)) == 2


def test_refetch_does_not_touch_the_queue_of_a_held_one(simple, user):
    """What is in the queue is for queue retry."""
    haul = simple(1)
    haul.sink.rule("dot", "554 5.7.1 no")
    haul.fetch()
    result, numbers = refetched(haul, user)
    assert numbers == [] and len(haul.queue()) == 1


def test_refetched_and_held_is_retried_from_the_source(simple, user):
    """Held though delivered once: dropped and refetched it arrives."""
    haul = simple(1)
    haul.fetch()
    haul.sink.rule("dot", "554 5.7.1 no")
    refetched(haul, user)
    assert [m["state"] for m in haul.queue()] == ["held"]
    haul.sink.forget_rules()
    assert haul("queue", "drop", "-y", "--all").code == 0
    _, numbers = refetched(haul, user)
    assert numbers == [0]


def test_refetch_asks(simple, user):
    haul = simple(3)
    haul.fetch()
    assert haul("refetch", "anna").code == 64
    code, text = haul.on_terminal("refetch", "anna", answers=[b"n\n"])
    assert code == 0 and "3 messages (" in text, text
    assert len(haul.sink.accepted) == 3
    code, text = haul.on_terminal("refetch", "anna", answers=[b"y\n"])
    assert code == 0 and len(haul.sink.accepted) == 6, text


def test_adopt_and_refetch_beside_a_fetch_do_not_start(simple, user):
    """75, naming the holder; nothing is changed."""
    haul = simple(2)
    haul.sink.rule("dot", "<mute>")
    process = haul.start("fetch")
    try:
        haul.sink.wait(lambda s: s.accepted, "a message")
        for what in ("adopt", "refetch"):
            result = haul(what, "-y", "anna", keep=True)
            assert result.code == 75 and str(process.pid) in result.err, result
    finally:
        haul.sink.down()
        haul.finish(process)


# ---------------------------------------------------------------- on request

def test_poll_every_zero_is_fetched_by_name_alone(simple, user):
    haul = simple(2, poll_every=0)
    result = haul("fetch", "--json")
    assert result.code == 0 and result.account("anna")["found"] == 0, result
    assert haul.sink.accepted == []
    assert "poll_every = 0" in haul("fetch", "-v").err
    assert haul.fetch("anna").account("anna")["delivered"] == 2


# ------------------------------------------------------------------- dry run

def reasons(haul, *args):
    result = haul("fetch", "-n", "-v", "--json", *args)
    account = result.account("anna")
    counts = {r: n["messages"] for r, n in account["reasons"].items()}
    listed = {}
    for m in account["messages"]:
        listed[m["reason"]] = listed.get(m["reason"], 0) + 1
    assert listed == counts, result
    assert sum(counts.values()) == account["found"], result
    return counts


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_dry_run_explains_each_message(simple, user, scheme):
    """Every message that is listed has its reason, in words and in JSON."""
    haul = simple(3, scheme, max_size=Raw("10K"))
    haul.dovecot.put(user, [plain(9, user, size=30000)])
    assert reasons(haul) == {"new": 3, "too large": 1}
    haul.fetch()
    assert reasons(haul) == {"delivered before": 3, "too large": 1}
    haul.sink.rule("dot", "554 5.7.1 no", match=msgid(4, user))
    haul.sink.rule("rcpt", "451 4.3.0 later", match=msgid(5, user))
    haul.dovecot.put(user, [plain(4, user)])
    haul.fetch()
    haul("adopt", "-y", "anna")
    assert reasons(haul) == {"delivered before": 3, "in the queue": 1,
                             "was there before": 1}
    haul("queue", "drop", "-y", "--all")
    haul.sections["account", "anna"]["keep"] = Raw("7d")
    got = reasons(haul)
    assert got == {"delivered, to be deleted later": 3,
                   "dropped from the queue": 1, "was there before": 1}
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 86400))
    text = haul("fetch", "-n", "-v").out
    assert text.count(day) == 4, text
    at = haul("fetch", "-n", "--json").account("anna")["reasons"][
        "delivered, to be deleted later"]["delete_at"]
    assert at.startswith(day)
    haul.sections["account", "anna"]["keep"] = False
    assert reasons(haul)["delivered, to be deleted"] == 3


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_dry_run_tells_what_the_guards_hold_back(simple, user, scheme):
    """Undecided; due, but too many at once."""
    haul = simple(501, scheme)
    assert reasons(haul) == {"undecided": 501}
    haul.fetch("-y")
    haul.sections["account", "anna"]["keep"] = False
    assert reasons(haul) == {"delivered, to be deleted if you say so": 501}
    assert reasons(haul, "-y") == {"delivered, to be deleted": 501}
    result = haul("fetch", "-n")
    assert "--yes" in result.out, result


def test_dry_run_marked_by_somebody_else(simple, user):
    """J14: and what is new beside it."""
    haul = simple(3)
    haul.dovecot.put(user, [plain(9, user)], flags="T")
    assert reasons(haul) == {"new": 3,
                             "marked as deleted by somebody else": 1}


def test_mass_delete_guard_counts_for_each_folder(simple, user):
    """The guard of one folder is not lifted by another that has nothing."""
    haul = simple(2, folders=["INBOX", "Work"], first_run="all")
    haul.dovecot.put(user, [plain(n, user) for n in range(100, 230)],
                     folder="Work")
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    for _ in range(2):
        result = haul("fetch", "--json", "anna")
        assert result.code == 78 and "130" in result.out, result
    assert len(haul.dovecot.left(user, folder="Work")) == 130


def test_pop3_dry_run_names_unique_ids(haul, sink, smtp):
    fake = FakePop([("id-%d" % n, plain(n, "x")) for n in range(3)])
    haul.delivery(**smtp(sink))
    haul.account("anna", server="pop3://localhost:%d" % fake.port, tls="none",
                 user="anna", password=fake.password)
    out = haul("fetch", "-n", "-v").out
    fake.close()
    assert all("anna id-%d  " % n in out for n in range(3)), out


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_trace_explains_what_was_never_taken(simple, user, scheme):
    """By UID or unique-id: adopted, too large; and what is unknown is."""
    haul = simple(1, scheme, first_run="new", max_size=Raw("10K"))
    haul.fetch()
    haul.dovecot.put(user, [plain(9, user, size=30000)])
    haul.fetch()
    listed = {m["reason"]: m["uid"] for m in haul(
        "fetch", "-n", "-v", "--json").account("anna")["messages"]}
    old = haul("trace", listed["was there before"])
    assert old.code == 0 and "taken as handled" in old.out, old
    large = haul("trace", listed["too large"])
    assert "left at the source: too large" in large.out, large
    known = haul("trace", "--json", listed["too large"]).json["known"]
    assert [(k["state"], k["reason"]) for k in known] == [("skipped", "size")]
    assert "No message of that kind" in haul("trace", "4711").out
