"""Sink: an SMTP server that writes down all it sees and does as it is told.

It is the judge of most tests: what it logged as accepted was delivered, all
else was not. One thread per connection; a free port on loopback.

    sink = Sink()                                   # DATA, PIPELINING, 8BITMIME
    sink = Sink(chunking=True, tls="implicit", cert=(cert, key))
    sink.rule("rcpt", "451 4.7.1 later", match="ben@", times=2)
    sink.rule("dot", CUT)                           # stored, reply never sent
    sink.accepted                                   # [Message]
    sink.log                                        # [dict], in time order

A rule's stages: connect, ehlo, starttls, auth, xclient, mail, rcpt, data, bdat (refuse
a chunk), body (while octets of a message arrive), dot (the end of data, of a
BDAT LAST too), verdict (LMTP: of one recipient), rset, quit. What a rule does:
    "451 text"   answers so (several lines by \\n)
    CUT          closes without a reply; at dot after the message was stored
    RESET        the same by RST
    DROP         at dot: closes without having stored the message
    SILENCE      stores nothing, answers nothing, until the sink is closed
    MUTE         at dot: stored, no reply, the line stays open
    a callable   is called with it, may wait, and returns one of these or None
match is looked for in the line (mail, rcpt, auth, bdat) or the message (dot);
a callable gets it as octets.
"""
import base64
import hashlib
import os
import re
import socket
import ssl
import struct
import threading
import time

CUT, RESET, DROP, SILENCE, MUTE = ("<cut>", "<reset>", "<drop>", "<silence>",
                                   "<mute>")


class Message:
    """One message that reached its end of data here."""

    def __init__(self, conn, sender, rcpts, octets, acknowledged, params):
        self.conn, self.sender, self.rcpts = conn, sender, rcpts
        self.octets, self.acknowledged = octets, acknowledged
        self.params = params
        self.hash = hashlib.sha256(octets).hexdigest()
        m = re.search(rb"^Message-ID:[ \t\r\n]*(\S+)[ \t]*\r?$",
                      octets.partition(b"\r\n\r\n")[0], re.I | re.M)
        self.msgid = m[1].decode("latin-1") if m else None

    def __repr__(self):
        return "<%s to %s>" % (self.msgid, self.rcpts)


class _Rule:
    def __init__(self, stage, do, match, times):
        self.stage, self.do, self.match, self.times = stage, do, match, times

    def fits(self, stage, octets):
        if stage != self.stage or self.times == 0:
            return False
        if self.match is None:
            return True
        if callable(self.match):
            return bool(self.match(octets))
        want = self.match.encode() if isinstance(self.match, str) \
            else self.match
        return want in octets


class _Closed(Exception):
    pass


