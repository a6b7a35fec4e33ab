"""D3, D4, D5: UIDs and UIDVALIDITY that a server does not keep its word on.
Nothing is deleted or passed over on the strength of a number alone."""
import pytest

from corpus import ids, msgid, plain
from fakemail import Box, FakeImap


def left(server):
    """What the sources still have, whatever its UIDs."""
    return [octets for octets, _ in server.boxes["INBOX"].mail.values()]


@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
def test_d3_uidvalidity_changes_between_two_selects(at, user, keep):
    """D3: each SELECT, of one pass or of two, shows another UIDVALIDITY and
    other UIDs: nothing is delivered twice, and deleted is only what was
    delivered."""
    mails = [plain(n, user) for n in range(6)]
    server = FakeImap({"INBOX": mails})
    box = server.boxes["INBOX"]

    def renumber(session, tag, args):
        octets = [o for o, _ in box.mail.values()]
        box.validity, box.mail = box.validity + 1, {}
        for o in octets[1:] + octets[:1]:    # every UID names another one
            box.add(o)
        return False
    for verb in ("SELECT", "EXAMINE"):
        server.on(verb, renumber)
    # Two folders by name: INBOX is selected, left, and selected again.
    server.boxes["Other"] = Box([plain(9, user)])
    haul = at(server, keep=keep, folders=["INBOX", "Other"])
    for _ in range(4):
        haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, [*range(6), 9])
    accepted = {m.msgid for m in haul.sink.accepted}
    gone = [n for n in range(6) if mails[n] not in left(server)]
    assert {msgid(n, user) for n in gone} <= accepted


def test_d3_uidvalidity_changes_before_deletion_is_due(at, user):
    """D3, DESIGN 5.6: delivered in one pass; at the next, when they are to
    be deleted, the same UIDs stand for new mail under a new UIDVALIDITY."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(5)]})
    haul = at(server)
    haul.fetch()
    fresh = [plain(n, user) for n in range(20, 25)]
    server.boxes["INBOX"] = Box(fresh, validity=1800000000)
    server.on("UID FETCH", lambda s, t, a: "BODY" in a and "HEADER" not in a
              and s.cut())                   # no body can be had
    haul.sections["account", "anna"]["keep"] = False
    haul("fetch", "--json", "anna")
    assert left(server) == fresh
    server.hooks.clear()
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, [*range(5), *range(20, 25)])


def test_d4_an_old_uid_that_names_another_message_deletes_nothing(at, user):
    """D4: the same UIDVALIDITY, the same UIDs, other mail: what was never
    delivered is not deleted as if it had been, and somebody is told."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(5)]})
    haul = at(server)
    haul.fetch()
    box = server.boxes["INBOX"]
    fresh = [plain(n, user) for n in range(20, 25)]
    box.mail = {u: (o, set()) for u, o in enumerate(fresh, 1)}
    haul.sections["account", "anna"]["keep"] = False
    result = haul("fetch", "anna")
    assert all(o in left(server) or haul.sink.count().get(msgid(n, user))
               for n, o in enumerate(fresh, 20)), result
    assert "anna: " in result.err, result


def test_d4_uids_that_go_down_are_noticed(at, user):
    """D4: a restored server counts its UIDs from one again, with the old
    UIDVALIDITY: what is new there is not taken for known mail in silence."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(10)]})
    haul = at(server)
    haul.fetch()
    box = server.boxes["INBOX"]
    box.mail, box.next = {}, 1
    for n in range(20, 24):
        box.add(plain(n, user))
    result = haul("fetch", "anna")
    came = set(haul.sink.count())
    if not {msgid(n, user) for n in range(20, 24)} <= came:
        assert "anna: " in result.err, result
    assert len(box.mail) == 4


def test_d5_a_uidnext_below_existing_uids_hides_nothing(at, user):
    """D5: UIDNEXT is a hint: 1 or 2 though UIDs go to 12."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(10)]})
    box = server.boxes["INBOX"]

    def select(session, tag, args):
        real, box.next = box.next, 2
        try:
            session.do_SELECT(tag, args)
        finally:
            box.next = real
        return True
    server.on("SELECT", select)
    server.on("EXAMINE", select)
    haul = at(server)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(10))
    for n in (10, 11):
        box.add(plain(n, user))
        haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(12))
