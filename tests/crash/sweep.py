"""One kill, one judgement. See README.md for the rules.

A Scene is two mailboxes with mail (one POP3S, one IMAPS), two sinks (one that
takes DATA, one that takes BDAT) and a fresh state directory. It runs
`mailhaul fetch` under the shim, then again and again without, until nothing
is left to do, and judges what the sinks wrote down.
"""
import os
import re
import shutil
import struct
import subprocess

from corpus import expected, msgid, plain, strip
from haul import BROKEN, Mailhaul, release
from sink import Sink

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW = {"data": 1, "bdat": 8}          # DESIGN 1, P2
SIZES = [300] * 9 + [5000] * 7 + [90000] * 2
ROUNDS = 8


def build_shim(folder, name="shim"):
    path = os.path.join(folder, name + ".so")
    if not os.path.exists(path):
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", path,
                        os.path.join(HERE, name + ".c")], check=True)
    return path


class Count:
    """What the shim counted (struct count)."""

    def __init__(self, path):
        with open(path, "rb") as f:
            octets = f.read()
        (self.points, self.syncs, self.writes, self.sends, self.acted,
         self.faults) = struct.unpack("6Q", octets[:48])
        self.what = octets[48:248].split(b"\0")[0].decode("latin-1")


class Violation(AssertionError):
    """A promise broken, with what was seen."""


