"""Where the mail of a Scene comes from and goes to, all with one face.

Sources: left() names what is there; those of fakes also give and take back
their whole state. Destinations: copies() counts {(Message-ID, recipient): n}.
"""
import copy
import os
import re
import shutil

from corpus import DROPPED
from fakemail import Box, FakeImap, FakePop
from processes import until
from sink import Sink

# kind: (window of a connection, DESIGN 1, P2; fields left out, INTERFACE 2)
KINDS = {"data": (1, DROPPED), "bdat": (8, DROPPED),
         "lmtp": (1, ("return-path",)), "lmtp-bdat": (8, ("return-path",)),
         "maildir": (None, ())}


TORN = "a torn file"    # what a destination holds and nobody can name


def ids_of(octets):
    return re.search(rb"Message-ID: (\S+)", octets[:2000])[1].decode()


# -------------------------------------------------------------------- sources

class DovecotBox:
    """One user's mailbox in a Dovecot that others use too."""

    def __init__(self, dovecot, user, mails, scheme):
        self.dovecot, self.user = dovecot, user
        dovecot.put(user, mails)
        self.url = "%s://localhost:%d" % (scheme, dovecot.ports[scheme])
        self.password = dovecot.password

    def files(self, *parts):
        """[(file name, Message-ID)] of the mailbox, or of a folder in it."""
        found = []
        for sub in ("cur", "new"):
            folder = self.dovecot.box(self.user, *parts, sub)
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        head = f.read(2000)
                except FileNotFoundError:          # renamed or just deleted
                    continue
                found.append((name, ids_of(head)))
        return found

    def left(self):
        return {i for _, i in self.files()}

    def moved(self):
        """[(Message-ID, marked as seen)] of the folder Done."""
        return [(i, "S" in name.partition(":2,")[2])
                for name, i in self.files(".Done")]

    def quiet(self):
        """It goes on with what it was told; that does no harm here."""

    def close(self):
        shutil.rmtree(os.path.join(self.dovecot.dir, "mail", self.user), True)


class _Fake:
    """A scripted server with one mailbox."""

    def __init__(self, server, scheme):
        self.server, self.password = server, server.password
        self.url = "%s://localhost:%d" % (
            scheme if server.context else scheme[:-1], server.port)

    def quiet(self):
        """Waits until it has dealt with all it was told."""
        until(lambda: not self.server.running, "the source's sessions to end")

    def close(self):
        self.server.close()


class PopBox(_Fake):
    """expire: what was fetched is gone with QUIT (EXPIRE 0)."""

    def __init__(self, mails, cert, scheme, expire):
        fake = FakePop([("u%d" % n, o) for n, o in enumerate(mails)], cert)
        super().__init__(fake, scheme)
        if expire:
            fake.capa.append("EXPIRE 0")
            fake.on("RETR", self._fetched)
            fake.on("QUIT", self._quit)

    @staticmethod
    def _fetched(session, args):
        session.do_RETR(args)
        session.fetched = getattr(session, "fetched", set()) | {int(args[0])}
        return True

    @staticmethod
    def _quit(session, args):
        session.deleted |= getattr(session, "fetched", set())
        return False

    def left(self):
        return {ids_of(o) for _, o in self.server.messages}

    def moved(self):
        return []

    def keep(self):
        return list(self.server.messages)

    def restore(self, kept):
        self.server.messages = list(kept)


class ImapBox(_Fake):
    def __init__(self, mails, cert, scheme):
        fake = FakeImap({"INBOX": mails}, cert)
        fake.capability.append("MOVE")
        super().__init__(fake, scheme)

    def left(self):
        return {ids_of(o)
                for o, _ in list(self.server.boxes["INBOX"].mail.values())}

    def moved(self):
        return [(ids_of(o), "\\Seen" in flags) for o, flags in
                self.server.boxes.get("Done", Box()).mail.values()]

    def keep(self):
        return copy.deepcopy(self.server.boxes)

    def restore(self, kept):
        self.server.boxes = copy.deepcopy(kept)


# --------------------------------------------------------------- destinations

class SmtpPlace:
    """A sink. several: two recipients, of whom one must wait at first, and by
    LMTP a third whose verdicts differ."""

    def __init__(self, kind, several):
        self.kind = kind
        lmtp = kind.startswith("lmtp")
        self.sink = Sink(chunking="bdat" in kind, lmtp=lmtp)
        self.rcpts = [kind + "@office.test"]
        if several or lmtp:
            self.rcpts.append("second@office.test")
        if several:
            self.sink.rule("rcpt", "451 4.2.1 later", match="second@", times=3)
        if several and lmtp:
            self.rcpts.append("third@office.test")
            self.sink.rule("verdict", "452 4.2.2 full", match="third@", times=3)
        self.settings = dict(
            server="%s://localhost:%d" % ("lmtp" if lmtp else "smtp",
                                          self.sink.port), to=self.rcpts)

    def quiet(self):
        self.sink.quiet()

    def cut(self):
        """How many connections ended without QUIT."""
        return len([e for e in self.sink.events("close")
                    if e["why"] != "quit"])

    def senders(self):
        return {e["sender"] for e in self.sink.events("mail")}

    def copies(self):
        counts = {}
        with self.sink.lock:
            for m in self.sink.accepted:
                for rcpt in m.rcpts:
                    key = m.msgid, rcpt
                    counts[key] = counts.get(key, 0) + 1
        return counts

    def octets(self):
        return [(m.msgid, m.octets) for m in self.sink.accepted]

    def keep(self):
        return list(self.sink.accepted), list(self.sink.log), [
            (r, r.times) for r in self.sink._rules]

    def restore(self, kept):
        with self.sink.lock:
            self.sink.accepted, self.sink.log = list(kept[0]), list(kept[1])
            for rule, times in kept[2]:
                rule.times = times

    def close(self):
        self.sink.close()


class MaildirPlace:
    """Two maildirs on the disk that suffers."""

    kind = "maildir"

    def __init__(self, disk):
        self.path = os.path.join(disk, "mail")
        os.mkdir(self.path)
        self.rcpts = ["one@office.test", "two@office.test"]
        self.settings = dict(server="maildir:%s/%%u" % self.path,
                             to=self.rcpts)

    def quiet(self):
        pass

    def cut(self):
        return 0

    def senders(self):
        return set()

    def _all(self):
        found = []
        for rcpt in self.rcpts:
            folder = os.path.join(self.path, rcpt.split("@")[0], "new")
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                with open(os.path.join(folder, name), "rb") as f:
                    found.append((rcpt, f.read().replace(b"\n", b"\r\n")))
        return found

    @staticmethod
    def _name(octets):
        m = re.search(rb"Message-ID: (\S+)", octets[:2000])
        return m[1].decode() if m else TORN

    def copies(self):
        counts = {}
        for rcpt, octets in self._all():
            key = self._name(octets), rcpt
            counts[key] = counts.get(key, 0) + 1
        return counts

    def octets(self):
        return [(self._name(o), o) for _, o in self._all()]

    def keep(self):
        pass

    def restore(self, kept):
        pass

    def close(self):
        pass


def source(scheme, user, mails, dovecot, cert, expire=False):
    """dovecot None: a fake with that certificate."""
    if dovecot:
        return DovecotBox(dovecot, user, mails, scheme)
    if scheme == "pop3s":
        return PopBox(mails, cert, scheme, expire)
    return ImapBox(mails, cert, scheme)


def destination(kind, disk, several):
    return MaildirPlace(disk) if kind == "maildir" else SmtpPlace(kind, several)


