"""POP3 and IMAP servers that misbehave on request. One thread per connection.

    pop = FakePop([("uidl-1", octets), ...], cert=ca.issue("fake"))
    imap = FakeImap({"INBOX": [octets, ...]}, cert=...)
    imap.on("SELECT", lambda session, tag, args: session.hang())

A hook gets the parsed command before the server's own answer and returns True
when it has dealt with it (IMAP: session, tag, arguments; POP3: session,
arguments). Sessions offer say(octets), hang() (silence until the server closes),
cut() (FIN), reset() (RST), flood(octets) (again and again until the client goes).
COMPRESS is known where .capability offers it; then raw() sends octets as they
are, and on_raw gets what came, before it is inflated.
cert None: no TLS; starttls=True: offered by STARTTLS or STLS in place of TLS from
the first octet. .commands holds what clients sent, secrets left out.
"""
import base64
import io
import re
import socket
import ssl
import struct
import threading
import zlib


class Gone(Exception):
    pass


class _Server:
    address = "127.0.0.1"

    def __init__(self, cert=None, starttls=False):
        self.starttls = starttls
        self.hooks, self.commands, self.sessions = {}, [], 0
        self.running = 0            # sessions that have not ended
        self.password = "s3cret-haul;z!"
        self.on_raw = lambda octets: None
        self.closing = threading.Event()
        self.lock = threading.RLock()
        self.context = None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self.server = socket.socket()
        self.server.bind((self.address, 0))
        self.server.listen(256)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, verb, hook):
        self.hooks[verb] = hook

    def close(self):
        self.closing.set()
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()

    def _accept(self):
        while not self.closing.is_set():
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sessions += 1
            with self.lock:
                self.running += 1
            threading.Thread(target=self._run, args=(s,),
                             daemon=True).start()

    def _run(self, s):
        try:
            self._serve(s)
        finally:
            with self.lock:
                self.running -= 1

    def _serve(self, s):
        session = None
        try:
            if self.hooks.get("connect") and self.hooks["connect"](s):
                return
            if self.context and not self.starttls:
                s = self.context.wrap_socket(s, server_side=True)
            session = self.session(self, s)
            session.secure = isinstance(s, ssl.SSLSocket)
            session.serve()
        except (Gone, OSError, ssl.SSLError, ValueError):
            pass
        finally:
            try:
                s = session.s if session else s
                if isinstance(s, ssl.SSLSocket) and session.polite:
                    s = s.unwrap()
            except (OSError, ssl.SSLError, ValueError):
                pass
            s.close()


class _Inflated(io.RawIOBase):
    def __init__(self, packed, on_raw):
        self.packed, self.on_raw = packed, on_raw
        self.inflate, self.ready = zlib.decompressobj(-15), b""

    def readable(self):
        return True

    def readinto(self, room):
        while not self.ready:
            more = self.packed.read1(65536)
            if not more:
                return 0
            self.on_raw(more)
            self.ready = self.inflate.decompress(more)
        n = min(len(room), len(self.ready))
        room[:n], self.ready = self.ready[:n], self.ready[n:]
        return n


class _Session:
    def __init__(self, server, s):
        self.server, self.s, self.polite = server, s, True
        self.input, self.deflate = s.makefile("rb"), None

    def say(self, octets):
        self.s.sendall(self.packed(octets) if self.deflate else octets)

    def packed(self, octets):
        return self.deflate.compress(octets) + \
            self.deflate.flush(zlib.Z_SYNC_FLUSH)

    def raw(self, octets):
        self.s.sendall(octets)

    def hang(self):
        """Silence, until the server is closed."""
        self.server.closing.wait()
        raise Gone

    def cut(self):
        """FIN, without TLS's farewell."""
        self.polite = False
        raise Gone

    def reset(self):
        self.polite = False
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
        raise Gone

    def flood(self, octets):
        while not self.server.closing.is_set():
            self.say(octets)
        raise Gone

    def wrap(self):
        """TLS from here on."""
        self.s = self.server.context.wrap_socket(self.s, server_side=True)
        self.input, self.secure = self.s.makefile("rb"), True

    def compress(self):
        """Raw DEFLATE both ways from here on."""
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.input = io.BufferedReader(_Inflated(self.input,
                                                 self.server.on_raw))

    def line(self):
        line = self.input.readline(1 << 20)
        if not line:
            raise Gone
        return line.rstrip(b"\r\n")


