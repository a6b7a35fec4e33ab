"""Real servers that refuse, for now and for good: Postfix with a policy service,
Exim by its rules, Dovecot's LMTP over quota. Rows G2, G3, G4, G9, G10, G14."""
import os

import pytest

from corpus import msgid, plain
from policy import Policy
from servers import Dovecot, Postfix


@pytest.fixture(scope="module")
def policy():
    p = Policy()
    yield p
    p.close()


@pytest.fixture(scope="module")
def guarded(folder, ca, policy):
    """A Postfix that asks the policy service."""
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    server = Postfix(folder.new("postfix"), ca,
                     ["g%d" % n for n in range(40)],
                     extra="smtpd_recipient_restrictions = "
                     "check_policy_service inet:127.0.0.1:%d\n" % policy.port)
    yield server
    server.stop()


def arranged(haul, dovecot, source, smtp, user, server, to, n=4):
    dovecot.put(user, [plain(i, user) for i in range(n)])
    haul.delivery(**smtp(server, to=to))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))


def copies(server, box, user, n):
    """How often each of the n messages is in the box."""
    server.settled()
    came = server.box(box)
    return [sum(msgid(i, user).encode() in m for m in came) for i in range(n)]


def retried(haul):
    assert haul("queue", "retry", "--all", "-y").code == 0
    return haul("fetch", "--json", "anna")


@pytest.mark.parametrize("answer", ["451 4.7.1 greylisted, come back",
                                    "421 4.7.0 too much at once"])
def test_g14_g4_postfix_defers_at_first(haul, dovecot, source, smtp, user,
                                        guarded, policy, answer):
    """G2, G4, G14: greylisted, or sent away with 421: nothing is lost, the
    source keeps it, and later all arrives once."""
    box = {"451": "g1", "421": "g2"}[answer[:3]]
    seen = set()

    def grey(asked):
        key = asked["sender"]
        if asked["protocol_state"] != "RCPT" or key in seen:
            return None
        seen.add(key)
        return answer
    policy.decide = grey
    arranged(haul, dovecot, source, smtp, user, guarded, box + "@office.test")
    assert haul("fetch", "--json").code == 75
    assert len(dovecot.left(user)) == 4
    assert {q["state"] for q in haul.queue()} == {"queued"}
    for _ in range(4):                   # 421 ends each connection at the first
        if retried(haul).code == 0:
            break
    assert copies(guarded, box, user, 4) == [1] * 4
    haul.fetch("anna")
    assert dovecot.left(user) == [] and haul.queue() == []


def test_g9_postfix_defers_one_of_two_recipients(haul, dovecot, source, smtp,
                                                 user, guarded, policy):
    """G9: the other has its copy at once, and no second one when the first
    gets its own."""
    policy.decide = lambda asked: "450 4.2.0 later" \
        if asked["recipient"].startswith("g4@") else None
    arranged(haul, dovecot, source, smtp, user, guarded,
             ["g3@office.test", "g4@office.test"])
    assert haul("fetch", "--json").code == 75
    assert copies(guarded, "g3", user, 4) == [1] * 4
    assert len(dovecot.left(user)) == 4
    policy.decide = lambda asked: None
    assert retried(haul).code == 0
    assert copies(guarded, "g3", user, 4) == [1] * 4
    assert copies(guarded, "g4", user, 4) == [1] * 4
    haul.fetch("anna")
    assert dovecot.left(user) == []


@pytest.fixture(scope="module")
def choosy(folder, ca):
    """A Postfix that does not take mail from bad.test, and says so in answer
    to RCPT, as by default."""
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    at = folder.new("postfix")
    with open(os.path.join(at, "senders"), "w") as f:
        f.write("bad.test 554 5.7.1 not from there\n")
    server = Postfix(at, ca, ["c%d" % n for n in range(40)],
                     extra="smtpd_delay_reject = yes\n"
                     "smtpd_sender_restrictions = check_sender_access "
                     "texthash:%s/senders\n" % at)
    yield server
    server.stop()


def from_bad(i, user):
    _, _, rest = plain(i, user).partition(b"\r\n")
    return b"Return-Path: <spam%d@bad.test>\r\n" % i + rest


