"""`mailhaul run` at rest: IDLE and NOTIFY with real Dovecot (issue 5).

poll_every is an hour throughout: what arrives was told by the server.
"""
import os
import re
import signal

import pytest

from corpus import plain
from haul import Raw
from running import arrived

HOUR = Raw("1h")


def append(dovecot, user, folder, octets):
    """Not a file put there: Dovecot looks at the folder that is selected
    alone for those."""
    imap = dovecot.imap(user)
    try:
        kind, data = imap.append('"%s"' % folder, None, None, octets)
        assert kind == "OK", data
    finally:
        imap.logout()


def signins(dovecot, user):
    with open(dovecot.log) as log:
        return sum("Login: user=<%s>" % user in line for line in log)


def cut(dovecot, user):
    """The process that serves the latest session goes (stopping all of Dovecot
    takes ten seconds)."""
    with open(dovecot.log) as log:
        pids = re.findall(r"Login: user=<%s>.* mpid=(\d+)" % user, log.read())
    os.kill(int(pids[-1]), signal.SIGKILL)


def test_new_mail_is_fetched_at_the_servers_word(simple, start):  # noqa: F811
    haul = simple(1, poll_every=HOUR, keep=False)
    run = start(haul, "-vv")
    rests = run.wait('idling account=anna folders=all')
    arrived(haul.sink, 1)
    for n in range(3):
        haul.dovecot.put(haul.mailbox, [plain(10 + n, haul.mailbox)])
        arrived(haul.sink, 2 + n)
        rests = run.wait("idling account=anna", rests)
    assert signins(haul.dovecot, haul.mailbox) == 1
    result = run.stop()
    assert result.code == 0, result
    assert len(haul.sink.accepted) == 4
    assert haul.dovecot.left(haul.mailbox) == []


def test_another_folder_by_notify(simple, start):  # noqa: F811
    # one message: Dovecot 2.3 tells the first in a session reliably, no more
    haul = simple(1, poll_every=HOUR, folders=["INBOX", "Work", "Glück"])
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)], folder="Work")
    haul.dovecot.put(haul.mailbox, [plain(3, haul.mailbox)], folder="Gl&APw-ck")
    run = start(haul, "-vv")
    rests = run.wait('idling account=anna folders=all')
    arrived(haul.sink, 3)
    append(haul.dovecot, haul.mailbox, "Work", plain(20, haul.mailbox))
    arrived(haul.sink, 4)
    rests = run.wait("idling account=anna", rests)
    append(haul.dovecot, haul.mailbox, "INBOX", plain(21, haul.mailbox))
    arrived(haul.sink, 5)
    assert run.stop().code == 0
    assert len(haul.sink.accepted) == 5
    ours = signins(haul.dovecot, haul.mailbox) - 2  # who appended
    assert ours == 1


def test_a_session_outlives_a_reload(simple, start):  # noqa: F811
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv")
    run.wait('idling account=anna')
    haul.general(history_keep=Raw("80d"))
    haul.write()
    run.kill_with(signal.SIGHUP)
    run.wait("reloaded")
    haul.dovecot.put(haul.mailbox, [plain(30, haul.mailbox)])
    arrived(haul.sink, 2)
    assert signins(haul.dovecot, haul.mailbox) == 1
    assert run.stop().code == 0


def test_no_second_session_at_a_mailbox(simple, start):  # noqa: F811
    """Providers count them (Gmail: 15). Polls, fetch and refetch never open
    one beside the one that rests; check has one of its own while it looks."""
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv")
    at = run.wait("idling account=anna")
    assert haul("fetch", "anna").code == 0      # goes on with what rests
    at = run.wait("idling account=anna", at)
    run.kill_with(signal.SIGUSR1)
    run.wait("idling account=anna", at)
    assert signins(haul.dovecot, haul.mailbox) == 1
    assert "signed in" in haul("check", "anna").out
    assert signins(haul.dovecot, haul.mailbox) == 2
    assert haul("refetch", "anna", "-y").code == 0     # so does that
    assert signins(haul.dovecot, haul.mailbox) == 2
    assert run.stop().code == 0


def test_a_new_process_listens_at_once(simple, start):  # noqa: F811
    """Not only when the last process's poll is as old as poll_every says."""
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv")
    run.wait("idling account=anna")
    assert run.stop().code == 0
    run = start(haul, "-vv")
    run.wait("idling account=anna")
    haul.dovecot.put(haul.mailbox, [plain(34, haul.mailbox)])
    arrived(haul.sink, 2)
    assert run.stop().code == 0


def test_an_account_that_is_changed_signs_in_anew(simple, start):  # noqa: F811
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv")
    at = run.wait('idling account=anna')
    haul.defaults(max_size=Raw("20M"))
    haul.write()
    run.kill_with(signal.SIGHUP)
    at = run.wait("reloaded", at)
    run.wait("idling account=anna", at)
    haul.dovecot.put(haul.mailbox, [plain(31, haul.mailbox)])
    arrived(haul.sink, 2)
    assert signins(haul.dovecot, haul.mailbox) == 2
    assert run.stop().code == 0


@pytest.mark.parametrize("how", ["no", "limit"])
def test_who_does_not_rest_is_polled(simple, start, how):  # noqa: F811
    settings = {"idle": Raw("no")} if how == "no" else {}
    haul = simple(1, poll_every=HOUR, **settings)
    if how == "limit":
        haul.general(max_idle=0)
    run = start(haul, "-vv")
    at = run.wait("polled account=anna")
    haul.dovecot.put(haul.mailbox, [plain(32, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    run.wait("polled account=anna", at)
    arrived(haul.sink, 2)
    assert signins(haul.dovecot, haul.mailbox) == 2
    assert "idling" not in run.text
    assert run.stop().code == 0


def test_a_session_that_is_cut_at_rest_is_no_failure(simple, start):  # noqa: F811
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv")
    at = run.wait("idling account=anna")
    cut(haul.dovecot, haul.mailbox)
    at = run.wait("idle_ended account=anna", at)
    after = haul("status", "--json").account("anna")
    assert after["state"] == "ok" and not after["last_error"], after
    haul.dovecot.put(haul.mailbox, [plain(33, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    run.wait("idling account=anna", at)
    arrived(haul.sink, 2)
    result = run.stop()
    assert result.code == 0 and "_failed" not in result.err, result
