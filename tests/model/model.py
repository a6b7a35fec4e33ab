#!/usr/bin/python3
"""The life of a message between source, ledger and destination (spool/README.md,
"States"), as a model small enough to try all that can happen.

    tests/model/model.py            the program as it is, then each mutant
    tests/model/model.py -v         and the way to each mutant's violation

A state is what each message is at its source, in the ledger, on the wire and at
its destination, and how many faults are left. From each state every step is
tried that the program, the servers or fate may take next, in any order: several
messages share one connection's window; the line may be lost, the process be
killed, the power be cut (what was not synced is gone) between any two steps. In
every state that comes up must hold:

P1  no message is lost: one that its source has no more was accepted, or its body
    is safe in the queue; and it leaves its source only once the ledger has its
    delivery for sure (a source that deletes what was fetched: once it is queued);
P2  it is accepted twice only with a doubt on record for each time too many, and
    one fault puts no more than a window of messages in doubt;
P3  with on_doubt = hold it is accepted once at most;
END when nothing can go on, each message is delivered, held or in doubt with hold.

The steps bear the names of spool/README.md's table; tests/crash/test_trace.py
shows that what the program does is a path of this model.
"""
import argparse
import collections
import os
import sys
import time

# A message: what is at the source (1 there, 0 gone); its body (0 none, 1 written,
# 2 synced); its state in the ledger as the process sees it, and as it is on the
# disk; on the wire; times accepted; doubts on record; 1: its TX1 is out.
Message = collections.namedtuple("Message",
                                 "src body row disk wire got doubts put")
NEW, SPOOLED, SENDING, DOUBT, HELD, DELIVERED, GONE = (
    "NEW", "SPOOLED", "SENDING", "DOUBT", "HELD", "DELIVERED", "GONE")
FRESH = Message(1, 0, NEW, NEW, "-", 0, 0, 0)
QUEUED = (SPOOLED, SENDING, DOUBT, HELD)

# wire: - nothing; offered: MAIL and RCPT; ended: the end of its data is on the
# way; yes later no: the answer is; Yes Later No: it was read; Lost: the line was
# lost behind the end of the data; Unsent: before it.
ANSWERS = {"yes": "Yes", "later": "Later", "no": "No"}
RESULTS = {"Yes": DELIVERED, "Later": SPOOLED, "No": HELD, "Lost": DOUBT,
           "Unsent": SPOOLED}

MUTANTS = {
    # one rule taken out: where, and the promise that must break
    "mark before the reply": (dict(), "P1"),
    "delete before the commit": (dict(), "P1"),
    "TX3 after the delete": (dict(), "P1"),
    "no SENDING row": (dict(hold=True), "P3"),
    "no SENDING row, resend": (dict(), "P2"),
    "body not synced": (dict(expire=True), "P1"),
    "QUIT before TX1": (dict(expire=True), "P1"),
    "a whole batch SENDING": (dict(window=1), "P2"),
    "slot free before TX3": (dict(window=1), "P2"),
    "commits not synced": (dict(keep=True), "P2"),
    "SENDING taken for SPOOLED": (dict(), "P2"),
    "doubt resent with hold": (dict(hold=True), "P3"),
    "lost line taken for unsent": (dict(), "P2"),
}


class Violation(Exception):
    pass