class Sink:
    def __init__(self, chunking=False, pipelining=True, size=None,
                 eightbit=True, smtputf8=True, enhanced=True, tls=None,
                 cert=None, auth=None, auth_clear=False, host="sink.test",
                 port=0, lmtp=False, path=None, xclient=None):
        """tls: None, "implicit", "starttls". auth: {user: password}, offered
        under TLS alone unless auth_clear. lmtp: RFC 2033, a verdict for each
        recipient; path: of a socket to listen at instead of a port. xclient: the
        attributes offered, as Postfix does: once in a connection; a Message
        has what was handed over as .client."""
        self.lmtp, self.path, self.xclient = lmtp, path, xclient
        self.chunking, self.pipelining, self.size = chunking, pipelining, size
        self.eightbit, self.smtputf8 = eightbit, smtputf8
        self.enhanced, self.tls, self.auth = enhanced, tls, auth
        self.auth_clear, self.host = auth_clear, host
        self.extra = []                    # further lines of the EHLO answer
        self.log, self.accepted, self._rules = [], [], []
        self.lock = threading.Condition()
        self._open, self._closing, self._conns = {}, False, 0
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self._listen(port)

    # -------------------------------------------------------------- control
    def _listen(self, port):
        if self.path:
            self._server = socket.socket(socket.AF_UNIX)
            if os.path.exists(self.path):
                os.unlink(self.path)
            self._server.bind(self.path)
            self._server.listen(512)
            self.port = 0
        else:
            self._server = socket.socket()
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._server.bind(("127.0.0.1", port))
            self._server.listen(512)
            self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._accept,
                                        args=(self._server,), daemon=True)
        self._thread.start()

    def rule(self, stage, do, match=None, times=None):
        with self.lock:
            self._rules.append(_Rule(stage, do, match, times))

    def forget_rules(self):
        with self.lock:
            self._rules = []

    def down(self):
        """Stops listening and cuts what is open; up() comes back there."""
        self._closing = True
        try:
            # close() alone leaves a thread that waits in accept() waiting
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.close()
        with self.lock:
            open_now = list(self._open.values())
            self.lock.notify_all()
        for s in open_now:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(10)

    close = down

    def up(self):
        self._closing = False
        self._listen(self.port)

    def wait(self, claim, what, limit=60):
        """Waits until claim(self) holds; wakes at every event."""
        end = time.monotonic() + limit
        with self.lock:
            while not claim(self):
                left = end - time.monotonic()
                if left <= 0 or not self.lock.wait(left):
                    raise RuntimeError("waited %d s for %s at the sink"
                                       % (limit, what))

    def events(self, event, **want):
        with self.lock:
            return [e for e in self.log if e["event"] == event and
                    all(e.get(k) == v for k, v in want.items())]

    def count(self):
        """{Message-ID: times stored}."""
        n = {}
        with self.lock:
            for m in self.accepted:
                n[m.msgid] = n.get(m.msgid, 0) + 1
        return n

    def quiet(self, limit=30):
        """Waits until no connection is open any more."""
        self.wait(lambda s: not s._open, "connections to end", limit)

    # ------------------------------------------------------------- machinery
    def note(self, conn, event, **more):
        with self.lock:
            self.log.append(dict(event=event, conn=conn,
                                 at=time.monotonic(), **more))
            self.lock.notify_all()

    def decide(self, stage, octets):
        do = self._found(stage, octets)
        return do(octets) if callable(do) else do

    def _found(self, stage, octets):
        with self.lock:
            for rule in self._rules:
                if rule.fits(stage, octets):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.do
        return None

    def _accept(self, server):
        while True:
            try:
                s, _ = server.accept()
            except OSError:
                return
            if self._closing:
                s.close()
                return
            if not self.path:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self._conns += 1
                number = self._conns
                self._open[number] = s
            threading.Thread(target=_Session(self, s, number).run,
                             daemon=True).start()

    def ended(self, number):
        with self.lock:
            self._open.pop(number, None)
            self.lock.notify_all()

    def silent(self):
        with self.lock:
            while not self._closing:
                self.lock.wait(1)
        raise _Closed("silence ended")


