"""Which message is which: nothing is delivered again because an account, a
server or a folder changed its looks; nothing foreign is deleted."""
import os
import re

import pytest

from corpus import expected, ids, msgid, plain, strip
from fakemail import FakeImap, FakePop


def test_j4_imap_port_and_tls_form_are_not_identity(simple, user):
    """J4: imap:143 with STARTTLS to imaps:993."""
    haul = simple(5, "imap")
    haul.fetch()
    assert haul.sink.count() == ids(user, range(5))
    haul.sections["account", "anna"]["server"] = \
        "imaps://localhost:%d" % haul.dovecot.ports["imaps"]
    haul.dovecot.put(user, [plain(5, user)])
    assert haul.fetch().account("anna")["delivered"] == 1
    assert haul.sink.count() == ids(user, range(6))


def test_j4_renamed_account_keeps_its_history(simple, user):
    """J4: another section name, the same server and user."""
    haul = simple(5, "pop3s")
    haul.fetch()
    settings = haul.sections.pop(("account", "anna"))
    haul.account("anna-renamed", **settings)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(5))


def test_j4_host_renamed(simple, user, ca):
    """J4: imap.gmx.net to imap.gmx.com: another name for the same host."""
    haul = simple(5)
    haul.fetch()
    haul.sections["account", "anna"]["server"] = \
        "imaps://127.0.0.1:%d" % haul.dovecot.ports["imaps"]
    result = haul.fetch().account("anna")
    assert result["delivered"] == 0
    assert haul.sink.count() == ids(user, range(5))


def test_two_servers_of_this_machine_are_two(at, user, ca):
    """A tunnel at one port, a bridge at another, the same user: each has its
    row, the one that was alone before keeps its own, and again when it is."""
    boxes = [FakeImap({"INBOX": [plain(n, user)]}, cert=ca.issue("fake"))
             for n in range(2)]
    haul = at(boxes[0])
    haul.fetch()
    second = dict(haul.sections["account", "anna"], server=re.sub(
        r"\d+$", str(boxes[1].port), haul.sections["account", "anna"]["server"]))
    haul.account("second", **second)
    told = haul.fetch()
    assert [told.account(a)["fetched"] for a in ("anna", "second")] == [0, 1]
    assert haul.sink.count() == ids(user, range(2))
    haul.forget("account", "anna")
    assert haul.fetch().account("second")["fetched"] == 0
    boxes[1].close()


@pytest.mark.parametrize("first,second", [("pop3s", "imaps"),
                                          ("imaps", "pop3s")])
def test_j4_protocol_switched(simple, user, first, second):
    """J4: from POP3 to IMAP and back: known fingerprints: reconciled."""
    haul = simple(30, first)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(30))
    haul.sections["account", "anna"]["server"] = \
        "%s://localhost:%d" % (second, haul.dovecot.ports[second])
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, range(30))
    haul.dovecot.put(user, [plain(30, user)])
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, range(31))


