"""`mailhaul run`: reloads, restarts and other commands beside it (rows I22,
I23, J8, J9 of CASES)."""
import os
import signal
import sqlite3
import threading

from corpus import plain
from haul import Raw
from running import Notify, arrived
from sink import Gate

HOUR = Raw("1h")


def reload(run, since):
    run.kill_with(signal.SIGHUP)
    return run.wait("reloaded accounts", since)


def test_i22_reloads_while_mail_comes(simple, start):
    """Under the old configuration and under the new: each message once."""
    haul = simple(1, poll_every=HOUR, keep=False)
    run = start(haul)
    arrived(haul.sink, 1)
    ended, n = threading.Event(), [1]

    def come():
        while not ended.wait(0.01):
            haul.dovecot.put(haul.mailbox, [plain(n[0], haul.mailbox)])
            n[0] += 1
    coming = threading.Thread(target=come)
    coming.start()
    at = 0
    for days in range(80, 86):
        haul.general(history_keep=Raw("%dd" % days))
        haul.write()
        at = reload(run, at)
        arrived(haul.sink, len(haul.sink.accepted) + 2)
    ended.set()
    coming.join()
    arrived(haul.sink, n[0])
    assert run.stop().code == 0
    count = haul.sink.count()
    assert len(count) == n[0] and max(count.values()) == 1, count
    assert haul.fetch("anna").account("anna")["fetched"] == 0


def test_i22_reloaded_in_the_middle_of_a_message(simple, start, new_sink,
                                                 smtp):
    """What is on its way ends as it began; the next goes by the new file."""
    haul = simple(1, poll_every=HOUR)
    gate, other = Gate(haul.sink), new_sink()
    run = start(haul)
    assert gate.waits.wait(60)
    haul.delivery(**smtp(other))
    haul.write()
    at = reload(run, 0)
    gate.open.set()
    arrived(haul.sink, 1)
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    arrived(other, 1)
    run.wait("polled account=anna", at)
    assert run.stop().code == 0
    assert len(haul.sink.accepted) == 1 and haul.queue() == []


def test_two_reloads_right_behind_each_other(simple, start, notify):
    haul = simple(1, poll_every=HOUR)
    run = start(haul, "-vv", notify=notify)
    run.wait("idling account=anna")
    for _ in range(5):
        run.kill_with(signal.SIGHUP)
        notify.wait("RELOADING=1")
    run.wait("reloaded accounts=1")
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    arrived(haul.sink, 2)
    notify.wait("READY=1")
    assert run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def test_a_stop_right_behind_a_reload(simple, start):
    """Nothing is under way, so nothing is given up: what a stop that lost its
    patience leaves in the state directory is not there."""
    haul = simple(1, poll_every=HOUR)
    run = start(haul)
    run.wait("polled account=anna")
    for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM,
                   signal.SIGCONT):
        run.kill_with(number)
    assert run.end().code == 0
    assert not os.path.exists(os.path.join(haul.state, "control"))


def test_i22_what_an_account_that_is_gone_has_queued(simple, start, source):
    """It is polled no more; its mail goes when it can."""
    haul = simple(2, poll_every=HOUR)
    haul.dovecot.put(haul.mailbox + "b", [])
    haul.account("ben", **source(haul.dovecot, "imaps", haul.mailbox + "b",
                                 poll_every=HOUR))
    haul.sink.rule("rcpt", "451 4.7.1 later")
    run = start(haul)
    run.wait("polled account=anna")
    assert len(haul.queue()) == 2
    haul.forget("account", "anna")
    haul.write()
    at = reload(run, 0)
    haul.sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y", keep=True).code == 0
    arrived(haul.sink, 2)
    haul.dovecot.put(haul.mailbox, [plain(3, haul.mailbox)])
    run.kill_with(signal.SIGUSR1)
    run.wait("polled account=ben", at)
    assert haul.queue() == []
    result = run.stop()
    assert "polled account=anna" not in result.err[at:], result
    assert len(haul.sink.accepted) == 2


def of_process(pid):
    with open("/proc/%d/status" % pid) as f:
        threads = [line for line in f if line.startswith("Threads")]
    return threads, len(os.listdir("/proc/%d/fd" % pid))


def test_a_reload_leaves_nothing_behind(simple, start, notify):
    haul = simple(1, poll_every=HOUR)
    haul.general(metrics_file=os.path.join(haul.folder, "m.prom"))
    run = start(haul, "-vv", notify=notify)
    run.wait("idling account=anna")
    at = 0
    for n in range(50):
        at = reload(run, at)
        if n == 9:
            before = of_process(run.process.pid)
    haul.dovecot.put(haul.mailbox, [plain(2, haul.mailbox)])
    arrived(haul.sink, 2)
    run.wait("idling account=anna", at)
    threads, fds = of_process(run.process.pid)
    assert threads == before[0] and fds <= before[1] + 2, (before, fds)
    assert run.stop().code == 0