class Scene:
    def __init__(self, folder, dovecot, ca, name, swap=False, keep=False,
                 path=None, sizes=SIZES, moves=False):
        """swap: IMAP mail goes to the DATA sink and POP3 mail to BDAT.
        moves: IMAP mail is marked as seen and moved, not deleted."""
        self.moves = ("data" if swap else "bdat") if moves else None
        self.dovecot, self.name, self.keep = dovecot, name, keep
        self.folder = folder
        self.haul = m = Mailhaul(folder, path or release())
        m.state = os.path.join(os.path.realpath(folder), "state")
        self.sinks = {"data": Sink(), "bdat": Sink(chunking=True)}
        self.mail, self.route = {}, {}
        for kind, sink in self.sinks.items():
            m.delivery(kind, server="smtp://localhost:%d" % sink.port,
                       to=kind + "@office.test")
        schemes = ("imaps", "pop3s") if swap else ("pop3s", "imaps")
        for scheme, kind in zip(schemes, self.sinks):
            user = "%s.%s" % (name, kind)
            mails = [plain(n, user, size=size)
                     for n, size in enumerate(sizes)]
            dovecot.put(user, mails)
            m.account(kind, user=user, password=dovecot.password,
                      server="%s://localhost:%d"
                      % (scheme, dovecot.ports[scheme]),
                      tls_ca=ca.file, delivery=kind,
                      **(dict(mark_seen=True, move_to="Done")
                         if kind == self.moves else dict(keep=keep)))
            for n, octets in enumerate(mails):
                self.mail[msgid(n, user)] = octets
                self.route[msgid(n, user)] = kind
        self.doubted, self.history = set(), []
        self.sender_of = {
            i: re.search(rb"Return-Path: <([^>]*)>", o)[1].decode()
            for i, o in self.mail.items()}

    def close(self):
        for sink in self.sinks.values():
            sink.close()
        for kind in self.sinks:
            shutil.rmtree(os.path.join(self.dovecot.dir, "mail", "%s.%s"
                                       % (self.name, kind)), True)
        shutil.rmtree(self.folder, True)

    # ------------------------------------------------------------- running
    def under_shim(self, shim, power=False, **env):
        """fetch under the shim; returns (Result, Count). power: afterwards
        the state directory is what a power cut would have left."""
        count = os.path.join(self.folder, "count")
        if os.path.exists(count):
            os.unlink(count)
        env = {"SHIM_" + k.upper(): str(v) for k, v in env.items()}
        env.update(LD_PRELOAD=shim, SHIM_STATE=self.haul.state,
                   SHIM_COUNT=count)
        asan = self.haul.environment()["ASAN_OPTIONS"]
        env["ASAN_OPTIONS"] = asan + ":verify_asan_link_order=0"
        durable = os.path.join(self.folder, "durable")
        if power:
            os.mkdir(durable)
            env["SHIM_DURABLE"] = durable
        result = self.haul("fetch", "--json", env=env)
        self.look()
        if power and os.path.isdir(self.haul.state):
            power_cut(self.haul.state, durable)
        return result, Count(count)

    def without_memory(self, nomem, first, times):
        """fetch whose allocations fail from that one on, so many times;
        returns (Result, allocations, failures)."""
        count = os.path.join(self.folder, "nomem")
        result = self.haul("fetch", "--json", env=dict(
            LD_PRELOAD=nomem, NOMEM="%d:%d" % (first, times),
            NOMEM_COUNT=count))
        self.look()
        with open(count, "rb") as f:
            return (result, *struct.unpack("2Q", f.read()))

    def look(self):
        """Notes what the sinks saw of the first run."""
        for sink in self.sinks.values():
            sink.quiet()
        self.first_conns = {kind: self._cut_connections(sink)
                            for kind, sink in self.sinks.items()}
        self.seen_mail = {kind: {e["sender"] for e in sink.events("mail")}
                          for kind, sink in self.sinks.items()}

    @staticmethod
    def _cut_connections(sink):
        """How many connections ended without QUIT."""
        return len([e for e in sink.events("close") if e["why"] != "quit"])

    def recover(self):
        """Runs fetch and releases doubts until all is quiet."""
        for _ in range(ROUNDS):
            # by name: an account in backoff is tried at once
            result = self.haul("fetch", "--json", *self.sinks)
            if result.code not in (0, 75):
                raise Violation("fetch afterwards: %r" % result)
            queue = self.haul.queue()
            self.history.append((result.json, queue))
            self.doubted |= {q["message_id"] for q in queue
                             if q["state"] == "in_doubt"}
            if queue:
                r = self.haul("queue", "retry", "--all", "-y")
                if r.code != 0:
                    raise Violation("queue retry: %r" % r)
                continue
            if result.code == 0 and all(
                    a["fetched"] + a["delivered"] + a["deleted"] == 0
                    for a in result.json["accounts"]):
                if self.moves:       # what that moved is looked at once more
                    self.haul("fetch", "--json", *self.sinks)
                return
        raise Violation("not quiet after %d rounds: %r"
                        % (ROUNDS, self.history[-1]))

    # ------------------------------------------------------------ judgement
    def stored(self):
        counts = {}
        for sink in self.sinks.values():
            for i, n in sink.count().items():
                counts[i] = counts.get(i, 0) + n
        return counts

    def files(self, kind, *parts):
        """[(file name, Message-ID)] of the mailbox, or of a folder in it."""
        found = []
        for sub in ("cur", "new"):
            folder = self.dovecot.box("%s.%s" % (self.name, kind), *parts, sub)
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        head = f.read(2000)
                except FileNotFoundError:          # renamed or just deleted
                    continue
                found.append((name, re.search(rb"Message-ID: (\S+)",
                                              head)[1].decode()))
        return found

    def left(self, kind):
        """Message-IDs still in the mailbox."""
        return {i for _, i in self.files(kind)}

    def judge_moves(self):
        """Each is in the other folder, once, and marked."""
        moved = self.files(self.moves, ".Done")
        ids = sorted(i for _, i in moved)
        if ids != sorted(i for i in self.mail if self.route[i] == self.moves):
            raise Violation("not each moved once: %s" % ids)
        unseen = [n for n, _ in moved if "S" not in n.partition(":2,")[2]]
        if unseen:
            raise Violation("moved and not marked as seen: %s" % unseen)

    def judge_source(self):
        """Nothing left the source that no sink has."""
        stored = self.stored()
        for kind in self.sinks:
            gone = {i for i in self.mail if self.route[i] == kind} - \
                self.left(kind)
            if kind == self.moves:
                lost = sorted(gone - {i for _, i in
                                      self.files(kind, ".Done")})
                if lost:
                    raise Violation("neither here nor moved: %s" % lost)
            lost = sorted(i for i in gone if not stored.get(i))
            if lost:
                raise Violation("gone from the source, never delivered: %s"
                                % lost)
            if self.keep and gone and kind != self.moves:
                raise Violation("keep = yes, and gone: %s" % sorted(gone))

    def judge(self):
        """All rules, after recover()."""
        self.judge_source()
        stored = self.stored()
        missing = sorted(i for i in self.mail if not stored.get(i))
        if missing:
            raise Violation("never delivered: %s" % missing)
        repeated = {i for i, n in stored.items() if n > 1}
        if repeated - self.doubted:
            raise Violation("delivered again, and never in doubt: %s"
                            % sorted(repeated - self.doubted))
        if any(n > 2 for n in stored.values()):
            raise Violation("more than one repeat after one kill: %s" % stored)
        for kind, window in WINDOW.items():
            doubts = {i for i in self.doubted if self.route.get(i) == kind}
            most = window * self.first_conns[kind]
            if len(doubts) > most:
                raise Violation(
                    "%d in doubt by %s, %d connection(s) were open: %s" % (
                        len(doubts), kind, self.first_conns[kind],
                        sorted(doubts)))
            if kind == "data":
                unseen = {i for i in doubts if self.sender_of[i] not in
                          self.seen_mail[kind]}
                if unseen:
                    raise Violation("in doubt, and the sink saw no MAIL: %s"
                                    % sorted(unseen))
        if not self.keep:
            left = [i for kind in self.sinks for i in self.left(kind)]
            if left:
                raise Violation("delivered and still at the source: %s"
                                % left)
        if self.moves:
            self.judge_moves()
        for sink in self.sinks.values():
            for m in sink.accepted:
                if strip(m.octets) != expected(self.mail[m.msgid]):
                    raise Violation("%s arrived altered" % m.msgid)


