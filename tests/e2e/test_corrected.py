"""A wrong setting that the destination refuses: when it is asked for again, and
what a correction does (INTERFACE 2)."""
import pytest

from corpus import ids, plain
from running import arrived
from shift import Shift


def tried(haul):
    return [e["line"] for e in haul.sink.events("rcpt")]


@pytest.fixture
def refused(simple, user):
    """Four messages wait for a recipient that the destination does not know."""
    haul = simple(4, keep=False)
    haul.sink.rule("rcpt", "550 5.1.1 no such user here", match="wrong")
    haul.sections["delivery", "home"]["to"] = "wrong@office.test"
    result = haul("fetch")
    assert result.code == 75 and "no such user here" in result.err, result
    assert tried(haul) == ["RCPT TO:<wrong@office.test>"]
    return haul


def test_a_refused_setting_is_not_tried_at_each_pass(refused):
    """Not one more of the waiting messages each time, and nothing failed."""
    for _ in range(3):
        result = refused("fetch", "--json")
        assert (result.code, result.err) == (0, ""), result
    assert len(tried(refused)) == 1
    assert len(refused.queue()) == 4
    status = refused("status", "--json")
    assert status.account("anna")["state"] == "refused"


def test_its_time_comes_and_one_is_tried(refused):
    """15 min to 6 h: one message, and all of them where that is mended."""
    shift = Shift(refused.folder)

    def at(minutes):
        result = refused("fetch", env=shift(hours=minutes / 60))
        return result.code, len(tried(refused))
    # at 15, then 30 minutes later, ten per cent to either side
    assert [at(m) for m in (10, 20, 40, 60)] == \
        [(0, 1), (75, 2), (0, 2), (75, 3)]
    refused.sink.forget_rules()
    assert [at(m) for m in (70, 24 * 60)] == [(0, 3), (0, 7)]
    assert refused.queue() == []


@pytest.mark.parametrize("where", ["delivery", "account"])
def test_a_corrected_recipient_is_tried_at_once(refused, user, where):
    """What waits goes to whom it is for now, at the next pass of cron."""
    name = {"delivery": "home", "account": "anna"}[where]
    refused.sections[where, name]["to"] = "right@office.test"
    result = refused("fetch", "--json")
    assert result.code == 0, result
    assert refused.sink.count() == ids(user, range(4))
    assert refused.queue() == []
    assert {r for m in refused.sink.accepted for r in m.rcpts} == \
        {"right@office.test"}
    assert refused("fetch").code == 0
    assert refused.dovecot.left(user) == []


def test_who_has_it_does_not_get_it_again(simple, user):
    """Of two recipients one was wrong and is taken out: all that is left to do
    is to say so."""
    haul = simple(2, keep=False)
    haul.sink.rule("rcpt", "550 5.1.1 no such user here", match="wrong")
    home = haul.sections["delivery", "home"]
    home["to"] = ["right@office.test", "wrong@office.test"]
    assert haul("fetch").code == 75
    assert len(haul.sink.accepted) == 1
    home["to"] = "right@office.test"
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(2)) and haul.queue() == []


def test_a_corrected_destination_is_tried_at_once(simple, user):
    """The delivery's own settings count, too: here its fixed sender."""
    haul = simple(3)
    home = haul.sections["delivery", "home"]
    haul.sink.rule("mail", "553 5.7.1 not your address", match="bad")
    home["sender"] = "bad@office.test"
    assert [haul("fetch").code for _ in range(2)] == [75, 0]
    assert len(haul.sink.events("mail")) == 1
    haul.dovecot.put(user, [plain(3, user)])
    home["sender"] = "good@office.test"
    assert haul("fetch").code == 0
    assert haul.sink.count() == ids(user, range(4))


@pytest.mark.parametrize("words", [("queue", "retry", "--all", "-y"),
                                   ("fetch", "anna")])
