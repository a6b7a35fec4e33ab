"""Each message that was not taken is explained by all three that explain:
`fetch --dry-run` for each, `trace` by its UID, `status` for the account."""
import os

import pytest

from corpus import plain
from haul import Raw


def judged(haul):
    """{reason: UID} of what lies in the mailbox."""
    return {m["reason"]: m["uid"] for m in haul(
        "fetch", "-n", "-v", "--json").account("anna")["messages"]}


CASES = {
    # why: settings, flags, octets, words: dry-run, trace, status -v
    "size": (dict(max_size=Raw("10K")), "", 30000, "too large",
             "left at the source: too large", "1 too large"),
    "seen": (dict(unseen_only=True), "S", 1000, "marked as seen",
             "left at the source: marked as seen", "1 marked as seen"),
    "marked": ({}, "T", 1000, "marked as deleted by somebody else",
               "marked as deleted by somebody else",
               "1 marked as deleted by somebody else"),
}


@pytest.mark.parametrize("why", CASES)
def test_what_was_not_taken_is_explained_by_all_three(simple, user, why):
    settings, flags, size, dry, trace, status = CASES[why]
    haul = simple(2, **settings)
    haul.dovecot.put(user, [plain(9, user, size=size)], flags=flags)
    haul.fetch()
    assert len(haul.sink.accepted) == 2
    uid = judged(haul)[dry]
    assert trace in haul("trace", uid).out, haul("trace", uid)
    assert status in haul("status", "-v").out, haul("status", "-v")


def test_what_first_run_left_is_explained(simple, user):
    """Adopted mail is handled, so that status has nothing to do with it."""
    haul = simple(2, first_run="new")
    assert list(judged(haul)) == ["was there before"]
    haul.fetch()
    assert not haul.sink.accepted
    uid = judged(haul)["was there before"]
    assert "taken as handled (first_run" in haul("trace", uid).out


def test_a_mark_that_is_taken_off_lets_it_come(simple, user):
    """What somebody else undeletes is new again."""
    haul = simple(2)
    haul.dovecot.put(user, [plain(9, user)], flags="T")
    haul.fetch()
    box = haul.dovecot.box(user, "cur")
    name, = (n for n in os.listdir(box) if "T" in n.partition(":2,")[2])
    os.rename(os.path.join(box, name), os.path.join(
        box, name.partition(":2,")[0] + ":2,"))
    assert "new" in judged(haul)
