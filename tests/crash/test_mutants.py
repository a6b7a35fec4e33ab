"""The sweep has teeth: programs with one rule taken out must fail it.

A mutant is this source built with -DMAILHAUL_MUTANT=NAME in build-mutant, one
behind the other: four files differ. Not with link-time optimisation: that
takes longer than all else.
"""
import functools
import os
import shutil
import subprocess

import pytest

from processes import ROOT
from sweep import Violation, one_kill
from test_kill import chosen, points_of_a_run

MUTANTS = {
    # name: what must catch it (how, power cut)
    "batch_sending": [("after", False), ("before", False)],
    "no_fsync": [("after", True), ("before", True)],
    "late_body": [("after", True), ("before", True)],
    "early_result": [("after", False)],
}
# Where it shows, if not all over: behind the last words to the sources.
AT_SOURCE = ("early_result",)


def build(name):
    folder = os.path.join(ROOT, "build-mutant")
    args = ["cmake", "-S", ROOT, "-B", folder, "-DMAILHAUL_TESTS=OFF",
            "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
            "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1", "-DMAILHAUL_MUTANT=" + name]
    if not os.path.exists(folder + "/CMakeCache.txt"):
        if shutil.which("ninja"):
            args += ["-G", "Ninja"]
        if shutil.which("ccache"):
            args += ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"]
    for argv in (args, ["cmake", "--build", folder, "--target", "mailhaul",
                        "--parallel", "2"]):
        done = subprocess.run(argv, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout[-3000:]
    return os.path.join(folder, "mailhaul")


def last_words(make, shim, most):
    """The points at which a run said its last to the sources."""
    scene, points = make(), []
    ports = {box.url.rpartition(":")[2] for box in scene.sources.values()}
    try:
        scene.under_shim(shim, True, lambda entry: points.append(entry.point)
                         if entry.kind == "n" and entry.path in ports
                         else None)
    finally:
        scene.close()
    return points[-most:]


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_sweep_catches_the_mutant(make_scene, shim, name):
    program = build(name)
    make = functools.partial(make_scene, path=program)
    if name in AT_SOURCE:
        points = last_words(make, shim, 24)[::-1]
    else:
        # of the good program: a mutant may fail an undisturbed run already
        total = points_of_a_run(make_scene, shim, False)
        points = [chosen(total, 12, name)[k * 7 % 12] for k in range(12)]
    tried = 0
    for at in points:
        for how, power in MUTANTS[name]:
            tried += 1
            try:
                one_kill(make, shim, at, how, power)
            except Violation as e:
                print("caught after %d points: %s" % (tried, e))
                return
    pytest.fail("%s passed %d points of the sweep" % (name, tried))
