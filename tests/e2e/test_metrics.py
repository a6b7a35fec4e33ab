"""metrics_file (INTERFACE 5; rows H8, I23 of CASES)."""
import os
import signal
import subprocess
import shutil
import time

import metrics
from corpus import plain
from haul import Raw
from metrics import of
from shift import Leaps, Shift
from sink import CUT
from running import Run

PREFIX = "mailhaul_"
PER_ACCOUNT = {"account_last_success_timestamp_seconds": 1,
               "account_state": 8, "account_messages_total": 5,
               "account_octets_total": 1}


def read(path):
    with open(path) as f:
        text = f.read()
    tool = shutil.which("promtool")
    if tool:
        r = subprocess.run([tool, "check", "metrics"], input=text, text=True,
                           capture_output=True)
        assert r.returncode == 0 and not r.stderr + r.stdout, r
    found = metrics.read(text)
    assert all(name.startswith(PREFIX) for name, _ in found)
    return {(name[len(PREFIX):], ls): v for (name, ls), v in found.items()}


def test_fetch_leaves_its_figures(simple, dovecot, source, sink):
    haul = simple(3, keep=False)
    path = os.path.join(haul.folder, "m.prom")
    haul.general(metrics_file=path)
    haul.account("off", **source(dovecot, "imaps", "nobody-there",
                                 enabled=False))
    began = time.time()
    haul.fetch()
    found = read(path)
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.listdir(haul.folder).count("m.prom.new") == 0
    for result, n in (("fetched", 3), ("delivered", 3), ("held", 0),
                      ("skipped", 0), ("deleted", 3)):
        assert of(found, "account_messages_total", result=result) == n
    assert of(found, "account_octets_total", account="anna") > 300
    assert of(found, "account_state", state="ok") == 1
    assert sum(v for (n, _), v in found.items() if n == "account_state") == 1
    assert began - 1 < of(found, "account_last_success_timestamp_seconds",
                          account="anna") < time.time() + 1
    assert of(found, "delivery_last_success_timestamp_seconds",
              delivery="home") > began - 1
    assert of(found, "queue_octets") == 0
    assert of(found, "in_doubt_total") == 0
    assert of(found, "config_reload_success") == 1
    assert of(found, "build_info") == 1
    assert not any("off" in dict(ls).values() for _, ls in found)
    # a further process counts on
    dovecot.put(haul.mailbox, [plain(9, haul.mailbox)])
    haul.fetch()
    assert of(read(path), "account_messages_total", result="fetched") == 4


def test_what_waits_and_what_is_in_doubt(simple):
    haul = simple(2)
    path = os.path.join(haul.folder, "m.prom")
    haul.general(metrics_file=path)
    haul.sink.rule("dot", CUT, times=1)
    haul("fetch")
    found = read(path)
    assert of(found, "in_doubt_total") >= 1
    assert of(found, "queue_messages", delivery="home", state="in_doubt") == \
        of(found, "in_doubt_total")
    assert of(found, "queue_oldest_timestamp_seconds", delivery="home") > 1e9
    assert of(found, "queue_octets") > 100
    before = of(found, "in_doubt_total")
    assert haul("queue", "retry", "--all", "-y").code == 0
    haul.fetch()
    found = read(path)
    assert of(found, "in_doubt_total") == before
    assert of(found, "queue_messages", state="in_doubt") == 0
    assert not [n for n, _ in found if n.startswith("queue_oldest")]


def test_h8_series_are_as_many_as_the_configuration_makes(
        haul, sink, dovecot, source, smtp, user):
    """Folders are no labels; names are of the configuration alone."""
    dovecot.put(user, [plain(1, user)])
    for n in range(30):
        dovecot.put(user, [plain(n, user)], 'F%d' % n)
    haul.delivery(**smtp(sink))
    haul.account("a.b_c@d+e-f", **source(
        dovecot, "imaps", user, folders=["INBOX", "F*"]))
    path = os.path.join(haul.folder, "m.prom")
    haul.general(metrics_file=path)
    haul.fetch()
    found = read(path)
    assert of(found, "account_messages_total", result="fetched") == 31
    for name, n in PER_ACCOUNT.items():
        assert len([1 for m, _ in found if m == name]) == n, name
    assert len([1 for m, _ in found if m == "queue_messages"]) == 4
    assert len(found) == sum(PER_ACCOUNT.values()) + 4 + 1 + 4


