"""`mailhaul run` when what is beneath it fails, hangs or stands still
(lib/trouble.py; rows B15, I3, I15, J12 of CASES)."""
import os
import signal
import threading

import pytest

from corpus import msgid, plain
from fakemail import FakeImap
from haul import Raw
from running import arrived
from sink import Gate
from trouble import Trouble

HOUR = Raw("1h")
SOON = {"WATCHDOG_USEC": "600000"}      # fed, and STATUS said, each 200 ms


@pytest.fixture(scope="module")
def place(folder):
    return folder.new("trouble")


@pytest.fixture
def trouble(place):
    return Trouble(place)


def beats(notify, n):
    """What is said from now until the n-th STATUS."""
    notify.drain()
    at = len(notify.got)
    for _ in range(n):
        notify.wait("STATUS=")
    return "".join(notify.got[at:])


def test_watchdog_is_fed_while_the_store_moves(simple, start, notify,
                                               trouble):
    haul = simple(1, poll_every=HOUR)
    run = start(haul, notify=notify, env={**SOON, **trouble.env})
    arrived(haul.sink, 1)
    run.wait("polled account=anna")
    assert "WATCHDOG=1" in beats(notify, 3)
    trouble.begin("barrier-hangs")
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    run.wait("stuck what=store")
    assert "WATCHDOG=1" not in beats(notify, 4)
    assert len(haul.sink.accepted) == 1
    trouble.end("barrier-hangs")
    arrived(haul.sink, 2)
    notify.drain()
    notify.wait("WATCHDOG=1")
    assert run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def came(sink, n):
    """Whether so many have, soon."""
    try:
        arrived(sink, n, 0.3)
    except RuntimeError:
        return False
    return True


def stand_still(process, meanwhile):
    """As in a machine that is frozen: meanwhile() has happened when it goes
    on."""
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    meanwhile()
    os.kill(process.pid, signal.SIGCONT)


def test_frozen_for_longer_than_any_patience(haul, new_sink, dovecot, source,
                                             smtp, ca, user, start, notify,
                                             trouble):
    """Stopped for 70 minutes in mid-session; the answers are there when it
    goes on. Nobody else is taken for silent, nothing is called stuck, and who
    rested in IDLE hears."""
    sink = new_sink()
    fakes = [FakeImap({"INBOX": [plain(1, "fake")]}, cert=ca.issue("fake"))
             for _ in range(2)]
    silent = threading.Event()
    dovecot.put(user, [plain(1, user)])
    haul.delivery(**smtp(sink))
    haul.account("rests", **source(dovecot, "imaps", user, poll_every=HOUR))
    for name, fake in zip(("works", "mute"), fakes):
        haul.account(name, server="imaps://localhost:%d" % fake.port,
                     user=name, password=fake.password, tls_ca=ca.file,
                     poll_every=HOUR, enabled=False)
    run = start(haul, "-vv", notify=notify, env={**SOON, **trouble.env})
    arrived(sink, 1)
    run.wait("idling account=rests")

    def keep_silent(session, tag, args):
        silent.set()
        session.hang()

    def on_select(session, tag, args):
        silent.wait(60)
        stand_still(run.process, lambda: (
            session.do_SELECT(tag, args), trouble.ahead(70 * 60),
            dovecot.put(user, [plain(2, user)])))
        return True
    fakes[0].on("SELECT", on_select)
    fakes[1].on("SELECT", keep_silent)
    for name in ("works", "mute"):
        haul.sections["account", name]["enabled"] = True
    haul.write()
    run.kill_with(signal.SIGHUP)
    arrived(sink, 3)
    run.wait("polled account=works")
    assert "WATCHDOG=1" in beats(notify, 3)
    result = run.stop()
    assert result.code == 0
    assert "stuck what=session" not in result.err, result
    assert not [line for line in result.err.splitlines() if " error=" in line
                and "account=mute" not in line], result
    for fake in fakes:
        fake.close()


def test_stopped_and_continued_under_load(simple, start, notify):
    haul = simple(60, poll_every=HOUR, keep=False)
    run = start(haul, notify=notify)
    arrived(haul.sink, 5)
    stand_still(run.process, lambda: haul.dovecot.put(
        haul.mailbox, [plain(n, haul.mailbox) for n in range(60, 70)]))
    arrived(haul.sink, 70)
    assert run.stop().code == 0
    n = haul.sink.count()
    assert len(n) == 70 and max(n.values()) == 1, n


def test_a_reply_to_data_is_awaited_for_longer_than_the_rest(
        simple, start, notify, trouble):
    """SIGTERM: ten seconds for everything, but not for that."""
    haul = simple(1, poll_every=HOUR)
    gate = Gate(haul.sink)
    run = start(haul, notify=notify, env={**SOON, **trouble.env})
    assert gate.waits.wait(60)
    run.kill_with(signal.SIGTERM)
    notify.wait("STOPPING=1")
    trouble.ahead(60)
    beats(notify, 10)
    assert run.process.poll() is None
    gate.open.set()
    assert run.end().code == 0
    assert haul.queue() == [] and len(haul.sink.accepted) == 1


def test_a_second_sigterm_stops_at_once(simple, start, notify):
    haul = simple(1, poll_every=HOUR)
    gate = Gate(haul.sink)
    run = start(haul, notify=notify)
    assert gate.waits.wait(60)
    run.kill_with(signal.SIGTERM)
    notify.wait("STOPPING=1")
    run.kill_with(signal.SIGTERM)
    assert run.process.wait(60) == 128 + signal.SIGTERM
    gate.open.set()
    [one] = haul.queue()
    assert one["state"] == "in_doubt", one


