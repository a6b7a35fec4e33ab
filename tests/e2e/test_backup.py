"""backup and restore: the state in one file, and back without a repeat."""
import contextlib
import os
import sqlite3
import stat

import pytest

from corpus import msgid, plain
from fakemail import FakeImap
from haul import Mailhaul
from shift import Shift
from sink import Sink


@pytest.fixture
def place(folder):
    server = FakeImap({"INBOX": [plain(n, "k", size=700)
                                 for n in range(6)]})
    sink = Sink()
    haul = Mailhaul(folder.new("backup"))
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to="home@office.test")
    haul.account("anna", user="anna", password=server.password, tls="none",
                 server="imap://127.0.0.1:%d" % server.port)
    haul.server, haul.sink = server, sink
    haul.file = os.path.join(haul.folder, "state.backup")
    yield haul
    sink.close()
    server.close()


def times(haul):
    return sorted(haul.sink.count().values())


def test_backup_holds_the_state_and_the_queue(place):
    place.sink.rule("dot", "554 5.6.0 no", match=msgid(3, "k").encode())
    place.fetch()
    held, = place.queue()
    r = place("backup", place.file)
    assert r.code == 0, r
    assert stat.S_IMODE(os.stat(place.file).st_mode) == 0o600
    assert [n for n in os.listdir(place.state) if "backup" in n] == []
    assert [n for n in os.listdir(place.folder) if ".new" in n] == []
    # into an empty directory: another disk
    place.state = os.path.join(place.folder, "elsewhere")
    r = place("restore", place.file)
    assert r.code == 0 and "1 account, 1 message" in r.out, r
    again, = place.queue()
    assert (again["id"], again["state"]) == (held["id"], "held"), again
    shown = place("queue", "show", held["id"])
    assert shown.code == 0 and msgid(3, "k") in shown.out
    assert place.fetch().account("anna")["delivered"] == 0
    place.sink.forget_rules()
    assert place("queue", "retry", "-y", held["id"]).code == 0
    place.fetch()
    assert place.queue() == []
    assert times(place) == [1] * 6


def test_restored_mail_is_not_delivered_again(place):
    """What came between backup and loss is compared and asked about; what
    was queued waits for a person."""
    place.sink.rule("rcpt", "451 4.7.1 later")
    place.fetch(code=75)
    assert place("backup", place.file).code == 0
    place.sink.forget_rules()
    place.fetch("anna")
    place.server.boxes["INBOX"].add(plain(6, "k", size=700))
    place.fetch()
    assert times(place) == [1] * 7
    r = place("restore", place.file)            # the present one is newer
    assert r.code == 64 and "newer" in r.err and "--yes" in r.err, r
    assert place.queue() == []
    r = place("restore", "-y", place.file)
    assert r.code == 0 and "6 messages in the queue" in r.out, r
    assert {q["state"] for q in place.queue()} == {"in_doubt"}
    r = place("fetch", "--json")
    assert r.code == 78 and "may have been delivered since" in r.err, r
    assert times(place) == [1] * 7
    assert {q["reason"] for q in place.queue()} == {
        "restored from a backup: it may have been delivered since"}


def test_what_opening_writes_makes_no_ledger_newer(place):
    """Hours later the clock and the anchor are written as it is looked at."""
    place.fetch()
    assert place("backup", place.file).code == 0
    r = place("restore", place.file, env=Shift(place.folder)(hours=7))
    assert r.code == 0, r


def test_restore_refuses_what_is_no_backup(place):
    place.fetch()
    with open(place.file, "w") as f:
        f.write("From: somebody\n" * 400)
    before = place.queue()
    r = place("restore", "-y", place.file)
    assert r.code != 0 and place.file in r.err, r
    r = place("restore", "-y", place.file + ".missing")
    assert r.code != 0 and "No such file" in r.err, r
    assert place.queue() == before
    assert "ledger.new" not in os.listdir(place.state)
    place.fetch()
    assert times(place) == [1] * 6


def test_restore_refuses_over_a_queue(place):
    place.sink.rule("rcpt", "451 4.7.1 later")
    place.fetch(code=75)
    assert place("backup", place.file).code == 0
    r = place("restore", place.file)
    assert r.code == 64 and "mail in its queue" in r.err, r


def test_backup_and_restore_beside_a_running_fetch(place):
    """backup is answered over the control socket; restore is refused."""
    place.sink.rule("dot", "<silence>")
    process = place.start("fetch")
    place.sink.wait(lambda s: any(e["event"] == "mail" for e in s.log),
                    "a message")
    r = place("backup", place.file)
    assert r.code == 0, r
    with contextlib.closing(sqlite3.connect(place.file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM body").fetchone()[0] >= 1
    r = place("restore", "-y", place.file)
    assert r.code == 75 and "holds the state directory" in r.err, r
    process.kill()
    process.wait()


def test_backups_under_load_hold_every_queued_body(place):
    """A fetch works on meanwhile; each copy is whole, and one is restored."""
    for n in range(100, 400):
        place.server.boxes["INBOX"].add(plain(n, "k", size=30000))
    place.sink.rule("dot", "451 4.7.1 later", match=b"3.k@")
    process = place.start("fetch")
    place.sink.wait(lambda s: s.accepted, "a message")
    made = []
    while process.poll() is None:
        copied = "%s-%d" % (place.file, len(made))
        r = place("backup", copied)
        if r.code:      # asked of one that was just about to end
            process.wait(60)
            break
        made.append(copied)
        with contextlib.closing(sqlite3.connect(made[-1])) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == \
                ("ok",)
            assert copy.execute(
                "SELECT count(*) FROM queue LEFT JOIN body USING (id) JOIN"
                " message USING (id) WHERE segment > 0 AND (body.octets IS"
                " NULL OR length(body.octets) <> message.octets OR"
                " instr(body.octets, CAST('Subject: ' AS BLOB)) = 0)"
            ).fetchone() == (0,)
    place.finish(process)
    assert made
    place.state = os.path.join(place.folder, "elsewhere")
    assert place("restore", made[-1]).code == 0
    for entry in place.queue()[:5]:
        shown = place("queue", "show", entry["id"])
        assert shown.code == 0 and entry["message_id"] in shown.out
