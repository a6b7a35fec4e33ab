"""The instrument itself: what it keeps at a power cut is what was synced.
sqlite is the witness: with synchronous=FULL a committed row is there after
every cut, with NORMAL it is not."""
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

import sweep
from disk import Disk, Keep

WITNESS = """
import os, sqlite3, sys
state, sync, log = sys.argv[1:]
c = sqlite3.connect(state + "/a.db", isolation_level=None)
for word in ("locking_mode=exclusive", "journal_mode=wal",
             "synchronous=" + sync):
    c.execute("pragma " + word)
c.execute("create table if not exists t(x)")
os.fsync(os.open(state, os.O_RDONLY))
said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for n in range(60):
    c.execute("insert into t values(?)", (n,))
    os.write(said, b"%d\\n" % n)
"""


def cut(folder, shim, sync, at, how, keep):
    """Rows that were said to be committed and are not there afterwards."""
    state, record = folder + "/state", folder + "/record"
    shutil.rmtree(folder)
    os.makedirs(state)
    before = Disk(state)
    count, log = folder + "/count", folder + "/log"
    subprocess.run([sys.executable, "-c", WITNESS, state, sync, log],
                   env=dict(LD_PRELOAD=shim, SHIM_STATE=state,
                            SHIM_RECORD=record, SHIM_COUNT=count,
                            SHIM_AT=str(at), SHIM_HOW=how))
    acted = sweep.Count(count).acted
    before.replay(record)
    shutil.rmtree(state)
    os.mkdir(state)
    before.image(state, keep)
    said = len(open(log).readlines()) if os.path.exists(log) else 0
    try:
        c = sqlite3.connect(state + "/a.db")
        rows = c.execute("select count(*) from t").fetchone()[0]
        c.close()
    except sqlite3.OperationalError:
        rows = 0
    return acted, said - rows


@pytest.mark.parametrize("sync,safe", [("full", True), ("normal", False)])
def test_a_power_cut_takes_what_was_not_synced(folder, shim, sync, safe):
    where = os.path.realpath(folder.new("witness"))
    lost = []
    for n, at in enumerate(range(1, 130, 5)):
        keep = Keep.draw(random.Random(at)) if n % 2 else Keep()
        acted, gone = cut(where, shim, sync, at,
                          ("before", "after", "half")[n % 3], keep)
        lost.append(gone)
    assert (max(lost) <= 0) == safe, lost
