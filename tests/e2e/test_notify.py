"""notify, notify_command, notify_after, and check --send."""
import email
import email.policy
import os
import re
import sqlite3
from contextlib import closing

import pytest

from corpus import plain
from haul import Raw

HOUR = 3600 * 1000


def age(haul, hours):
    """As if so many hours had passed: what is written in the ledger is older,
    and every account is due."""
    with closing(sqlite3.connect(haul.state + "/ledger.db")) as db, db:
        ms = hours * HOUR
        for column in ("since", "mailed", "ran", "over"):
            db.execute("UPDATE notice SET %s = %s - %d WHERE %s > 0"
                       % (column, column, ms, column))
        db.execute("UPDATE account SET next_poll = 0, trouble_since ="
                   " trouble_since - %d, last_success = last_success - %d"
                   % (ms, ms))
        db.execute("UPDATE delivery SET trouble_since ="
                   " trouble_since - %d" % ms)


def notices(sink):
    return [m for m in sink.accepted if m.rcpts == ["root@office.test"]]


def parsed(m):
    return email.message_from_bytes(m.octets, policy=email.policy.default)


def text_of(m):
    return parsed(m).get_content().replace("\r\n", "\n")


@pytest.fixture
def place(haul, sink, dovecot, source, smtp, user):
    dovecot.put(user, [plain(1, user)])
    haul.general(notify="root@office.test")
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.mailbox = user
    return haul


def wrong(haul, name="anna"):
    haul.sections["account", name]["password"] = "not it"


def right(haul, dovecot, name="anna"):
    haul.sections["account", name]["password"] = dovecot.password


def program(haul, text):
    path = os.path.join(haul.folder, "tell")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o700)
    return path


def test_a_refused_login_is_told_at_once_and_once_a_day(place, sink, dovecot):
    haul = place
    haul.fetch()
    assert notices(sink) == []
    wrong(haul)
    assert haul("fetch", "anna").code == 77
    [m] = notices(sink)
    assert m.sender == ""
    mail = parsed(m)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["To"] == "root@office.test"
    assert mail["From"].startswith("mailhaul <mailhaul@")
    assert mail["Message-ID"] and mail["Date"]
    assert "account anna needs you" in mail["Subject"]
    text = text_of(m)
    assert "account anna\n" in text and "Authentication failed" in text
    assert "what to do: " in text and "last success" in text
    assert "not it" not in text
    assert all(len(line) <= 998 for line in m.octets.split(b"\r\n"))
    for _ in range(2):
        assert haul("fetch", "anna").code == 77
    age(haul, 20)
    assert haul("fetch", "anna").code == 77
    assert len(notices(sink)) == 1
    age(haul, 5)
    assert haul("fetch", "anna").code == 77
    assert len(notices(sink)) == 2
    assert haul("fetch", "--dry-run").code == 77
    assert haul.queue() == []


def test_two_causes_make_one_notice_and_an_end_is_said_once(
        place, sink, dovecot, source):
    haul = place
    haul.account("ben", **source(dovecot, "pop3s", "ben" + haul.mailbox))
    dovecot.put("ben" + haul.mailbox, [])
    wrong(haul)
    wrong(haul, "ben")
    assert haul("fetch").code == 77
    [m] = notices(sink)
    assert "2 things need you" in parsed(m)["Subject"]
    text = text_of(m)
    assert "account anna\n" in text and "account ben\n" in text
    right(haul, dovecot)
    age(haul, 25)
    assert haul("fetch").code == 77
    text = text_of(notices(sink)[1])
    assert "account anna: works again, since " in text
    assert "account ben\n" in text
    age(haul, 25)
    assert haul("fetch").code == 77
    assert "anna" not in text_of(notices(sink)[2])


def test_what_may_pass_is_told_after_notify_after(place, sink, dovecot):
    haul = place
    haul.fetch()
    haul.general(notify="root@office.test", notify_after=Raw("6h"))
    server = haul.sections["account", "anna"]["server"]
    haul.sections["account", "anna"]["server"] = "imaps://localhost:1"
    assert haul("fetch", "anna").code == 75
    age(haul, 5)
    assert haul("fetch", "anna").code == 75
    assert notices(sink) == []
    age(haul, 2)
    assert haul("fetch", "anna").code == 75
    assert len(notices(sink)) == 1
    haul.sections["account", "anna"]["server"] = server
    haul.fetch("anna")
    assert len(notices(sink)) == 1


def test_held_mail_is_told_and_again_only_when_there_is_more(
        place, sink, dovecot):
    haul = place
    sink.rule("dot", "554 5.7.1 smells of \u00fcbel", match=haul.mailbox)
    haul.fetch()
    [m] = notices(sink)
    text = text_of(m)
    assert "mail of anna\n" in text and "1 message held" in text
    assert "smells of \u00fcbel" in text
    age(haul, 25)
    haul.fetch("anna")
    assert len(notices(sink)) == 1
    dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    haul.fetch("anna")
    assert "2 messages held" in text_of(notices(sink)[1])


