"""One kill, one judgement. See README.md for the rules.

A Scene is two mailboxes with mail (one POP3S, one IMAPS), two destinations
(places.py) and a disk with a fresh state directory. It runs `mailhaul fetch`
under the shim, then again and again without, until nothing is left to do, and
judges what the destinations wrote down.
"""
import os
import random
import re
import shutil
import struct
import subprocess

from corpus import expected, msgid, plain, strip
from disk import Disk, Keep
from haul import BROKEN, Mailhaul, release
from places import KINDS, destination, ids_of, source  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = [300] * 9 + [5000] * 7 + [90000] * 2
ROUNDS = 8


def build_shim(folder, name="shim"):
    path = os.path.join(folder, name + ".so")
    more = ["record.c"] if name == "shim" else []
    if not os.path.exists(path):
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", path,
                        *(os.path.join(HERE, c)
                          for c in [name + ".c"] + more)], check=True)
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
    def __init__(self, folder, dovecot, ca, name, kinds=("data", "bdat"),
                 swap=False, keep=False, path=None, sizes=SIZES, moves=False,
                 several=False, expire=False, hold=False, clear=False):
        """kinds: where POP3 mail goes to, and IMAP mail; swap: the other way.
        dovecot None: fake sources, whose state can be given back.
        moves: IMAP mail is marked as seen and moved, not deleted.
        several: recipients with fates of their own.
        expire: the POP3 server deletes what was fetched, at QUIT.
        hold: on_doubt = hold. clear: no TLS to the (fake) sources."""
        self.name, self.keep, self.hold, self.folder = name, keep, hold, folder
        self.disk = os.path.join(os.path.realpath(folder), "disk")
        os.mkdir(self.disk)
        self.haul = m = Mailhaul(folder, path or release())
        m.state = os.path.join(self.disk, "state")
        schemes = ("imaps", "pop3s") if swap else ("pop3s", "imaps")
        cert = None if dovecot or clear else ca.issue("fake")
        self.moves = dict(zip(schemes, kinds))["imaps"] if moves else None
        self.expire = dict(zip(schemes, kinds))["pop3s"] if expire else None
        self.places, self.sources, self.mail, self.route = {}, {}, {}, {}
        for scheme, kind in zip(schemes, kinds):
            place = destination(kind, self.disk, several)
            self.places[kind] = place
            m.delivery(kind, **place.settings)
            user = "%s.%s" % (name, kind)
            mails = [plain(n, user, size=size)
                     for n, size in enumerate(sizes)]
            box = source(scheme, user, mails, dovecot, cert, expire)
            self.sources[kind] = box
            acts = dict(mark_seen=True, move_to="Done") \
                if kind == self.moves else dict(keep=keep)
            m.account(kind, user=user, password=box.password, server=box.url,
                      delivery=kind, **acts,
                      **(dict(tls="none") if clear else dict(tls_ca=ca.file)),
                      on_doubt="hold" if hold else None)
            for n, octets in enumerate(mails):
                self.mail[msgid(n, user)] = octets
                self.route[msgid(n, user)] = kind
        self.doubted, self.history = set(), []
        self.sender_of = {
            i: re.search(rb"Return-Path: <([^>]*)>", o)[1].decode()
            for i, o in self.mail.items()}

    def close(self):
        for one in [*self.places.values(), *self.sources.values()]:
            one.close()
        shutil.rmtree(self.folder, True)

    # ------------------------------------------------------------- running
    def under_shim(self, shim, power=False, seen=None, **env):
        """fetch under the shim; returns (Result, Count). power: afterwards
        the disk is what a power cut would have left. seen: is told of all
        that was on record (disk.py)."""
        count = os.path.join(self.folder, "count")
        log = os.path.join(self.folder, "record")
        for path in (count, log):
            if os.path.exists(path):
                os.unlink(path)
        env = {"SHIM_" + k.upper(): str(v) for k, v in env.items()}
        env.update(LD_PRELOAD=shim, SHIM_STATE=self.disk, SHIM_COUNT=count)
        asan = self.haul.environment()["ASAN_OPTIONS"]
        env["ASAN_OPTIONS"] = asan + ":verify_asan_link_order=0"
        if power:
            self.before = Disk(self.disk)
            env["SHIM_RECORD"] = log
        result = self.haul("fetch", "--json", env=env)
        self.look()
        if power:
            self.before.replay(log, *([seen] if seen else []))
            self.cut_power(Keep())
        return result, Count(count)

    def cut_power(self, keep):
        """The disk is what is left of the run before, by keep."""
        shutil.rmtree(self.disk)
        os.mkdir(self.disk)
        self.before.image(self.disk, keep)

    def snapshot(self):
        """What restore() brings back: sources and destinations as they are."""
        both = [*self.sources.values(), *self.places.values()]
        return [(one, one.keep()) for one in both]

    def restore(self, kept):
        for one, state in kept:
            one.restore(state)
        self.doubted, self.history = set(), []

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
        """Notes what the destinations saw of the first run."""
        for one in [*self.places.values(), *self.sources.values()]:
            one.quiet()
        self.cut = {k: place.cut() for k, place in self.places.items()}
        self.seen_mail = {k: place.senders()
                          for k, place in self.places.items()}
        self.gone_then = {i for kind in self.sources
                          for i in self.gone(kind) if kind != self.expire}

    def gone(self, kind):
        """What is not in that source's mailbox any more."""
        return {i for i in self.mail if self.route[i] == kind} - \
            self.sources[kind].left()

    def recover(self):
        """Runs fetch and releases doubts until all is quiet."""
        self.released = False
        for _ in range(ROUNDS):
            # by name: an account in backoff is tried at once
            result = self.haul("fetch", "--json", *self.places)
            if result.code not in (0, 75):
                raise Violation("fetch afterwards: %r" % result)
            queue = self.haul.queue()
            self.history.append((result.json, queue))
            self.doubted |= {q["message_id"] for q in queue
                             if q["state"] == "in_doubt"}
            if self.hold and not self.released:
                self.judge_once()
            if queue:
                self.released = True
                r = self.haul("queue", "retry", "--all", "-y")
                if r.code != 0:
                    raise Violation("queue retry: %r" % r)
                continue
            if result.code == 0 and all(
                    a["fetched"] + a["delivered"] + a["deleted"] == 0
                    for a in result.json["accounts"]):
                if self.moves:       # what that moved is looked at once more
                    self.haul("fetch", "--json", *self.places)
                return
        raise Violation("not quiet after %d rounds: %r"
                        % (ROUNDS, self.history[-1]))

    # ------------------------------------------------------------ judgement
    def copies(self):
        """{(Message-ID, recipient): times delivered}, all there should be."""
        counts = {(i, rcpt): 0 for i, kind in self.route.items()
                  for rcpt in self.places[kind].rcpts}
        for place in self.places.values():
            counts.update(place.copies())
        return counts

    def delivered(self):
        """Message-IDs that all their recipients have."""
        counts = self.copies()
        return set(self.mail) - {i for (i, _), n in counts.items() if not n}

    def judge_once(self):
        """P3: with on_doubt = hold nothing comes twice by itself."""
        twice = {i for (i, _), n in self.copies().items() if n > 1}
        if twice:
            raise Violation("twice with on_doubt = hold: %s" % twice)

    def judge_moves(self):
        """Each is in the other folder, once, and marked."""
        moved = self.sources[self.moves].moved()
        ids = sorted(i for i, _ in moved)
        if ids != sorted(i for i in self.mail if self.route[i] == self.moves):
            raise Violation("not each moved once: %s" % ids)
        unseen = [i for i, seen in moved if not seen]
        if unseen:
            raise Violation("moved and not marked as seen: %s" % unseen)

    def judge_source(self):
        """Nothing left the source that its destination has not."""
        delivered = self.delivered()
        for kind, box in self.sources.items():
            gone = self.gone(kind)
            if kind == self.moves:
                lost = sorted(gone - {i for i, _ in box.moved()})
                if lost:
                    raise Violation("neither here nor moved: %s" % lost)
            lost = sorted(gone - delivered)
            if lost and kind != self.expire:
                raise Violation("gone from the source, never delivered: %s"
                                % lost)
            if self.keep and gone and kind not in (self.moves, self.expire):
                raise Violation("keep = yes, and gone: %s" % sorted(gone))

    def judge(self):
        """All rules, after recover()."""
        self.judge_source()
        missing = sorted(set(self.mail) - self.delivered())
        if missing:
            raise Violation("never delivered: %s" % missing)
        self._judge_repeats()
        for kind in self.places:
            self._judge_doubts(kind)
        if self.doubted & self.gone_then:
            raise Violation("had left the source, and was in doubt: %s"
                            % sorted(self.doubted & self.gone_then))
        if not self.keep:
            left = [i for box in self.sources.values() for i in box.left()]
            if left:
                raise Violation("delivered and still at the source: %s"
                                % left)
        if self.moves:
            self.judge_moves()
        for kind, place in self.places.items():
            for i, octets in place.octets():
                if i not in self.mail:
                    raise Violation("%s holds what nobody sent: %s"
                                    % (kind, i))
                if strip(octets) != expected(self.mail[i], KINDS[kind][1]):
                    raise Violation("%s arrived altered" % i)

    def _judge_repeats(self):
        counts = self.copies()
        repeated = {i for (i, _), n in counts.items() if n > 1}
        if repeated - self.doubted:
            raise Violation("delivered again, and never in doubt: %s"
                            % sorted(repeated - self.doubted))
        if any(n > 2 for n in counts.values()):
            raise Violation("more than one repeat after one kill: %s" % counts)
        twice = [i for i in repeated if self.route[i] == "maildir"]
        if twice:
            raise Violation("twice in a maildir: %s" % twice)

    def _judge_doubts(self, kind):
        doubts = {i for i in self.doubted if self.route.get(i) == kind}
        window = KINDS[kind][0]
        if window is None:
            return
        if len(doubts) > window * self.cut[kind]:
            raise Violation(
                "%d in doubt by %s, %d connection(s) were open: %s" % (
                    len(doubts), kind, self.cut[kind], sorted(doubts)))
        if window == 1:
            unseen = {i for i in doubts
                      if self.sender_of[i] not in self.seen_mail[kind]}
            if unseen:
                raise Violation("in doubt, and the sink saw no MAIL: %s"
                                % sorted(unseen))


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


def one_cut(make, shim, at, how, images, seed, slow=None, **env):
    """A power cut at a point, and so many images of what it may have left,
    each restarted and judged. Returns Count, or None as one_kill. env: more
    for the shim."""
    scene = make()
    try:
        more = dict(env, slow=slow) if slow else env
        result, count = scene.under_shim(shim, True, at=at, how=how, **more)
        if not count.acted:
            return None
        assert not BROKEN.search(result.err)
        kept = scene.snapshot()
        for n in range(images):
            keep = Keep.draw(random.Random("%s %s %s %s" % (seed, at, how, n)))
            what = "power cut %s point %d (%s), seed %s, image %d (%s)" % (
                how, at, count.what, seed, n, keep)
            scene.restore(kept)
            scene.cut_power(keep)
            try:
                scene.judge_source()
                scene.recover()
                scene.judge()
            except Violation as e:
                raise Violation("%s: %s" % (what, e)) from None
        return count
    finally:
        scene.close()