def test_j8_restarts_under_load_make_nothing_poison(simple, start):
    """Stopped, killed in the middle of messages, again and again."""
    haul = simple(60, poll_every=HOUR, keep=False)
    for n in range(4):
        gate = Gate(haul.sink)
        run = start(haul)
        assert gate.waits.wait(60)
        if n == 1:
            gate.open.set()
            assert run.stop().code == 0
        else:
            run.kill()
        gate.open.set()
    run = start(haul)
    arrived(haul.sink, 57)              # one in doubt for each time
    run.wait("polled account=anna")
    assert {q["state"] for q in haul.queue()} <= {"in_doubt", "queued"}
    assert haul("queue", "retry", "--all", "-y", keep=True).code == 0
    haul.sink.wait(lambda s: len(s.count()) == 60, "all of them")
    result = run.stop()
    assert result.code == 0 and haul.queue() == []
    assert "\nheld " not in result.err and "poison" not in result.err, result


def test_j9_dead_refusing_and_full_and_the_third_goes_on(
        haul, new_sink, dovecot, source, smtp, user, start):
    sinks = {name: new_sink() for name in ("dead", "refusing", "fine")}
    sinks["dead"].down()
    sinks["refusing"].rule("dot", "554 5.6.0 not this one")
    haul.general(spool_limit="1M")
    for name, sink in sinks.items():
        dovecot.put(user + name, [plain(n, name, size=60000)
                                  for n in range(12)])
        haul.delivery(name, **smtp(sink))
        haul.account("to-" + name, delivery=name, **source(
            dovecot, "imaps", user + name, poll_every=Raw("1s")))
    run = start(haul)
    arrived(sinks["fine"], 12)
    run.wait("paused delivery=dead")
    run.wait("held account=to-refusing")
    at = run.wait("polled account=to-refusing")
    dovecot.put(user + "fine", [plain(n, "fine") for n in range(20, 30)])
    arrived(sinks["fine"], 22)
    sinks["dead"].up()
    assert haul("queue", "retry", "--account", "to-dead", "-y",
                keep=True).code == 0
    run.wait("resumed delivery=dead", at)
    arrived(sinks["dead"], 12)
    assert run.stop().code == 0
    for sink in sinks.values():
        assert max(sink.count().values(), default=1) == 1 or \
            sink is sinks["refusing"]


def test_an_abstract_notify_socket(simple, start):
    haul = simple(1, poll_every=HOUR)
    notify = Notify("@mailhaul-run-%d" % os.getpid())
    run = start(haul, notify=notify)
    try:
        notify.wait("READY=1")
        notify.wait("STATUS=1 account")
        run.kill_with(signal.SIGTERM)
        notify.wait("STOPPING=1")
        assert run.end().code == 0
    finally:
        notify.close()


def test_backup_and_check_beside_run(simple, start):
    haul = simple(2, poll_every=HOUR)
    haul.sink.rule("rcpt", "451 4.7.1 later", times=1)
    run = start(haul)
    run.wait("polled account=anna")
    path = os.path.join(haul.folder, "copy")
    assert haul("backup", path, keep=True).code == 0
    copy = sqlite3.connect(path)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()
    result = haul("restore", "-y", path, keep=True)
    assert result.code == 75 and "holds the state directory" in result.err
    result = haul("check", keep=True)
    assert result.code == 0 and "signed in" in result.out, result
    assert "fetch --dry-run" in result.out and not result.err, result
    assert run.stop().code == 0


def test_passwd_beside_run_ends_the_backoff(simple, start):
    """The running process hears of it, and goes to the account at once."""
    haul = simple(2, poll_every=HOUR, password=None)
    secrets = os.path.join(haul.folder, "secrets.d")
    os.mkdir(secrets, 0o700)
    with open(os.path.join(secrets, "anna"), "w") as f:
        f.write("wrong\n")
    os.chmod(os.path.join(secrets, "anna"), 0o600)
    run = start(haul)
    at = run.wait("signin_failed account=anna")
    code, text = haul.on_terminal("passwd", "anna", answers=[
        haul.dovecot.password.encode() + b"\n"])
    assert code == 0, text
    arrived(haul.sink, 2)
    run.wait("works_again account=anna", at)
    assert run.stop().code == 0
