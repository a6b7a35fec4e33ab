"""The soak of tests/bench in short: `run` with real servers and broken ones,
mail that comes all the time, reloads and a restart."""
import json
import os
import subprocess

import pytest

from haul import BROKEN, program
from processes import ROOT


@pytest.mark.skipif(os.geteuid() != 0, reason="its Dovecot wants root")
def test_soak_in_short(folder):
    r = subprocess.run(
        [os.path.join(ROOT, "tests/bench/soak"), "--imap", "40", "--pop3",
         "10", "--minutes", "0.15", "--every", "40", "--pop3-every", "2"],
        env={**os.environ, "MAILHAUL_RELEASE": program(),
             "TMPDIR": folder.new("soak")}, capture_output=True, text=True,
        timeout=300)
    assert r.returncode == 0 and not BROKEN.search(r.stderr), r
    told = json.loads(r.stdout)
    assert told["messages"] > 100 and told["faults"] == 0, told
    assert told["unique"] == told["messages"] and not told["dup"], told