def power_cut(state, durable):
    """Makes state what a power cut would have left of it."""
    key = _key(state)
    shutil.rmtree(state)
    os.mkdir(state, 0o700)
    _rebuild(durable, key, state)


def _key(path):
    """The name under which the shim keeps path (see durable_name)."""
    out = subprocess.run(["stat", "-c", "%i %W %w", path], check=True,
                         stdout=subprocess.PIPE, text=True).stdout.split()
    if out[1] == "0":
        return "%s-0-0" % out[0]
    nanoseconds = int(out[3].split(".")[1]) if "." in out[3] else 0
    return "%s-%s-%d" % (out[0], out[1], nanoseconds)


def _rebuild(durable, key, target):
    """Makes target what was durable of the folder known as key."""
    listing = os.path.join(durable, "list." + key)
    if not os.path.exists(listing):
        return
    with open(listing) as f:
        for line in f:
            kind, inner, name = line.rstrip("\n").split(" ", 2)
            if name.startswith("anchor"):
                continue    # it would give away that this is a copy
            path = os.path.join(target, name)
            if kind == "d":
                os.mkdir(path, 0o700)
                _rebuild(durable, inner, path)
            elif kind == "f":
                octets = os.path.join(durable, inner)
                if os.path.exists(octets):
                    shutil.copyfile(octets, path)
                else:
                    open(path, "wb").close()
                os.chmod(path, 0o600)


def one_kill(make, shim, at, how, power, slow=None):
    """A whole point of the sweep: kill, restart, judge. Returns Count, or
    None when the run ended before point `at`."""
    scene = make()
    try:
        more = dict(slow=slow) if slow else {}
        result, count = scene.under_shim(shim, power=power, at=at, how=how,
                                         **more)
        if not count.acted:
            return None
        where = "killed %s point %d (%s)%s%s" % (
            how, at, count.what, ", power cut" if power else "",
            ", slow " + slow if slow else "")
        assert result.code == -9, (where, result)
        assert not BROKEN.search(result.err)
        try:
            scene.judge_source()
            scene.recover()
            scene.judge()
        except Violation as e:
            raise Violation("%s: %s" % (where, e)) from None
        return count
    finally:
        scene.close()
