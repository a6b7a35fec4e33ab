"""Rows E10 to E16, and what a POP3 server may say of itself and its mail."""
import resource

import pytest

from corpus import ids, msgid, plain
from fakemail import FakePop
from haul import Raw


def box(user, n=3, **how):
    return FakePop([("u%d" % k, plain(k, user)) for k in range(n)], **how)


def refuses(words):
    return lambda session, args: session.say(
        b"-ERR %s\r\n" % words.encode()) or True


def state(haul):
    return haul("status", "--json").account("anna")


def test_e10_bodies_come_by_retr_alone(at, user):
    """E10: a TOP that cuts and marks is not asked for bodies, nor at all
    where the server names its messages."""
    fake = box(user)
    fake.on("TOP", lambda s, a: s.say(b"+OK\r\nSubject: cut\r\n.\r\n") or True)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))
    assert not [c for c in fake.commands if c.startswith("TOP")]


@pytest.mark.parametrize("size", [b"0", b"9223372036854775807",
                                  b"99999999999999999999", b"7", b"?"])
def test_e11_sizes_are_advice(at, user, size):
    """E11: whatever LIST and STAT say, the message is what RETR gives."""
    fake = box(user, 1)
    fake.on("LIST", lambda s, a: s.say(b"+OK\r\n1 " + size + b"\r\n.\r\n")
            or True)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, [0])


def test_an_empty_poll_asks_for_no_sizes(at, user):
    """UIDL says that nothing is new; LIST would be as long again. What is new
    is measured before it is taken, and what was skipped whenever it is seen."""
    fake = box(user)
    haul = at(fake, max_size="1M")
    haul.fetch()
    del fake.commands[:]
    assert haul.fetch().account("anna")["found"] == 3
    assert "LIST" not in fake.commands and "UIDL" in fake.commands
    fake.messages += [("u3", plain(3, user)),
                      ("u4", plain(4, user, size=2 << 20))]
    for _ in range(2):
        del fake.commands[:]
        told = haul.fetch().account("anna")
        assert "LIST" in fake.commands
        assert told["skipped"] == 1
    assert haul.sink.count() == ids(user, range(4))


@pytest.mark.parametrize("reply", [b"+OK", b"+OK 7 1", b"+OK ? ?",
                                   b"-ERR what?", b"+OK 3 99999999999999999999"
                                   ])
def test_a_stat_that_says_something_else(at, user, reply):
    """It is a check of UIDL only: where it does not fit LIST decides."""
    fake = box(user)
    fake.on("STAT", lambda s, a: s.say(reply + b"\r\n") or True)
    haul = at(fake)
    for n in range(3, 5):
        haul.fetch()
        assert haul.sink.count() == ids(user, range(n))
        fake.messages.append(("u%d" % n, plain(n, user)))


def test_e13_a_line_cut_before_quit(at, user):
    """E13: deleted again at the next pass, without another RETR."""
    fake = box(user)
    fake.on("QUIT", lambda session, args: session.reset())
    haul = at(fake, keep=False)
    haul("fetch", "--json")
    assert len(fake.messages) == 3
    del fake.hooks["QUIT"], fake.commands[:]
    assert haul.fetch("anna").account("anna")["deleted"] == 3
    assert fake.messages == []
    assert not [c for c in fake.commands if c.startswith("RETR")]
    assert haul.sink.count() == ids(user, range(3))


def test_e14_mailbox_in_use(at, user):
    """E14: the mailbox is locked: soon again, and no word about passwords."""
    fake = box(user)
    fake.on("AUTH", refuses("[IN-USE] do you have another session?"))
    haul = at(fake)
    for _ in range(6):
        result = haul("fetch", "--json", "-v", "anna")
        assert result.code == 75, result
        assert "password" not in result.err and "[IN-USE]" in result.err
    told = state(haul)
    assert told["state"] == "backoff"
    assert told["last_error"]["class"] == "network"
    assert minutes_until(told) <= 11
    fake.hooks.clear()
    assert haul.fetch("anna").account("anna")["delivered"] == 3
    assert state(haul)["state"] == "ok"


