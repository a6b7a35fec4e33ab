"""A hundred accounts, three destinations, and everything going wrong at once.

    chaos = Chaos(folder, dovecot, ca, seed)
    chaos.run(seconds)         # mail arrives, servers misbehave, we are killed
    chaos.settle()             # all is well again, until nothing moves
    chaos.account_for()        # each message, by three logs

The logs are the sources' (what they had, and have yet), ours (the ledger), and
the destinations' (what they accepted).
"""
import collections
import contextlib
import os
import random
import sqlite3
import time

from corpus import plain
from fakemail import Box, FakeImap, FakePop
from haul import Mailhaul, release
from places import DovecotBox, ids_of
from sink import CUT, DROP, RESET, Sink

POP, IMAP, REAL = 40, 40, 20
BUSY = (0, 74, 75)                # exit codes of a run that nobody killed
ROUNDS = 20


class Fate:
    """Dice that several threads throw; how often things go wrong."""

    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.calm = False
        self.counts = collections.Counter()

    def strikes(self, what, share):
        if self.calm or self.rnd.random() >= share:
            return False
        self.counts[what] += 1
        return True


class Source:
    """One account: what was ever put into its mailbox, and its server."""

    def __init__(self, name, keep, hold, server):
        self.name, self.keep, self.hold = name, keep, hold
        self.server, self.mails, self.bumps = server, {}, 0

    def put(self, mails):
        self.mails.update({ids_of(o): o for o in mails})
        if isinstance(self.server, DovecotBox):
            self.server.dovecot.put(self.name, mails)
        elif isinstance(self.server, FakePop):
            with self.server.lock:
                self.server.messages += [(ids_of(o).strip("<>"), o)
                                         for o in mails]
        else:
            with self.server.lock:
                for octets in mails:
                    self.server.boxes["INBOX"].add(octets)

    def left(self):
        if isinstance(self.server, DovecotBox):
            return self.server.left()
        if isinstance(self.server, FakePop):
            return {ids_of(o) for _, o in self.server.messages}
        return {ids_of(o)
                for o, _ in list(self.server.boxes["INBOX"].mail.values())}

    def renew(self):
        """Another UIDVALIDITY, other UIDs, the same mail."""
        with self.server.lock:
            old = self.server.boxes["INBOX"]
            new = Box([o for o, _ in old.mail.values()], old.validity + 1)
            self.server.boxes["INBOX"] = new
        self.bumps += 1

    def close(self):
        self.server.close()


