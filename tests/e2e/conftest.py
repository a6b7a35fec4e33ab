"""Fixtures: servers for the whole session, users and programs for each test."""
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "lib"))

from ca import CA                                            # noqa: E402
from corpus import Signer, plain                             # noqa: E402
from fakemail import FakeImap                                # noqa: E402
from haul import Mailhaul, program                           # noqa: E402
from processes import Folder                                 # noqa: E402
from running import Notify, Run                              # noqa: E402
from servers import Dovecot, Exim, Postfix                   # noqa: E402
from sink import Sink                                        # noqa: E402

_numbers = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out by tests/run --quick")


def pytest_sessionstart(session):
    if not os.access(program(), os.X_OK):
        pytest.exit("no program at %s (build it, or set MAILHAUL)"
                    % program(), 2)


@pytest.fixture(scope="session")
def folder():
    f = Folder()
    yield f
    if os.environ.get("MAILHAUL_KEEP"):
        print("kept", f.path)
    else:
        f.remove()


@pytest.fixture(scope="session")
def ca(folder):
    return CA(folder("ca"))


@pytest.fixture(scope="session")
def signer(folder):
    return Signer(folder.new("signer"))


def _server(make):
    server = make()
    yield server
    server.stop()


def _dovecot(*args, **kw):
    server = Dovecot(*args, **kw)
    yield server
    server.leave()


@pytest.fixture(scope="session")
def maildir_dovecot(folder, ca):
    yield from _dovecot(folder.new("dovecot"), ca)


@pytest.fixture(scope="session")
def sdbox_dovecot(folder, ca):
    yield from _dovecot(folder.new("dovecot"), ca, storage="sdbox")


@pytest.fixture
def dovecot(maildir_dovecot):
    return maildir_dovecot


@pytest.fixture(scope="session")
def postfix(folder, ca):
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    yield from _server(lambda: Postfix(
        folder.new("postfix"), ca, ["box%d" % n for n in range(1, 500)]))


@pytest.fixture(scope="session")
def local_postfix(folder, ca):
    if os.geteuid() != 0:
        pytest.skip("Postfix runs for root alone")
    yield from _server(lambda: Postfix(
        folder.new("postfix"), ca, ["games", "news"], form="local"))


@pytest.fixture(scope="session")
def exim(folder):
    if not Exim.program():
        pytest.skip("no Exim (MAILHAUL_EXIM)")
    yield from _server(lambda: Exim(folder.new("exim"), ["anna", "ben"]))


@pytest.fixture(scope="session")
def strict_exim(folder):
    if not Exim.program():
        pytest.skip("no Exim (MAILHAUL_EXIM)")
    yield from _server(lambda: Exim(folder.new("exim"), ["anna"],
                                    chunking=False, longline=True))


@pytest.fixture
def user():
    """A name no other test uses, for a mailbox."""
    return "user%d" % next(_numbers)


@pytest.fixture
def box():
    """A name no other test uses, for a mailbox behind Postfix."""
    return "box%d" % next(_numbers)


@pytest.fixture
def new_sink(ca):
    """Sink(...), closed when the test ends; tls gets a certificate."""
    made = []

    def make(**kw):
        if kw.get("tls") and "cert" not in kw:
            kw["cert"] = ca.issue("sink")
        made.append(Sink(**kw))
        return made[-1]
    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def sink(new_sink):
    return new_sink()


@pytest.fixture
def new_haul(folder):
    return lambda **kw: Mailhaul(folder.new("haul"), **kw)


@pytest.fixture
def haul(new_haul):
    return new_haul()


@pytest.fixture
def source(ca):
    """Settings of an account at a Dovecot: source(dovecot, "imaps", user)."""
    def settings(dovecot, scheme, user, **more):
        return dict(dict(
            server="%s://localhost:%d" % (scheme, dovecot.ports[scheme]),
            user=user, password=dovecot.password, tls_ca=ca.file), **more)
    return settings


@pytest.fixture
def smtp():
    """Settings of a delivery to a sink or Postfix on loopback."""
    def settings(server, to="anna@office.test", **more):
        return dict(dict(server="smtp://localhost:%d" % server.port, to=to),
                    **more)
    return settings


@pytest.fixture
def simple(haul, sink, dovecot, source, smtp, user):
    """The usual arrangement: one account "anna", one sink. simple(n) files n
    messages and returns the Mailhaul; .user, .sink, .dovecot beside it."""
    def make(n=3, scheme="imaps", **settings):
        if n:
            dovecot.put(user, [plain(i, user) for i in range(n)])
        else:
            dovecot.put(user, [])
        haul.delivery(**smtp(sink))
        haul.account("anna", **source(dovecot, scheme, user, **settings))
        haul.mailbox, haul.sink, haul.dovecot = user, sink, dovecot
        return haul
    return make


@pytest.fixture
def at(haul, sink, smtp, ca):
    """at(fake, ...): the account "anna" at a FakeImap or FakePop, over what TLS
    that has, a sink behind it; returns the Mailhaul, .sink, .server beside."""
    made = []

    def make(fake, **settings):
        made.append(fake)
        scheme = "imap" if isinstance(fake, FakeImap) else "pop3"
        if fake.context and not fake.starttls:
            scheme += "s"
        tls = dict(tls_ca=ca.file) if fake.context else dict(tls="none")
        haul.delivery(**smtp(sink))
        haul.account("anna", **{**dict(
            server="%s://localhost:%d" % (scheme, fake.port), user="anna",
            password=fake.password), **tls, **settings})
        haul.sink, haul.server = sink, fake
        return haul
    yield make
    for fake in made:
        fake.close()


@pytest.fixture
def notify(folder):
    """A service manager's socket."""
    made = Notify(os.path.join(folder.new("notify"), "socket"))
    yield made
    made.close()


@pytest.fixture
def start():
    """start(haul, ...): a Run, killed behind the test if it still runs."""
    made = []

    def begin(haul, *args, **kw):
        made.append(Run(haul, *args, **kw))
        return made[-1]
    yield begin
    for run in made:
        run.kill()