class _Session:
    def __init__(self, sink, sock, number):
        self.sink, self.sock, self.number = sink, sock, number
        self.secure = False
        self.user = None
        self.input = b""
        self.reset()

    client, greeted = "", False

    def reset(self):
        self.sender, self.rcpts, self.chunks, self.params = None, [], [], ""
        self.rcpt_params = []
        self.spoilt = False

    def note(self, event, **more):
        self.sink.note(self.number, event, **more)

    def run(self):
        why = "eof"
        try:
            # a local socket's other end has no name: "", and no [0]
            self.note("from", address=(self.sock.getpeername() or [""])[0])
            if self.sink.tls == "implicit":
                self.wrap()
            if self.answer("connect", b"",
                           "220 %s ESMTP" % self.sink.host)[0] == "2":
                while self.command():
                    pass
            why = "quit"
        except _Closed as e:
            why = str(e)
        except (OSError, ssl.SSLError) as e:
            why = type(e).__name__
        self.note("close", why=why)
        try:
            self.sock.close()
        except OSError:
            pass
        self.sink.ended(self.number)

    def wrap(self):
        self.sock = self.sink.context.wrap_socket(self.sock, server_side=True)
        self.secure = True

    # --------------------------------------------------------------- octets
    def more(self):
        got = self.sock.recv(1 << 18)
        if not got:
            raise _Closed("eof")
        self.input += got

    def line(self):
        at = self.input.find(b"\n")
        while at < 0:
            if len(self.input) > 1 << 20:
                raise _Closed("endless line")
            self.more()
            at = self.input.find(b"\n")
        line, self.input = self.input[:at + 1], self.input[at + 1:]
        return line.rstrip(b"\r\n")

    def say(self, reply):
        if isinstance(reply, bytes):
            return self.send(reply)
        lines = reply.split("\n")
        code = lines[0][:3]
        out = [code + "-" + l[4:] for l in lines[:-1]]
        out.append(code + " " + lines[-1][4:])
        self.send("".join(l + "\r\n" for l in out).encode(
            "utf-8", "surrogateescape"))

    def send(self, octets):
        """A peer that is gone gets no replies, but what it sent before is
        still read and judged."""
        try:
            self.sock.sendall(octets)
        except OSError:
            pass

    def act(self, do):
        """Carries out what is not a reply."""
        if do in (CUT, DROP):
            raise _Closed("cut")
        if do == RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            raise _Closed("reset")
        self.sink.silent()

    def answer(self, stage, octets, usual, **more):
        """The reply that was sent, by rule or as usual."""
        do = self.sink.decide(stage, octets)
        if do in (CUT, DROP, RESET, SILENCE, MUTE):
            self.note(stage, line=octets.decode("latin-1"), reply=do, **more)
            self.act(do)
        reply = usual if do is None else do
        self.say(reply)
        if isinstance(reply, bytes):
            reply = reply.decode("latin-1")
        self.note(stage, line=octets.decode("latin-1"), reply=reply, **more)
        if reply.startswith("421"):
            raise _Closed("421")
        return reply

    # ------------------------------------------------------------- commands
    def command(self):
        line = self.line()
        verb = line.split(b" ")[0].upper()
        if verb in ([b"LHLO"] if self.sink.lmtp else [b"EHLO", b"HELO"]):
            self.reset()
            self.greeted = True
            self.answer("ehlo", line, "\n".join(
                "250 " + w for w in self.offers()))
        elif verb == b"STARTTLS" and self.sink.tls == "starttls":
            if self.answer("starttls", line, "220 2.0.0 go")[0] == "2":
                self.input = b""
                self.wrap()
        elif verb == b"XCLIENT" and self.sink.xclient and not self.client:
            if self.answer("xclient", line, "220 anew")[0] == "2":
                self.client = line.decode().partition(" ")[2]
                self.user, self.greeted = None, False
        elif verb == b"MAIL" and not self.greeted:
            self.say("503 5.5.1 EHLO first")
        elif verb == b"AUTH" and self.sink.auth:
            self.authenticate(line)
        elif verb == b"MAIL":
            self.mail(line)
        elif verb == b"RCPT":
            self.rcpt(line)
        elif verb == b"DATA":
            self.data(line)
        elif verb == b"BDAT" and self.sink.chunking:
            self.bdat(line)
        elif verb == b"RSET":
            self.reset()
            self.answer("rset", line, "250 2.0.0 Ok")
        elif verb == b"NOOP":
            self.say("250 2.0.0 Ok")
        elif verb == b"QUIT":
            self.answer("quit", line, "221 2.0.0 Bye")
            return False
        else:
            self.note("unknown", line=line.decode("latin-1"))
            self.say("502 5.5.2 unknown")
        return True

    def offers(self):
        s = self.sink
        words = [s.host]
        words += ["PIPELINING"] if s.pipelining else []
        words += ["XCLIENT " + s.xclient] if s.xclient and \
            not self.client else []
        words += ["8BITMIME"] if s.eightbit else []
        words += ["SMTPUTF8"] if s.smtputf8 else []
        words += ["ENHANCEDSTATUSCODES"] if s.enhanced else []
        words += ["SIZE %d" % s.size] if s.size else []
        words += ["CHUNKING"] if s.chunking else []
        words += ["STARTTLS"] if s.tls == "starttls" and not self.secure \
            else []
        words += ["AUTH PLAIN LOGIN"] if s.auth and \
            (self.secure or s.auth_clear) else []
        return words + s.extra

    def authenticate(self, line):
        words = line.decode("latin-1").split()
        how = words[1].upper()
        if how == "PLAIN":
            first = words[2] if len(words) > 2 else self.ask("334 ")
            _, user, password = base64.b64decode(first).split(b"\0")
        else:
            user = base64.b64decode(
                words[2] if len(words) > 2 else self.ask("334 VXNlcm5hbWU6"))
            password = base64.b64decode(self.ask("334 UGFzc3dvcmQ6"))
        user, password = user.decode(), password.decode()
        good = self.sink.auth.get(user) == password
        # The secret stays out of the log, which tests print.
        reply = self.answer("auth", ("AUTH " + how).encode(),
                            "235 2.7.0 welcome" if good
                            else "535 5.7.8 wrong", user=user)
        if reply[0] == "2":
            self.user = user

    def ask(self, challenge):
        self.say(challenge)
        return self.line().decode("latin-1")

    def mail(self, line):
        m = re.match(rb"MAIL FROM:<([^>]*)>\s*(.*)$", line, re.I | re.S)
        usual = "250 2.1.0 Ok" if m else "501 5.5.4 syntax"
        if m and self.sender is not None:
            usual = "503 5.5.1 nested MAIL"
        if m and self.sink.auth and self.user is None:
            usual = "530 5.7.0 sign in first"
        sender = m[1].decode("latin-1") if m else None
        size = re.search(rb"SIZE=(\d+)", line, re.I)
        if size and self.sink.size and int(size[1]) > self.sink.size:
            usual = "552 5.3.4 too large"
        reply = self.answer("mail", line, usual, sender=sender)
        if reply[0] == "2":
            self.sender, self.rcpts, self.chunks = sender, [], []
            self.rcpt_params = []
            self.params = m[2].decode("latin-1")

    def rcpt(self, line):
        m = re.match(rb"RCPT TO:<([^>]*)>", line, re.I)
        usual = "250 2.1.5 Ok" if m else "501 5.5.4 syntax"
        if self.sender is None:
            usual = "503 5.5.1 MAIL first"
        rcpt = m[1].decode("latin-1") if m else None
        if self.answer("rcpt", line, usual, rcpt=rcpt)[0] == "2":
            self.rcpts.append(rcpt)
            self.rcpt_params.append(line.partition(b">")[2].strip().decode())

    def data(self, line):
        usual = "354 go" if self.rcpts else "554 5.5.1 no valid recipients"
        if self.answer("data", line, usual)[0] != "3":
            return
        body = b""
        while True:
            if body == b"" and self.input.startswith(b".\r\n"):
                self.input = self.input[3:]
                break
            at = self.input.find(b"\r\n.\r\n")
            if at >= 0:
                body, self.input = self.input[:at + 2], self.input[at + 5:]
                break
            self.arriving()
        octets = re.sub(rb"(^|\r\n)\.", rb"\1", body)
        self.end(octets)

    def bdat(self, line):
        words = line.split()
        left, last = int(words[1]), len(words) > 2
        do = self.sink.decide("bdat", line)
        self.note("bdat", line=line.decode("latin-1"), reply=do)
        while len(self.input) < left:
            self.arriving()
        chunk, self.input = self.input[:left], self.input[left:]
        if do in (CUT, DROP, RESET, SILENCE, MUTE):
            self.act(do)
        if do is not None or not self.rcpts or self.spoilt:
            self.spoilt = not last
            self.say(do or "503 5.5.1 no transaction")
            if last:
                self.reset()
            return
        self.chunks.append(chunk)
        if last:
            self.end(b"".join(self.chunks))
        else:
            self.say("250 2.0.0 %d octets" % left)

    def arriving(self):
        do = self.sink.decide("body", self.input)
        if do is not None:
            self.note("body", reply=do)
            self.act(do)
        self.more()

    def end(self, octets):
        message = Message(self.number, self.sender, list(self.rcpts), octets,
                          True, self.params)
        message.rcpt_params = list(self.rcpt_params)
        message.client = self.client
        do = self.sink.decide("dot", octets)
        reply = do or "250 2.0.0 Ok: kept as %s" % message.hash[:12]
        stored = do in (None, CUT, RESET, MUTE) or reply.startswith("2")
        message.acknowledged = reply.startswith("2")
        if stored:
            with self.sink.lock:
                self.sink.accepted.append(message)
        self.note("dot", hash=message.hash, msgid=message.msgid,
                  sender=message.sender, rcpts=message.rcpts, stored=stored,
                  size=len(octets), reply=reply)
        if do in (CUT, DROP, RESET, SILENCE, MUTE):
            self.act(do)
        self.reset()
        if self.sink.lmtp:
            self.verdicts(message, reply)
        else:
            self.say(reply)
        if reply.startswith("421"):
            raise _Closed("421")

    def verdicts(self, message, reply):
        """RFC 2033 4.2: one reply for each recipient that RCPT accepted."""
        message.rcpts, all_of_them = [], message.rcpts
        for rcpt in all_of_them:
            do = self.sink.decide("verdict", rcpt.encode())
            self.note("verdict", rcpt=rcpt, reply=do or reply,
                      msgid=message.msgid)
            if do in (CUT, DROP, RESET, SILENCE, MUTE):
                self.act(do)
            self.say(do or reply)
            if (do or reply).startswith("2"):
                message.rcpts.append(rcpt)


class Gate:
    """Holds a sink's answer to one end of data: .waits is set when that has
    come, and it is answered when .open is."""

    def __init__(self, sink):
        self.waits, self.open = threading.Event(), threading.Event()
        sink.rule("dot", self.hold, times=1)

    def hold(self, octets):
        self.waits.set()
        self.open.wait(60)