def test_g13_postfix_refuses_a_sender_at_rcpt(
        haul, dovecot, source, smtp, user, choosy, sink):
    """G13, G3: a sender refused in answer to RCPT concerns that message: it is
    held, or goes to refused_to, and the rest arrives; three different ones in
    a row are a setting."""
    arranged(haul, dovecot, source, smtp, user, choosy, "c1@office.test")
    dovecot.put(user, [from_bad(8, user)] + [plain(9, user)])
    result = haul("fetch", "--json")
    assert result.account("anna")["result"] == "ok", result
    [left] = haul.queue()
    assert left["state"] == "held" and "Sender address rejected" in \
        left["last_reply"], left
    assert copies(choosy, "c1", user, 10) == [1] * 4 + [0] * 5 + [1]
    haul.delivery("home", **smtp(choosy, to="c1@office.test",
                                 refused_to="rest"))
    haul.delivery("rest", **smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False,
                                  delivery="home"))
    assert retried(haul).code == 0
    assert sink.count() == {msgid(8, user): 1}
    haul.forget("delivery", "rest")
    haul.delivery(**smtp(choosy, to="c1@office.test"))
    dovecot.put(user, [from_bad(n, user) for n in (20, 21, 22)])
    result = haul("fetch", "--json", "anna")
    assert result.code != 0 and "three senders in a row" in result.out
    assert "Sender address rejected" in result.out


def test_g3_exim_refuses_and_defers(haul, dovecot, source, smtp, user, exim):
    """G3, G9 at a real Exim: a recipient it defers waits, the other has its
    copy; one that it refuses for good is told as a wrong setting."""
    arranged(haul, dovecot, source, smtp, user, exim,
             ["anna@office.test", "tempfail@office.test"], n=2)
    assert haul("fetch", "--json").code == 75
    came = exim.box("anna", 2)
    assert sum(msgid(i, user).encode() in m for m in came
               for i in range(2)) == 2
    assert all("4.3.0" in q["last_reply"] for q in haul.queue())
    assert len(dovecot.left(user)) == 2
    haul.delivery(**smtp(exim, to="reject@office.test"))
    dovecot.put(user, [plain(7, user)])
    result = haul("fetch", "--json", "anna")
    assert result.code != 0 and "refused by policy" in result.out
    assert len(dovecot.left(user)) == 3


def test_g3_exim_forbids_a_sender_and_names_nobody(
        haul, dovecot, source, smtp, user, exim):
    """G3: Exim says "Administrative prohibition" in answer to RCPT, for a rule
    without words of its own. Of a recipient it took mail for, in an earlier
    process, that is about the message: held, the rest arrives; three senders
    in a row are a setting. Of one it never took mail for, one is."""
    dovecot.put(user, [from_bad(30, user)])
    arranged(haul, dovecot, source, smtp, user, exim, "carl@office.test", n=0)
    result = haul("fetch", "--json")
    assert result.code != 0
    assert "the recipient carl@office.test was refused" in result.out
    assert haul("queue", "drop", "--all", "-y").code == 0
    arranged(haul, dovecot, source, smtp, user, exim, "ben@office.test", n=1)
    haul.fetch("anna")
    dovecot.put(user, [from_bad(8, user), plain(9, user)])
    result = haul("fetch", "--json")
    assert result.account("anna")["result"] == "ok", result
    [left] = haul.queue()
    assert left["state"] == "held", left
    assert "dministrative prohibition" in left["last_reply"], left
    assert [sum(msgid(i, user).encode() in m for m in exim.box("ben", 2))
            for i in (0, 8, 9)] == [1, 0, 1]
    dovecot.put(user, [from_bad(n, user) for n in (20, 21, 22)])
    result = haul("fetch", "--json", "anna")
    assert result.code != 0 and "three senders in a row" in result.out


@pytest.fixture(scope="module")
def full_dovecot(folder, ca):
    """Its users may have 200 KB each."""
    server = Dovecot(folder.new("dovecot"), ca, extra="""
mail_plugins = $mail_plugins quota
plugin {
  quota = count:User quota
  quota_rule = *:storage=200K
  quota_vsizes = yes
  quota_grace = 0
}
protocol lmtp {
  mail_plugins = $mail_plugins quota
}
""")
    yield server
    server.leave()


def test_g10_dovecot_lmtp_with_one_recipient_over_quota(
        haul, dovecot, source, user, full_dovecot):
    """G10: one mailbox is full (552 5.2.2 behind the data): the other has its
    copy once, the message stays at its source and is explained."""
    full, other = "full-" + user, "other-" + user
    full_dovecot.put(full, [plain(0, "filler", size=190000)])
    dovecot.put(user, [plain(i, user, size=40000) for i in range(2)])
    haul.delivery(server="lmtp://localhost:%d" % full_dovecot.ports["lmtp"],
                  to=[full + "@office.test", other + "@office.test"])
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    came = full_dovecot.left(other)
    assert [sum(msgid(i, user).encode() in m for m in came)
            for i in range(2)] == [1, 1]
    assert len(full_dovecot.left(full)) == 1
    assert len(dovecot.left(user)) == 2
    queue = haul.queue()
    assert len(queue) == 2
    assert all("uota" in (q["last_reply"] or "") for q in queue), queue