class Model:
    def __init__(self, messages=2, window=1, kills=1, cuts=1, losses=1,
                 keep=False, expire=False, hold=False, mutant=""):
        """expire: the source deletes at QUIT what was fetched (POP3)."""
        self.n, self.window = messages, window
        self.kills, self.cuts, self.losses = kills, cuts, losses
        self.keep, self.expire, self.hold = keep, expire, hold
        self.mutant = mutant.replace(", resend", "")

    def start(self):
        return (FRESH,) * self.n, self.kills, self.cuts, self.losses

    # ------------------------------------------------- steps of one message
    def commit(self, m, row, **more):
        """A COMMIT is one step: it is on the disk, or it did not happen."""
        loose = self.mutant == "commits not synced" or \
            (self.mutant == "delete before the commit" and row == DELIVERED)
        return m._replace(row=row, disk=m.disk if loose else row, **more)

    def room(self, state):
        early = self.mutant == "slot free before TX3"
        free = ("-", "Yes", "Later", "No") if early else ("-",)
        return sum(m.wire not in free for m in state) < self.window

    def steps(self, m, room):
        """(name, message afterwards) of all it can do without a fault."""
        yield from self.fetching(m, room)
        yield from self.sending(m, room)
        yield from self.at_source(m)
        if m.disk != m.row:
            yield "sync", m._replace(disk=m.row)

    def fetching(self, m, room):
        if m.src and m.row == NEW and not m.put:
            yield "fetch", m._replace(put=1, body=1)
            if room:
                yield "fetch", m._replace(put=1, body=1, wire="offered")
        if m.put:
            body = 1 if self.mutant == "body not synced" else 2
            rows = {SPOOLED} if m.wire == "-" else {SPOOLED, SENDING}
            if self.mutant == "a whole batch SENDING":
                rows = {SENDING}
            for row in rows:
                yield "TX1", self.commit(m, row, put=0, body=body)

    def sending(self, m, room):
        again = not self.hold or self.mutant == "doubt resent with hold"
        if not m.put and m.wire == "-" and room and (
                m.row == SPOOLED or (m.row == DOUBT and again) or
                (m.row == SENDING and
                 self.mutant == "a whole batch SENDING")):
            yield "offer", m._replace(wire="offered")
        unmarked = self.mutant == "no SENDING row"
        if m.wire == "offered" and m.row in (SPOOLED, DOUBT) and not m.put \
                and not unmarked:
            yield "TX2", self.commit(m, SENDING)
        if m.wire == "offered" and (
                m.row == SENDING or
                (unmarked and m.row in QUEUED and not m.put)):
            yield "end", m._replace(wire="ended")
        if m.wire == "ended":
            yield "accept", m._replace(wire="yes", got=m.got + 1)
            yield "defer", m._replace(wire="later")
            yield "refuse", m._replace(wire="no")
            if self.mutant == "mark before the reply" and m.row == SENDING:
                yield "TX3", self.commit(m, DELIVERED)
        if m.wire in ANSWERS:
            yield "reply", m._replace(wire=ANSWERS[m.wire])
        if m.wire in RESULTS and not m.put:
            row = RESULTS[m.wire]
            if self.mutant == "lost line taken for unsent" and row == DOUBT:
                row = SPOOLED
            yield "TX3", self.commit(
                m, row, wire="-", doubts=m.doubts + (row == DOUBT),
                body=0 if row == DELIVERED else m.body)

    def at_source(self, m):
        due = m.row == DELIVERED
        if self.mutant == "TX3 after the delete":
            due = m.wire == "Yes"
        if m.src and due and not self.keep:
            if m.disk != DELIVERED:
                raise Violation("P1: deleted, and the ledger has it as %s"
                                % m.disk)
            yield "delete", m._replace(src=0)
        if not m.src and m.row == DELIVERED:
            yield "TX4", self.commit(m, GONE)

    # ------------------------------------------------------ what hits them all
    def quit(self, state):
        """A POP3 server that deletes at QUIT what was fetched."""
        if not self.expire or all(m.row == NEW and not m.put for m in state):
            return None
        if any(m.put for m in state) and self.mutant != "QUIT before TX1":
            return None
        after = tuple(m._replace(src=0) if m.row != NEW or m.put else m
                      for m in state)
        return after if after != state else None

    @staticmethod
    def arrivals(state):
        """What is on the way at the end of a line arrives, or does not."""
        out = [()]
        for m in state:
            ways = [m]
            if m.wire == "ended":
                ways.append(m._replace(got=m.got + 1))
            out = [o + (way,) for o in out for way in ways]
        return out

    def line_lost(self, state):
        def after(m):
            if m.wire in ("ended", "yes", "later", "no"):
                return m._replace(wire="Lost")
            if m.wire == "offered":
                return m._replace(wire="Unsent" if m.row == SENDING else "-")
            return m
        return tuple(map(after, state))

    def restarted(self, state, power):
        """The process is gone and recovery done (spool/README.md)."""
        def after(m):
            row, body = (m.disk, m.body) if power else (m.row, m.body)
            if power and body == 1:
                body = 0
            doubts = m.doubts
            if row == NEW:
                body = 0
            if row == SENDING:
                if self.mutant == "SENDING taken for SPOOLED":
                    row = SPOOLED
                else:
                    row, doubts = DOUBT, doubts + 1
            if row in QUEUED and body == 0:
                row = HELD
            return Message(m.src, body, row, row, "-", m.got, doubts, 0)
        return tuple(map(after, state))

    # ------------------------------------------------------------- judgement
    def judge(self, m):
        # accepted is what counts; what may still arrive is counted when it does
        if not m.src and not m.got and m.wire != "ended" and (
                m.row not in QUEUED or m.body == 0) and not m.put:
            raise Violation("P1: lost (%s)" % m.row)
        if self.hold and m.got > 1:
            raise Violation("P3: accepted twice with hold")
        if m.got > 1 + m.doubts + (m.wire == "Lost"):
            raise Violation("P2: accepted %d times, %d doubts"
                            % (m.got, m.doubts))

    def judge_fault(self, before, after):
        more = sum(a.doubts > b.doubts or
                   (a.wire == "Lost") > (b.wire == "Lost")
                   for b, a in zip(before, after))
        if more > self.window:
            raise Violation("P2: %d in doubt by one fault" % more)

    def judge_end(self, state):
        for m in state:
            done = m.row == GONE or m.row == HELD or \
                (m.row == DELIVERED and self.keep) or \
                (m.row == DOUBT and self.hold)
            if not done:
                raise Violation("END: stays %s for ever" % (m,))

    # ---------------------------------------------------------------- search
    def next(self, node):
        """(name, node) of all that can follow; Violation when one breaks."""
        state, kills, cuts, losses = node
        room = self.room(state)
        out = []
        for i, m in enumerate(state):
            for name, after in self.steps(m, room):
                out.append((name, (state[:i] + (after,) + state[i + 1:],
                                   kills, cuts, losses)))
        left = self.quit(state)
        if left:
            out.append(("quit", (left, kills, cuts, losses)))
        if not out:
            self.judge_end(state)
        if losses and any(m.wire not in "-" for m in state):
            out += self.faults("line lost", state, self.line_lost,
                               (kills, cuts, losses - 1))
        if kills:
            out += self.faults("kill", state,
                               lambda s: self.restarted(s, False),
                               (kills - 1, cuts, losses))
        if cuts:
            out += self.faults("power cut", state,
                               lambda s: self.restarted(s, True),
                               (kills, cuts - 1, losses))
        return out

    def faults(self, name, state, change, left):
        out = []
        for arrived in self.arrivals(state):
            after = change(arrived)
            self.judge_fault(arrived, after)
            out.append((name, (after, *left)))
        return out

    def search(self):
        """Tries everything; (states, steps taken). Violation has .way."""
        start = self.start()
        came_from, todo, steps = {start: None}, collections.deque([start]), 0
        while todo:
            node = todo.popleft()
            try:
                for m in node[0]:
                    self.judge(m)
                following = self.next(node)
            except Violation as e:
                e.way = _way(came_from, node)
                raise
            for name, after in following:
                steps += 1
                # messages are alike: their order makes no difference
                after = (tuple(sorted(after[0])), *after[1:])
                if after not in came_from:
                    came_from[after] = name, node
                    todo.append(after)
        return len(came_from), steps


