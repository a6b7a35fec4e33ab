"""I16: kill -9 at every durable step; I17 in its plainest form: a power cut
there, after which only what was synced exists. README.md names the rules."""
import concurrent.futures
import functools
import random

import pytest

import sweep


@functools.lru_cache(None)
def points_of_a_run(make, shim, power, **scene):
    """How many points a whole, undisturbed run has."""
    later = 75 if scene.get("several") else 0
    scene = make(**scene)
    try:
        result, count = scene.under_shim(shim, power=power)
        assert result.code == later, result
        scene.recover()
        scene.judge()
        return count.points
    finally:
        scene.close()


def chosen(total, wanted, seed):
    """wanted points of 1..total, spread evenly, each slice at random."""
    if wanted >= total:
        return list(range(1, total + 1))
    rnd = random.Random(seed)
    return [1 + int((k + rnd.random()) * total / wanted)
            for k in range(wanted)]


def run(make, shim, points, how, power, **scene):
    """Two at a time (they mostly wait); the first violation is raised.
    In turn as it is, with a slow network, with a slow disk: the threads of
    the program then meet in another order."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(
            sweep.one_kill, functools.partial(make, **scene), shim, at,
            how, power, (None, "net:2", "disk:3")[k % 3])
                for k, at in enumerate(points)]
        return [job.result() for job in jobs]


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power-cut"])
@pytest.mark.parametrize("how", ["before", "after", "half"])
@pytest.mark.parametrize("swap", [False, True],
                         ids=["pop3-data_imap-bdat", "imap-data_pop3-bdat"])
def test_i16_killed_at_a_durable_step_nothing_is_lost(
        request, make_scene, shim, swap, how, power):
    """P1, P2, I16, I17."""
    total = points_of_a_run(make_scene, shim, power, swap=swap)
    wanted = request.config.getoption("--points")
    wanted = total if wanted == "all" else max(1, int(wanted) // 12)
    points = chosen(total, wanted, "%s%s%s" % (swap, how, power))
    done = run(make_scene, shim, points, how, power, swap=swap)
    # Runs differ a little in length; near the end a point may not be reached.
    assert sum(count is not None for count in done) >= len(points) * 0.7


WAYS = {
    "lmtp": dict(kinds=("lmtp", "lmtp-bdat")),
    "lmtp-and-maildir": dict(kinds=("lmtp", "maildir"), swap=True),
    "maildir": dict(kinds=("bdat", "maildir")),
    "several-recipients": dict(kinds=("data", "lmtp"), several=True),
    "hold": dict(hold=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_i16_killed_whatever_the_destination(request, make_scene, shim, way):
    """P1, P2, P3, I16 by LMTP, into maildirs, with recipients of different
    fates, with on_doubt = hold."""
    total = points_of_a_run(make_scene, shim, False, **WAYS[way])
    wanted = request.config.getoption("--points")
    wanted = total if wanted == "all" else max(2, int(wanted) // 15)
    for how in ("before", "after", "half"):
        if wanted < total and how != "after":
            wanted = 2
        points = chosen(total, wanted, way + how)
        done = run(make_scene, shim, points, how, False, **WAYS[way])
        assert sum(count is not None for count in done) >= len(points) * 0.5


def test_i16_keep_leaves_the_source_alone(make_scene, shim):
    """With keep = yes a kill changes nothing at the source."""
    total = points_of_a_run(make_scene, shim, False)
    for at in chosen(total, 2, "keep"):
        sweep.one_kill(functools.partial(make_scene, keep=True), shim, at,
                       "after", False)


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power-cut"])
@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("by", ["move", "copy"])
def test_d15_i16_killed_while_mail_is_marked_and_moved(
        request, make_scene, make_copying_scene, shim, by, how, power):
    """D15, I16: nothing lost, nothing delivered twice but in doubt, each moved
    exactly once, and marked."""
    make = make_scene if by == "move" else make_copying_scene
    total = points_of_a_run(make, shim, power, moves=True)
    wanted = request.config.getoption("--points")
    wanted = total if wanted == "all" else max(2, int(wanted) // 12)
    points = chosen(total, wanted, "moves%s%s" % (how, power))
    # the end of the run is where they are marked and moved
    tail = chosen(40, wanted, "tail%s%s" % (how, power))
    points += [max(1, total - 40 + at) for at in tail]
    done = run(make, shim, points, how, power, moves=True)
    assert sum(count is not None for count in done) >= len(points) * 0.5
