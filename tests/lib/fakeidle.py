"""An IMAP server with IDLE and without NOTIFY, scripted.

    server = Idle(most=2, how="limit")      # two sessions and no more
    server.rests_in("INBOX", "A")           # awaits that sessions rest there
    server.arrive("A", octets)              # new mail, told where one rests
"""
from fakemail import FakeImap, _ImapSession
from processes import until

FOLDERS = ["INBOX", "A", "B", "C", "D"]
CAPABILITY = ("IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "UNSELECT",
              "LITERAL+", "ID", "IDLE")


class _Session(_ImapSession):
    def serve(self):
        try:
            super().serve()
        finally:
            with self.server.lock:
                self.server.within.discard(self)

    def do_SELECT(self, tag, args, how="READ-WRITE"):
        with self.server.lock:
            super().do_SELECT(tag, args, how)
            self.known = len(self.box.mail)

    def tell(self):
        if len(self.box.mail) != self.known:
            self.known = len(self.box.mail)
            self.say(b"* %d EXISTS\r\n" % self.known)


class Idle(FakeImap):
    """IDLE without NOTIFY: it tells of the folder that is selected alone. At
    most `most` sessions are signed in; `how` the others are refused."""
    session = _Session

    def __init__(self, most=99, how="no", deaf=()):
        super().__init__({name: [] for name in FOLDERS},
                         capability=CAPABILITY)
        self.most, self.how, self.deaf = most, how, set(deaf)
        self.within, self.resting, self.refused = set(), {}, 0
        self.signed_in = 0
        self.on("AUTHENTICATE", self.sign_in)
        self.on("IDLE", self.idle)

    def sign_in(self, session, tag, args):
        with self.lock:
            if len(self.within) < self.most:
                self.within.add(session)
                self.signed_in += 1
                return False
            self.refused += 1
        if self.how == "bye":
            session.say(b"* BYE Maximum number of connections exceeded\r\n")
            session.cut()
        session.no(tag, "[LIMIT] Too many simultaneous connections"
                   if self.how == "limit" else "[AUTHENTICATIONFAILED] no")
        return True

    def idle(self, session, tag, args):
        name = next(n for n, b in self.boxes.items() if b is session.box)
        with self.lock:
            session.say(b"+ idling\r\n")
            self.resting[session] = name
            if name not in self.deaf:
                session.tell()
        try:
            assert session.line().upper() == b"DONE"
        finally:
            with self.lock:
                del self.resting[session]
        session.ok(tag)
        return True

    def arrive(self, name, octets):
        with self.lock:
            self.boxes[name].add(octets)
            for session, where in self.resting.items():
                if where == name and name not in self.deaf:
                    session.tell()

    def rests_in(self, *names):
        def there():
            with self.lock:
                return sorted(self.resting.values()) == sorted(names)
        until(there, "sessions at rest in %s" % (names,), 60)

    def cut(self, name):
        with self.lock:
            [session] = [s for s, n in self.resting.items() if n == name]
            session.s.shutdown(2)
