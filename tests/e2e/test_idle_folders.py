"""`mailhaul run` at rest in several folders of a server without NOTIFY: a
session for each of the first (`idle_folders`), polls for the others (issue 5).

poll_every is an hour throughout: what arrives was told by the server.
"""
import signal

import pytest

from corpus import plain
from fakeidle import FOLDERS, Idle
from haul import Raw
from running import arrived
from servers import Dovecot

HOUR = Raw("1h")


@pytest.fixture
def fake(haul, sink, smtp):
    made = []

    def make(*args, idle_folders=3, **kw):
        settings = {"idle_folders": Raw(str(idle_folders))} \
            if idle_folders else {}
        server = Idle(*args, **kw)
        made.append(server)
        haul.delivery(**smtp(sink))
        haul.account("anna", server="imap://localhost:%d" % server.port,
                     user="anna", password=server.password, tls="none",
                     folders=FOLDERS, poll_every=HOUR, **settings)
        haul.sink, haul.server = sink, server
        return haul
    yield make
    for server in made:
        server.close()


def test_a_session_rests_in_each_of_the_first_folders(fake, start):
    haul = fake()
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    for n, name in enumerate(["A", "B", "INBOX", "A", "A", "B"]):
        haul.server.arrive(name, plain(n, "anna"))
        arrived(haul.sink, n + 1)
        haul.server.rests_in("INBOX", "A", "B")
    assert haul.server.signed_in == 3
    result = run.stop()
    assert result.code == 0 and haul.server.running == 0, result
    assert "anna: " not in result.err


def test_mail_during_a_visit_is_news_as_well(fake, start):
    """It comes behind the look at its folder, and before the visit's end."""
    haul = fake()
    once = []

    def meanwhile(session, tag, args):
        if "BODY" in args and not once:
            once.append(1)
            haul.server.arrive("A", plain(2, "anna"))
        return False
    haul.server.on("UID FETCH", meanwhile)
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    haul.server.arrive("A", plain(1, "anna"))
    arrived(haul.sink, 2)
    assert run.stop().code == 0


def test_mail_between_the_visit_and_the_rest_is_news(fake, start):
    """Nobody told of it: it was there when the folder was selected."""
    haul = fake()
    once = []

    def late(session, tag, args):
        if "B" in args and haul.server.signed_in > 1 and not once:
            once.append(1)
            haul.server.boxes["B"].add(plain(7, "anna"))
        return False
    haul.server.on("SELECT", late)
    run = start(haul, "-vv")
    arrived(haul.sink, 1)
    assert run.stop().code == 0


@pytest.mark.parametrize("uidnext", [True, False])
def test_a_session_that_opens_where_nothing_came_hears_nothing(fake, start,
                                                               uidnext):
    """The visit had STATUS alone to go by, as nothing was new. A server that
    says no UIDNEXT to SELECT now is judged by EXISTS."""
    haul = fake()
    haul.fetch()
    before = haul.server.signed_in
    haul.server.select_uidnext = uidnext
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    haul.server.arrive("A", plain(1, "anna"))
    arrived(haul.sink, 1)
    run.wait("polled account=anna", run.wait("polled account=anna"))
    haul.server.rests_in("INBOX", "A", "B")
    result = run.stop()
    assert result.err.count("polled account=anna") == 2, result
    assert haul.server.signed_in == before + 3


@pytest.mark.parametrize("how", ["limit", "bye", "auth"])
def test_a_server_that_wants_no_more_sessions_has_its_way(fake, start, how):
    """The first session stays; it is told once, and asked no more for now."""
    haul = fake(most=2, how=how)
    run = start(haul, "-vv")
    run.wait("idle_refused account=anna folder=B")
    haul.server.rests_in("INBOX", "A")
    haul.server.arrive("A", plain(1, "anna"))
    arrived(haul.sink, 1)
    haul.server.rests_in("INBOX", "A")
    haul.server.arrive("B", plain(2, "anna"))
    run.kill_with(signal.SIGUSR1)
    arrived(haul.sink, 2)
    haul.server.rests_in("INBOX", "A")
    assert haul.server.refused == 1
    result = run.stop()
    assert result.code == 0 and result.err.count("idle_refused") == 1, result
    assert haul("status", "--json").account("anna")["state"] == "ok"


def test_a_session_that_is_cut_at_rest_comes_back(fake, start):
    haul = fake()
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    haul.server.cut("A")
    run.wait("account=anna folder=A", run.wait("idle_refused"))
    haul.server.rests_in("INBOX", "B")
    # the other one is none the worse
    haul.server.arrive("B", plain(1, "anna"))
    arrived(haul.sink, 1)
    assert run.stop().code == 0


def test_a_deaf_server_is_told_of(fake, start):
    haul = fake(deaf=["B"])
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    at = 0
    for n in range(4):
        haul.server.arrive("B", plain(n, "anna"))
        run.kill_with(signal.SIGUSR1)
        at = run.wait("polled account=anna found=", at)
        arrived(haul.sink, n + 1)
        haul.server.rests_in("INBOX", "A", "B")
    run.wait("idle_deaf account=anna folder=B")
    result = run.stop()
    assert result.err.count("idle_deaf") == 1, result


def test_max_idle_counts_each_and_every_account_first(fake, start):
    haul = fake()
    haul.general(max_idle=2)
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A")
    assert run.stop().code == 0


def test_one_session_where_no_more_are_wanted(fake, start):
    haul = fake(idle_folders=1)
    run = start(haul, "-vv")
    run.wait("idling account=anna folders=one")
    haul.server.rests_in("INBOX")
    assert run.stop().code == 0 and haul.server.signed_in == 1


def test_they_outlive_a_reload_that_does_not_touch_their_account(fake, start):
    haul = fake()
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A", "B")
    haul.general(history_keep=Raw("80d"))
    haul.write()
    run.kill_with(signal.SIGHUP)
    at = run.wait("reloaded")
    run.wait("polled account=anna", at)
    haul.server.rests_in("INBOX", "A", "B")
    haul.server.arrive("B", plain(1, "anna"))
    arrived(haul.sink, 1)
    assert haul.server.signed_in == 3
    haul.account("anna", **{**haul.sections["account", "anna"],
                            "idle_folders": Raw("2")})
    haul.write()
    run.kill_with(signal.SIGHUP)
    run.wait("reloaded", at)
    run.kill_with(signal.SIGUSR1)
    haul.server.rests_in("INBOX", "A")
    assert run.stop().code == 0 and haul.server.running == 0


def test_dovecot_without_notify(new_haul, sink, folder, ca, source, smtp,
                                start, user):
    """New mail in a second folder within seconds, without a poll."""
    dovecot = Dovecot(folder.new("dovecot"), ca, extra="""\
protocol imap {
  imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE ID UIDPLUS MOVE \
    UNSELECT LIST-EXTENDED LIST-STATUS SPECIAL-USE
}
""")
    try:
        haul = new_haul()
        dovecot.put(user, [plain(0, user)])
        dovecot.put(user, [plain(1, user)], folder="Work")
        haul.delivery(**smtp(sink))
        haul.account("anna", **source(dovecot, "imaps", user, poll_every=HOUR,
                                      folders=["INBOX", "Work"]))
        run = start(haul, "-vv")
        run.wait("idling account=anna folder=Work")
        arrived(sink, 2)
        for n in (2, 3, 4):
            imap = dovecot.imap(user)
            imap.append("Work", None, None, plain(n, user))
            imap.logout()
            arrived(sink, n + 1)
        assert run.stop().code == 0
    finally:
        dovecot.leave()
