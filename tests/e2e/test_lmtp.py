"""Delivery by LMTP (RFC 2033): Dovecot by TCP and by socket, and a sink that
judges each recipient by itself."""
import os

import pytest

from corpus import msgid, plain
from sink import CUT


def lmtp(server, **more):
    return dict(dict(server="lmtp://localhost:%d" % server,
                     to="anna@office.test"), **more)


@pytest.mark.parametrize("way", ["tcp", "socket"])
@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_lmtp_to_a_real_dovecot(haul, dovecot, source, user, way, scheme):
    """Two recipients, each gets each message once, Return-Path is Dovecot's
    own, Delivered-To passes; nothing comes twice."""
    ann, ben = "lmtp-a-" + user, "lmtp-b-" + user
    dovecot.put(user, [b"Return-Path: <sender@far.test>\r\n"
                       b"Delivered-To: old@far.test\r\n" + plain(n, user)
                       for n in range(5)])
    server = "lmtp:" + dovecot.lmtp_socket if way == "socket" else \
        "lmtp://localhost:%d" % dovecot.ports["lmtp"]
    haul.delivery(server=server, to=[ann + "@office.test",
                                     ben + "@office.test"])
    haul.account("anna", **source(dovecot, scheme, user, keep=False))
    assert haul.fetch().account("anna")["delivered"] == 5
    for who in (ann, ben):
        came = dovecot.left(who)
        assert sorted(m for n in range(5) for m in came
                      if msgid(n, user).encode() in m) == sorted(came)
        assert len(came) == 5
        for m in came:
            assert m.count(b"Return-Path:") == 1
            assert b"Return-Path: <sender@far.test>" in m
            assert b"Delivered-To: old@far.test" in m
    assert dovecot.left(user) == []
    assert haul.fetch().account("anna")["fetched"] == 0


def test_g10_lmtp_verdicts_are_settled_one_by_one(
        haul, new_sink, dovecot, source, user):
    """G10: 250, 452 and 550 behind one message: the first has it, the second
    is asked again later and it alone, the third is reported; the source keeps
    the message until all are settled."""
    sink = new_sink(lmtp=True)
    dovecot.put(user, [plain(0, user)])
    sink.rule("verdict", "452 4.2.2 over quota", match="ben@", times=1)
    haul.delivery(**lmtp(sink.port, to=[
        "anna@office.test", "ben@office.test", "carl@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    assert [m.rcpts for m in sink.accepted] == [
        ["anna@office.test", "carl@office.test"]]
    assert len(dovecot.left(user)) == 1
    [waiting] = haul.queue()
    assert waiting["state"] == "queued"
    assert "over quota" in waiting["last_reply"]
    haul.fetch("anna")
    assert [m.rcpts for m in sink.accepted][1:] == [["ben@office.test"]]
    haul.fetch("anna")
    assert dovecot.left(user) == [] and haul.queue() == []


def test_g10_one_lmtp_recipient_refused_for_good(
        haul, new_sink, dovecot, source, user):
    """G10: a 550 verdict to one of two: the other has its copy, nobody gets a
    second, the message is held with the server's words and its source."""
    sink = new_sink(lmtp=True, chunking=True)
    dovecot.put(user, [plain(n, user) for n in range(3)])
    sink.rule("verdict", "550 5.7.1 not to ben", match="ben@", times=1)
    haul.delivery(**lmtp(sink.port, to=["anna@office.test",
                                        "ben@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    haul("fetch", "--json", "anna")
    got = [(m.msgid, r) for m in sink.accepted for r in m.rcpts]
    assert len(got) == len(set(got)) == 5
    [held] = [q for q in haul.queue() if q["state"] == "held"]
    assert "not to ben" in held["last_reply"]
    assert len(dovecot.left(user)) == 1
    sink.forget_rules()
    assert haul("queue", "retry", held["id"], "-y").code == 0
    haul.fetch("anna")
    assert len({(m.msgid, r) for m in sink.accepted for r in m.rcpts}) == 6
    assert sum(len(m.rcpts) for m in sink.accepted) == 6


def test_g10_what_was_refused_behind_the_data_is_remembered(
        haul, new_sink, dovecot, source, user):
    """G10: a recipient refused behind the data beside one that is deferred is
    no wrong recipient for the next process either: it is not asked again, the
    account does not pause, and the message is held for it."""
    sink = new_sink(lmtp=True)
    dovecot.put(user, [plain(0, user)])
    sink.rule("verdict", "452 4.2.2 over quota", match="ben@", times=1)
    sink.rule("verdict", "550 5.7.1 not to carl", match="carl@", times=1)
    haul.delivery(**lmtp(sink.port, to=["ben@office.test",
                                        "carl@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    haul("fetch", "--json")
    assert [r for m in sink.accepted for r in m.rcpts] == []
    assert haul.fetch("anna").account("anna")["result"] == "ok"
    assert [r for m in sink.accepted for r in m.rcpts] == ["ben@office.test"]
    [held] = haul.queue()
    assert held["state"] == "held" and "not to carl" in held["last_reply"]
    assert len(dovecot.left(user)) == 1


def test_g7_lmtp_line_lost_between_verdicts(haul, new_sink, dovecot, source,
                                            user):
    """G7 by LMTP: the line is cut behind the first of two verdicts: the second
    recipient alone is in doubt."""
    sink = new_sink(lmtp=True)
    dovecot.put(user, [plain(0, user)])
    sink.rule("verdict", CUT, match="ben@", times=1)
    haul.delivery(**lmtp(sink.port, to=["anna@office.test",
                                        "ben@office.test"]))
    haul.account("anna", **source(dovecot, "imaps", user, on_doubt="hold"))
    haul("fetch", "--json")
    [doubt] = haul.queue()
    assert doubt["state"] in ("in_doubt", "held"), doubt
    assert haul("queue", "retry", doubt["id"], "-y").code == 0
    haul.fetch("anna")
    assert [m.rcpts for m in sink.accepted][1:] == [["ben@office.test"]]


def test_lmtp_socket_that_is_not_there(haul, dovecot, source, user):
    """A missing socket is named, with what to do; the mail stays."""
    path = os.path.join(haul.folder, "no-socket")
    dovecot.put(user, [plain(0, user)])
    haul.delivery(server="lmtp:" + path, to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user, keep=False))
    done = haul("-v", "fetch", "anna")
    assert done.code == 75 and path in done.err, done
    assert len(dovecot.left(user)) == 1
    checked = haul("check")
    assert path in checked.out + checked.err


def test_lmtp_check(haul, dovecot, source, user):
    """`check` asks an LMTP server for each recipient."""
    haul.delivery(server="lmtp:" + dovecot.lmtp_socket, to="anna@office.test")
    haul.account("anna", **source(dovecot, "imaps", user))
    done = haul("check")
    assert done.code == 0 and "anna@office.test" in done.out, done
