"""A running `mailhaul run`, and what its service manager hears.

    run = Run(haul, notify=Notify(path))
    run.wait("polled account=anna")         # its log, awaited
    assert run.stop().code == 0
"""
import os
import select
import signal
import socket
import threading
import time

from haul import BROKEN, Result


class Run:
    """A running `mailhaul run`; its log is read as it comes."""

    def __init__(self, haul, *args, env=None, notify=None):
        self.haul = haul
        self.notify = notify
        env = dict(env or {})
        if notify:
            env["NOTIFY_SOCKET"] = notify.name
        self.process = haul.start(*args, "run", env=env)
        self.text = ""
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in iter(self.process.stderr.readline, b""):
            with self.changed:
                self.text += line.decode("utf-8", "replace")
                self.changed.notify_all()
        with self.changed:
            self.text += "\0"
            self.changed.notify_all()

    def wait(self, words, since=0, limit=60):
        """Until the log has said so behind `since`; where it stands then."""
        end = time.monotonic() + limit
        with self.changed:
            while words not in self.text[since:]:
                left = end - time.monotonic()
                assert left > 0, "no %r in\n%s" % (words, self.text[-4000:])
                assert not self.text.endswith("\0"), self.text[-4000:]
                self.changed.wait(left)
            return self.text.index(words, since) + len(words)

    def kill_with(self, number):
        os.kill(self.process.pid, number)

    def stop(self, number=signal.SIGTERM, limit=60):
        self.kill_with(number)
        return self.end(limit)

    def end(self, limit=60):
        code = self.process.wait(limit)
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        result = Result(code, "", self.text)
        assert not BROKEN.search(self.text), result
        return result

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


class Notify:
    """What a service manager would hear."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.got = []

    def wait(self, words, limit=60):
        """The next message with these words."""
        end = time.monotonic() + limit
        while True:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.socket], [], [], max(left, 0))
            assert ready, "no %r in %r" % (words, self.got)
            self.got.append(self.socket.recv(4096).decode())
            if words in self.got[-1]:
                return self.got[-1]

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.got.append(self.socket.recv(4096).decode())

    def close(self):
        self.socket.close()


def arrived(sink, n, limit=60):
    sink.wait(lambda s: len(s.accepted) >= n, "%d messages" % n, limit)