def minutes_until(told):
    from datetime import datetime, timezone
    then = datetime.strptime(told["next_poll"], "%Y-%m-%dT%H:%M:%SZ")
    return (then.replace(tzinfo=timezone.utc) -
            datetime.now(timezone.utc)).total_seconds() / 60


def test_e14_login_delay(at, user):
    """E14: no sooner than the server says, unless it is named; and no second
    session within a pass."""
    fake = box(user)
    fake.capa.append("LOGIN-DELAY 900")
    haul = at(fake, keep=False)
    haul.fetch()
    assert 13 < minutes_until(state(haul)) <= 15
    fake.messages = [("u9", plain(9, user))]
    assert haul.fetch().account("anna")["found"] == 0
    assert fake.sessions == 1
    assert state(haul)["state"] == "ok"
    assert haul.fetch("anna").account("anna")["delivered"] == 1
    fake.on("AUTH", refuses("[LOGIN-DELAY] minimum time violation"))
    result = haul("fetch", "--json", "anna")
    assert result.code == 75 and "15 min" in result.out, result
    assert 13 < minutes_until(state(haul)) <= 17


def test_e14_login_delay_that_is_nearly_over_is_waited_for(at, user):
    """A timer at the server's own interval does not miss each second turn."""
    fake = box(user, 1)
    fake.capa.append("LOGIN-DELAY 1")
    haul = at(fake)
    haul.fetch()
    fake.messages.append(("u9", plain(9, user)))
    assert haul.fetch().account("anna")["delivered"] == 1
    assert fake.sessions == 2


@pytest.mark.parametrize("code, state_is, exit_code", [
    ("[SYS/TEMP] database down", "backoff", 75),
    ("[SYS/PERM] mailbox is damaged", "failing", 75),
    ("[AUTH] wrong", "auth", 77), ("no", "auth", 77)])
def test_response_codes_of_a_sign_in(at, user, code, state_is, exit_code):
    """RFC 3206: only what is about the password is told as that."""
    fake = box(user)
    fake.on("AUTH", refuses(code))
    haul = at(fake)
    result = haul("fetch", "--json", "anna")
    assert result.code == exit_code, result
    told = state(haul)
    assert told["state"] == state_is
    assert ("password" in told["last_error"]["remedy"]) == (exit_code == 77)


def test_e15_no_uidl_wants_deletion(at, user):
    """E15: where mail stays it is refused in words; with keep = no its
    headers tell messages apart, and that is said."""
    fake = box(user)
    fake.on("UIDL", refuses("what?"))
    haul = at(fake)
    result = haul("fetch", "--json", "anna")
    assert result.code == 78 and "keep = no" in result.err, result
    assert haul.sink.accepted == [] and len(fake.messages) == 3
    haul.sections["account", "anna"]["keep"] = False
    result = haul("fetch", "-v", "anna")
    assert result.code == 0 and "no UIDL" in result.err, result
    assert haul.sink.count() == ids(user, range(3)) and fake.messages == []


def test_e3_uidls_beyond_the_limit_are_said(at, user):
    """E3: hashed, flagged, and still an identity."""
    fake = FakePop([("x" * 2000 + str(n), plain(n, user)) for n in range(3)])
    haul = at(fake)
    result = haul("fetch", "-v", "anna")
    assert "longer than any rule" in result.err, result
    fake.messages.append(("x" * 2000 + "9", plain(9, user)))
    assert haul.fetch("anna").account("anna")["delivered"] == 1
    assert haul.sink.count() == ids(user, [0, 1, 2, 9])


