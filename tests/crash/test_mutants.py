"""The sweep has teeth: programs with one rule taken out must fail it.

A mutant is this source built with -DMAILHAUL_MUTANT=NAME in build-mutant-NAME.
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
}


def build(name):
    folder = os.path.join(ROOT, "build-mutant-" + name)
    args = ["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
            "-DMAILHAUL_TESTS=OFF", "-DMAILHAUL_MUTANT=" + name]
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


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_sweep_catches_the_mutant(make_scene, shim, name):
    program = build(name)
    make = functools.partial(make_scene, path=program)
    # of the good program: a mutant may fail an undisturbed run already
    total = points_of_a_run(make_scene, shim, False, False)
    tried = 0
    for share in range(12):
        for how, power in MUTANTS[name]:
            at = chosen(total, 12, "mutant%d" % tried)[share]
            tried += 1
            try:
                one_kill(make, shim, at, how, power)
            except Violation as e:
                print("caught after %d points: %s" % (tried, e))
                return
    pytest.fail("%s passed %d points of the sweep" % (name, tried))
