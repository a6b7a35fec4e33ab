"""The providers of config/: what `mailhaul providers` shows, and that `check`
says the right thing against what each one's servers were recorded to say."""
import pytest

from corpus import plain
from recording import recordings


def test_every_recording_is_cited():
    faults = [fault for r in recordings() for fault in r.faults()]
    assert faults == []
    assert recordings()


@pytest.fixture
def at_provider(haul, sink, smtp, ca):
    """at_provider(recording): the account "anna" at that fake. The provider is
    the built-in one: its section in the file moves the server only."""
    made = []

    def make(recording, mails=(), **settings):
        fake = recording.fake(list(mails), ca.issue("fake"))
        made.append(fake)
        haul.delivery(**smtp(sink))
        haul.section("provider", recording.name, dict(
            server="%ss://localhost:%d" % (recording.protocol, fake.port),
            tls_ca=ca.file))
        haul.account("anna", provider=recording.name, user="anna@mail.test",
                     **dict(dict(password=fake.password), **settings))
        haul.fake, haul.sink = fake, sink
        return haul
    yield make
    for fake in made:
        fake.close()


def wants(haul, name):
    """What the table says that the password is; None: the usual one."""
    listed = haul("providers", name, "--json").json["providers"]
    assert [p["name"] for p in listed] == [name]
    return listed[0]


@pytest.mark.parametrize("recording", recordings("imap", "pop3"), ids=str)
def test_check_signs_in_at_each_provider(at_provider, recording, user):
    haul = at_provider(recording, [plain(1, user)], first_run="all")
    if wants(haul, recording.name)["secret"] == "oauth":
        pytest.skip("takes no password")
    result = haul("check")
    assert result.code == 0, result
    assert "signed in" in result.out, result
    if recording.said["without-id"]:
        sent = [c.split(" ")[0] for c in haul.fake.commands]
        assert sent.index("ID") < sent.index("SELECT"), sent
    assert haul.fetch().account("anna")["delivered"] == 1
    assert len(haul.sink.accepted) == 1


@pytest.mark.parametrize("recording", recordings("imap", "pop3"), ids=str)
def test_check_says_what_a_refused_login_wants(at_provider, recording):
    """77, the server's own words, and in ours which password it wants."""
    haul = at_provider(recording, password="not-it")
    haul.fake.refuses = True
    known = wants(haul, recording.name)
    result = haul("check")
    assert result.code == 77, result
    lines = [l for l in result.err.splitlines() if l.startswith("anna: ")]
    assert len(lines) == 1, result
    if known["password"]:
        assert known["password"] in lines[0], result
    for words in recording.said["remedy"]:
        assert words in lines[0], result
