"""What is done at the source with mail once it is delivered: mark_seen, move_to,
and what is taken or left by the Seen flag. Rows D13 to D18."""
import sqlite3
from contextlib import closing

import pytest

from corpus import ids, msgid, plain
from fakemail import FakeImap


def found(octets, user):
    """Which of plain(n, user) these are."""
    return sorted(n for n in range(60)
                  for o in octets if msgid(n, user).encode() in o)


@pytest.fixture(params=["maildir", "sdbox"])
def store(request):
    """A real Dovecot, of either storage."""
    return request.getfixturevalue(request.param + "_dovecot")


def ledger(haul, sql):
    with closing(sqlite3.connect(haul.state + "/ledger.db")) as db, db:
        return db.execute(sql).fetchall()


def brought(haul):
    """UIDs that the ledger knows as moved by us."""
    return [uid for first, last in ledger(
        haul, "SELECT first, last FROM span WHERE fate = 9 ORDER BY first")
        for uid in range(first, last + 1)]


def commands(server, verb):
    return [c for c in server.commands if c.startswith(verb)]


def has(server, folder="INBOX"):
    box = server.boxes.get(folder)
    return [octets for octets, _ in box.mail.values()] if box else []


# ------------------------------------------------------------------ mark_seen

@pytest.mark.parametrize("keep", [True, "14d"])
def test_mark_seen_once_delivered(haul, sink, store, source, smtp, user, keep):
    store.put(user, [plain(n, user) for n in range(3)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(store, "imaps", user, mark_seen=True,
                                  keep=keep))
    haul.fetch()
    assert sink.count() == ids(user, range(3))
    assert ["\\Seen" in f for _, f in store.flags(user)] == [True] * 3


def test_mark_seen_only_what_was_delivered(haul, sink, store, source, smtp,
                                           user):
    """D18: a message that is refused, or waits, keeps its flag."""
    store.put(user, [plain(n, user) for n in range(3)])
    sink.rule("dot", "554 5.7.1 no", match=msgid(0, user))
    sink.rule("dot", "451 4.7.1 later", match=msgid(1, user))
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(store, "imaps", user, mark_seen=True))
    assert haul("fetch").code == 75
    assert ["\\Seen" in f for _, f in store.flags(user)] == \
        [False, False, True]
    sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch("anna")   # what was delivered behind the session
    haul.fetch("anna")
    assert ["\\Seen" in f for _, f in store.flags(user)] == [True] * 3


def test_mark_seen_is_not_repeated(haul, sink, dovecot, source, smtp, user):
    """Somebody takes the flag away again: that counts."""
    dovecot.put(user, [plain(0, user)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, mark_seen=True))
    haul.fetch()
    imap = dovecot.imap(user, "INBOX")
    imap.uid("STORE", "1:*", "-FLAGS", "(\\Seen)")
    imap.logout()
    dovecot.put(user, [plain(1, user)])   # so that the folder is looked at
    haul.fetch()
    assert ["\\Seen" in f for _, f in dovecot.flags(user)] == [False, True]


