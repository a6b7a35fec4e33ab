"""I1-I5 by injection: a full disk, failing disks, no descriptors, writes cut
short. Each ends in the exit code of INTERFACE 1, loses nothing, repeats
nothing that was not in doubt, and goes on when the fault is gone."""
import signal

import pytest

from haul import program
from sweep import build_shim

HARM = {
    # fault, first call that fails, how many: exit codes that are right
    "I1 the disk is full from the start": ("enospc:1:1000000", (73, 74)),
    "I1 the ledger cannot be made": ("enospc:4:1", (73, 74)),
    "I3 a file of the state cannot be made": ("eio:4:1", (73, 74)),
    "I1 the disk fills while mail arrives": ("enospc:40:1000000", (74,)),
    "I1 the disk is full for a moment": ("enospc:60:3", (0, 74)),
    "I3 a write to the disk fails": ("eio:30:1", (0, 74)),
    "I3 all writes fail from some time on": ("eio:50:1000000", (74,)),
    "I3 the first barrier fails": ("sync:1:1", (73, 74)),
    "I3 the third barrier fails": ("sync:3:1", (73, 74)),
    "I3 a barrier fails": ("sync:6:1", (74,)),
    "I3 every barrier fails from some time on": ("sync:9:1000000", (74,)),
    "EMFILE for a while": ("emfile:12:4", (0, 73, 74, 75)),
    "EMFILE from some time on": ("emfile:14:1000000", (0, 73, 74, 75)),
    "I5 every write is short": ("short:1:1000000", (0,)),
    "I5 every other write is interrupted": ("eintr:1:40", (0,)),
}


@pytest.mark.parametrize("swap", [False, True],
                         ids=["pop3-data_imap-bdat", "imap-data_pop3-bdat"])
@pytest.mark.parametrize("title", HARM)
def test_injected_fault(make_scene, shim, title, swap):
    fault, codes = HARM[title]
    scene = make_scene(swap=swap, path=program())
    try:
        result, count = scene.under_shim(shim, fault=fault)
        assert count.faults > 0
        assert result.code in codes, (title, result)
        scene.judge_source()
        scene.recover()
        scene.judge()
        if codes == (0,):
            assert not scene.doubted and result.code == 0
    finally:
        scene.close()


@pytest.mark.parametrize("first", [4, 5, 7, 9, 12, 16])
def test_i3_no_network_effect_after_a_failed_barrier(make_scene, shim, first):
    """DESIGN 5.7: after a failed fsync nothing more is sent; what the sinks
    stored must be explained by the doubts of that moment."""
    scene = make_scene(path=program())
    try:
        result, count = scene.under_shim(shim, fault="sync:%d:1" % first)
        if not count.faults:
            pytest.skip("a run has fewer barriers")
        assert result.code in (73, 74), result
        scene.judge_source()
        scene.recover()
        scene.judge()
    finally:
        scene.close()


@pytest.mark.parametrize("times", [1, 1 << 40], ids=["once", "for good"])
def test_i6_memory_runs_out(make_scene, folder, times):
    """I6: an allocation fails, at places all over a run. The program may end
    as if killed (by abort, on purpose; never by a wild access); it loses and
    repeats nothing. Some of these runs end with mail delivered and more to
    come, or nothing would be shown by them."""
    nomem = build_shim(folder.path, "nomem")
    scene = make_scene()
    try:
        _, calls, _ = scene.without_memory(nomem, 1 << 60, 1)
    finally:
        scene.close()
    assert calls > 1000
    halfway = 0
    for share in (0.02, 0.5, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.98):
        scene = make_scene()
        try:
            result, _, failed = scene.without_memory(nomem, share * calls,
                                                     times)
            assert failed > 0
            assert result.code in (-signal.SIGABRT, 0, 70, 73, 74, 75, 76,
                                   77, 78), (share, result)
            stored = len(scene.delivered())
            halfway += result.code != 0 and 0 < stored < len(scene.mail)
            scene.judge_source()
            scene.recover()
            scene.judge()
        finally:
            scene.close()
    assert halfway > 0
