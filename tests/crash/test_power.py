"""I17: power cuts. All that a run does to its files is recorded (shim, record.h)
until it is killed at a durable step; then many images are made of what a disk
may hold after a cut there (disk.py), and on each `mailhaul fetch` runs again
against sources and destinations as they were at that moment. README.md names
the rules by which they are judged."""
import concurrent.futures
import functools
import itertools

import pytest

import sweep
from test_kill import chosen, points_of_a_run

SIZES = (300,) * 5 + (5000,) * 4 + (90000,)
SCENES = {
    "pop3-data_imap-bdat": dict(),
    "imap-data_pop3-bdat": dict(swap=True),
    "pop3-lmtp_imap-lmtp-bdat": dict(kinds=("lmtp", "lmtp-bdat")),
    "imap-lmtp_pop3-maildir": dict(kinds=("lmtp", "maildir"), swap=True),
    "pop3-bdat_imap-maildir": dict(kinds=("bdat", "maildir")),
    "keep": dict(keep=True, kinds=("maildir", "bdat")),
    "several": dict(several=True, kinds=("data", "lmtp")),
    "moves": dict(moves=True, kinds=("data", "maildir")),
    "expire": dict(expire=True),
    "hold": dict(hold=True, kinds=("data", "lmtp-bdat")),
}


@pytest.mark.parametrize("title", SCENES)
def test_i17_whatever_a_power_cut_leaves_is_enough(
        request, make_fake_scene, shim, title):
    """P1, P2, I17; with on_doubt = hold P3 as well."""
    scene = dict(SCENES[title], sizes=SIZES)
    total = points_of_a_run(make_fake_scene, shim, True, **scene)
    wanted = request.config.getoption("--points")
    # the sample: five points of ten scenes, four images of each
    points, images = (range(1, total + 1), 12) if wanted == "all" else \
        (chosen(total, max(1, int(wanted) // 12), title), 4)
    hows = itertools.cycle(["after", "before", "half"])
    make = functools.partial(make_fake_scene, **scene)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(sweep.one_cut, make, shim, at, how, images, title,
                            (None, "net:2", "disk:3")[k % 3])
                for k, (at, how) in enumerate(zip(points, hows))]
        done = [job.result() for job in jobs]
    assert sum(count is not None for count in done) >= len(done) * 0.6


# barriers that are left out: in which scene that shows
SWALLOWED = {
    "bodies": ("*.seg", dict()),
    "the ledger": ("*/ledger.db-wal", dict()),
    "names of segments": ("*/bodies", dict()),
    "names in the state directory": ("*/state", dict()),
    "its own name": ("*/disk", dict()),
    "files of a maildir": ("*/mail/*/tmp/*", dict(kinds=("maildir", "bdat"))),
    "names in a maildir": ("*/new", dict(kinds=("maildir", "bdat"))),
}


@pytest.mark.parametrize("what", SWALLOWED)
def test_i17_a_barrier_left_out_shows(make_fake_scene, shim, what):
    """The images have teeth: without any one kind of barrier some promise is
    broken by some of them."""
    pattern, more = SWALLOWED[what]
    scene = dict(more, sizes=SIZES)
    total = points_of_a_run(make_fake_scene, shim, True, **scene)
    make = functools.partial(make_fake_scene, **scene)
    tried = 0
    for at in sorted(chosen(total, 48, what), key=lambda at: at * 7919 % 48):
        try:
            count = sweep.one_cut(make, shim, at, "after", 3, what,
                                  swallow="%s:1:1000000" % pattern)
        except sweep.Violation as e:
            print("caught after %d points: %s" % (tried + 1, e))
            return
        tried += count is not None
    pytest.fail("%d points passed without barriers of %s" % (tried, what))