def test_mark_seen_counts_for_earlier_deliveries(haul, sink, dovecot, source,
                                                 smtp, user):
    dovecot.put(user, [plain(n, user) for n in range(150)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    haul.sections["account", "anna"]["mark_seen"] = True
    haul.fetch()
    assert all("\\Seen" in f for _, f in dovecot.flags(user))


def test_mark_seen_refused_is_told_and_tried_later(at, user):
    """The server's words are told; a pass right behind does not ask again."""
    server = FakeImap({"INBOX": [plain(0, user)]})
    server.on("UID STORE", lambda s, tag, a: s.no(tag, "[NOPERM] not yours")
              or True)
    haul = at(server, mark_seen=True)
    result = haul("fetch")
    assert result.code == 75 and "not yours" in result.err
    assert haul.sink.count() == ids(user, [0])
    error = haul("status", "--json").json["accounts"][0]["last_error"]
    assert "not yours" in error["text"] and "tried again" in error["remedy"]
    haul.fetch()
    assert len(commands(server, "UID STORE")) == 1
    assert haul("status", "--json").json["accounts"][0]["last_error"]


# -------------------------------------------------------------------- move_to

@pytest.mark.parametrize("offer", ["", "-MOVE", "-UIDPLUS", "-MOVE -UIDPLUS"],
                         ids=["move", "copy", "no-uidplus", "bare"])
@pytest.mark.parametrize("kind", ["maildir", "sdbox"])
def test_move_to_once_delivered(haul, sink, ca, folder, source, smtp, user,
                                kind, offer):
    """D13: by MOVE, or COPY + STORE + UID EXPUNGE, or, with nothing but ours
    marked, EXPUNGE; the folder is made, its name is UTF-8."""
    from servers import Dovecot
    words = ("IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS MOVE "
             "LIST-EXTENDED SPECIAL-USE").split()
    for word in offer.split():
        words.remove(word[1:])
    dovecot = Dovecot(folder.new("dovecot"), ca, storage=kind,
                      extra="imap_capability = %s\n" % " ".join(words))
    try:
        dovecot.put(user, [plain(n, user) for n in range(4)])
        haul.delivery(**smtp(sink))
        haul.account("anna", **source(dovecot, "imaps", user, mark_seen=True,
                                      move_to="Erledigt/M\u00e4rz"))
        haul.fetch()
        assert sink.count() == ids(user, range(4))
        assert dovecot.left(user) == []
        moved = dovecot.left(user, '"Erledigt/M&AOQ-rz"')
        assert found(moved, user) == [0, 1, 2, 3]
        # later ones follow, earlier ones are not moved again
        dovecot.put(user, [plain(4, user)])
        haul.fetch()
        haul.fetch()
        assert dovecot.left(user) == []
        moved = dovecot.left(user, '"Erledigt/M&AOQ-rz"')
        assert found(moved, user) == [0, 1, 2, 3, 4]
        assert sink.count() == ids(user, range(5))
    finally:
        dovecot.leave()


def test_d13_others_have_marked_mail_without_uidplus(at, user):
    """D13: neither MOVE nor UIDPLUS, and somebody else has marked mail: it is
    copied, ours stays marked, theirs stays."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR"))
    server.boxes["INBOX"].mail[2][1].add("\\Deleted")
    haul = at(server, move_to="Done")
    result = haul("fetch", "-v")
    assert result.code == 0 and "stay here" in result.out + result.err
    assert len(has(server)) == 3 and not commands(server, "EXPUNGE")
    assert found(has(server, "Done"), user) == [0, 2]
    server.boxes["INBOX"].add(plain(3, user))
    haul.fetch()     # the copied ones are not copied again
    assert found(has(server, "Done"), user) == [0, 2, 3]
    assert haul.sink.count() == ids(user, [0, 2, 3])


def test_move_to_counts_for_earlier_deliveries(haul, sink, dovecot, source,
                                               smtp, user):
    """Moving can be undone: it asks nobody, as deleting in bulk does."""
    dovecot.put(user, [plain(n, user) for n in range(30)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    haul.sections["account", "anna"]["move_to"] = "Done"
    haul.fetch()
    assert dovecot.left(user) == []
    assert found(dovecot.left(user, "Done"), user) == list(range(30))
    assert sink.count() == ids(user, range(30))


def test_d15_reply_to_move_lost(at, user):
    """D15: MOVE done, its reply lost: nothing is moved twice, and what lies in
    the target is known as ours."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)],
                       "Done": [plain(40, user)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))

    def lost(session, tag, args):
        session.say = lambda octets: None
        session.do_UID_MOVE(tag, args)
        session.cut()
        return True
    server.on("UID MOVE", lost)
    haul = at(server, move_to="Done", keep="14d")
    assert haul("fetch").code == 75
    assert has(server) == []
    server.hooks.clear()
    haul("fetch", "anna")
    assert found(has(server, "Done"), user) == [0, 1, 2, 40]
    assert haul.sink.count() == ids(user, range(3))
    assert brought(haul) == [2, 3, 4]


@pytest.mark.parametrize("uidplus", [True, False], ids=["uidplus", "bare"])
def test_d15_reply_to_copy_lost(at, user, uidplus):
    """D15: COPY done, its reply lost: the copies are found, the originals
    taken away; one that arrived there by itself is nobody's copy."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)],
                       "Done": []},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR") +
                      (("UIDPLUS",) if uidplus else ()))

    def lost(session, tag, args):
        server.boxes["Done"].add(plain(41, user))
        session.say = lambda octets: None
        session.do_UID_COPY(tag, args)
        session.cut()
        return True
    server.on("UID COPY", lost)
    haul = at(server, move_to="Done")
    assert haul("fetch").code == 75
    assert len(has(server)) == 3
    server.hooks.clear()
    haul("fetch", "anna")
    assert has(server) == [] and len(commands(server, "UID COPY")) == 1
    assert found(has(server, "Done"), user) == [0, 1, 2, 41]
    assert haul.sink.count() == ids(user, range(3))
    assert brought(haul) == [2, 3, 4]


def test_d15_cut_before_the_move_was_done(at, user):
    """D15: the line is cut and nothing was done: it is done now."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))
    server.on("UID MOVE", lambda s, tag, a: s.cut() or True)
    haul = at(server, move_to="Done")
    assert haul("fetch").code == 75
    server.hooks.clear()
    haul("fetch", "anna")
    assert has(server) == []
    assert found(has(server, "Done"), user) == [0, 1, 2]
    assert haul.sink.count() == ids(user, range(3))


def test_d16_target_over_quota(at, user):
    """D16: stays delivered, is not forwarded again, is not tried at once again,
    and status says so."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(2)],
                       "Done": []},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))
    server.on("UID MOVE", lambda s, tag, a: s.no(
        tag, "[OVERQUOTA] the mailbox is full") or True)
    haul = at(server, move_to="Done")
    assert haul("fetch").code == 75
    assert len(has(server)) == 2
    error = haul("status", "--json").json["accounts"][0]["last_error"]
    assert "the mailbox is full" in error["text"]
    server.boxes["INBOX"].add(plain(2, user))
    server.hooks.clear()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    ledger(haul, "UPDATE folder SET acts_at = 1")   # an hour later
    haul.fetch("anna")
    assert has(server) == [] and len(has(server, "Done")) == 3
    assert haul("status", "--json").json["accounts"][0]["last_error"] is None
    assert haul.sink.count() == ids(user, range(3))


def test_d16_target_cannot_be_made(at, user):
    """D16: the same where the folder is missing and must not be made."""
    server = FakeImap({"INBOX": [plain(0, user)]})
    server.on("CREATE", lambda s, tag, a: s.no(tag, "[NOPERM] not here")
              or True)
    haul = at(server, move_to="Done")
    result = haul("fetch")
    assert result.code == 75 and "not here" in result.err
    assert len(has(server)) == 1
    haul.fetch("anna")
    assert len(commands(server, "CREATE")) == 1
    assert haul.sink.count() == ids(user, [0])


def test_keep_counts_where_mail_was_moved_to(at, user):
    """keep = 14d: what was moved is deleted in the target then, and nothing
    else there."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)],
                       "Done": [plain(40, user)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))
    haul = at(server, move_to="Done", keep="14d")
    haul.fetch()
    haul.fetch()
    assert found(has(server, "Done"), user) == [0, 1, 2, 40]
    ledger(haul, "UPDATE span SET day = day - 16 WHERE fate = 9")
    result = haul.fetch().account("anna")
    assert result["deleted"] == 3
    assert found(has(server, "Done"), user) == [40]
    assert haul.sink.count() == ids(user, range(3))
    looked = len(commands(server, "SELECT"))
    haul.fetch()    # nothing is left there to look for
    assert len(commands(server, "SELECT")) == looked + 1


