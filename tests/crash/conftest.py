"""Fixtures of the crash tests; options --points and --workers."""
import itertools
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
sys.path.insert(0, HERE)

from ca import CA                                            # noqa: E402
from haul import release                                     # noqa: E402
from processes import Folder                                 # noqa: E402
from servers import Dovecot                                  # noqa: E402
import sweep                                                 # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--points", default="60", help="how many points of the "
                     "sweep to try, or all (default: 60)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out by tests/run --quick")


@pytest.fixture(scope="session")
def folder():
    f = Folder("mailhaul-crash-")
    yield f
    if os.environ.get("MAILHAUL_KEEP"):
        print("kept", f.path)
    else:
        f.remove()


@pytest.fixture(scope="session")
def ca(folder):
    return CA(folder("ca"))


@pytest.fixture(scope="session")
def shim(folder):
    return sweep.build_shim(folder.path)


@pytest.fixture(scope="session")
def dovecot(folder, ca):
    server = Dovecot(folder.new("dovecot"), ca)
    yield server
    server.leave()


@pytest.fixture(scope="session")
def copying_dovecot(folder, ca):
    """One that does not offer MOVE."""
    server = Dovecot(folder.new("dovecot"), ca, extra="imap_capability = "
                     "IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS\n")
    yield server
    server.leave()


def _scenes(folder, ca, dovecot):
    numbers = itertools.count(1)

    def make(**kw):
        n = next(numbers)
        return sweep.Scene(folder.new("scene"), dovecot, ca, "s%d" % n, **kw)
    if not os.access(release(), os.X_OK):
        pytest.exit("no program at %s" % release(), 2)
    return make


@pytest.fixture(scope="session")
def make_scene(folder, ca, dovecot):
    return _scenes(folder, ca, dovecot)


@pytest.fixture(scope="session")
def make_fake_scene(folder, ca):
    """Sources that are fakes: their state can be given back."""
    return _scenes(folder, ca, None)


@pytest.fixture(scope="session")
def make_copying_scene(folder, ca, copying_dovecot):
    return _scenes(folder, ca, copying_dovecot)