def test_a_person_overrides_the_pause(refused, user, words):
    """queue retry, fetch ACCOUNT: at once, whatever the settings."""
    refused(*words)
    refused("fetch")
    assert len(tried(refused)) == 2
    refused.sections["delivery", "home"]["to"] = "right@office.test"
    refused(*words)
    refused("fetch")
    assert refused.sink.count() == ids(user, range(4))


def test_run_keeps_to_the_pause_and_sees_the_correction(refused, start, user,
                                                        notify):
    """A process that stays is started anew: as `fetch`."""
    run = start(refused, notify=notify)
    notify.wait("READY=1")
    assert refused("fetch").code == 0
    assert run.stop().code == 0
    assert len(tried(refused)) == 1
    refused.sections["account", "anna"]["to"] = "right@office.test"
    run = start(refused)
    arrived(refused.sink, 4)
    assert run.stop().code == 0
    assert refused.sink.count() == ids(user, range(4))


def test_an_account_that_is_gone_has_its_pause(refused):
    """What it has queued is still delivered, and asked for in time."""
    shift = Shift(refused.folder)
    refused.forget("account", "anna")
    refused.account("ben", enabled=False, user="ben", password="x",
                    server="imaps://localhost")
    refused("fetch")
    asked = len(tried(refused))
    assert asked == 2                         # taken out: a change
    refused("fetch")
    assert len(tried(refused)) == asked
    refused.sink.forget_rules()
    assert refused("fetch", env=shift(hours=7)).code == 0
    assert refused.queue() == [] and len(refused.sink.accepted) == 4


def test_a_pass_ends_where_all_rests(simple):
    """The destination refused the session, and the source needs no visit: there
    is nothing to wait for."""
    haul = simple(2)
    haul.sink.rule("connect", "554 5.3.2 not you")
    assert haul("fetch").code == 75
    haul.forget("account", "anna")
    haul.account("ben", enabled=False, user="ben", password="x",
                 server="imaps://localhost")
    before = len(haul.sink.events("connect"))
    for _ in range(2):
        assert haul("fetch").code == 0
    assert len(haul.sink.events("connect")) == before


@pytest.fixture
def signed_out(simple, new_sink, smtp, ca):
    """The destination refuses the sign-in of a fetch; .pass_(hours=0) is a pass
    of cron then: its code, and how often a password was sent in all."""
    haul = simple(2)
    sink = new_sink(tls="implicit", auth={"robot": "right"})
    haul.delivery(server="smtps://localhost:%d" % sink.port, user="robot",
                  password="wrong", tls_ca=ca.file, sender="original",
                  to="anna@office.test")
    haul.sink, shift = sink, Shift(haul.folder)

    def one(*words, hours=0):
        result = haul("fetch", *words, env=shift(hours=hours))
        return result.code, len(sink.events("auth"))
    haul.pass_ = one
    assert one() == (77, 1)
    return haul


def test_a_refused_sign_in_is_not_tried_at_each_pass(signed_out, user):
    """G13: no lock-out: 15 min, then longer; nothing failed in between."""
    passes = [signed_out.pass_(hours=h) for h in (0, 0.2, 0.4, 0.5, 24)]
    assert passes == [(0, 1), (0, 1), (77, 2), (0, 2), (77, 3)]
    assert signed_out.queue()[0]["state"] == "queued"
    [home] = signed_out("status", "--json").json["deliveries"]
    assert home["state"] == "auth" and home["last_error"]["remedy"], home


@pytest.mark.parametrize("words", [("queue", "retry", "--all", "-y"),
                                   ("fetch", "anna")])
def test_a_person_has_a_refused_sign_in_tried(signed_out, words):
    assert signed_out.pass_() == (0, 1)
    signed_out(*words)
    assert signed_out.pass_()[1] == 2


def test_another_password_is_tried_at_once(signed_out, user):
    signed_out.sections["delivery", "home"]["password"] = "right"
    assert signed_out.pass_()[0] == 0
    assert signed_out.sink.count() == ids(user, range(2))
    [home] = signed_out("status", "--json").json["deliveries"]
    assert (home["state"], home["last_error"]) == ("ok", None), home