def test_a_wrong_setting_an_undecided_account_and_a_guard_are_told(
        haul, sink, dovecot, source, smtp, user):
    for n in ("one", "two", "three"):
        dovecot.put(n + user, [])
    dovecot.put("one" + user, [plain(1, user)])
    dovecot.put("two" + user, [plain(n, user, size=10) for n in range(501)])
    dovecot.put("three" + user, [plain(n, user, size=10) for n in range(101)])
    haul.general(notify="root@office.test")
    haul.delivery(**smtp(sink))
    for n in ("one", "two", "three"):
        haul.account(n, **source(dovecot, "imaps", n + user))
    haul.sections["account", "one"]["to"] = "nobody@office.test"
    sink.rule("rcpt", "550 5.1.1 no such user", match="nobody@")
    haul("fetch", "three")
    haul.sections["account", "three"]["keep"] = False
    assert haul("fetch").code == 78
    text = "".join(text_of(m) for m in notices(sink))
    assert "no such user" in text
    assert "account two\n" in text and "501 messages" in text
    assert "account three\n" in text and "keep was shortened" in text
    n = len(notices(sink))
    haul("fetch", "one", "two", "three")
    assert len(notices(sink)) == n


def test_a_destination_that_is_down_loses_no_notice_and_repeats_none(
        place, sink, dovecot):
    haul = place
    told = os.path.join(haul.folder, "told")
    haul.general(notify="root@office.test",
                 notify_command=[program(haul, "cat >> %s\n" % told)])
    wrong(haul)
    sink.down()
    assert haul("fetch").code == 77
    assert "account anna" in open(told).read()
    for _ in range(2):
        age(haul, 25)
        assert haul("fetch", "anna").code == 77
    # the delivery itself does not work for a day: said by the program alone
    assert "delivery home" in open(told).read()
    [waiting] = haul.queue()
    assert (waiting["account"], waiting["state"]) == ("(notice)", "queued")
    sink.up()
    haul("queue", "retry", "--all", "-y")
    assert haul("fetch", "anna").code == 77
    assert len(notices(sink)) >= 1
    n = len(notices(sink))
    haul("fetch", "anna")
    assert len(notices(sink)) == n <= 2 and haul.queue() == []


def test_the_program_gets_arguments_and_text_and_no_descriptor(place, sink):
    haul = place
    out = os.path.join(haul.folder, "out")
    path = program(haul, 'printf "%%s|" "$@" > %s\ncat >> %s\n'
                   'ls /proc/self/fd | wc -l >> %s\n' % (out, out, out))
    haul.general(notify_command=[path, "a b", "$HOME"])
    wrong(haul)
    assert haul("fetch").code == 77
    said = open(out).read()
    assert said.startswith("a b|$HOME|This is mailhaul on ")
    assert "account anna\n" in said
    assert int(said.split()[-1]) <= 4
    assert sink.accepted == []
    os.unlink(out)
    assert haul("fetch", "anna").code == 77
    assert not os.path.exists(out)


def test_a_program_that_fails_is_named_and_tried_again_after_an_hour(
        place, sink):
    haul = place
    count = os.path.join(haul.folder, "count")
    path = program(haul, "echo x >> %s\nexit 3\n" % count)
    haul.general(notify="root@office.test", notify_command=[path])
    wrong(haul)
    first = haul("fetch")
    assert "notify_command %s: it failed with exit code 3: run it by hand" \
        % path in first.err
    assert first.code == 78
    text = text_of(notices(sink)[0])
    assert "notify_command\n" in text and "exit code 3" in text
    again = haul("fetch", "anna")
    assert "notify_command" not in again.err and again.code == 77
    assert open(count).read() == "x\n"
    age(haul, 2)
    haul("fetch", "anna")
    assert open(count).read() == "x\nx\n"
    missing = haul.folder + "/nowhere"
    haul.general(notify_command=[missing])
    age(haul, 2)
    assert "notify_command %s: No such file" % missing in \
        haul("fetch", "anna", "-v").err


def test_check_send(place, sink, dovecot):
    haul = place
    out = os.path.join(haul.folder, "out")
    haul.general(notify="root@office.test",
                 notify_command=[program(haul, "cat > %s\n" % out)])
    result = haul("check", "--send")
    assert result.code == 0, result
    assert re.search(r"delivery home: test message to anna@office.test: "
                     r"delivered: ", result.out)
    assert re.search(r"notify by home: test message to root@office.test: "
                     r"delivered: ", result.out)
    assert "it ended well" in result.out
    assert sorted(m.rcpts for m in sink.accepted) == [
        ["anna@office.test"], ["root@office.test"]]
    assert "This is a test" in open(out).read()
    assert len(dovecot.left(haul.mailbox)) == 1
    sink.rule("rcpt", "550 5.1.1 who is root", match="root@")
    result = haul("check", "--send")
    assert result.code != 0
    assert re.search(r"notify by home: test message to root@office.test: "
                     r"not delivered: .*who is root", result.err)
    assert haul.queue() == []


def test_by_a_real_postfix(haul, postfix, dovecot, source, smtp, user, box):
    dovecot.put(user, [])
    address = "%s@office.test" % box
    haul.general(notify=address)
    haul.delivery(**smtp(postfix, address))
    haul.account("anna", **source(dovecot, "imaps", user))
    wrong(haul)
    assert haul("fetch").code == 77
    [octets] = postfix.box(box)
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert mail["Return-Path"] == "<>"
    assert "account anna needs you" in mail["Subject"]
    assert "Authentication failed" in mail.get_content()


def test_run_tells_by_mail_and_by_program(place, sink, start):
    haul = place
    told = os.path.join(haul.folder, "told")
    haul.general(notify="root@office.test", notify_command=[
        program(haul, "cat > %s\n" % told)])
    wrong(haul)
    run = start(haul)
    sink.wait(lambda s: notices(s), "a notice")
    assert run.stop().code == 0
    [m] = notices(sink)
    assert m.sender == "" and "anna" in text_of(m)
    with open(told) as f:
        assert "anna" in f.read()