def test_keep_where_mail_was_moved_to_needs_uidplus(at, user):
    """Else it is not known which they are: refused in words, fetched on."""
    server = FakeImap({"INBOX": [plain(0, user)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "MOVE"))
    haul = at(server, move_to="Done", keep="14d")
    result = haul("fetch")
    assert result.code == 78 and "UIDPLUS" in result.err
    assert haul.sink.count() == ids(user, [0]) and len(has(server)) == 1


def test_d17_read_only_folder(at, user):
    """D17: forwarded; told that nothing can be marked or moved; not asked."""
    server = FakeImap({"INBOX": [plain(0, user)]})
    server.on("SELECT", lambda s, tag, a: s.do_SELECT(tag, a, "READ-ONLY")
              or True)
    haul = at(server, mark_seen=True, move_to="Done")
    result = haul("fetch", "-v")
    assert result.code == 0 and "read-only" in result.out + result.err
    haul.fetch()
    assert haul.sink.count() == ids(user, [0])
    assert not commands(server, "UID STORE") and "Done" not in server.boxes


def test_d14_deleted_but_still_there(at, user):
    """D14: the server says yes and keeps it: not fetched again, not deleted
    again and again, told."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(2)]})
    server.on("UID EXPUNGE", lambda s, tag, a: s.ok(tag) or True)
    server.on("UID STORE", lambda s, tag, a: s.ok(tag) or True)
    haul = at(server, keep=False)
    haul.fetch()
    server.boxes["INBOX"].add(plain(2, user))
    for _ in range(2):
        ledger(haul, "UPDATE folder SET whole = 1")   # a day later
        result = haul("fetch", "-v")
        assert result.code == 0 and "listed all the same" in \
            result.out + result.err
    assert haul.sink.count() == ids(user, range(3))
    assert len(commands(server, "UID EXPUNGE")) == 2


def test_what_has_vanished_is_not_looked_for_at_each_poll(at, user):
    """Delivered, and taken away by somebody before it could be marked; moved,
    and taken away there: a whole listing is enough to know."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(4)],
                       "Done": [plain(40, user)]},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))
    haul = at(server)
    haul.sink.rule("dot", "554 5.7.1 no", match=msgid(3, user))   # it stays
    haul.fetch()
    del server.boxes["INBOX"].mail[2]
    haul.sections["account", "anna"].update(move_to="Done", keep="14d")
    haul.fetch()
    assert found(has(server, "Done"), user) == [0, 2, 40]
    server.boxes["Done"].mail = {1: server.boxes["Done"].mail[1]}
    ledger(haul, "UPDATE span SET day = day - 16 WHERE fate = 9")
    ledger(haul, "UPDATE folder SET whole = 1 WHERE CAST(name AS TEXT)"
                 " = 'INBOX'")
    haul.fetch()     # a day later: both are looked for in vain
    before = len(server.commands)
    haul.fetch()
    assert not [c for c in server.commands[before:] if c.startswith("UID") or
                "Done" in c]