def gmail(user, n):
    """Hides what was fetched, once a session ended by QUIT."""
    fake = box(user, n)
    fake.capa.append("EXPIRE 0")

    def retr(session, args):
        session.__dict__.setdefault("popped", set()).add(int(args[0]))
        return False

    def quit_(session, args):
        session.deleted |= getattr(session, "popped", set())
        return False
    fake.on("RETR", retr)
    fake.on("QUIT", quit_)
    return fake


def test_e16_what_is_hidden_once_fetched_is_delivered(at, user):
    """E16: nothing is lost by it, and refetch finds nothing there."""
    fake = gmail(user, 3)
    haul = at(fake)
    haul.fetch()
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3)) and fake.messages == []
    fake.messages = [("u9", plain(9, user))]
    assert haul.fetch("anna").account("anna")["delivered"] == 1


def test_e16_no_quit_before_bodies_are_on_disk(at, user):
    """E16: a body that could not be recorded (the disk is full) is not
    given away by QUIT: it is there the next time."""
    fake = gmail(user, 2)
    fake.messages[1] = ("u1", plain(1, user, size=3000000))
    haul = at(fake)
    haul.fetch("-n")

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000))
    process = haul.start("fetch", "--json", "anna", preexec_fn=small)
    result = haul.finish(process)
    assert result.code == 74, result
    assert [u for u, _ in fake.messages] == ["u0", "u1"]
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(2))
    assert [u for u, _ in fake.messages] == ["u0"]   # not fetched again


def test_one_message_refused_does_not_stop_the_polling(at, user):
    """-ERR to one RETR: 75, the account is well, and is polled as ever."""
    fake = box(user, 4)
    fake.on("RETR", lambda s, a: a[0] == "2" and
            (s.say(b"-ERR cannot read it\r\n") or True))
    haul = at(fake)
    result = haul("fetch", "--json")
    assert result.code == 75 and "cannot read it" in result.err, result
    assert state(haul)["state"] == "ok"
    fake.messages.append(("u9", plain(9, user)))
    again = haul("fetch", "--json")
    assert again.account("anna")["delivered"] == 1, again
    assert again.err == "", again           # told once a day
    assert haul.sink.count() == ids(user, [0, 2, 3, 9])


@pytest.mark.parametrize("verb", ["TOP", "DELE"])
def test_one_header_or_deletion_refused_spoils_only_itself(at, user, verb):
    fake = box(user, 4)
    fake.on(verb, lambda s, a: a[0] == "2" and
            (s.say(b"-ERR cannot\r\n") or True))
    haul = at(fake, keep=False, first_run=Raw("3650d"))
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(4))
    assert [u for u, _ in fake.messages] == (["u1"] if verb == "DELE" else [])
    fake.hooks.clear()
    haul.fetch("anna")
    assert fake.messages == []
    assert haul.sink.count() == ids(user, range(4))


def test_utf8_mode_is_asked_for(at, user):
    """RFC 6856: where it is offered, so that no header is rewritten."""
    fake = box(user)
    fake.capa.append("UTF8")
    fake.on("UTF8", lambda s, a: s.say(b"+OK\r\n") or True)
    haul = at(fake)
    haul.fetch()
    assert fake.commands.index("UTF8") < fake.commands.index("AUTH")
    assert haul.sink.count() == ids(user, range(3))


def test_e2_lf_alone_is_refused_in_words(at, user):
    fake = box(user)
    fake.on("LIST", lambda s, a: s.say(b"+OK\r\n1 100\n.\n") or True)
    haul = at(fake)
    result = haul("fetch", "--json", "anna")
    assert result.code == 76 and "LF alone" in result.err, result


def test_trace_by_uidl(at, user):
    """The whole unique-id is a key of trace, however long it is."""
    fake = FakePop([("id<%s>%d" % ("y" * 200, n), plain(n, user))
                    for n in range(3)])
    haul = at(fake)
    haul.fetch()
    found = haul("trace", "--json", "id<%s>1" % ("y" * 200)).json["messages"]
    assert [m["message_id"] for m in found] == [msgid(1, user)]
