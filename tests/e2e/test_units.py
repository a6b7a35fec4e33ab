"""systemd/: what is installed, what systemd thinks of it, and the program in
its sandbox. systemd itself does not run here: its tools read the units, and
what of the sandbox is seccomp is put around the program by hand
(lib/sandbox.py)."""
import os
import pwd
import re
import shutil
import signal
import subprocess

import pytest

from corpus import plain
from haul import Mailhaul, program, release
from sandbox import Sandbox, settings
from running import Notify, Run, arrived

SERVICES = ("system/mailhaul", "system/mailhaul-fetch",
            "user/mailhaul", "user/mailhaul-fetch")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def installed(folder):
    """The root of an installation made for it, by cmake --install."""
    root = folder.new("root")
    subprocess.run(["cmake", "--install", os.path.dirname(program())],
                   env={**os.environ, "DESTDIR": root}, check=True,
                   capture_output=True)
    return root


def find(root, tail):
    found = [os.path.join(where, name) for where, _, names in os.walk(root)
             for name in names
             if os.path.join(where, name).endswith("/lib/" + tail)]
    assert len(found) == 1, (tail, found)
    return found[0]


def unit(root, name):
    with open(find(root, "systemd/%s" % name)) as f:
        return f.read()


def runnable(root, folder):
    """The units with a program that is there, in a folder of their own."""
    where = folder.new("units")
    for name in SERVICES + ("system/mailhaul-fetch", "user/mailhaul-fetch"):
        os.makedirs(os.path.join(where, name.split("/")[0]), exist_ok=True)
    for name in SERVICES:
        text, n = re.subn(r"(?m)^ExecStart=/\S+/mailhaul ",
                          "ExecStart=%s " % program(),
                          unit(root, name + ".service"))
        assert n == 1, name
        with open(os.path.join(where, name + ".service"), "w") as f:
            f.write(text)
    for kind in ("system", "user"):
        shutil.copy(find(root, "systemd/%s/mailhaul-fetch.timer" % kind),
                    os.path.join(where, kind))
    return where


def analyze(*args, **kw):
    return subprocess.run(["systemd-analyze", "--no-pager", *args],
                          capture_output=True, text=True, timeout=60, **kw)


def test_units_are_installed_where_systemd_looks(installed):
    for name in SERVICES:
        text = unit(installed, name + ".service")
        program = re.search(r"(?m)^ExecStart=(\S+) (run|fetch)$", text)
        assert program and os.access(installed + program[1], os.X_OK), text
        assert "@" not in text.replace("@system-service", "") \
            .replace("@privileged", "").replace("@resources", ""), text
    for kind in ("system", "user"):
        assert "Conflicts=mailhaul.service" in unit(
            installed, kind + "/mailhaul-fetch.timer")


def test_units_are_verified_without_a_word(installed, folder):
    where = runnable(installed, folder)
    for kind in ("system", "user"):
        for name in sorted(os.listdir(os.path.join(where, kind))):
            r = analyze("verify", "--man=no", *(
                ["--user"] if kind == "user" else []),
                os.path.join(where, kind, name),
                env={**os.environ, "XDG_RUNTIME_DIR": where})
            told = [line for line in (r.stdout + r.stderr).splitlines()
                    if "mailhaul" in line]
            assert not told and r.returncode == 0, (name, r)


def test_system_services_are_exposed_little(installed, folder):
    where = runnable(installed, folder)
    for name in ("mailhaul", "mailhaul-fetch"):
        r = analyze("security", "--offline=true", os.path.join(
            where, "system", name + ".service"))
        level = re.search(r"Overall exposure level for %s.service: ([\d.]+)"
                          % name, r.stdout)
        assert level and float(level[1]) <= 1.3, r.stdout