# ---------------------------------------------------------------- unseen_only

def test_unseen_only(haul, sink, store, source, smtp, user):
    """What is seen is left out, and taken once it is unseen; status says so."""
    store.put(user, [plain(0, user)], flags="S")
    store.put(user, [plain(1, user)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(store, "imaps", user, unseen_only=True))
    haul.fetch()
    assert sink.count() == ids(user, [1])
    assert haul("status", "--json").json["accounts"][0]["skipped"] == 1
    assert "marked as seen" in haul("status", "-v").out
    haul.fetch()
    assert sink.count() == ids(user, [1])
    imap = store.imap(user, "INBOX")
    imap.uid("STORE", "1", "-FLAGS", "(\\Seen)")
    imap.logout()
    haul.fetch()
    assert sink.count() == ids(user, [0, 1])
    haul.fetch()
    assert sink.count() == ids(user, [0, 1])


def test_unseen_only_taken_back(haul, sink, dovecot, source, smtp, user):
    dovecot.put(user, [plain(0, user)], flags="S")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, unseen_only=True))
    haul.fetch()
    assert sink.accepted == []
    haul.sections["account", "anna"]["unseen_only"] = False
    haul.fetch()
    assert sink.count() == ids(user, [0])


def test_unseen_only_and_first_run(haul, sink, dovecot, source, smtp, user):
    """Seen mail does not make a mailbox large; with first_run = new it counts
    as handled like the rest, whatever its flag later."""
    dovecot.put(user, [plain(n, user) for n in range(40)], flags="S")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, unseen_only=True,
                                  first_run="new"))
    haul.fetch()
    imap = dovecot.imap(user, "INBOX")
    imap.uid("STORE", "1:*", "-FLAGS", "(\\Seen)")
    imap.logout()
    dovecot.put(user, [plain(50, user)])
    haul.fetch()
    assert sink.count() == ids(user, [50])


def test_unseen_only_a_poll_costs_one_search(at, user):
    """Nothing new: SEARCH, and no listing."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})
    server.boxes["INBOX"].mail[1][1].add("\\Seen")
    haul = at(server, unseen_only=True)
    haul.fetch()
    before = len(server.commands)
    haul.fetch()
    assert [c.split(" (")[0] for c in server.commands[before:]
            if c.startswith("UID")] == ["UID SEARCH UNSEEN"]


def test_unseen_only_at_a_server_of_imap4rev2_alone(at, user):
    """It answers SEARCH with ESEARCH."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(4)]},
                      capability=("IMAP4rev2", "AUTH=PLAIN", "SASL-IR"))
    for uid in (1, 3):
        server.boxes["INBOX"].mail[uid][1].add("\\Seen")
    haul = at(server, unseen_only=True)
    haul.fetch()
    assert haul.sink.count() == ids(user, [1, 3])
    haul.fetch()
    assert haul.sink.count() == ids(user, [1, 3])


# ---------------------------------------------------------------------- Gmail