# ----------------------------------------------------------------------- POP3

class _PopSession(_Session):
    def serve(self):
        self.deleted = set()
        server = self.server
        hook = server.hooks.get("greeting")
        if not (hook and hook(self, [])):
            self.say(b"+OK ready\r\n")
        while True:
            words = self.line().decode("latin-1").split(" ")
            verb, args = words[0].upper(), words[1:]
            with server.lock:
                server.commands.append(
                    verb if verb in ("PASS", "AUTH") else " ".join(words))
            hook = server.hooks.get(verb)
            if hook and hook(self, args):
                continue
            getattr(self, "do_" + verb, self.unknown)(args)
            if verb == "QUIT":
                return

    def unknown(self, args):
        self.say(b"-ERR unknown\r\n")

    def do_CAPA(self, args):
        capa = list(self.server.capa)
        if self.server.starttls and not self.secure:
            capa.append("STLS")
        self.say(b"+OK\r\n" + b"".join(
            c.encode() + b"\r\n" for c in capa) + b".\r\n")

    def do_STLS(self, args):
        if not self.server.starttls:
            return self.unknown(args)
        self.say(b"+OK go\r\n")
        self.wrap()

    def do_USER(self, args):
        self.say(b"+OK\r\n")

    def do_PASS(self, args):
        good = " ".join(args) == self.server.password
        self.say(b"+OK\r\n" if good else b"-ERR [AUTH] wrong\r\n")

    def do_AUTH(self, args):
        first = args[1] if len(args) > 1 else None
        if first is None:
            self.say(b"+ \r\n")
            first = self.line().decode()
        password = base64.b64decode(first).split(b"\0")[2].decode()
        self.say(b"+OK\r\n" if password == self.server.password
                 else b"-ERR [AUTH] wrong\r\n")

    def boxes(self):
        return [(n, u, o) for n, (u, o) in
                enumerate(self.server.messages, 1)
                if n not in self.deleted]

    def do_STAT(self, args):
        box = self.boxes()
        self.say(b"+OK %d %d\r\n" % (len(box), sum(len(o)
                                                   for _, _, o in box)))

    def _list(self, args, show):
        if args:
            line = show(*self.boxes()[int(args[0]) - 1])
            self.say(b"+OK " + line + b"\r\n")
        else:
            self.say(b"+OK\r\n" + b"".join(
                show(*m) + b"\r\n" for m in self.boxes()) + b".\r\n")

    def do_LIST(self, args):
        self._list(args, lambda n, u, o: b"%d %d" % (n, len(o)))

    def do_UIDL(self, args):
        self._list(args, lambda n, u, o: b"%d %s" % (n, u.encode("latin-1")))

    def stuffed(self, octets):
        out = re.sub(rb"(^|\r\n)\.", rb"\1..", octets)
        return out + (b"" if out.endswith(b"\r\n") else b"\r\n") + b".\r\n"

    def message(self, args):
        n = int(args[0])
        if 1 <= n <= len(self.server.messages) and n not in self.deleted:
            return self.server.messages[n - 1][1]
        self.say(b"-ERR no such message\r\n")
        return None

    def do_RETR(self, args):
        octets = self.message(args)
        if octets is not None:
            self.say(b"+OK\r\n" + self.stuffed(octets))

    def do_TOP(self, args):
        octets = self.message(args)
        if octets is not None:
            self.say(b"+OK\r\n" + self.stuffed(
                octets.split(b"\r\n\r\n")[0] + b"\r\n\r\n"))

    def do_DELE(self, args):
        if self.message(args) is not None:
            self.deleted.add(int(args[0]))
            self.say(b"+OK\r\n")

    def do_NOOP(self, args):
        self.say(b"+OK\r\n")

    def do_RSET(self, args):
        self.deleted.clear()
        self.say(b"+OK\r\n")

    def do_QUIT(self, args):
        with self.server.lock:
            self.server.messages = [
                m for n, m in enumerate(self.server.messages, 1)
                if n not in self.deleted]
        self.say(b"+OK bye\r\n")