def test_d2_uidvalidity_changed(at, user, ca):
    """D2: reconciled by fingerprint: no mass resend, nothing deleted."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(30)]},
                      cert=ca.issue("fake"))
    haul = at(server)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(30))
    box = server.boxes["INBOX"]
    box.validity += 1
    box.mail = {u + 1000: m for u, m in box.mail.items()}
    box.next += 1000
    haul.sections["account", "anna"]["keep"] = False
    haul("fetch", "--json")
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, range(30))
    box.add(plain(30, user))
    haul("fetch", "--json")
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, range(31))


def test_d2_old_dates_are_no_reason_after_a_reconciliation(at, user, ca):
    """D2: what arrives with an old INTERNALDATE (copied there, imported) just
    before UIDVALIDITY changes once more is fetched: what was reconciled before
    says nothing of it. (The fake's dates are all of January 2025.)"""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                      cert=ca.issue("fake"))
    haul = at(server)
    haul.fetch()
    box = server.boxes["INBOX"]
    for n in (3, 4):
        box.validity += 1
        box.add(plain(n, user))
        haul.fetch()
        assert haul.sink.count() == ids(user, range(n + 1))


@pytest.mark.parametrize("bad", ["", "0", "4294967296",
                                 "99999999999999999999"])
def test_d1_odd_uidvalidity_disables_deletion(at, user, bad):
    """D1: absent, 0, over 2^32-1: never a deletion on its strength."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})
    box = server.boxes["INBOX"]

    def select(session, tag, args):
        session.box, session.writable = box, True
        line = "* OK [UIDVALIDITY %s] x\r\n" % bad if bad else ""
        session.say(("* %d EXISTS\r\n%s* OK [UIDNEXT %d] x\r\n%s OK done\r\n"
                     % (len(box.mail), line, box.next, tag)).encode())
        return True
    server.on("SELECT", select)
    server.on("EXAMINE", select)
    server.status = lambda name, box: '(MESSAGES %d UIDNEXT %d%s)' % (
        len(box.mail), box.next, " UIDVALIDITY " + bad if bad else "")
    haul = at(server, keep=False)
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    assert all(n == 1 for n in haul.sink.count().values())
    assert len(box.mail) == 3
    assert not [c for c in server.commands if "Deleted" in c]


def test_d6_a_range_beyond_the_end_returns_the_last(at, user):
    """D6: UID FETCH 101:* answers with UID 100 for ever: fetched once."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})
    haul = at(server)
    for _ in range(3):
        haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    server.boxes["INBOX"].add(plain(3, user))
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(4))


def test_d9_expunge_by_others_shifts_nothing(at, user):
    """D9: another client expunges while we fetch: only UIDs count; what is
    fetched is right, what is deleted is ours."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(10)]})
    box = server.boxes["INBOX"]
    done = []

    def fetch(session, tag, args):
        if "BODY" in args.upper() and not done:
            done.append(1)
            for uid in (1, 2):          # gone between listing and bodies
                del box.mail[uid]
                session.say(b"* 1 EXPUNGE\r\n")
        return False
    server.on("UID FETCH", fetch)
    haul = at(server, keep=False)
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(2, 10))
    assert box.mail == {}


@pytest.mark.parametrize("uidplus", [True, False])
def test_j14_marked_deleted_by_somebody_else(at, user, uidplus):
    """J14, D13: neither fetched nor expunged by us, with and without
    UIDPLUS; our own are removed, or at least left marked."""
    capability = ["IMAP4rev1", "AUTH=PLAIN"] + \
        (["UIDPLUS"] if uidplus else [])
    server = FakeImap({"INBOX": [plain(n, user) for n in range(6)]},
                      capability=capability)
    box = server.boxes["INBOX"]
    for uid in (2, 5):
        box.mail[uid][1].add("\\Deleted")
    haul = at(server, keep=False)
    haul.fetch()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, (0, 2, 3, 5))
    assert {2, 5} <= set(box.mail)
    if uidplus:
        assert set(box.mail) == {2, 5}
    assert not [c for c in server.commands if c.startswith("CLOSE")]


def test_d13_without_uidplus_our_own_are_expunged_when_alone(at, user):
    """D13: nobody else's mark: a bare EXPUNGE after a search is right."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                      capability=["IMAP4rev1", "AUTH=PLAIN"])
    haul = at(server, keep=False)
    haul.fetch()
    assert server.boxes["INBOX"].mail == {}


def test_d7_empty_body_is_not_taken_for_delivered(at, user):
    """D7: BODY[] NIL or of no octets: retried, never deleted as delivered."""
    server = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})

    def fetch(session, tag, args):
        if "BODY" not in args.upper() or "HEADER" in args.upper():
            return False
        for uid, (octets, _) in sorted(session.box.mail.items()):
            if uid == 2:
                session.say(b"* 2 FETCH (UID 2 BODY[] NIL)\r\n")
            else:
                session.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n"
                            % (uid, uid, len(octets), octets))
        session.ok(tag)
        return True
    server.on("UID FETCH", fetch)
    haul = at(server, keep=False)
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    counts = haul.sink.count()
    assert msgid(1, user) not in counts and None not in counts
    assert 2 in server.boxes["INBOX"].mail