class Chaos:
    def __init__(self, folder, dovecot, ca, seed):
        self.fate, self.rnd = Fate(seed), random.Random("%s driver" % seed)
        self.dovecot, self.ca = dovecot, ca
        self.haul = Mailhaul(folder, release())
        self.kills = self.runs = self.numbers = 0
        self.sinks = {"data": Sink(), "bdat": Sink(chunking=True),
                      "lmtp": Sink(lmtp=True)}
        for name, sink in self.sinks.items():
            self._worsen(sink)
            self.haul.delivery(name, server="%s://localhost:%d" % (
                "lmtp" if name == "lmtp" else "smtp", sink.port),
                to=self.rcpts(name))
        self.sources = [self._source(n) for n in range(POP + IMAP + REAL)]

    @staticmethod
    def rcpts(delivery):
        return ["one@office.test"] + ["two@office.test"] * \
            (delivery == "lmtp")

    def close(self):
        for one in [*self.sources, *self.sinks.values()]:
            one.close()

    # ------------------------------------------------------------ the world
    def _source(self, n):
        name, keep, hold = "c%d" % n, n % 3 == 0, n % 4 == 1
        how = dict(tls="none", user=name, keep=keep, first_run="all",
                   on_doubt="hold" if hold else None,
                   delivery=list(self.sinks)[n % len(self.sinks)])
        if n < POP:
            server, scheme = FakePop(), "pop3"
            self._worsen_pop(server)
        elif n < POP + IMAP:
            server, scheme = FakeImap(), "imap"
            self._worsen_imap(server)
        else:
            scheme = ("imaps", "pop3s")[n % 2]
            server = DovecotBox(self.dovecot, name, [], scheme)
            how.update(tls=None, tls_ca=self.ca.file)
        url = getattr(server, "url", None) or "%s://localhost:%d" % (
            scheme, server.port)
        self.haul.account(name, server=url, password=server.password, **how)
        return Source(name, keep, hold, server)

    def _worsen(self, sink):
        """4xx everywhere, lost lines before and behind the end of the data,
        stalls; and one message in forty is refused for good."""
        fate = self.fate

        def on(stage, do, share):
            sink.rule(stage, do, match=lambda octets: fate.strikes(
                "%s %s" % (stage, do[:3]), share))
        sink.rule("dot", "554 5.7.1 not this one", match=self.refused)
        sink.rule("dot", "never", match=self._stall)
        on("connect", "421 4.3.2 later", 0.01)
        on("mail", "451 4.3.0 later", 0.01)
        on("rcpt", "450 4.2.1 greylisted", 0.02)
        on("body", CUT, 0.01)
        for do, share in ((CUT, 0.02), (RESET, 0.02), (DROP, 0.02),
                          ("451 4.3.0 later", 0.02), ("421 4.7.0 bye", 0.01)):
            on("dot", do, share)
        on("verdict", "452 4.2.2 full", 0.03)

    @staticmethod
    def refused(octets):
        number = int(ids_of(octets).strip("<").split(".")[0])
        return number % 40 == 39

    def _stall(self, octets):
        if self.fate.strikes("stall", 0.002):
            time.sleep(0.5)               # the whole sink: its lock is held
        return False

    def _worsen_pop(self, server):
        fate = self.fate

        def ends(session, args):
            if fate.strikes("pop3 reset", 0.01):
                session.reset()
            if fate.strikes("pop3 cut", 0.01):
                octets = session.message(args)
                session.say(b"+OK\r\n" + octets[:len(octets) // 2])
                session.cut()
            return False

        def no(session, args):
            if fate.strikes("pop3 in use", 0.05):
                session.say(b"-ERR [IN-USE] locked\r\n")
                return True
            return False

        def quit_lost(session, args):
            if fate.strikes("pop3 quit lost", 0.1):
                session.do_QUIT(args)
                session.reset()
            if fate.strikes("pop3 quit not heard", 0.1):
                session.reset()
            return False
        server.on("RETR", ends)
        server.on("PASS", no)
        server.on("AUTH", no)
        server.on("QUIT", quit_lost)

    def _worsen_imap(self, server):
        fate = self.fate

        def fetch(session, tag, args):
            if fate.strikes("imap reset", 0.02):
                session.reset()
            if "BODY" in args and fate.strikes("imap cut", 0.02):
                session.say(b"* 1 FETCH (UID 1 BODY[] {90000}\r\nSubject: a")
                session.cut()
            return False

        def no(session, tag, args):
            if fate.strikes("imap no", 0.03):
                session.no(tag, "[UNAVAILABLE] later")
                return True
            return False

        def lost(session, tag, args):
            if fate.strikes("imap expunge lost", 0.1):
                session.do_UID_EXPUNGE(tag, args)
                session.reset()
            return False
        server.on("UID FETCH", fetch)
        server.on("SELECT", no)
        server.on("UID EXPUNGE", lost)

    # -------------------------------------------------------------- the run
    def arrive(self, count):
        """So much new mail, anywhere."""
        for _ in range(count):
            source = self.rnd.choice(self.sources)
            source.put([plain(self.numbers, source.name, size=self.rnd.choice(
                (200, 200, 3000, 40000)))])
            self.numbers += 1

    def names(self):
        return [s.name for s in self.sources]

    def once(self, kill):
        """One fetch of all accounts by name; kill: at some time."""
        process = self.haul.start("fetch", *self.names())
        self.runs += 1
        if kill:
            time.sleep(self.rnd.random() ** 2 * 4)
            process.kill()
        result = self.haul.finish(process, 300)
        killed = result.code == -9
        self.kills += killed
        if not killed and result.code not in BUSY:
            raise AssertionError(result)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.arrive(self.rnd.randint(20, 120))
            self.once(self.rnd.random() < 0.7)
            for source in self.rnd.sample(self.sources[POP:POP + IMAP], 4):
                if self.rnd.random() < 0.5:
                    source.renew()
            if self.rnd.random() < 0.5:
                self.release()

    def release(self):
        """What waits may go at once, but for doubts that are to be held."""
        held = {s.name for s in self.sources if s.hold}
        ids = [q["id"] for q in self.haul.queue()
               if q["state"] == "queued" or
               (q["state"] == "in_doubt" and q["account"] not in held)]
        for at in range(0, len(ids), 500):
            result = self.haul("queue", "retry", *ids[at:at + 500], "-y")
            if result.code != 0:
                raise AssertionError(result)
        return len(ids)

    def settle(self):
        self.fate.calm = True
        for _ in range(ROUNDS):
            waits = self.release()
            result = self.haul("fetch", "--json", *self.names())
            if result.code not in BUSY:
                raise AssertionError(result)
            if not waits and result.code == 0 and all(
                    a["fetched"] + a["delivered"] + a["deleted"] == 0
                    for a in result.json["accounts"]):
                return
        raise AssertionError("not quiet after %d rounds: %r"
                             % (ROUNDS, result))

    # ----------------------------------------------------------- the account
    def copies(self):
        counts = collections.Counter()
        for sink in self.sinks.values():
            for m in sink.accepted:
                for rcpt in m.rcpts:
                    counts[m.msgid, rcpt] += 1
        return counts

    def ledger(self):
        """{Message-ID: [(state, doubts, reason)]}."""
        rows = collections.defaultdict(list)
        path = os.path.join(self.haul.state, "ledger.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            for i, state, doubts, why in db.execute(
                    "select message_id, coalesce(s.state, q.state),"
                    " coalesce(s.doubts, q.doubts), coalesce(q.reason,"
                    " q.reply, '') from message left join queue q using (id)"
                    " left join settled s using (id)"):
                rows[i].append((state, doubts, why))
        return rows

    def account_for(self):
        """How many messages of each kind; AssertionError for one that has no
        explanation."""
        copies, ledger = self.copies(), self.ledger()
        kinds = collections.Counter()
        for n, source in enumerate(self.sources):
            delivery = list(self.sinks)[n % len(self.sinks)]
            left = source.left()
            for i in source.mails:
                counts = [copies[i, r] for r in self.rcpts(delivery)]
                kind = self.explain(source, i, counts, ledger[i], i in left)
                kinds[kind] += 1
        return kinds

    def explain(self, source, i, counts, rows, there):
        story = "%s of %s: %s copies, ledger %s, %s" % (
            i, source.name, counts, rows,
            "at its source" if there else "gone from its source")
        doubts = sum(d for _, d, _ in rows)
        if max(counts) > 1 + doubts:
            raise AssertionError("came again, unexplained: " + story)
        if source.hold and max(counts) > 1:
            raise AssertionError("came again, with hold: " + story)
        state = rows[-1][0] if rows else None
        if state == 3 and source.hold and there:
            return "in doubt, held"
        if state == 4 and rows[-1][2] and there:
            if not self.refused(source.mails[i]):
                raise AssertionError("held, and nobody refused: " + story)
            return "held"
        if min(counts) == 0 or state not in (5, 6):
            raise AssertionError("lost or forgotten: " + story)
        if source.keep != there and not (there and source.bumps):
            raise AssertionError("at the wrong place: " + story)
        return "repeated, explained" if max(counts) > 1 else "once"


