"""Rows A, B, E, G, I that want a whole run: servers of odd habits, refusals
at every stage, a ledger that somebody else holds."""
import base64
import os
import sqlite3

import pytest

from corpus import ids, msgid, plain
from fakemail import FakeImap, FakePop


# ------------------------------------------------------------- B11, B12, B14

def test_b11_b12_compression_is_off_by_default(at, user, ca):
    """B11, B12: COMPRESS=DEFLATE is offered before and after sign-in: not
    used unless `compress = yes` was written."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]},
                    cert=ca.issue("fake"))
    fake.capability.append("COMPRESS=DEFLATE")
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))
    assert not [c for c in fake.commands if c.startswith("COMPRESS")]


def client_hello(record):
    """(cipher suites, compression methods) of a TLS ClientHello."""
    body = record[5 + 4 + 2 + 32:]
    body = body[1 + body[0]:]                       # session id
    n = int.from_bytes(body[:2], "big")
    ciphers, body = body[2:2 + n], body[2 + n:]
    return ciphers, body[1:1 + body[0]]


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_b12_tls_offers_no_compression(at, user, ca, kind):
    """B12 (CRIME): the hello names the null method alone."""
    seen = []

    def connect(s):
        seen.append(s.recv(5000, 2))                # MSG_PEEK
        return False
    fake = FakeImap({"INBOX": []}, cert=ca.issue("fake")) if kind == "imap" \
        else FakePop([], cert=ca.issue("fake"))
    fake.on("connect", connect)
    at(fake).fetch()
    assert seen and seen[0][0] == 22
    ciphers, methods = client_hello(seen[0])
    assert len(ciphers) > 2 and methods == b"\0"


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_b14_no_iteration_count_is_ever_worked_off(at, user, kind):
    """B14: a server that offers SCRAM alone and wants 2^31 rounds, with a
    nonce and a salt as they should be: the exchange is cancelled at once."""
    said = []

    def challenge(s, first):
        if not first:
            s.say(b"+ \r\n")
            first = s.line().decode()
        nonce = base64.b64decode(first).decode().partition("r=")[2]
        s.say(b"+ " + base64.b64encode(
            ("r=%ssrv,s=QSXCR+Q6sek8bf92,i=2147483648" % nonce).encode()) +
            b"\r\n")
        said.append(s.line())
    if kind == "imap":
        fake = FakeImap({"INBOX": [plain(1, user)]}, capability=[
            "IMAP4rev1", "AUTH=SCRAM-SHA-1", "AUTH=SCRAM-SHA-256",
            "LOGINDISABLED"])
        fake.on("AUTHENTICATE", lambda s, tag, a: challenge(
            s, a.partition(" ")[2]) or s.say(
            tag.encode() + b" BAD cancelled\r\n") or True)
    else:
        fake = FakePop([("x", plain(1, user))])
        fake.capa = ["UIDL", "SASL SCRAM-SHA-1 SCRAM-SHA-256"]
        fake.on("AUTH", lambda s, a: challenge(s, "".join(a[1:])) or
                s.say(b"-ERR cancelled\r\n") or True)
    haul = at(fake)
    result = haul("fetch", "--json")
    assert result.code in (76, 77), result
    assert said == [b"*"] and haul.sink.accepted == []
    assert "2147483648" in result.account("anna")["error"]["text"]
    assert not {"LOGIN", "PASS"} & set(fake.commands)


# ------------------------------------------------------------------------ B15

def test_b15_one_account_cannot_use_every_slot(haul, sink, smtp, user):
    """B15: twenty accounts of a host that never answers, and one behind them,
    of another host: it is served while they are waited for."""
    stuck = FakePop([])
    stuck.on("greeting", lambda s, a: s.hang())
    good = FakePop([("x", plain(1, user))])
    haul.delivery(**smtp(sink))
    for n in range(20):
        haul.account("a%02d" % n, server="pop3://localhost:%d" % stuck.port,
                     user="u%d" % n, password="x", tls="none")
    haul.account("z", server="pop3://127.0.0.1:%d" % good.port, user="z",
                 password=good.password, tls="none")
    process = haul.start("fetch")
    sink.wait(lambda s: s.accepted, "the mail of the good account")
    stuck.close()
    good.close()
    haul.finish(process)
    assert sink.count() == ids(user, [1])


# --------------------------------------------------------------------- E4, E6

@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
def test_e4_some_messages_have_no_uidl(at, user, keep):
    """E4: missing in the listing, or an empty one: each arrives once; the
    others are removed; what goes was delivered, whatever its number."""
    mails = [plain(n, user) for n in range(5)]
    fake = FakePop([("u%d" % n, m) for n, m in enumerate(mails)])

    def uidl(session, args):
        session.say(b"+OK\r\n" + b"".join(
            b"%d %s\r\n" % (n, b"" if u == "u3" else u.encode())
            for n, u, _ in session.boxes() if u != "u1") + b".\r\n")
        return True
    fake.on("UIDL", uidl)
    haul = at(fake, keep=keep)
    haul("fetch", "--json", "anna")
    for _ in range(3):
        # another one in front: every number names another message
        fake.messages = [("u9", plain(9, user))] + [
            m for m in fake.messages if m[0] != "u9"]
        haul("fetch", "--json", "anna")
    counts = haul.sink.count()
    assert all(n == 1 for n in counts.values()), counts
    left = [o for _, o in fake.messages]
    assert all(m in left or msgid(n, user) in counts
               for n, m in enumerate(mails))
    assert {msgid(n, user) for n in (0, 2, 4, 9)} <= set(counts)
    assert {msgid(n, user) for n in (1, 3)} <= set(counts) or \
        all(mails[n] in left for n in (1, 3))


def test_e4_an_empty_uidl_is_no_identity(at, user):
    """E4: a delivered message had an empty UIDL, and so has the one that
    stands in its place: that one is fetched, and not deleted for the other."""
    fake = FakePop([("", plain(0, user)), ("u1", plain(1, user))])
    haul = at(fake)
    haul.fetch("anna")
    fresh = plain(2, user)
    fake.messages[0] = ("", fresh)
    haul.sections["account", "anna"]["keep"] = False
    fake.on("RETR", lambda s, a: s.say(b"-ERR not now\r\n") or True)
    haul("fetch", "--json", "anna")
    assert fresh in [o for _, o in fake.messages]
    fake.hooks.clear()
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(3))


def test_e6_a_held_message_is_not_deleted_for_its_namesake(at, user):
    """E6, P1: two share a UIDL, one is delivered, the other held; whoever
    removes the first, the held one stays at the source."""
    held = plain(1, user)
    fake = FakePop([("same", plain(0, user)), ("same", held)])
    haul = at(fake)
    haul.sink.rule("dot", "554 5.7.1 no", match=msgid(1, user))
    haul.fetch("anna")
    del fake.messages[0]
    haul.sections["account", "anna"]["keep"] = False
    for _ in range(2):
        haul("fetch", "--json", "anna")
    assert [o for _, o in fake.messages] == [held]


# --------------------------------------------------------------------- G2, G3

@pytest.mark.parametrize("stage", ["ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_g3_refused_for_good_at_each_stage_keeps_the_source(
        haul, new_sink, dovecot, source, smtp, user, stage, chunking):
    """G3: 5xx: nothing is accepted, nothing leaves the source, it is said;
    on release, from a server that takes it, it arrives once."""
    if chunking and stage == "data":
        pytest.skip("no DATA with BDAT")
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(n, user) for n in range(3)])
    sink.rule(stage, "554 5.0.0 never")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    result = haul("fetch", "--json")
    assert sink.accepted == [] and len(dovecot.left(user)) == 3
    told = result.account("anna")
    assert result.code != 0 or told["held"] == 3, result
    sink.forget_rules()
    haul("queue", "retry", "--all", "-y")
    for _ in range(2):
        haul("fetch", "--json", "anna")
    assert sink.count() == ids(user, range(3))
    assert dovecot.left(user) == []


def test_g2_sign_in_refused_for_now_waits(haul, new_sink, dovecot, source,
                                          user, ca):
    """G2: 454 to AUTH is no wrong password: 75; the mail waits and arrives."""
    sink = new_sink(tls="implicit", auth={"robot": "right"})
    sink.rule("auth", "454 4.7.0 temporary failure")
    dovecot.put(user, [plain(n, user) for n in range(3)])
    haul.delivery(server="smtps://localhost:%d" % sink.port, user="robot",
                  password="right", tls_ca=ca.file, sender="original",
                  to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    result = haul("fetch", "--json")
    assert result.code == 75, result
    assert sink.accepted == [] and len(dovecot.left(user)) == 3
    sink.forget_rules()
    haul("queue", "retry", "--all", "-y")
    for _ in range(2):
        haul("fetch", "--json", "anna")
    assert sink.count() == ids(user, range(3))
    assert dovecot.left(user) == []


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_g5_refused_for_now_at_the_dot_is_sent_again_alone(
        haul, new_sink, dovecot, source, smtp, user, chunking):
    """G5: 451 and 421 to the end of one message: not accepted, no doubt; it
    arrives later, and those that were accepted do not arrive twice."""
    sink = new_sink(chunking=chunking)
    dovecot.put(user, [plain(n, user) for n in range(6)])
    sink.rule("dot", "451 4.3.0 try later", match=msgid(2, user), times=1)
    sink.rule("dot", "421 4.3.2 closing", match=msgid(4, user), times=1)
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    assert not [q for q in haul.queue() if q["state"] == "in_doubt"
                and q["message_id"] in (msgid(2, user), msgid(4, user))]
    doubts = {q["message_id"] for q in haul.queue()
              if q["state"] == "in_doubt"}
    assert not doubts or chunking
    # 4xx is no refusal: they wait for their time, and are not held
    assert not [q for q in haul.queue() if q["state"] == "held"]
    haul("queue", "retry", "--all", "-y")
    for _ in range(2):
        haul("fetch", "--json", "anna")
    counts = sink.count()
    assert set(counts) == set(ids(user, range(6)))
    assert {i for i, n in counts.items() if n > 1} <= doubts
    assert dovecot.left(user) == []


# ------------------------------------------------------------------------- I7

def test_i7_a_ledger_that_another_program_holds(simple, user):
    """I7: a backup tool has the ledger locked: a bounded wait, then 75 and a
    word on it; nothing moved. Gone, all goes on."""
    haul = simple(2, keep=False)
    haul.sections["account", "anna"]["keep"] = True
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    haul.dovecot.put(user, [plain(5, user)])
    db = sqlite3.connect(os.path.join(haul.state, "ledger.db"),
                         isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    try:
        result = haul("fetch")
        assert result.code == 75, result
        assert "ledger" in result.err and "locked" in result.err, result
        status = haul("status")
        assert status.code == 75 and "ledger" in status.err, status
        assert len(haul.sink.accepted) == 2
        assert len(haul.dovecot.left(user)) == 3
    finally:
        db.execute("ROLLBACK")
        db.close()
    haul.fetch("anna")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, [0, 1, 5])
    assert haul.dovecot.left(user) == []


def test_i7_i11_a_second_connection_gets_nothing_while_we_run(simple, user):
    """I7, I11: while a fetch runs nobody else reads or writes the ledger;
    their trying harms nothing."""
    haul = simple(1)
    haul.sink.rule("dot", "<mute>")
    process = haul.start("fetch")
    haul.sink.wait(lambda s: s.accepted, "the message")
    db = sqlite3.connect(os.path.join(haul.state, "ledger.db"), timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        db.execute("UPDATE queue SET state = 4")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        db.execute("SELECT count(*) FROM queue").fetchall()
    db.close()
    haul.sink.down()
    haul.finish(process)
    assert len(haul.queue()) == 1