def test_the_service_waits_for_replies_and_gives_up_on_bad_files(installed):
    of = settings(unit(installed, "system/mailhaul.service"))
    assert of["Type"] == ["notify"]
    assert of["TimeoutStopSec"] == ["11min"]
    assert "78" in of["RestartPreventExitStatus"][0].split()
    assert of["Restart"] == ["on-failure"] and of["WatchdogSec"]
    assert of["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


@pytest.fixture
def tree(installed, folder):
    """sysusers.d and tmpfiles.d applied to a root of their own."""
    if os.geteuid() != 0:
        pytest.skip("owners are given by root alone")
    root = folder.new("tree")
    shutil.copytree(os.path.join(installed, "usr"), os.path.join(root, "usr"))
    os.mkdir(os.path.join(root, "etc"))
    for tool in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        r = subprocess.run([*tool, "--root=" + root, "mailhaul.conf"],
                           capture_output=True, text=True)
        assert r.returncode == 0, r
    with open(os.path.join(root, "etc/passwd")) as f:
        user = f.read().split(":")
    assert user[0] == "mailhaul"
    return root, int(user[2]), int(user[3])


def owner(*path):
    st = os.stat(os.path.join(*path))
    return st.st_uid, oct(st.st_mode & 0o7777)


def test_a_secret_of_roots_is_read_by_the_service(
        tree, sink, dovecot, source, smtp, user, installed):
    """`sudo mailhaul passwd`, then run as the unit's user in its sandbox,
    with the watchdog, a reload and a stop."""
    root, uid, gid = tree
    dovecot.put(user, [plain(i, user) for i in range(3)])
    haul = Mailhaul(os.path.join(root, "etc/mailhaul"), release())
    haul.state = os.path.join(root, "var/lib/mailhaul")
    haul.delivery(**smtp(sink))
    haul.account("anna", **dict(source(dovecot, "imaps", user), keep=False,
                                password=None))
    haul.general(log_level="info")
    haul.write()
    os.chmod(haul.conf, 0o644)
    assert owner(haul.state) == (uid, "0o700")
    assert owner(haul.folder, "secrets.d") == (0, "0o750")

    r = haul("passwd", "anna", input=dovecot.password.encode() + b"\n",
             keep=True)
    assert r.code == 0, r
    assert owner(haul.folder, "secrets.d/anna") == (uid, "0o600")

    box = Sandbox(unit(installed, "system/mailhaul.service"))
    notify = Notify("@mailhaul-test-%d" % os.getpid())
    env = dict(WATCHDOG_USEC="1500000", STATE_DIRECTORY=haul.state)
    run = Run(confined(haul, uid, gid, box), env=env, notify=notify)
    try:
        notify.wait("READY=1")
        arrived(sink, 3)
        notify.wait("WATCHDOG=1")
        notify.wait("WATCHDOG=1")
        run.kill_with(signal.SIGHUP)
        notify.wait("RELOADING=1")
        notify.wait("READY=1")
        run.wait("reloaded")
        # root asks, and is answered by the process of the other user
        r = haul("status", "--json", keep=True)
        assert r.code == 0 and r.account("anna")["state"] == "ok", r
        run.kill_with(signal.SIGTERM)
        notify.wait("STOPPING=1")
        assert run.end().code == 0
    finally:
        run.kill()
        notify.close()

    dovecot.put(user, [plain(7, user)])
    r = confined(haul, uid, gid, box)("fetch", "--json", keep=True)
    assert r.code == 0 and r.account("anna")["delivered"] == 1, r


def confined(haul, uid, gid, box):
    """The same, as the unit runs it."""
    class Confined(Mailhaul):
        def start(self, *args, **kw):
            kw["keep"] = True
            return super().start(*args, preexec_fn=box.enter, **kw)
    made = Confined(haul.folder, haul.program)
    made.state, made.conf = haul.state, haul.conf
    made.user = (uid, gid)
    return made


def test_the_sandbox_of_these_tests_bites(installed):
    """A mutant of the program would not be noticed by one that lets all
    pass."""
    box = Sandbox(unit(installed, "system/mailhaul.service"))
    for words, how in (
            ("import os; os.chroot('/')", "killed"),
            ("import mmap; mmap.mmap(-1, 4096, prot=7)", "killed"),
            ("import socket; socket.socket(16, 3)", "refused"),
            ("pass", "fine")):
        r = subprocess.run(["/usr/bin/python3", "-c", words],
                           preexec_fn=box.enter, capture_output=True)
        assert {"killed": r.returncode == -signal.SIGSYS,
                "refused": r.returncode == 1,
                "fine": r.returncode == 0}[how], (words, r)