def test_i3_the_disk_fails_under_run(simple, start, notify, trouble):
    """74, with words; nothing more goes out, and the next process has it
    all."""
    haul = simple(1, poll_every=HOUR)
    run = start(haul, notify=notify, env=trouble.env)
    arrived(haul.sink, 1)
    run.wait("polled account=anna")
    trouble.begin("barrier-fails")
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    assert run.process.wait(60) == 74
    result = run.end()
    assert "I/O error" in result.err and "disk errors" in result.err, result
    assert len(haul.sink.accepted) == 1
    trouble.end("barrier-fails")
    run = start(haul)
    arrived(haul.sink, 2)
    assert run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def test_a_state_directory_that_cannot_be(simple, start):
    haul = simple(1)
    haul.state = os.path.join(haul.conf, "state")       # below a file
    result = start(haul).end()
    assert result.code == 73 and haul.state in result.err, result


def test_a_wrong_file_at_the_start(simple, start, notify):
    haul = simple(1)
    haul.write(haul.text() + 'keep_ = 3\naccount "ben" { usr = "x" }\n')
    haul.sections.clear()
    result = start(haul, notify=notify).end()
    assert result.code == 78, result
    assert "keep_" in result.err and "usr" in result.err
    notify.drain()
    assert not any("READY" in words for words in notify.got)


def test_undecided_is_told_once_and_not_at_each_poll(simple, start, trouble):
    haul = simple(501, poll_every=HOUR, first_run=None, idle=False)
    run = start(haul, env={**SOON, **trouble.env})
    at = run.wait("polled account=anna")
    trouble.ahead(3 * 3600)
    run.wait("polled account=anna", at)
    result = run.stop()
    told = [line for line in result.err.splitlines()
            if line.startswith("failing ")]
    assert len(told) == 1 and "adopt anna" in told[0], result
    assert not haul.sink.accepted
    assert haul("status", "--json").account("anna")["state"] == "undecided"


def test_j12_a_resolver_that_is_dead(haul, new_sink, dovecot, source, smtp,
                                     user, start, trouble):
    """More names than look-ups at a time; who has his address goes on. Fewer
    than nine times those that are reached: it is not the network."""
    sink = new_sink()
    trouble.begin("lookup-hangs")
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user + "2", [])
    haul.delivery(**smtp(sink))
    for n in range(12):
        haul.account("dead%d" % n, server="imaps://host%d.dead" % n,
                     user="x", password="x")
    settings = dict(idle=False, poll_every=Raw("1s"))
    haul.account("zoe", **source(dovecot, "imaps", user, **settings))
    at = source(dovecot, "imaps", user + "2", **settings)
    at["server"] = at["server"].replace("localhost", "127.0.0.1")
    haul.account("yan", **at)
    run = start(haul, env={**SOON, **trouble.env})
    arrived(sink, 1)
    run.wait("polled account=yan", run.wait("polled account=zoe"))
    passed, n = 0, 1                            # ten minutes of it
    while passed < 600 or len(sink.accepted) < 2 * n - 1:
        if len(sink.accepted) == 2 * n - 1:
            n += 1
            dovecot.put(user, [plain(n, user)])
            dovecot.put(user + "2", [plain(n, user + "2")])
        passed += 25                            # RESOLVE_MS is less
        assert passed < 25 * 500, run.text
        trouble.ahead(passed)
        came(sink, 2 * n - 1)
    assert n > 2
    trouble.end("lookup-hangs")
    assert run.stop().code == 0


def test_b15_silent_servers_hold_up_nobody(haul, new_sink, dovecot, source,
                                           smtp, ca, user, start):
    """As many accounts at a silent host as there may be sessions in all."""
    sink = new_sink()
    fake = FakeImap(cert=ca.issue("fake"))
    fake.on("greeting", lambda session, *a: session.hang())
    dovecot.put(user, [plain(1, user)])
    haul.general(max_connections=4, max_connections_per_host=2)
    haul.delivery(**smtp(sink))
    for n in range(6):
        haul.account("mute%d" % n, server="imaps://localhost:%d" % fake.port,
                     user="mute%d" % n, password="x", tls_ca=ca.file)
    at = source(dovecot, "imaps", user, idle=False, poll_every=Raw("1s"))
    at["server"] = at["server"].replace("localhost", "127.0.0.1")
    haul.account("zoe", **at)
    run = start(haul)
    arrived(sink, 1)
    dovecot.put(user, [plain(2, user)])
    arrived(sink, 2)
    assert fake.running == 2
    assert run.stop().code == 0
    fake.close()


def test_what_is_decided_of_a_folder_holds_for_what_is_on_record(
        simple, start, trouble, user):
    """Half a minute behind its last body a visit ends, though the disk has
    not taken that body: what it writes down meanwhile, and a death then, must
    not hide the message."""
    haul = simple(1, keep=True, poll_every=HOUR)
    assert haul.fetch().account("anna")["delivered"] == 1
    haul.dovecot.put(user, [plain(1, user)])
    trouble.begin("bodies-hang")
    run = start(haul, "-vv", env=trouble.env)
    run.wait('command="FETCH BODY" status=OK')
    for n in (1, 2, 3):
        trouble.ahead(31 * n)
        haul("queue", "retry", "--all")     # behind what the visit asked for
    run.process.kill()
    run.process.wait()
    trouble.end("bodies-hang")
    haul.fetch("anna")
    assert haul.sink.count() == {msgid(n, user): 1 for n in (0, 1)}