def test_d8_message_without_a_header(at):
    """D8: begins with the empty line: passed on intact, behind our lines."""
    for make in (lambda o: FakeImap({"INBOX": [o]}),
                 lambda o: FakePop([("x1", o)])):
        octets = b"\r\nno header at all\r\n"
        haul = at(make(octets))
        before = len(haul.sink.accepted)
        haul.fetch("anna")
        assert len(haul.sink.accepted) == before + 1
        assert strip(haul.sink.accepted[-1].octets) == octets
        haul.fresh()


def test_e1_pop3_cut_in_the_middle(at, user, ca):
    """E1, B8: FIN before CRLF.CRLF, clear and under TLS: discarded, nothing
    forwarded, fetched whole the next time."""
    for cert in (None, ca.issue("fake")):
        tag = user + ("tls" if cert else "clear")
        server = FakePop([("u%d" % n, plain(n, tag, size=9000))
                          for n in range(3)], cert=cert)

        def retr(session, args):
            if args[0] == "2":
                octets = session.server.messages[1][1]
                session.say(b"+OK\r\n" + octets[:5000])
                session.cut()
            return False
        server.on("RETR", retr)
        haul = at(server, keep=False)
        assert haul("fetch", "--json").code in (75, 76)
        assert msgid(1, tag) not in haul.sink.count()
        assert msgid(1, tag).encode() in b"".join(
            o for _, o in server.messages)
        del server.hooks["RETR"]
        haul.fetch("anna")
        haul.fetch("anna")
        counts = {i: n for i, n in haul.sink.count().items() if tag in i}
        assert counts == ids(tag, range(3))
        assert server.messages == []
        haul.fresh()


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_b8_imap_cut_inside_a_literal(at, user, ca, how):
    """B8: the server stops in mid-literal: nothing of it is forwarded."""
    server = FakeImap({"INBOX": [plain(n, user, size=9000)
                                 for n in range(3)]}, cert=ca.issue("fake"))

    def fetch(session, tag, args):
        if "BODY" in args.upper() and "HEADER" not in args.upper():
            octets = session.box.mail[1][0]
            session.say(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s"
                        % (len(octets), octets[:4000]))
            getattr(session, how)()
        return False
    server.on("UID FETCH", fetch)
    haul = at(server, keep=False)
    assert haul("fetch", "--json").code in (75, 76)
    assert haul.sink.accepted == [] and len(server.boxes["INBOX"].mail) == 3
    server.hooks.clear()
    haul.fetch("anna")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    assert server.boxes["INBOX"].mail == {}


def test_e3_long_and_odd_uidls(at, user):
    """E3, E5: 71 to 512 octets and paths are opaque; nothing is fetched
    twice, no file is named by them."""
    uidls = ["x" * 71, "y" * 300, "z" * 512, "../../../../etc/x", "%n%s"]
    server = FakePop([(u, plain(n, user)) for n, u in enumerate(uidls)])
    haul = at(server)
    haul.fetch()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(5))
    assert not [f for _, _, files in os.walk(haul.folder) for f in files
                if f == "x"]


def test_e6_two_messages_share_a_uidl(at, user):
    """E6: told apart by occurrence; each arrives once."""
    server = FakePop([("same", plain(0, user)), ("same", plain(1, user)),
                      ("other", plain(2, user))])
    haul = at(server)
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(3))


