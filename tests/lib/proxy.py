"""Proxies: one of our own that does as it is told, and two real ones.

    proxy = Proxy("socks5", user="me", password="s3cret", names={"a.test": port})
    proxy.asked                      # [(host, port)], as it was asked
    proxy.secrets                    # what was given to sign in
    Proxy("http", answer=b"HTTP/1.1 403 No\\r\\n\\r\\n")    # in place of its own
    Proxy("http", answer=..., flood=b"x")               # again and again

Every name is this machine; names translates a host to a port of ours. behind:
octets put behind the answer, in the same segment. .url is what `proxy` wants.
"""
import base64
import os
import select
import shutil
import socket
import struct
import threading

from listener import Listener
from processes import Process, free_port, listens, until


def _quoted(text):
    return "".join(c if c.isalnum() else "%%%02X" % ord(c) for c in text)


class Proxy:
    def __init__(self, kind, user=None, password=None, names=None, answer=None,
                 behind=b"", flood=None):
        self.kind, self.user, self.password = kind, user, password
        self.names, self.answer = names or {}, answer
        self.behind, self.flood = behind, flood
        self.asked, self.secrets, self.connections = [], [], 0
        self.closing, self.lock = threading.Event(), threading.Lock()
        self.listener = Listener(self._serve)
        self.port = self.listener.port
        self.url = "%s://%s127.0.0.1:%d" % (
            kind, "%s:%s@" % (_quoted(user), _quoted(password)) if user
            else "", self.port)

    def close(self):
        self.closing.set()
        self.listener.close()

    def _serve(self, s):
        with self.lock:
            self.connections += 1
        try:
            with s:
                self._socks5(s) if self.kind == "socks5" else self._http(s)
        except (OSError, ValueError, IndexError, EOFError):
            pass

    @staticmethod
    def _exactly(s, n):
        octets = b""
        while len(octets) < n:
            more = s.recv(n - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def _say(self, s, octets):
        """False: that was not our own answer, and all there is to it."""
        s.sendall((octets if self.answer is None else self.answer)
                  + self.behind)
        while self.flood and not self.closing.is_set():
            s.sendall(self.flood)
        if self.answer is not None:
            s.recv(1)                           # until the client goes
        return self.answer is None

    def _socks5(self, s):
        version, n = self._exactly(s, 2)
        methods = self._exactly(s, n)
        if self.user:
            if 2 not in methods:
                s.sendall(b"\5\xff")
                return
            s.sendall(b"\5\2")
            _, n = self._exactly(s, 2)
            user = self._exactly(s, n)
            password = self._exactly(s, self._exactly(s, 1)[0])
            self.secrets.append((user.decode(), password.decode()))
            good = self.secrets[-1] == (self.user, self.password)
            s.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                return
        else:
            s.sendall(b"\5\0")
        _, _, _, kind = self._exactly(s, 4)
        if kind == 3:
            host = self._exactly(s, self._exactly(s, 1)[0]).decode()
        else:
            octets = self._exactly(s, 4 if kind == 1 else 16)
            host = socket.inet_ntop(socket.AF_INET if kind == 1
                                    else socket.AF_INET6, octets)
        port, = struct.unpack("!H", self._exactly(s, 2))
        far = self._reach(host, port)
        if far is None:
            s.sendall(b"\5\5\0\1\0\0\0\0\0\0")
        elif self._say(s, b"\5\0\0\1\0\0\0\0\0\0"):
            self._pump(s, far)

    def _http(self, s):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._exactly(s, 1)
        lines = head.decode().split("\r\n")
        verb, target, version = lines[0].split(" ")
        if verb != "CONNECT" or version != "HTTP/1.1":
            s.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            return
        given = [l[len("Proxy-Authorization: Basic "):] for l in lines
                 if l.startswith("Proxy-Authorization: Basic ")]
        if self.user:
            self.secrets += [tuple(base64.b64decode(g).decode()
                                   .split(":", 1)) for g in given]
            if (self.user, self.password) not in self.secrets[-1:]:
                s.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                          b"Proxy-Authenticate: Basic realm=\"x\"\r\n\r\n")
                return
        host, _, port = target.rpartition(":")
        far = self._reach(host.strip("[]"), int(port))
        if far is None:
            s.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        elif self._say(s, b"HTTP/1.1 200 Connection established\r\n\r\n"):
            self._pump(s, far)

    def _reach(self, host, port):
        self.asked.append((host, port))
        try:
            return socket.create_connection(
                ("127.0.0.1", self.names.get(host, port)), 10)
        except OSError:
            return None

    @staticmethod
    def _pump(a, b):
        with b:
            while True:
                for s in select.select([a, b], [], [])[0]:
                    octets = s.recv(65536)
                    if not octets:
                        return
                    (b if s is a else a).sendall(octets)


class Microsocks:
    """A SOCKS5 proxy (Debian: microsocks)."""

    program = shutil.which("microsocks")

    def __init__(self, folder, user, password):
        self.port = free_port()
        self.url = "socks5://%s:%s@127.0.0.1:%d" % (
            _quoted(user), _quoted(password), self.port)
        self.process = Process(
            [self.program, "-i", "127.0.0.1", "-p", str(self.port), "-u",
             user, "-P", password], os.path.join(folder, "microsocks"))
        until(lambda: listens(self.port), "microsocks", proc=self.process)

    def close(self):
        self.process.stop()


class Tinyproxy:
    """An HTTP proxy (Debian: tinyproxy-bin)."""

    program = shutil.which("tinyproxy")

    def __init__(self, folder, user, password, ports):
        self.port = free_port()
        self.url = "http://%s:%s@127.0.0.1:%d" % (
            _quoted(user), _quoted(password), self.port)
        conf = os.path.join(folder, "tinyproxy.conf")
        with open(conf, "w") as f:
            f.write("Port %d\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n"
                    "BasicAuth %s %s\n" % (self.port, user, password))
            f.writelines("ConnectPort %d\n" % p for p in ports)
        self.process = Process([self.program, "-d", "-c", conf],
                               os.path.join(folder, "tinyproxy"))
        until(lambda: listens(self.port), "tinyproxy", proc=self.process)

    def close(self):
        self.process.stop()