def _way(came_from, node):
    way = []
    while came_from[node]:
        name, before = came_from[node]
        way.append((name, node[0]))
        node = before
    return way[::-1]


def configurations():
    """The program as it is: DATA has a window of 1; BDAT is tried with 2."""
    for expire, keep in ((False, False), (False, True), (True, True)):
        for hold in (False, True):
            more = dict(expire=expire, keep=keep, hold=hold)
            yield "DATA", dict(messages=2, window=1, kills=2, **more)
            yield "BDAT", dict(messages=2, window=2, **more)
    yield "BDAT", dict(messages=3, window=2, cuts=1, kills=0, losses=0)


def readme_names():
    """The names of states and steps in spool/README.md's tables."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                        "spool", "README.md")
    with open(path) as f:
        return {line.split("|")[1].strip() for line in f
                if line.startswith("| ")}


def check_names():
    """What the model calls by the ledger's names is in the ledger's page."""
    known = readme_names()
    ours = {NEW, SPOOLED, SENDING, DOUBT, HELD, DELIVERED, GONE,
            "TX1", "TX2", "TX3", "TX4"}
    if ours - known:
        sys.exit("not in spool/README.md: %s" % sorted(ours - known))


def try_mutants(verbose):
    failed = False
    for name, (more, promise) in MUTANTS.items():
        try:
            Model(**dict(dict(messages=2, window=2), **more),
                  mutant=name).search()
            print("%-28s NOT CAUGHT" % name)
            failed = True
        except Violation as e:
            good = str(e).startswith(promise)
            print("%-28s caught in %2d steps: %s%s" % (
                name, len(e.way), e, "" if good else "  BUT NOT " + promise))
            failed = failed or not good
            for step, state in e.way if verbose else ():
                print("    %-10s %s" % (step, " ".join(
                    "/".join(map(str, m)) for m in state)))
    return failed


def main():
    options = argparse.ArgumentParser(description="Searches the model.")
    options.add_argument("-v", action="store_true")
    verbose = options.parse_args().v
    check_names()
    began = time.monotonic()
    for name, how in configurations():
        try:
            states, steps = Model(**how).search()
        except Violation as e:
            for step, state in e.way:
                print("%-10s %s" % (step, state))
            sys.exit("%s %s: %s" % (name, how, e))
        print("%s %s: %d states, %d steps, nothing broken" % (
            name, " ".join("%s=%s" % (k, v) for k, v in how.items()), states,
            steps))
    failed = try_mutants(verbose)
    print("%.1f s" % (time.monotonic() - began))
    sys.exit(failed)


if __name__ == "__main__":
    main()