def test_e7_every_uidl_changes(at, user):
    """E7: a migrated server: reconciled, not delivered again."""
    mails = [plain(n, user) for n in range(30)]
    server = FakePop([("old-%d" % n, m) for n, m in enumerate(mails)])
    haul = at(server)
    haul.fetch()
    server.messages = [("new-%d" % n, m) for n, m in enumerate(mails)]
    haul("fetch", "--json", "anna")
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(30))


@pytest.mark.parametrize("verb", ["UIDL", "LIST"])
def test_e8_listing_cut_off(at, user, verb):
    """E8: the listing is void: nothing is retired or delivered again."""
    server = FakePop([("u%d" % n, plain(n, user)) for n in range(10)])
    haul = at(server)
    haul.fetch()

    def part(session, args):
        session.say(b"+OK\r\n1 u0\r\n2 u1\r\n")
        session.cut()
    server.on(verb, part)
    haul("fetch", "--json", "anna")
    server.hooks.clear()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(10))


def test_e9_empty_today_full_tomorrow(at, user):
    """E9: a mailbox that looks empty once is not forgotten."""
    for make, hide in (
            (lambda m: FakePop([("u%d" % n, o) for n, o in enumerate(m)]),
             "messages"),
            (lambda m: FakeImap({"INBOX": m}), "mail")):
        mails = [plain(n, user + hide) for n in range(10)]
        server = make(mails)
        haul = at(server)
        haul.fetch("anna")
        holder = server if hide == "messages" else server.boxes["INBOX"]
        kept = getattr(holder, hide)
        for _ in range(3):
            setattr(holder, hide, type(kept)())
            haul.fetch("anna")
        setattr(holder, hide, kept)
        haul.fetch("anna")
        counts = {i: n for i, n in haul.sink.count().items() if hide in i}
        assert counts == ids(user + hide, range(10))
        haul.fresh()


def test_e12_quit_answered_err_or_not_at_all(at, user):
    """E12, E13: the next listing decides; no second delivery."""
    server = FakePop([("u%d" % n, plain(n, user)) for n in range(4)])

    def quit_(session, args):
        session.say(b"-ERR some deleted messages not removed\r\n")
        session.cut()
    server.on("QUIT", quit_)
    haul = at(server, keep=False)
    haul("fetch", "--json")
    server.on("QUIT", lambda session, args: session.cut())
    haul("fetch", "--json", "anna")
    assert len(server.messages) == 4
    server.hooks.clear()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(4)) and server.messages == []


def test_e_one_message_refused_by_retr_spoils_only_itself(at, user):
    """-ERR to one RETR: the others arrive, it is tried again."""
    server = FakePop([("u%d" % n, plain(n, user)) for n in range(5)])

    def retr(session, args):
        if args[0] == "3":
            session.say(b"-ERR cannot read it\r\n")
            return True
        return False
    server.on("RETR", retr)
    haul = at(server, keep=False)
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, (0, 1, 3, 4))
    assert [u for u, _ in server.messages] == ["u2"]
    server.hooks.clear()
    haul.fetch("anna")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(5))


def test_j13_a_message_rendered_differently_each_time(at, user):
    """J13: the UIDL decides: no alarm, no second delivery."""
    server = FakePop([("u1", plain(1, user))])
    haul = at(server)
    haul.fetch()
    server.messages = [("u1", plain(1, user).replace(b"Subject: ",
                                                     b"Subject:\r\n "))]
    result = haul.fetch("anna")
    assert haul.sink.count() == {msgid(1, user): 1}
    assert result.err == "", result


@pytest.mark.parametrize("raw", [
    b"A: b\r\n\r\nx\n.\ny\r\n", b"A: b\r\n\r\nx\n.\r\ny\r\n",
    b"A: b\r\n\r\nx\r\n.\ny\r\n", b"A: b\r\n\r\nx\r.\ry\r\n",
    b"A: b\r\n\r\nx\r\n.\ry\r\n", b"A: b\r\n\r\nx\r.\r\ny\r\n",
    b"A: b\r\n\r\nx\r\r\n.\r\r\ny\r\n", b"A: b\r\n\r\n.\r\n",
    b"A: b\r\n\r\nx\r\r\r\ny", b"From: a\r\r\nSubject: b\r\n\r\nz\r\n"])
