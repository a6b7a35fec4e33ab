"""Folders, ports and processes of the tests: free ports, temporary folders
that servers running as other users can read, and every process stopped by its
own pid."""
import os
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
_given = set()
_leaving = []                         # told to end, and not awaited


def free_port():
    """A port nobody listens on, never given twice by this process."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def until(claim, what, limit=30, proc=None):
    """Waits for claim() to become true and returns its value; fails loudly."""
    end = time.monotonic() + limit
    while True:
        value = claim()
        if value:
            return value
        if proc is not None and proc.poll() is not None:
            raise RuntimeError("%s: the process ended (%s)"
                               % (what, proc.returncode))
        if time.monotonic() > end:
            raise RuntimeError("waited %s s for %s" % (limit, what))
        time.sleep(0.02)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        return True
    except OSError:
        return False


class Folder:
    """A temporary folder, readable by all (servers drop privileges)."""

    def __init__(self, prefix="mailhaul-"):
        self.path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.path, 0o755)
        self._n = 0

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def new(self, name):
        """A fresh folder below; names repeat safely."""
        self._n += 1
        path = self("%s%d" % (name, self._n))
        os.mkdir(path)
        return path

    def remove(self):
        """Beside what comes next: tens of thousands of files."""
        while _leaving:
            _leaving.pop().stop()
        subprocess.Popen(["rm", "-rf", self.path], start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)


class Process:
    """One server process in the foreground, its output in a log file."""

    def __init__(self, argv, log, **kw):
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, **kw)
        self.pid = self.popen.pid

    def poll(self):
        return self.popen.poll()

    @property
    def returncode(self):
        return self.popen.returncode

    def leave(self):
        """It is told to end; Folder.remove() awaits that."""
        if self.popen.poll() is None:
            self.popen.terminate()
            _leaving.append(self)

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
