"""What is taken at first, what is left, and what guards the rest."""
import os
import re
import time

import pytest

from corpus import ids, msgid, plain
from haul import Raw


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_first_run_asks_above_five_hundred(simple, user, scheme):
    """78, state undecided, nothing fetched, one line with count, octets and
    what to write; decided, it goes on."""
    haul = simple(501, scheme)
    result = haul("fetch", "--json")
    assert result.code == 78, result
    lines = [l for l in result.err.splitlines() if l.startswith("anna: ")]
    assert len(lines) == 1 and "501" in lines[0] and \
        "first_run" in lines[0], result
    assert haul.sink.accepted == []
    assert haul("status", "--json").account("anna")["state"] == "undecided"
    haul.sections["account", "anna"]["first_run"] = "new"
    assert haul.fetch().account("anna")["delivered"] == 0
    haul.dovecot.put(user, [plain(1000, user)])
    assert haul.fetch().account("anna")["delivered"] == 1
    assert haul.sink.count() == {msgid(1000, user): 1}


def test_first_run_all_takes_all(simple, user):
    haul = simple(510, first_run="all")
    assert haul.fetch().account("anna")["delivered"] == 510
    assert len(haul.sink.count()) == 510


def test_first_run_takes_up_to_five_hundred_unasked(simple):
    haul = simple(500)
    assert haul.fetch().account("anna")["delivered"] == 500


def test_first_run_asks_on_a_terminal(simple, user):
    """On a terminal the person is asked; "new" is taken for an answer."""
    haul = simple(501)
    code, text = haul.on_terminal("fetch", answers=[b"later\n"])
    assert code == 78 and "501 messages" in text and "[l]ater" in text, text
    code, text = haul.on_terminal("fetch", "anna", answers=[b"new\n"])
    assert code == 0 and "[l]ater" in text, text
    assert haul.sink.accepted == []
    haul.dovecot.put(user, [plain(1000, user)])
    assert haul.fetch().account("anna")["delivered"] == 1


def with_age(n, tag, days):
    """plain(n) whose topmost Received is so many days old."""
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000",
                          time.gmtime(time.time() - days * 86400))
    return re.sub(rb"Mon, 6 Jan 2025 [0-9:]+ \+0000 \(UTC\)",
                  stamp.encode(), plain(n, tag), count=1)


def test_first_run_by_age_pop3_topmost_received(simple, user):
    """An age: POP3 reads the topmost Received by TOP; unreadable is young."""
    haul = simple(0, "pop3s", first_run=Raw("30d"), keep=False)
    young, old = with_age(1, user, 3), with_age(2, user, 60)
    odd = plain(3, user).replace(b"Received: from", b"X-Was: from")
    haul.dovecot.put(user, [young, old, odd])
    assert haul.fetch().account("anna")["delivered"] == 2
    assert haul.sink.count() == {msgid(1, user): 1, msgid(3, user): 1}
    assert haul.dovecot.left(user) == [old]


def test_first_run_by_age_imap_internaldate(simple, user):
    """An age: IMAP goes by INTERNALDATE."""
    haul = simple(2, first_run=Raw("30d"))
    cur = haul.dovecot.box(user, "cur")
    name = next(n for n in sorted(os.listdir(cur)))
    with open(os.path.join(cur, name), "rb") as f:
        old = re.search(rb"Message-ID: (\S+)", f.read())[1].decode()
    then = time.time() - 60 * 86400
    os.utime(os.path.join(cur, name), (then, then))
    assert haul.fetch().account("anna")["delivered"] == 1
    assert old not in haul.sink.count()


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_j3_adopted_mail_is_never_deleted(simple, user, scheme):
    """J3: first_run = new, then keep = no: all still there."""
    haul = simple(120, scheme, first_run="new")
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    haul.dovecot.put(user, [plain(500, user)])
    result = haul.fetch("-y").account("anna")
    assert (result["delivered"], result["deleted"]) == (1, 1)
    haul.fetch("-y")
    assert len(haul.dovecot.left(user)) == 120
    assert haul.sink.count() == {msgid(500, user): 1}


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_mass_delete_guard(simple, user, scheme):
    """keep changed: more than 100 due at once are deleted only with --yes."""
    haul = simple(130, scheme, first_run="all")
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    result = haul("fetch", "--json")
    assert result.account("anna")["deleted"] == 0, result
    assert "130" in result.err and "--yes" in result.err, result
    assert len(haul.dovecot.left(user)) == 130
    assert haul.fetch("--yes").account("anna")["deleted"] == 130
    assert haul.dovecot.left(user) == []


def test_keep_no_from_the_start_is_no_change(simple, user):
    """The guard is about a change of keep, not about many messages."""
    haul = simple(150, keep=False, first_run="all")
    assert haul.fetch().account("anna")["deleted"] == 150
    assert haul.dovecot.left(user) == []


def test_a_known_folder_that_suddenly_shows_unknown_mail(simple, user):
    """More than 500 unknown and over a fifth: the same stop as at first."""
    haul = simple(20)
    haul.fetch()
    haul.dovecot.put(user, [plain(n, user) for n in range(1000, 1501)])
    result = haul("fetch", "--json")
    assert result.code == 78, result
    assert len(haul.sink.accepted) == 20


def test_dry_run_moves_nothing(simple, user):
    """fetch -n: what would be fetched and deleted, grouped by reason; each
    message with -v; nothing is moved, marked or remembered."""
    haul = simple(4, keep=False, max_size=Raw("10K"))
    haul.dovecot.put(user, [plain(9, user, size=30000)])
    result = haul("fetch", "--dry-run")
    assert result.code == 0 and "4" in result.out, result
    many = haul("fetch", "-n", "-v")
    assert len(many.out.splitlines()) > len(result.out.splitlines())
    assert haul.sink.log == []
    assert len(haul.dovecot.left(user)) == 5
    assert haul.fetch().account("anna")["delivered"] == 4


def test_several_folders_by_name(simple, user):
    """folders: each named one; what is in others stays."""
    haul = simple(2, folders=["INBOX", "Work/Réunion"])
    haul.dovecot.put(user, [plain(11, user)], folder="Work/R&AOk-union")
    haul.dovecot.put(user, [plain(12, user)], folder="Other")
    assert haul.fetch().account("anna")["delivered"] == 3
    assert haul.sink.count() == ids(user, (0, 1, 11))


def test_folder_that_is_not_there(simple, user):
    """A folder the server does not have is reported, the others fetched."""
    haul = simple(2, folders=["INBOX", "Nirwana"])
    result = haul("fetch", "--json")
    assert len(haul.sink.accepted) == 2
    assert "Nirwana" in result.err, result


def test_disabled_account_is_left_alone(simple, user):
    haul = simple(2, enabled=False)
    haul.fetch()
    haul("fetch", "--json", "anna")
    assert haul.sink.accepted == []
    state = haul("status", "--json").account("anna")["state"]
    assert state == "disabled"