GMAIL = ("IMAP4rev1", "UNSELECT", "IDLE", "ID", "CHILDREN", "X-GM-EXT-1",
         "UIDPLUS", "ENABLE", "MOVE", "SASL-IR", "AUTH=PLAIN", "SPECIAL-USE")


def gmail(boxes):
    """Labels: what is moved to the Trash disappears from under all of them,
    what is expunged from under one alone."""
    server = FakeImap(dict(boxes, **{"[Gmail]/Trash": []}), capability=GMAIL)
    server.attributes["[Gmail]/Trash"] = "\\HasNoChildren \\Trash"

    def move(session, tag, args):
        before = set(has(server, "[Gmail]/Trash"))
        session.do_UID_MOVE(tag, args)
        for octets in set(has(server, "[Gmail]/Trash")) - before:
            for name, box in server.boxes.items():
                if name != "[Gmail]/Trash":
                    box.mail = {u: m for u, m in box.mail.items()
                                if m[0] != octets}
        return True
    server.on("UID MOVE", move)
    return server


def test_gmail_a_message_under_two_labels_is_fetched_once(at, user):
    both = plain(0, user)
    server = gmail({"INBOX": [both, plain(1, user)],
                    "Work": [plain(2, user), both]})
    haul = at(server, folders=["INBOX", "Work"])
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))
    assert len([c for c in commands(server, "UID FETCH")
                if "BODY.PEEK[]" in c]) == 2
    # a label given later, when the message is long folded
    server.boxes["Work"].add(plain(1, user))
    server.boxes["Work"].add(plain(3, user))
    haul.fetch()
    haul.fetch()
    assert haul.sink.count() == ids(user, range(4))
    judged = haul("fetch", "--dry-run", "--json").json
    assert len(has(server)) == 2 and judged["exit"] == 0


def test_gmail_deletes_through_the_trash(at, user):
    both = plain(0, user)
    server = gmail({"INBOX": [both, plain(1, user)], "Work": [both]})
    haul = at(server, folders=["INBOX", "Work"], keep=False)
    result = haul.fetch().account("anna")
    assert result["deleted"] == 2
    assert has(server) == [] and has(server, "Work") == []
    assert found(has(server, "[Gmail]/Trash"), user) == [0, 1]
    assert not commands(server, "UID EXPUNGE")
    haul.fetch()
    assert haul.sink.count() == ids(user, range(2))


def test_gmail_deletion_honours_a_folder_that_keeps(at, user):
    """A label whose folder keeps its mail must not lose it to the Trash."""
    both = plain(0, user)
    server = gmail({"INBOX": [both], "Work": [both]})
    haul = at(server, folders=["INBOX"], keep=False)
    haul.sections["account", "anna"]["folder"] = {"Work": {"keep": True}}
    haul.fetch()
    assert has(server) == [] and found(has(server, "Work"), user) == [0]
    assert has(server, "[Gmail]/Trash") == []
    assert haul.sink.count() == ids(user, [0])


def test_gmail_refetch_takes_a_message_under_two_labels_once(at, user):
    """Under whichever of its labels it was fetched the first time; one label
    that is named is enough to have it again."""
    both = plain(0, user)
    server = gmail({"INBOX": [both, plain(1, user)],
                    "Work": [plain(2, user), both]})
    haul = at(server, folders=["INBOX", "Work"])

    def again(*args):
        result = haul("refetch", "anna", *args, "--yes", "--json")
        assert result.code == 0, result
        return haul.sink.count()
    haul.fetch()
    assert again() == {msgid(n, user): 2 for n in range(3)}
    assert again("--folder", "Work") == {
        msgid(0, user): 3, msgid(1, user): 2, msgid(2, user): 3}
    assert again("--folder", "INBOX") == {
        msgid(0, user): 4, msgid(1, user): 3, msgid(2, user): 3}
    haul.fetch()
    assert sum(haul.sink.count().values()) == 10
    assert len(has(server)) == 2 and len(has(server, "Work")) == 2


def test_a_provider_may_want_deleting_through_the_trash(at, user):
    """By the provider's table, also where X-GM-EXT-1 is not told."""
    server = FakeImap({"INBOX": [plain(0, user)], "Papierkorb": []},
                      capability=("IMAP4rev1", "AUTH=PLAIN", "SASL-IR",
                                  "UIDPLUS", "MOVE"))
    server.attributes["Papierkorb"] = "\\Trash"
    haul = at(server, provider="gmail", keep=False)
    haul.fetch()
    assert has(server) == [] and len(has(server, "Papierkorb")) == 1
