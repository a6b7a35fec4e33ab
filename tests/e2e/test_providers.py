"""The providers of config/: what `mailhaul providers` shows, and that `check`
says the right thing against what each one's servers were recorded to say."""
from types import SimpleNamespace

import pytest

from corpus import plain
from fakemail import FakePop
from haul import Raw
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


@pytest.mark.parametrize("recording", recordings("smtp"), ids=str)
def test_check_signs_in_to_deliver(haul, ca, recording):
    fake = recording.fake([], ca.issue("fake"))
    try:
        haul.delivery("out", server="smtps://localhost:%d" % fake.port,
                      user="anna@mail.test", password=fake.password,
                      tls_ca=ca.file, sender="anna@mail.test",
                      to="ben@mail.test")
        result = haul("check")
        assert result.code == 0 and "signed in" in result.out, result
        haul.sections["delivery", "out"]["password"] = "not-it"
        result = haul("check")
        assert result.code == 77, result
        words = recording.said["refused"][-1].split(" ", 1)[1].strip()
        assert words.split()[0] in result.err, result
        assert "correct `user` or `password`" in result.err, result
    finally:
        fake.close()


def test_every_provider_has_a_recording(new_haul):
    """Or a file that says that none was found."""
    there = {r.name for r in recordings()}
    listed = new_haul()("providers", "--json").json["providers"]
    assert [p["name"] for p in listed
            if (p["imap"] or p["pop3"]) and p["name"] not in there] == []


def wants(haul, name):
    """What the table says that the password is; None: the usual one."""
    listed = haul("providers", name, "--json").json["providers"]
    assert [p["name"] for p in listed] == [name]
    return listed[0]


@pytest.mark.parametrize("recording", recordings("imap", "pop3"), ids=str)
def test_check_signs_in_at_each_provider(at_provider, recording, user):
    haul = at_provider(recording, [plain(1, user)], first_run="all")
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


def test_fetch_waits_as_long_as_the_provider_wants(at_provider, user):
    """web.de refuses who asks by POP3 again within 15 minutes: cron may come
    as often as it likes, a person who names the account is let through."""
    haul = at_provider(SimpleNamespace(
        name="web.de", protocol="pop3",
        fake=lambda mails, cert: FakePop([("uid1", plain(1, user))], cert)),
        first_run="all")
    assert haul.fetch().account("anna")["delivered"] == 1
    assert haul.fake.sessions == 1
    again = haul("fetch", "-v")
    assert again.code == 0 and "its time has not come" in again.err, again
    assert haul.fake.sessions == 1
    assert haul("fetch", "anna").code == 0
    assert haul.fake.sessions == 2


def test_check_remarks_on_the_provider(at_provider):
    """check says what clamps and what is odd; --effective what counts."""
    haul = at_provider(SimpleNamespace(
        name="gmail", protocol="pop3",
        fake=lambda mails, cert: FakePop([], cert)), poll_every=Raw("60s"))
    result = haul("check")
    assert result.code == 0, result
    notes = [l for l in result.out.splitlines() if l.startswith("  note: ")]
    assert any("every 5m" in n for n in notes), result
    assert any("not listed again" in n for n in notes), result
    remarks = haul("check", "--json").json["accounts"][0]["remarks"]
    assert ["  note: " + r for r in remarks] == notes
    effective = haul("check", "--offline", "--effective")
    line = next(l for l in effective.out.splitlines() if "poll_every" in l)
    assert line.split()[1:] == ["5m", "built-in", "provider", '"gmail"']


# ------------------------------------------------------ mailhaul providers

def test_providers_lists_all(new_haul):
    haul = new_haul()
    table = haul("providers")
    assert table.code == 0 and table.err == "", table
    listed = haul("providers", "--json").json["providers"]
    names = [p["name"] for p in listed]
    assert names == sorted(names) and len(set(names)) == len(names)
    lines = table.out.splitlines()
    assert [l.split()[0] for l in lines] == names
    # columns stand under each other, whatever the widths
    for word in ("imaps://imap.gmx.net", "imaps://posteo.de"):
        starts = {l.index(" imap") for l in lines if " imaps://" in l}
        assert len(starts) == 1 and any(word in l for l in lines)
    assert all(p["sources"] for p in listed)
    assert all(p["imap"] or p["pop3"] or p["note"] for p in listed)


def test_providers_shows_one_by_each_of_its_names(new_haul):
    haul = new_haul()
    page = haul("providers", "gmail")
    assert page.code == 0, page
    for words in ("imaps://imap.gmail.com", "app password",
                  "the whole address", "limits", "differs"):
        assert words in page.out, page
    assert haul("providers", "googlemail").out == page.out
    wrong = haul("providers", "gmial")
    assert wrong.code == 64 and "mailhaul providers" in wrong.err, wrong


def test_every_page_says_what_to_type_as_the_password(new_haul):
    """Which one, and where it is not the mailbox's own, what that is."""
    haul = new_haul()
    means = {"own": "", "mail": "a second password", "app": "an app password "
             "is", "own_or_app": "an app password is", "code":
             "an authorization code is", "oauth": "password_command"}
    for p in haul("providers", "--json").json["providers"]:
        page = haul("providers", p["name"]).out
        assert "\n  password  " in page and means[p["secret"]] in page, page


def test_every_listed_provider_can_be_an_account(new_haul, sink, smtp):
    """Those without servers of their own say what to write."""
    haul = new_haul()
    for p in haul("providers", "--json").json["providers"]:
        haul.delivery(**smtp(sink))
        haul.account("a", provider=p["name"], user="me@example.org")
        result = haul("check", "--offline")
        if p["imap"] or p["pop3"]:
            assert result.code == 0, (p, result)
        else:
            assert result.code == 78 and p["note"] in result.err, result
