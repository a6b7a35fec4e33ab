"""All kinds of trouble at once, for a while. MAILHAUL_CHAOS: for so many
seconds (default 120); MAILHAUL_CHAOS_SEED: as another run had it."""
import os
import random

import pytest

from chaos import Chaos


@pytest.mark.slow
def test_chaos_each_message_is_accounted_for(folder, dovecot, ca):
    """P1, P2, P3 for a hundred accounts: each message came once, or again
    and explained, or is in doubt or held and said to be; none is lost."""
    seconds = float(os.environ.get("MAILHAUL_CHAOS", 120))
    seed = os.environ.get("MAILHAUL_CHAOS_SEED") or str(
        random.randrange(10 ** 6))
    print("MAILHAUL_CHAOS_SEED=%s" % seed)
    chaos = Chaos(folder.new("chaos"), dovecot, ca, seed)
    try:
        chaos.run(seconds)
        chaos.settle()
        kinds = chaos.account_for()
    finally:
        chaos.close()
    print("%d messages, %d runs, %d of them killed: %s\n%s" % (
        sum(kinds.values()), chaos.runs, chaos.kills, dict(kinds),
        dict(chaos.fate.counts)))
    assert chaos.kills and kinds["once"] and chaos.fate.counts
