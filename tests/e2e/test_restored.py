"""J5, I10: the whole state directory comes back from a copy. It is noticed,
nothing is delivered twice unasked; and what is no copy is not taken for one."""
import os
import shutil
import subprocess

import pytest

from corpus import msgid, plain
from fakemail import FakeImap
from haul import Mailhaul
from shift import Shift
from sink import Sink


@pytest.fixture
def place(folder):
    server = FakeImap({"INBOX": [plain(n, "k", size=700)
                                 for n in range(4)]})
    sink = Sink()
    haul = Mailhaul(folder.new("restored"))
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to="home@office.test")
    haul.account("anna", user="anna", password=server.password, tls="none",
                 server="imap://127.0.0.1:%d" % server.port)
    haul.server, haul.sink = server, sink
    haul.copy = os.path.join(haul.folder, "yesterday")
    yield haul
    sink.close()
    server.close()


def snapshot_then_go_on(haul, env=None):
    """One message waits in the copy; it and two more are delivered since."""
    haul.sink.rule("dot", "451 4.7.1 not now", match=msgid(2, "k").encode())
    assert haul("fetch").code == 75
    subprocess.run(["cp", "-a", haul.state, haul.copy], check=True)
    haul.sink.forget_rules()
    for n in (10, 11):
        haul.server.boxes["INBOX"].add(plain(n, "k"))
    r = haul("fetch", "anna", env=env)
    assert r.code == 0 and "copy" not in r.err, r
    assert sorted(haul.sink.count().values()) == [1] * 6


def put_back_anew(haul):
    shutil.rmtree(haul.state)
    subprocess.run(["cp", "-a", haul.copy, haul.state], check=True)


def put_back_by_tar(haul):
    subprocess.run("rm -rf '%s'/*; tar -C '%s' -c . | tar -C '%s' -x" %
                   (haul.state, haul.copy, haul.state), shell=True,
                   check=True)


@pytest.mark.parametrize("put_back", [put_back_anew, put_back_by_tar])
def test_j5_i10_whole_directory_restored(place, put_back):
    snapshot_then_go_on(place)
    put_back(place)
    # a command that only looks or changes the queue does not use it up
    r = place("queue", "retry", "--reason", "no such", "-y")
    assert r.code == 0, r
    assert place("queue", "drop", "--account", "anna", "--reason", "no such",
                 "-y").code == 0
    r = place("fetch")
    assert r.code == 78, r
    assert "is a copy" in r.err and "mailhaul queue list" in r.err, r
    assert sorted(place.sink.count().values()) == [1] * 6, r
    waiting, = place.queue()
    assert waiting["state"] == "in_doubt", waiting
    assert waiting["next_attempt"] is None, waiting
    assert "may have been delivered since" in waiting["reason"], waiting
    # asked and not resent, also the next time; told once
    r = place("fetch", "anna")
    assert r.code == 78 and "is a copy" not in r.err, r
    assert sorted(place.sink.count().values()) == [1] * 6
    # a person knows: adopt what was delivered, drop what waits
    assert place("adopt", "anna", "-y").code == 0
    assert place("queue", "drop", "--all", "-y").code == 0
    place.server.boxes["INBOX"].add(plain(12, "k"))
    place.fetch()
    assert sorted(place.sink.count().values()) == [1] * 7


def test_j5_a_copy_put_over_it_in_place(place):
    shift = Shift(place.folder)
    snapshot_then_go_on(place, env=shift(hours=20))
    before = os.stat(os.path.join(place.state, "ledger.db")).st_ino
    subprocess.run(["cp", "-a", place.copy + "/.", place.state], check=True)
    assert os.stat(os.path.join(place.state, "ledger.db")).st_ino == before
    r = place("fetch", env=shift(hours=21))
    assert r.code == 78 and "is a copy" in r.err, r
    assert sorted(place.sink.count().values()) == [1] * 6


def test_j5_what_is_no_copy_raises_no_alarm(place):
    shift = Shift(place.folder)
    place.sink.rule("dot", "451 4.7.1 not now", match=msgid(2, "k").encode())
    assert place("fetch").code == 75
    subprocess.run(["chmod", "-R", "u+rwX,go-rwx", place.state], check=True)
    subprocess.run("touch '%s'/*" % place.state, shell=True, check=True)
    moved = place.state + "2"
    os.rename(place.state, moved)
    place.state = moved
    # three weeks in a drawer, mail arrives meanwhile
    for n in range(20, 60):
        place.server.boxes["INBOX"].add(plain(n, "k"))
    place.sink.forget_rules()
    for days in (21, 51, 51.5, 52):
        r = place("fetch", env=shift(days=days))
        assert r.code == 0 and r.err == "", (days, r)
    assert sorted(place.sink.count().values()) == [1] * 44
    assert place.queue() == []