def test_f1_j2_stray_line_ends_cannot_end_a_message(at, raw):
    """F1, F2, J2: repaired as INTERFACE 3, stuffed afterwards: one message
    arrives, whole, and no second one is smuggled in."""
    smuggled = b"\r\nMAIL FROM:<evil@x.test>\r\n"
    octets = raw + smuggled
    for make in (lambda: FakeImap({"INBOX": [octets]}),
                 lambda: FakePop([("x", octets)])):
        haul = at(make())
        before = len(haul.sink.accepted)
        haul.fetch("anna")
        got = haul.sink.accepted[before:]
        assert len(got) == 1
        assert strip(got[0].octets) == expected(octets)
        assert not [e for e in haul.sink.events("mail")
                    if e["sender"] == "evil@x.test"]
        haul.fresh()


def test_f3_nul_octets_are_carried_or_held_never_cut(at, user):
    """F3: a NUL in header and body is never the end of anything."""
    octets = plain(1, user, extra=b"X-Nul: a\0b\r\n", body=b"x\0y\r\nend\r\n")
    haul = at(FakePop([("x", octets)]))
    haul("fetch", "--json")
    if haul.sink.accepted:
        got = strip(haul.sink.accepted[0].octets)
        assert got.endswith(b"end\r\n") and b"X-Nul: a" in got
    else:
        assert len(haul.queue()) == 1


def test_f10_more_than_fifty_received_is_a_loop(at, user):
    """F10: held, source kept."""
    lines = b"".join(b"Received: from h%d.test by h%d.test; Mon, 6 Jan 2025 "
                     b"10:00:00 +0000\r\n" % (n, n) for n in range(55))
    server = FakePop([("x", plain(1, user, extra=lines)),
                      ("y", plain(2, user))])
    haul = at(server, keep=False)
    haul("fetch", "--json")
    assert haul.sink.count() == {msgid(2, user): 1}
    [held] = haul.queue()
    assert held["state"] == "held" and "loop" in held["reason"]
    assert [u for u, _ in server.messages] == ["x"]


def test_j11_a_foreign_trace_line_is_no_loop(at, user):
    """J11: somebody outside writes our header line: the MAC does not fit."""
    line = b"X-Mailhaul-Trace: AAAA.BBBB.CCCC\r\n" * 5
    haul = at(FakePop([("x", plain(1, user, extra=line))]))
    haul.fetch()
    assert haul.sink.count() == {msgid(1, user): 1}


def test_f7_odd_return_paths(at, user):
    """F6, F7: a Return-Path with blanks, CRLF by folding, over 256 octets or
    garbage becomes <> or is cleaned; never a second command."""
    odd = [b"<a b@c.test>", b"<a@b.test>\r\n RCPT TO:<evil@x.test>",
           b"<" + b"a" * 400 + b"@b.test>", b"<a@b.test>>", b"<\xff@b.test>",
           b"nonsense", b"<@relay.test:a@b.test>", b"<a@[127.0.0.1]>"]
    mails = []
    for n, path in enumerate(odd):
        rest = plain(n, user).split(b"\r\n", 1)[1]
        mails.append(("u%d" % n, b"Return-Path: " + path + b"\r\n" + rest))
    haul = at(FakePop(mails))
    haul("fetch", "--json")
    assert haul.sink.count() == ids(user, range(len(odd)))
    for e in haul.sink.events("mail"):
        assert e["sender"] is not None and len(e["sender"]) <= 256
        assert " " not in e["sender"] and ">" not in e["sender"]
    assert {e["rcpt"] for e in haul.sink.events("rcpt")} == \
        {"anna@office.test"}
