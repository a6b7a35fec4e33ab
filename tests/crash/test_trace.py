"""The model (tests/model) and the program take the same steps: a run is put on
record (its commits, what goes to the sinks, what is said to the sources), and
the record of each message must be a path of the model. What the model does and
a record does not show (replies, the choice of a connection) is filled in."""
import contextlib
import os
import re
import shutil
import sqlite3
import sys

import pytest

import sweep
from disk import Disk, Keep
from processes import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "model"))
from model import FRESH, Model                                  # noqa: E402

SIZES = (300,) * 5 + (5000,) * 3
STATES = {1: "SPOOLED", 2: "SENDING", 3: "DOUBT", 4: "HELD", 5: "DELIVERED",
          6: "GONE"}
COMMITS = ("TX1", "TX2", "TX3", "TX4")


class Sends:
    """What one connection to a sink said: whose data ended, when."""

    def __init__(self):
        self.buffer, self.sender, self.left, self.body = b"", None, 0, False

    def ended(self, octets):
        self.buffer += octets
        done = []
        while True:
            if self.left:                            # in a BDAT LAST
                took = min(self.left, len(self.buffer))
                self.buffer = self.buffer[took:]
                self.left -= took
                if self.left:
                    return done
                done.append(self.sender)
            end = b"\r\n.\r\n" if self.body else b"\r\n"
            line, found, rest = self.buffer.partition(end)
            if not found:
                return done
            self.buffer = rest
            if self.body:
                self.body = False
                done.append(self.sender)
            elif line.upper().startswith(b"MAIL"):
                self.sender = re.search(rb"<([^>]*)>", line)[1].decode()
            elif line.upper() == b"DATA":
                self.body = True
            elif line.upper().startswith(b"BDAT"):
                self.left = int(line.split()[1])


class Trace:
    """[(event, Message-ID)]: "row STATE" for a commit, "end", "delete"."""

    def __init__(self, scene, folder):
        self.scene, self.folder, self.events = scene, folder, []
        self.rows, self.sends, self.deleted = {}, {}, []
        self.ids = {s: i for i, s in scene.sender_of.items()}
        self.ports = {int(place.settings["server"].rpartition(":")[2]): place
                      for place in scene.places.values()}
        self.boxes = {box.server.port: box for box in scene.sources.values()}
        self.listed = {port: self._listing(box)
                       for port, box in self.boxes.items()}

    @staticmethod
    def _listing(box):
        """Message-IDs by message number or UID, as the run found them."""
        mails = [o for _, o in box.server.messages] \
            if hasattr(box.server, "messages") else \
            [o for o, _ in box.server.boxes["INBOX"].mail.values()]
        return {n: sweep.ids_of(o) for n, o in enumerate(mails, 1)}

    def see(self, entry):
        kind, path, octets, place, _ = entry
        if kind == "s" and path.endswith("/ledger.db-wal"):
            self.commit()
        elif kind == "n" and int(path) in self.ports:
            for sender in self.sends.setdefault(place, Sends()).ended(octets):
                self.events.append(("end", self.ids[sender]))
        elif kind == "n" and int(path) in self.boxes:
            self.to_source(int(path), octets.decode("latin-1"))

    def to_source(self, port, said):
        for line in said.split("\r\n"):
            m = re.match(r"DELE (\d+)$", line)
            if m:
                self.deleted.append(self.listed[port][int(m[1])])
            if line == "QUIT":
                self.events += [("delete", i) for i in self.deleted]
                self.deleted = []
            m = re.search(r"UID EXPUNGE (\S+)$", line)
            for part in m[1].split(",") if m else ():
                first, _, last = part.partition(":")
                self.events += [
                    ("delete", self.listed[port][uid])
                    for uid in range(int(first), int(last or first) + 1)]

    def commit(self):
        """Looks into the ledger as it is on the disk at this moment."""
        shutil.rmtree(self.folder, True)
        os.mkdir(self.folder)
        self.scene.before.image(self.folder, Keep())
        path = os.path.join(self.folder, "state", "ledger.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            if not db.execute("select 1 from sqlite_schema"
                              " where name = 'settled'").fetchone():
                return
            rows = dict(db.execute(
                "select message_id, coalesce(s.state, q.state) from message"
                " left join queue q using (id) left join settled s"
                " using (id)"))
        for i, state in rows.items():
            if state != self.rows.get(i):
                self.events.append(("row " + STATES[state], i))
        self.rows = rows


def hidden(model, states):
    """Those, and all that the model reaches by steps a record shows not."""
    found, todo = set(states), list(states)
    while todo:
        m = todo.pop()
        for name, after in model.steps(m, True):
            if name not in COMMITS + ("end", "delete") and after not in found:
                found.add(after)
                todo.append(after)
    return found


def follow(model, states, event):
    """Where the model may be after the event; nothing: it cannot do that."""
    after, todo = set(), hidden(model, states)
    for _ in range(2):                     # TX1 and TX2 may share a commit
        reached = set()
        for m in todo:
            for name, to in model.steps(m, True):
                if name == event or (name in COMMITS and
                                     event.startswith("row ")):
                    reached.add(to)
        if event in ("end", "delete"):
            return reached
        after |= {m for m in reached if m.row == event[4:]}
        todo = hidden(model, reached)
    return after


def check(events):
    """Each message's events are a path of the model."""
    model = Model(messages=1)
    for i in sorted({i for _, i in events}):
        states, so_far = {FRESH}, []
        for event in [e for e, who in events if who == i]:
            so_far.append(event)
            states = follow(model, states, event)
            if not states:
                raise sweep.Violation("%s: the model knows no %s"
                                      % (i, " - ".join(so_far)))


def traced(make, shim, folder, **how):
    scene = make(sizes=SIZES, clear=True, **how)
    try:
        trace = Trace(scene, folder)
        scene.under_shim(shim, True, trace.see)
        return trace.events
    finally:
        scene.close()


@pytest.mark.parametrize("how", [dict(), dict(swap=True), dict(several=True)],
                         ids=["pop3-data_imap-bdat", "imap-data_pop3-bdat",
                              "deferred"])
def test_what_a_run_does_is_a_path_of_the_model(make_fake_scene, shim, folder,
                                                how):
    events = traced(make_fake_scene, shim, folder("trace"), **how)
    check(events)
    seen = {e for e, _ in events}
    assert {"row SENDING", "end", "row DELIVERED", "delete",
            "row GONE"} <= seen
    # and the check can fail: with any two of its events exchanged
    one = [e for e in events if e[1] == events[0][1]]
    for at in range(len(one) - 1):
        other = one[:at] + [one[at + 1], one[at]] + one[at + 2:]
        with pytest.raises(sweep.Violation):
            check(other)
