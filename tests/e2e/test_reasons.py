"""Each message that was not taken, or is left where it is, is explained by all
three that explain: `fetch --dry-run` for each, `trace` by its UID, `status`
for the account. One row for each word of pass_reason_text()."""
import os
import re
import time

import pytest

from corpus import ids, plain
from fakemail import FakeImap
from haul import Raw
from processes import ROOT

MANY = 501                # what first_run = ask asks about
KEPT_MANY = 101           # what is not deleted at once without being asked
GMAIL = ("IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "MOVE", "X-GM-EXT-1")


class Place:
    """An account "anna" and what lies there."""

    def __init__(self, haul, sink, dovecot, user, fake, real):
        self.haul, self.sink, self.dovecot = haul, sink, dovecot
        self.user, self.fake, self.real = user, fake, real

    def set(self, **settings):
        self.haul.sections["account", "anna"].update(settings)

    def put(self, n, **kw):
        self.dovecot.put(self.user, [plain(i, self.user) for i in n], **kw)

    def fetched(self, n=1, of=0, **settings):
        """At Dovecot, and delivered: these n, of so many."""
        self.put(range(n))
        self.real(**settings)
        self.haul.fetch("-y")
        assert len(self.sink.accepted) == (of or n)

    def faked(self, *boxes, **settings):
        """The same at a fake: folders INBOX, Work ... of message numbers."""
        names = ("INBOX", "Work", "Done")
        server = FakeImap({name: [plain(i, self.user) for i in box]
                           for name, box in zip(names, boxes)},
                          capability=settings.pop("capability", GMAIL[:-1]))
        self.fake(server, **settings)
        return server


def too_old(p):
    p.put([0])
    cur = p.dovecot.box(p.user, "cur")
    then = time.time() - 30 * 86400
    os.utime(os.path.join(cur, os.listdir(cur)[0]), (then, then))
    p.real(first_run=Raw("7d"))


def adopted(p):
    p.put([0])
    p.real(first_run="new")


def known(p):
    server = p.faked([0])
    p.haul.fetch()
    server.boxes["INBOX"].validity += 1


def twin(p):
    server = p.faked([0], [], capability=GMAIL, folders=["INBOX", "Work"])
    p.haul.fetch()
    server.boxes["Work"].add(plain(0, p.user))


def undecided(p):
    p.put(range(MANY))
    p.real()


def later(p):
    p.fetched(keep=Raw("7d"))


def due(p):
    p.fetched()
    p.set(keep=False)


def guarded(p):
    p.fetched(KEPT_MANY)
    p.set(keep=False)


def stuck(p):
    server = p.faked([0])
    p.haul.fetch()
    server.on("SELECT", lambda s, tag, a: s.do_SELECT(tag, a, "READ-ONLY")
              or True)
    p.set(keep=False)


def gone(p):
    server = p.faked([0], keep=False)
    for verb in ("UID EXPUNGE", "UID STORE"):
        server.on(verb, lambda s, tag, a: s.ok(tag) or True)
    p.haul.fetch()


def moved(p):
    server = p.faked([0], move_to="Done")
    server.on("UID MOVE", lambda s, tag, a: s.do_UID_COPY(tag, a) or True)
    p.haul.fetch()


def to_move(p):
    p.fetched()
    p.set(move_to="Done")


def dropped(p):
    p.put([0])
    p.real()
    p.sink.rule("dot", "554 5.7.1 no")
    p.haul.fetch()
    p.haul("queue", "drop", "-y", "--all")


def queued(p):
    p.put([0])
    p.real()
    p.sink.rule("rcpt", "451 4.3.0 later")
    p.haul("fetch")


def duplicate(p):
    p.put([5], folder="Work")
    p.fetched(duplicates="once", folders=["INBOX", "Work"], of=2)
    p.put([0], folder="Work")
    p.haul.fetch()


def size(p):
    p.put([])
    p.dovecot.put(p.user, [plain(9, p.user, size=30000)])
    p.real(max_size=Raw("10K"))
    p.haul.fetch()


def seen(p):
    p.put([0], flags="S")
    p.real(unseen_only=True)
    p.haul.fetch()


def marked(p):
    p.put([0], flags="T")
    p.real()
    p.haul.fetch()


HANDLED = "taken as handled"
NOTHING = None            # status has nothing to say of what is well
WHY = {
    # dry-run's word: what makes it, what trace says, what status says
    "too old": (too_old, HANDLED, NOTHING),
    "was there before": (adopted, HANDLED, NOTHING),
    "known under another identity": (known, HANDLED, NOTHING),
    "known in another folder": (twin, HANDLED, NOTHING),
    "dropped from the queue": (dropped, "dropped", NOTHING),
    "undecided": (undecided, "are there already",
                  "are there already"),
    "too large": (size, "left at the source: too large", "1 too large"),
    "marked as seen": (seen, "left at the source: marked as seen",
                       "1 marked as seen"),
    "marked as deleted by somebody else": (
        marked, "left at the source: marked as deleted by somebody else",
        "1 marked as deleted by somebody else"),
    "came another way": (
        duplicate, "the same as one that came another way: message",
        "1 the same as one that came another way"),
    "in the queue": (queued, "451 4.3.0 later", "1 waiting"),
    "delivered before": (lambda p: p.fetched(), "delivered", NOTHING),
    "delivered, to be deleted later": (later, "delivered", NOTHING),
    "delivered, to be deleted": (due, "delivered", NOTHING),
    "delivered, to be deleted if you say so": (guarded, "delivered", NOTHING),
    "delivered, cannot be deleted": (stuck, "delivered", NOTHING),
    "delivered, to be moved": (to_move, "delivered", NOTHING),
    "deleted by us, listed all the same": (gone, "deleted", NOTHING),
    "moved by us, listed all the same": (moved, "moved", NOTHING),
}


@pytest.fixture
def place(haul, sink, dovecot, source, smtp, user):
    servers = []
    haul.delivery(**smtp(sink))

    def real(**settings):
        haul.account("anna", **source(dovecot, "imaps", user, **settings))

    def fake(server, **settings):
        servers.append(server)
        haul.account("anna", server="imap://localhost:%d" % server.port,
                     user="anna", password=server.password, tls="none",
                     **settings)
    yield Place(haul, sink, dovecot, user, fake, real)
    for server in servers:
        server.close()


def judged(haul, *command):
    """{reason: UID} of what lies in the mailbox."""
    return {m["reason"]: m["uid"] for m in haul(
        *(command or ("fetch",)), "-n", "-v", "--json").account(
            "anna")["messages"]}


def test_each_word_has_its_row():
    """But for what is tested where it is made: a body that does not come
    (test_provider_quirks, d7), refetch (below)."""
    with open(os.path.join(ROOT, "agent", "flow", "pass.c")) as f:
        words = re.findall(r'\[REASON_\w+\] = "(.*)"', f.read())
    assert len(words) > 20
    assert set(words) - set(WHY) == {
        "new", "without content so far", "asked for again"}


@pytest.mark.parametrize("why", WHY)
def test_each_message_is_explained_by_all_three(place, why):
    make, trace, status = WHY[why]
    make(place)
    haul = place.haul
    listed = judged(haul)
    assert why in listed, listed
    haul("fetch")                   # what was decided is on record
    said = haul("trace", listed[why])
    assert said.code == 0 and trace in said.out, said
    said = haul("status", "-v")
    if status:
        assert status in said.out, said
    else:
        assert "left at the source" not in said.out, said


def test_what_is_asked_for_again(place):
    """Under its own word; and trace tells both lives of it."""
    place.fetched()
    uid = judged(place.haul, "refetch", "anna")["asked for again"]
    place.haul("refetch", "anna", "-y")
    said = place.haul("trace", uid).out
    assert said.count("anna INBOX  %s" % uid) == 2, said


def test_a_mark_that_is_taken_off_lets_it_come(simple, user):
    """What somebody else undeletes comes with the next poll, though no number
    of the folder changed; while it is marked it is asked for, not listed."""
    haul = simple(2)
    haul.dovecot.put(user, [plain(9, user)], flags="T")
    for _ in range(2):
        haul.fetch()
        assert haul.sink.count() == ids(user, range(2))
    imap = haul.dovecot.imap(user, "INBOX")
    imap.uid("STORE", "1:*", "-FLAGS", "(\\Deleted)")
    imap.logout()
    haul.fetch()
    assert haul.sink.count() == ids(user, (0, 1, 9))
    assert "marked as deleted" not in haul("status").out


def test_what_stays_marked_costs_a_search(place):
    """At each poll, one, and no listing."""
    server = place.faked([0, 1, 2])
    mail = server.boxes["INBOX"].mail
    mail[2][1].add("\\Deleted")
    place.haul.fetch()
    before = len(server.commands)
    place.haul.fetch()
    asked = [c for c in server.commands[before:] if c.startswith("UID")]
    assert asked == ["UID SEARCH UID 2:2 UNDELETED"], asked
    mail[2][1].clear()
    place.haul.fetch()
    assert len(place.sink.accepted) == 3