class FakePop(_Server):
    session = _PopSession

    def __init__(self, messages=(), cert=None, starttls=False):
        self.messages = list(messages)
        self.capa = ["UIDL", "USER", "TOP", "PIPELINING", "SASL PLAIN",
                     "RESP-CODES"]
        super().__init__(cert, starttls)


# ----------------------------------------------------------------------- IMAP

class Box:
    def __init__(self, messages=(), validity=1700000001):
        self.validity, self.next, self.mail = validity, 1, {}
        for octets in messages:
            self.add(octets)

    def add(self, octets, flags=()):
        self.mail[self.next] = (octets, set(flags))
        self.next += 1


def _uids(text, known):
    """The UIDs of a sequence set, with RFC 3501's rule for *."""
    out, top = set(), max(known, default=0)
    for part in text.split(","):
        ends = [top if e == "*" else int(e) for e in part.split(":")]
        out |= {u for u in known if min(ends) <= u <= max(ends)}
    return sorted(out)


class _ImapSession(_Session):
    def serve(self):
        self.box, self.writable = None, False
        hook = self.server.hooks.get("greeting")
        if not (hook and hook(self, "*", "")):
            self.say(b"* OK ready\r\n")
        while True:
            line = self.command()
            tag, _, rest = line.partition(" ")
            verb, _, args = rest.partition(" ")
            verb = verb.upper()
            if verb == "UID":
                sub, _, args = args.partition(" ")
                verb = "UID " + sub.upper()
            with self.server.lock:
                self.server.commands.append(
                    verb if verb in ("LOGIN", "AUTHENTICATE")
                    else verb + " " + args)
            hook = self.server.hooks.get(verb)
            if hook and hook(self, tag, args):
                continue
            name = "do_" + verb.replace(" ", "_")
            getattr(self, name, self.unknown)(tag, args)
            if verb == "LOGOUT":
                return

    def command(self):
        """A line with its literals put in as quoted strings."""
        line = self.line()
        while True:
            m = re.search(rb"\{(\d+)(\+?)\}$", line)
            if not m:
                return line.decode("latin-1")
            if not m[2]:
                self.say(b"+ go\r\n")
            literal = self.input.read(int(m[1]))
            line = line[:m.start()] + b'"' + literal + b'"' + self.line()

    def ok(self, tag, text="done"):
        self.say(("%s OK %s\r\n" % (tag, text)).encode())

    def no(self, tag, text="no"):
        self.say(("%s NO %s\r\n" % (tag, text)).encode())

    def unknown(self, tag, args):
        self.say(("%s BAD unknown\r\n" % tag).encode())

    def do_CAPABILITY(self, tag, args):
        words = list(self.server.capability)
        if self.server.starttls and not self.secure:
            words += ["STARTTLS", "LOGINDISABLED"]
        self.say(("* CAPABILITY %s\r\n" % " ".join(words)).encode())
        self.ok(tag)

    def do_STARTTLS(self, tag, args):
        if not self.server.starttls:
            return self.unknown(tag, args)
        self.ok(tag)
        self.wrap()

    def do_LOGIN(self, tag, args):
        good = args.rstrip().strip('"').endswith(self.server.password)
        self.ok(tag) if good else self.no(tag, "[AUTHENTICATIONFAILED] wrong")

    def do_AUTHENTICATE(self, tag, args):
        words = args.split()
        if len(words) < 2:
            self.say(b"+ \r\n")
            words.append(self.line().decode())
        password = base64.b64decode(words[1]).split(b"\0")[2].decode()
        self.ok(tag) if password == self.server.password else \
            self.no(tag, "[AUTHENTICATIONFAILED] wrong")

    def do_ID(self, tag, args):
        self.say(b"* ID NIL\r\n")
        self.ok(tag)

    def do_NOOP(self, tag, args):
        self.ok(tag)

    do_ENABLE = do_NOOP

    def do_COMPRESS(self, tag, args):
        if "COMPRESS=" + args not in self.server.capability:
            return self.unknown(tag, args)
        self.ok(tag)
        self.compress()

    def do_LIST(self, tag, args):
        for name, box in self.server.boxes.items():
            self.say(('* LIST (%s) "/" "%s"\r\n' % (
                self.server.attributes.get(name, ""), name)).encode())
            if "STATUS" in args.upper():
                self.status(name, box)
        self.ok(tag)

    def status(self, name, box):
        self.say(('* STATUS "%s" %s\r\n'
                  % (name, self.server.status(name, box))).encode())

    def do_STATUS(self, tag, args):
        name = args.split("(")[0].strip().strip('"')
        if name not in self.server.boxes:
            return self.no(tag, "[NONEXISTENT] no such folder")
        self.status(name, self.server.boxes[name])
        self.ok(tag)

    def do_SELECT(self, tag, args, how="READ-WRITE"):
        name = args.split("(")[0].strip().strip('"')
        box = self.server.boxes.get(name)
        if box is None:
            self.box = None
            self.no(tag, "[NONEXISTENT] no such folder")
            return
        self.box, self.writable = box, how == "READ-WRITE"
        uidnext = "* OK [UIDNEXT %d] x\r\n" % box.next \
            if self.server.select_uidnext else ""
        self.say(("* FLAGS (\\Seen \\Deleted)\r\n* %d EXISTS\r\n* 0 RECENT\r\n"
                  "* OK [UIDVALIDITY %d] x\r\n%s"
                  "* OK [PERMANENTFLAGS (\\Seen \\Deleted)] x\r\n"
                  % (len(box.mail), box.validity, uidnext)).encode())
        self.ok(tag, "[%s] selected" % how)

    def do_EXAMINE(self, tag, args):
        self.do_SELECT(tag, args, "READ-ONLY")

    def sequence(self, uid):
        return sorted(self.box.mail).index(uid) + 1

    def do_UID_FETCH(self, tag, args):
        what, _, items = args.partition(" ")
        body = "BODY" in items.upper()
        if self.box is None:
            return self.unknown(tag, args)
        with self.server.lock:
            uids = _uids(what, list(self.box.mail))
        if "*" in what and self.box.mail and not uids:
            uids = [max(self.box.mail)]
        for uid in uids:
            octets, flags = self.box.mail[uid]
            out = b"* %d FETCH (UID %d" % (self.sequence(uid), uid)
            if "FLAGS" in items.upper():
                out += b" FLAGS (%s)" % " ".join(sorted(flags)).encode()
            if "INTERNALDATE" in items.upper():
                out += b' INTERNALDATE "06-Jan-2025 10:00:00 +0000"'
            if "RFC822.SIZE" in items.upper():
                out += b" RFC822.SIZE %d" % len(octets)
            if "X-GM-MSGID" in items.upper():
                out += b" X-GM-MSGID %d" % (2 ** 60 + zlib.crc32(octets))
            if body and "HEADER" in items.upper():
                head = octets.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
                section = re.search(r"BODY(?:\.PEEK)?(\[[^]]*\])", items)[1]
                out += b" BODY%s {%d}\r\n%s" % (section.encode(), len(head),
                                                head)
            elif body:
                out += b" BODY[] {%d}\r\n%s" % (len(octets), octets)
            self.say(out + b")\r\n")
        self.ok(tag)

    def do_UID_STORE(self, tag, args):
        what, how, flags = args.split(" ", 2)
        names = set(flags.strip("()").split())
        for uid in _uids(what, list(self.box.mail)):
            held = self.box.mail[uid][1]
            if how[0] == "+":
                held |= names
            elif how[0] == "-":
                held -= names
        self.ok(tag)

    def do_CREATE(self, tag, args):
        name = args.strip().strip('"')
        if name in self.server.boxes:
            return self.no(tag, "[ALREADYEXISTS] there is one")
        self.server.boxes[name] = Box(validity=1700000777)
        self.ok(tag)

    def copy(self, args):
        """(COPYUID code or "", UIDs copied), or None: no such folder."""
        what, _, name = args.partition(" ")
        box = self.server.boxes.get(name.strip().strip('"'))
        if box is None:
            return None
        with self.server.lock:
            uids = _uids(what, list(self.box.mail))
            told = []
            for uid in uids:
                octets, flags = self.box.mail[uid]
                told.append(box.next)
                box.add(octets, flags)
        if not told or "UIDPLUS" not in self.server.capability:
            return "", uids
        return "[COPYUID %d %s %s]" % (
            box.validity, ",".join(map(str, uids)),
            ",".join(map(str, told))), uids

    def do_UID_COPY(self, tag, args):
        done = self.copy(args)
        if done is None:
            return self.no(tag, "[TRYCREATE] no such folder")
        self.ok(tag, done[0] + " copied")

    def do_UID_MOVE(self, tag, args):
        if "MOVE" not in self.server.capability:
            return self.unknown(tag, args)
        done = self.copy(args)
        if done is None:
            return self.no(tag, "[TRYCREATE] no such folder")
        if done[0]:
            self.say(("* OK %s moved\r\n" % done[0]).encode())
        for uid in done[1]:
            self.box.mail[uid][1].add("\\Deleted")
        self.expunge(done[1])
        self.ok(tag)

    def do_UID_SEARCH(self, tag, args):
        uids = sorted(self.box.mail)
        if "UNSEEN" in args.upper():
            uids = [u for u in uids if "\\Seen" not in self.box.mail[u][1]]
        if "UNDELETED" in args.upper():
            uids = [u for u in uids if "\\Deleted" not in self.box.mail[u][1]]
        elif "DELETED" in args.upper():
            uids = [u for u in uids if "\\Deleted" in self.box.mail[u][1]]
        if "IMAP4rev1" in self.server.capability:
            said = "SEARCH %s" % " ".join(map(str, uids))
        else:                           # RFC 9051 6.4.4
            said = 'ESEARCH (TAG "%s") UID%s' % (
                tag, uids and " ALL " + ",".join(map(str, uids)) or "")
        self.say(("* %s\r\n" % said).encode())
        self.ok(tag)

    def expunge(self, uids):
        for uid in sorted(uids):
            if uid in self.box.mail and \
                    "\\Deleted" in self.box.mail[uid][1]:
                self.say(b"* %d EXPUNGE\r\n" % self.sequence(uid))
                del self.box.mail[uid]

    def do_UID_EXPUNGE(self, tag, args):
        self.expunge(_uids(args, list(self.box.mail)))
        self.ok(tag)

    def do_EXPUNGE(self, tag, args):
        self.expunge(list(self.box.mail))
        self.ok(tag)

    def do_CLOSE(self, tag, args):
        self.do_EXPUNGE(tag, args)

    def do_LOGOUT(self, tag, args):
        self.say(b"* BYE\r\n")
        self.ok(tag)


class FakeImap(_Server):
    session = _ImapSession

    def __init__(self, boxes=None, cert=None, capability=(
            "IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "LITERAL+",
            "ID"), starttls=False):
        self.boxes = {name: Box(mails)
                      for name, mails in (boxes or {"INBOX": []}).items()}
        self.capability = list(capability)
        self.attributes = {}    # of folders: "\\Trash"
        self.select_uidnext = True
        self.status = lambda name, box: \
            "(MESSAGES %d UIDNEXT %d UIDVALIDITY %d)" % (
                len(box.mail), box.next, box.validity)
        super().__init__(cert, starttls)
