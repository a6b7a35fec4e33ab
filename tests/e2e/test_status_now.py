"""`status` beside a running `run`: what is done for each account now, as JSON,
as a table, and on a screen that is drawn again (issue 5)."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from corpus import plain
from fakeidle import FOLDERS, Idle
from fakemail import FakePop
from haul import BROKEN, Raw
from processes import until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


@pytest.fixture
def idle(haul, sink, smtp):
    server = Idle()
    haul.delivery(**smtp(sink))
    haul.account("anna", server="imap://localhost:%d" % server.port,
                 user="anna", password=server.password, tls="none",
                 folders=FOLDERS, poll_every=Raw("1h"), idle_folders=Raw("2"))
    haul.sink, haul.server = sink, server
    yield haul
    server.close()


def now(haul, name="anna"):
    return haul("status", "--json").account(name)["now"]


def test_status_tells_what_run_does_now(idle, start, source, dovecot, user):
    haul, server = idle, idle.server
    dovecot.put(user, [plain(0, user)])
    haul.account("pop", **source(dovecot, "pop3s", user))
    haul.account("wrong", **source(dovecot, "imaps", user, password="no"))
    haul.account("off", **source(dovecot, "imaps", user + "x",
                                 enabled=Raw("no")))
    haul.account("asked", **source(dovecot, "imaps", user + "y",
                                   poll_every=Raw("0")))
    assert "now" not in haul("status", "--json").account("anna")
    assert "run: none" in haul("status").out
    start(haul, "-vv")
    server.rests_in("INBOX", "A")
    until(lambda: now(haul) == {
        "doing": "idle", "folders": ["INBOX", "A"], "polled_folders": 3,
        "next_poll": now(haul)["next_poll"]}, "idle")
    assert TIME.match(now(haul)["next_poll"])
    until(lambda: now(haul, "pop")["doing"] == "waiting" and
          haul("status", "--json").account("pop")["state"] == "ok", "pop")
    pop = haul("status", "--json").account("pop")
    assert TIME.match(pop["next_poll"]) and \
        pop["next_poll"] == pop["now"]["next_poll"] > pop["last_poll"]
    until(lambda: haul("status", "--json").account("wrong")["state"] ==
          "auth", "the refused login")
    wrong = haul("status", "--json").account("wrong")
    assert wrong["now"]["doing"] == "waiting"
    assert wrong["next_poll"] == wrong["now"]["next_poll"]
    assert now(haul, "off") == {"doing": "disabled", "folders": [],
                                "polled_folders": 0, "next_poll": None}
    assert now(haul, "asked")["doing"] == "waiting"
    assert now(haul, "asked")["next_poll"] is None
    text = haul("status").out
    assert re.search(r"^anna .* idle INBOX, A$", text, re.M), text
    assert re.search(r"^pop .* in \d+ \w+ .* waiting$", text, re.M), text
    assert re.search(r"^wrong +auth .* in \d+ (h|min).* waiting$", text, re.M), \
        text
    assert re.search(r"^run: for \d+ s, pid \d+$", text, re.M), text


def test_one_delivered_message_is_a_success_beside_run(simple, start):
    """Not only once it ends: it had looked untried for months."""
    haul = simple(1)
    start(haul)
    until(lambda: haul("status", "--json").json["deliveries"][0]["state"] ==
          "ok", "the delivery's success")
    [delivery] = haul("status", "--json").json["deliveries"]
    assert TIME.match(delivery["last_success"])


def test_status_tells_of_a_visit_under_way(idle, start):
    haul = idle
    haul.sink.rule("dot", "<mute>", times=1)
    run = start(haul, "-vv")
    haul.server.rests_in("INBOX", "A")
    haul.server.arrive("A", plain(1, "anna"))
    haul.sink.wait(lambda s: s.accepted, "the stuck message")
    assert now(haul)["doing"] == "polling" and \
        now(haul)["next_poll"] is None
    assert re.search(r"^anna .* polling$", haul("status").out, re.M)
    haul.sink.down()
    run.stop(signal.SIGTERM)


@pytest.mark.parametrize("command", ["fetch", "run"])
def test_a_first_session_that_stalls_is_no_rest(simple, start, command):
    """Nothing of it is on record before it ends, which may take ten minutes:
    that it is under way is told nevertheless."""
    haul = simple(1, idle=False)
    stuck = FakePop([("u1", plain(1, "u"))])
    reached = threading.Event()
    stuck.on("RETR", lambda s, a: reached.set() or s.hang())
    haul.account("stuck", server="pop3://localhost:%d" % stuck.port, user="u",
                 password=stuck.password, tls="none")
    process = haul.start("fetch") if command == "fetch" else \
        start(haul).process
    assert reached.wait(60)
    until(lambda: haul("status", "--json").account("anna")["state"] == "ok",
          "the other account")
    status = haul("status", "--json")
    assert status.account("stuck")["state"] == "never"
    assert status.account("stuck")["now"] == {
        "doing": "polling", "folders": [], "polled_folders": 0,
        "next_poll": None}
    assert status.account("anna").get("now", {}).get("doing") == \
        {"fetch": None, "run": "waiting"}[command]
    text = haul("status").out
    assert re.search(r"^stuck +never .* polling$", text, re.M), text
    assert re.search(r"^%s: for \d+ s, pid %d$" % (command, process.pid), text,
                     re.M), text
    stuck.close()
    if command == "fetch":
        assert haul.finish(process).code == 75
        assert "now" not in haul("status", "--json").account("stuck")


class Screen:
    """A program on a terminal that is read while it runs."""

    def __init__(self, haul, *args, columns=120):
        haul.write()
        self.ours, self.theirs = pty.openpty()
        self.size(columns)
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            haul.argv(args), env=haul.environment({"TERM": "xterm"}),
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                0, termios.TIOCSCTTY, 0), **haul._how())
        self.shown = b""

    def size(self, columns, rows=24):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, claim, what, limit=60):
        end = time.monotonic() + limit
        while not claim(self.shown):
            left = end - time.monotonic()
            assert left > 0, (what, self.shown[-3000:])
            if select.select([self.ours], [], [], left)[0]:
                self.shown += os.read(self.ours, 65536)

    def type(self, octets):
        os.write(self.ours, octets)

    def end(self):
        """Its exit code; the terminal is as it was."""
        self.wait(lambda s: s.endswith(b"\033[?25h\033[?1049l"), "the end")
        code = self.process.wait(60)
        assert termios.tcgetattr(self.theirs) == self.before
        assert not BROKEN.search(self.shown.decode("utf-8", "replace"))
        os.close(self.ours)
        os.close(self.theirs)
        return code


def draws(shown):
    return shown.count(b"\033[H")


@pytest.mark.parametrize("key,code", [(b"q", 0), (b"\003", 130)])
def test_watch_draws_again_and_restores_the_terminal(simple, key, code):
    haul = simple(3)
    screen = Screen(haul, "status", "--watch")
    screen.wait(lambda s: b"never" in s and draws(s) >= 1, "the first")
    assert b"\033[?1049h" in screen.shown
    haul("fetch", keep=True)
    at = len(screen.shown)
    if key != b"q":
        screen.type(b" ")             # the other one waits for the two seconds
    screen.wait(lambda s: b"ok" in s[at:] and draws(s) > 1, "a later one")
    screen.type(key)
    assert screen.end() == code


def test_watch_fits_the_screen_and_follows_its_size(simple):
    haul = simple(1)
    haul.fetch()
    screen = Screen(haul, "status", "--watch", columns=120)
    screen.wait(lambda s: b"SKIPPED" in s and s.endswith(b"\033[J"), "wide")
    at = len(screen.shown)
    screen.size(70)
    screen.process.send_signal(signal.SIGWINCH)
    screen.wait(lambda s: b"ACCOUNT" in s[at:] and s.endswith(b"\033[J"),
                "narrow")
    assert b"SKIPPED" not in screen.shown[at:]
    screen.process.send_signal(signal.SIGTERM)
    assert screen.end() == 143


def test_watch_goes_on_beside_run(idle, start):
    haul = idle
    screen = Screen(haul, "status", "--watch")
    screen.wait(lambda s: b"run: none" in s, "without")
    run = start(haul)
    haul.server.rests_in("INBOX", "A")
    screen.type(b" ")                 # any key: now, not two seconds later
    screen.wait(lambda s: b"idle INBOX, A" in s, "beside run")
    run.stop()
    at = len(screen.shown)
    screen.type(b" ")
    screen.wait(lambda s: b"run: none" in s[at:], "without again")
    screen.type(b"q")
    assert screen.end() == 0


def test_watch_wants_a_terminal(simple):
    haul = simple(0)
    r = haul("status", "--watch")
    assert r.code == 64 and "terminal" in r.err
    code, shown = haul.on_terminal("status", "--watch", "--json")
    assert code == 64 and "terminal" in shown
