#!/usr/bin/env python3
"""A server that plays transcripts, over TCP or TLS, for POP3, IMAP and SMTP.

    fake.py [options] SCRIPT...      one connection per script, in that order

    --port N         listen on 127.0.0.1:N (default: any; printed as first line)
    --tls CERT KEY   TLS from the first octet; with a T line in the script: then
    --drip N         at most N octets in one write
    --cut N          close after N octets of a script were sent
    --stall N        send nothing more after N octets, until the client leaves
    --timeout S      give up when the client is silent for so long (default 30)
    --save FILE      what `C.` lines received is appended here

Exit 0: every C line came as written and nothing else. 1: it did not; standard
error says what, in the words of the script.

The lines of a transcript are described in tests/unit/proto/support_transcript.h.
Here S is sent, C awaited, T is the handshake, E closes; the rest (> = B # %) is
for others. More are known here only; C~ and C. for clients whose octets differ
from run to run:

    Z                octets pass through raw DEFLATE from here on (RFC 4978)

    C~ REGEX         one line that matches as a whole (without its CRLF)
    C.               octets up to and including CRLF . CRLF

A connection that was not closed by E waits for the client to close. From Python:

    with Fake([script, ...], cert=(file, key)) as fake:
        ... 127.0.0.1, fake.port ...
    fake.errors == []                            # once the block is left
"""
import argparse
import re
import socket
import ssl
import sys
import threading
import zlib

ESCAPES = {ord("r"): b"\r", ord("n"): b"\n", ord("t"): b"\t", ord("0"): b"\0",
           ord("\\"): b"\\"}
ESCAPE = re.compile(rb"\\(?:([rnt0\\])|x([0-9A-Fa-f]{2})|\*(\d+)\{([^{}]*)\})")


def unescape(text):
    def octets(m):
        if m.group(1):
            return ESCAPES[m.group(1)[0]]
        if m.group(2):
            return bytes([int(m.group(2), 16)])
        return unescape(m.group(4)) * int(m.group(3))
    return ESCAPE.sub(octets, text)


def octets_of(text):
    """The octets of an S or C line: CRLF, unless a lone backslash ends it."""
    tail = len(text) - len(text.rstrip(b"\\"))
    if tail % 2:
        return unescape(text[:-1])
    return unescape(text) + b"\r\n"


class Mismatch(Exception):
    pass


class Session:
    """One script on one connection."""

    def __init__(self, sock, path, options):
        self.sock, self.path, self.o = sock, path, options
        self.sent, self.got, self.number = 0, b"", 0
        self.inflate = self.deflate = None

    def wrong(self, want, got):
        raise Mismatch("%s:%d: wanted %r, got %r"
                       % (self.path, self.number, want, got))

    def read(self):
        """False at the end."""
        more = self.sock.recv(65536)
        self.got += self.inflate.decompress(more) if self.inflate else more
        return bool(more)

    def send(self, octets):
        for limit in (self.o.cut, self.o.stall):
            if limit is not None:
                octets = octets[:max(0, limit - self.sent)]
        if self.deflate:
            octets = self.deflate.compress(octets) + \
                self.deflate.flush(zlib.Z_SYNC_FLUSH)
        step = self.o.drip or max(len(octets), 1)
        for at in range(0, len(octets), step):
            self.sock.sendall(octets[at:at + step])
        self.sent += len(octets)
        if self.o.cut is not None and self.sent >= self.o.cut:
            raise EOFError
        if self.o.stall is not None and self.sent >= self.o.stall:
            while self.read():
                pass
            raise EOFError

    def take(self, n):
        taken, self.got = self.got[:n], self.got[n:]
        return taken

    def expect(self, octets):
        while len(self.got) < len(octets):
            if not octets.startswith(self.got) or not self.read():
                self.wrong(octets, self.got)
        got = self.take(len(octets))
        if got != octets:
            self.wrong(octets, got)

    def expect_like(self, regex):
        while b"\r\n" not in self.got:
            if not self.read():
                self.wrong(regex, self.got)
        line = self.take(self.got.index(b"\r\n") + 2)[:-2]
        if not re.fullmatch(regex, line):
            self.wrong(regex, line)

    def expect_message(self):
        end = b"\r\n.\r\n"
        while end not in self.got and not self.got.startswith(end[2:]):
            if not self.read():
                self.wrong(end, self.got[-20:])
        n = 3 if self.got.startswith(end[2:]) else self.got.index(end) + 5
        message = self.take(n)
        if self.o.save:
            with open(self.o.save, "ab") as f:
                f.write(message)

    def secure(self):
        if self.got:
            self.wrong("a TLS handshake", self.got)
        self.sock = self.o.context.wrap_socket(self.sock, server_side=True)

    def compress(self):
        if self.got:
            self.wrong("nothing before the answer to COMPRESS", self.got)
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)

    def line(self, line):
        mark, _, rest = line.partition(b" ")
        if mark == b"S":
            self.send(octets_of(rest))
        elif mark == b"C":
            self.expect(octets_of(rest))
        elif mark == b"C~":
            self.expect_like(rest)
        elif mark == b"C.":
            self.expect_message()
        elif mark == b"T":
            self.secure()
        elif mark == b"Z":
            self.compress()
        elif mark == b"E":
            raise EOFError
        elif not re.match(rb"#|%|>!?$|=$|B$|$", mark):
            raise Mismatch("%s:%d: not a line of a transcript: %r"
                           % (self.path, self.number, line))

    def play(self):
        with open(self.path, "rb") as f:
            lines = f.read().split(b"\n")
        if self.o.context and b"T" not in lines:
            self.secure()
        try:
            for self.number, line in enumerate(lines, 1):
                self.line(line)
            while not self.got and self.read():
                pass
            if self.got:
                self.wrong("nothing more", self.got)
        except EOFError:
            pass
        except (OSError, ssl.SSLError) as e:
            # a client may leave in any way once all was said
            if self.number < len(lines):
                raise Mismatch("%s:%d: %s" % (self.path, self.number, e))


class Fake:
    def __init__(self, scripts, cert=None, port=0, drip=None, cut=None,
                 stall=None, timeout=30, save=None):
        self.scripts, self.errors = list(scripts), []
        self.drip, self.cut, self.stall = drip, cut, stall
        self.timeout, self.save = timeout, save
        self.context = None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(timeout)
        self.port = self.listener.getsockname()[1]

    def serve(self):
        for path in self.scripts:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                self.errors.append("%s: nobody came" % path)
                break
            sock.settimeout(self.timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(sock, path, self)
            try:
                session.play()
            except (Mismatch, OSError) as e:
                self.errors.append(str(e))
            finally:
                try:
                    session.sock.close()
                except OSError:
                    pass
        self.listener.close()
        return not self.errors

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(self.timeout * 2)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), dest="cert")
    p.add_argument("--drip", type=int)
    p.add_argument("--cut", type=int)
    p.add_argument("--stall", type=int)
    p.add_argument("--timeout", type=float, default=30)
    p.add_argument("--save")
    p.add_argument("scripts", nargs="+", metavar="SCRIPT")
    fake = Fake(**vars(p.parse_args()))
    sys.stdout.write("%d\n" % fake.port)
    sys.stdout.flush()
    ok = fake.serve()
    for error in fake.errors:
        print(error, file=sys.stderr)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
