"""Mailhaul: writes a configuration, runs the program, looks at what it said.

    m = Mailhaul(folder)
    m.delivery("home", server="smtp://localhost:%d" % port, to="a@b.test")
    m.account("anna", server=..., user="anna", password="x", keep=False)
    r = m("fetch", "--json")        # r.code, r.out, r.err, r.json
A run that a sanitizer complained of fails at once, whatever the test wanted.
"""
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import termios

from processes import ROOT
from reachable import reachable

DEBUG = os.path.join(ROOT, "build-debug", "mailhaul")
RELEASE = os.path.join(ROOT, "build-release", "mailhaul")
BROKEN = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|"
                    r"MUST\(|stack smashing")
LIMIT = 120


def program():
    return os.environ.get("MAILHAUL", DEBUG)


def release():
    """The program as users run it (MAILHAUL_RELEASE, else build-release)."""
    return os.environ.get("MAILHAUL_RELEASE", RELEASE)


class Raw(str):
    """A value written without quotes: 7d, 50M."""


def value(v):
    if v is True or v is False:
        return "yes" if v else "no"
    if isinstance(v, Raw) or isinstance(v, int):
        return str(v)
    if isinstance(v, (list, tuple)):
        return "{%s}" % ", ".join(value(x) for x in v)
    if "'" in v:
        return '"%s"' % v.replace("\\", "\\\\").replace('"', '\\"')
    return "'%s'" % v


def line(name, v):
    """A setting; a dict is a section of its own, multidrop=dict(...), or
    several by their titles: folder={"Junk": dict(...)}."""
    if isinstance(v, dict) and v and \
            all(isinstance(w, dict) for w in v.values()):
        return "".join(line('%s "%s"' % (name, title), inner)
                       for title, inner in v.items())
    if isinstance(v, dict):
        return "\t%s {\n%s\t}\n" % (name, "".join(
            "\t" + line(k, w) for k, w in v.items() if w is not None))
    return "\t%s = %s\n" % (name, value(v))


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def account(self, name):
        """The named account of fetch --json or status --json."""
        return next(a for a in self.json["accounts"] if a["name"] == name)

    def __repr__(self):
        return "exit %s\n--- out\n%s\n--- err\n%s" % (
            self.code, self.out[-4000:], self.err[-4000:])


class Mailhaul:
    def __init__(self, folder, path=None):
        self.folder = folder
        self.program = path or program()
        self.conf = os.path.join(folder, "mailhaul.conf")
        self.state = os.path.join(folder, "state")
        self.sections = {}
        self.env = {}
        self.user = None              # (uid, gid): whom to run as

    # ------------------------------------------------------- configuration
    def section(self, kind, name, settings):
        self.sections[kind, name] = settings

    def delivery(self, name="home", **settings):
        self.section("delivery", name, settings)

    def account(self, name, **settings):
        self.section("account", name, settings)

    def defaults(self, **settings):
        self.section("defaults", None, settings)

    def general(self, **settings):
        self.section("general", None, settings)

    def forget(self, kind, name):
        del self.sections[kind, name]

    def text(self):
        out = []
        for (kind, name), settings in self.sections.items():
            lines = [line(k, v) for k, v in settings.items()
                     if v is not None]
            if kind == "general":        # top-level settings have no section
                out.append("".join(l[1:] for l in lines))
            else:
                out.append("%s%s {\n%s}\n" % (
                    kind, ' "%s"' % name if name else "", "".join(lines)))
        return "".join(out)

    def write(self, text=None):
        with open(self.conf, "w") as f:
            f.write(self.text() if text is None else text)
        os.chmod(self.conf, 0o600)
        if self.user:
            os.chown(self.conf, *self.user)

    # ------------------------------------------------------------- running
    def environment(self, env=None):
        asan = "exitcode=99:detect_leaks=1"
        return {"PATH": os.environ["PATH"], "HOME": self.folder,
                "LC_ALL": "C.UTF-8", "TMPDIR": self.folder,
                "ASAN_OPTIONS": asan, "UBSAN_OPTIONS":
                "print_stacktrace=1:exitcode=99", **self.env, **(env or {})}

    def argv(self, args):
        program = reachable(self.program) if self.user else self.program
        return [program, "--config", self.conf, "--state", self.state,
                *args]

    def _how(self):
        if self.user:
            return dict(user=self.user[0], group=self.user[1],
                        extra_groups=[])
        return {}

    def start(self, *args, env=None, keep=False, **kw):
        """A running program; finish() it."""
        if self.sections and not keep:
            self.write()
        return subprocess.Popen(
            self.argv(args), env=self.environment(env), cwd=self.folder,
            stdin=kw.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self._how(),
            **kw)

    def finish(self, process, limit=LIMIT, input=None):
        try:
            out, err = process.communicate(input, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError("ran over %d s:\n%s\n%s" % (
                limit, out.decode("utf-8", "replace")[-3000:],
                err.decode("utf-8", "replace")[-3000:]))
        result = Result(process.returncode, out.decode("utf-8", "replace"),
                        err.decode("utf-8", "replace"))
        self.last = result
        assert not BROKEN.search(result.err), result
        return result

    def __call__(self, *args, limit=LIMIT, env=None, keep=False, input=None):
        """keep: run with the configuration file as it stands."""
        kw = dict(stdin=subprocess.PIPE) if input is not None else {}
        return self.finish(self.start(*args, env=env, keep=keep, **kw), limit,
                           input)

    def fresh(self):
        """Forgets configuration and state, as on another machine."""
        self.sections.clear()
        self._fresh = getattr(self, "_fresh", 0) + 1
        self.state = os.path.join(self.folder, "state%d" % self._fresh)

    def fetch(self, *args, code=0, **kw):
        """fetch --json, its exit code checked."""
        result = self("fetch", "--json", *args, **kw)
        assert result.code == code, result
        return result

    def queue(self):
        result = self("queue", "list", "--json")
        assert result.code == 0, result
        return result.json

    def on_terminal(self, *args, limit=LIMIT, answers=(), asked=None):
        """Runs on a pseudo-terminal; (exit code, all that was shown).
        answers: octets typed, each once the program asks something; asked:
        an event to be set then. Meanwhile: self.on_terminal_process, and what
        was .shown so far."""
        if self.sections:
            self.write()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.argv(args), env=self.environment({"TERM": "xterm"}),
            cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                0, termios.TIOCSCTTY, 0), **self._how())
        os.close(theirs)
        self.on_terminal_process = process
        shown, todo = b"", list(answers)
        self.shown = shown
        while True:
            ready, _, _ = select.select([ours], [], [], limit)
            if not ready:
                process.kill()
                break
            try:
                got = os.read(ours, 65536)
            except OSError:
                break
            if not got:
                break
            self.shown = shown = shown + got
            if re.search(rb"[]?:] ?$", shown):
                if asked:
                    asked.set()
                if todo:
                    os.write(ours, todo.pop(0))
        os.close(ours)
        process.wait(10)
        text = shown.decode("utf-8", "replace")
        assert not BROKEN.search(text), text
        return process.returncode, text