def test_a_file_that_cannot_be_written_is_told(simple):
    haul = simple(1)
    haul.general(metrics_file="/proc/none/m.prom")
    r = haul("fetch")
    assert r.code == 78, r
    assert "metrics_file /proc/none/m.prom" in r.err and \
        "ReadWritePaths" in r.err
    assert len(haul.sink.accepted) == 1
    assert "metrics_file" not in haul("fetch", "-n").err


def test_a_file_that_cannot_be_written_is_told_once_a_day(simple):
    """From cron; not at each pass. And when it is over, or another."""
    haul = simple(0)
    beside = os.path.join(haul.folder, "none")
    path = os.path.join(beside, "m.prom")
    haul.general(metrics_file=path)
    shift = Shift(haul.folder)
    for days, is_told in ((0, True), (0, False), (0.9, False), (1.1, True)):
        r = haul("fetch", env=shift(days))
        assert r.code == 78, r
        assert ("metrics_file" in r.err) == is_told, (days, r)
    r = haul("fetch", "-v", env=shift(1.1))
    assert "metrics_file" in r.err, r
    haul.general(metrics_file="/proc/none/m.prom")
    assert "/proc/none" in haul("fetch", env=shift(1.1)).err
    os.mkdir(beside)
    haul.general(metrics_file=path)
    r = haul("fetch", env=shift(1.1))
    assert r.code == 0 and r.err == "mailhaul: metrics_file: works again\n"
    r = haul("fetch", env=shift(1.1))
    assert r.code == 0 and r.err == "" and os.path.exists(path)


def settled(path, claim, leaps, limit=60):
    """The file once claim(figures) holds; never a part of it. While nothing
    else is under way: a machine with much to do writes it minutes later."""
    end = time.monotonic() + limit
    while True:
        if os.path.exists(path):
            found = read(path)
            if claim(found):
                return found
        assert time.monotonic() < end, found
        leaps.on(60)


def test_i23_run_keeps_its_figures_and_tells_a_failed_reload(simple):
    haul = simple(2, poll_every=Raw("1h"), idle=False, keep=False)
    first, second = (os.path.join(haul.folder, n) for n in ("a.p", "b.p"))
    haul.general(metrics_file=first, log_level="info")
    leaps = Leaps(haul)
    run = Run(haul, env=leaps.env)
    try:
        at = run.wait("polled account=anna")
        haul.dovecot.put(haul.mailbox, [plain(7, haul.mailbox)])
        run.kill_with(signal.SIGUSR1)
        run.wait("polled account=anna", at)
        found = settled(first, lambda f: of(f, "account_messages_total",
                                            result="deleted") == 3, leaps)
        assert of(found, "account_messages_total", result="fetched") == 3
        assert of(found, "config_reload_success") == 1
        haul.write("nonsense = yes\n")
        run.kill_with(signal.SIGHUP)
        run.wait("reload_failed")
        haul.write()                  # to be read by who looks, and not by it
        settled(first, lambda f: of(f, "config_reload_success") == 0, leaps)
        haul.general(metrics_file=second, log_level="info")
        haul.write()
        run.kill_with(signal.SIGHUP)
        at = run.wait("reloaded")
        settled(second, lambda f: of(f, "config_reload_success") == 1, leaps)
        assert not os.path.exists(first)
        haul.general(metrics_file="/proc/none/m.prom", log_level="info")
        haul.write()
        run.kill_with(signal.SIGHUP)
        run.wait("metrics_failed")
        run.wait("reloaded", at)
        assert run.stop().code == 0
        assert run.text.count("metrics_failed") == 1
    finally:
        run.kill()
