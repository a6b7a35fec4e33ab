"""What large providers' servers do otherwise than Dovecot, by fakes of their
habits: the mail arrives all the same, or the program says why and stays away as
long as it was asked to. Rows C9, D5, D6, D7, D19 and FETCH in B."""
import datetime
import re

import pytest

from corpus import ids, msgid, plain
from fakemail import Box, FakeImap, FakePop, _uids


def say(*lines):
    """A hook that answers with these lines; %s: the tag."""
    def hook(session, tag, args):
        session.say("".join(l.replace("%s", tag) + "\r\n"
                            for l in lines).encode("latin-1"))
        return True
    return hook


def bodies_only(hook):
    """The hook for FETCH of bodies; listings are the fake's own."""
    return lambda s, tag, args: "BODY" in args.upper() and hook(s, tag, args)


def state(haul, name="anna"):
    return haul("status", "--json").account(name)


def seconds_to_next_poll(haul):
    at = datetime.datetime.fromisoformat(
        state(haul)["next_poll"].replace("Z", "+00:00"))
    return (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


# ---------------------------------------------------------- NetEase, Coremail

class NetEase(FakeImap):
    """SELECT and EXAMINE want ID before, with a name and a version in it
    (github.com/pimalaya/himalaya/issues/651, github.com/mjs/imapclient/
    issues/544); UIDs begin high, and SELECT tells no UIDNEXT."""
    trusts = True

    def __init__(self, mails, names_id=True):
        words = ["IMAP4rev1", "XLIST", "SPECIAL-USE", "LITERAL+", "STARTTLS",
                 "UIDPLUS", "X-CM-EXT-1"] + (["ID"] if names_id else [])
        super().__init__(capability=words)
        box = self.boxes["INBOX"] = Box(validity=1)
        box.next = 1392611444
        for octets in mails:
            box.add(octets)
            box.next += 13
        self.on("ID", self.id)
        self.on("SELECT", self.select)
        self.on("EXAMINE", self.select)

    def id(self, session, tag, args):
        told = dict(re.findall(r'"(\w+)" "([^"]+)"', args))
        session.named = bool(told.get("name") and told.get("version"))
        return say('* ID ("name" "Coremail Imap" "vendor" "Mailtech" '
                   '"TransID" "x")', "%s OK ID completed")(session, tag, args)

    def select(self, session, tag, args):
        if not (self.trusts and getattr(session, "named", False)):
            return say("%s NO SELECT Unsafe Login. Please contact "
                       "kefu@188.com for help")(session, tag, args)
        session.box = self.boxes["INBOX"]
        session.writable = True
        return say("* %d EXISTS" % len(session.box.mail),
                   "* OK [UIDVALIDITY 1] UIDs valid",
                   r"* FLAGS (\Answered \Seen \Deleted \Draft \Flagged)",
                   "%s OK [READ-WRITE] SELECT completed")(session, tag, args)


@pytest.mark.parametrize("names_id", [True, False],
                         ids=["id-offered", "id-not-offered"])
def test_netease_wants_id_before_select(at, user, names_id):
    fake = NetEase([plain(n, user) for n in range(3)], names_id)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))
    fake.boxes["INBOX"].add(plain(3, user))
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(4))


def test_netease_does_not_trust_us(at, user):
    """A person is needed, and is told where to look; not the folder's name."""
    fake = NetEase([plain(1, user)])
    fake.trusts = False
    haul = at(fake)
    result = haul.fetch(code=77)
    error = state(haul)["last_error"]
    assert "Unsafe Login" in error["text"] and error["class"] == "auth"
    assert "授权码" in error["remedy"], result
    assert seconds_to_next_poll(haul) > 3000
    haul("fetch")                                   # cron: no storm
    assert fake.commands.count("LOGIN") == 1
    check = haul("check")
    assert check.code == 77 and "授权码" in check.err, check


# ------------------------------------------------------------------- QQ Mail

class QQ(FakeImap):
    """BAD to a set of which a part descends, "*" put in (github.com/pimalaya/
    himalaya/issues/276, 572); no UIDPLUS."""

    def __init__(self, mails):
        super().__init__({"INBOX": mails}, capability=[
            "IMAP4", "IMAP4rev1", "ID", "AUTH=PLAIN", "AUTH=LOGIN",
            "NAMESPACE"])
        self.refused = 0
        for verb in ("UID FETCH", "UID STORE"):
            self.on(verb, self.ascending)

    def ascending(self, session, tag, args):
        top = max(session.box.mail, default=0)
        last = 0
        for part in args.partition(" ")[0].split(","):
            for end in part.split(":"):
                n = top if end == "*" else int(end)
                if n < last:
                    self.refused += 1
                    return say("%s BAD Sequence set is inavlid!")(
                        session, tag, args)
                last = n
        return False


@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
def test_d6_qq_refuses_descending_sets(at, user, keep):
    fake = QQ([plain(n, user) for n in range(5)])
    haul = at(fake, keep=keep)
    haul.fetch()
    box = fake.boxes["INBOX"]
    box.mail.pop(5, None)                # what is above the last goes: "6:*"
    box.next = 7                         # is 6:4, and UIDNEXT moves
    haul.fetch("anna")
    assert fake.refused or not keep
    box.add(plain(7, user))
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, [0, 1, 2, 3, 4, 7])
    assert keep or not box.mail


# -------------------------------------------------------------------- iCloud

def test_d7_icloud_gives_bodies_by_body_peek_alone(at, user):
    """Any other item is answered with facts alone (github.com/modern-email/
    defects/issues/36); RFC822.SIZE too is one of those."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})

    def fetch(session, tag, args):
        if re.search(r"BODY\.PEEK\[\]", args):
            return False
        for uid in _uids(args.partition(" ")[0], list(session.box.mail)):
            session.say(b"* %d FETCH (UID %d FLAGS ())\r\n" % (
                session.sequence(uid), uid))
        session.ok(tag, "FETCH completed (took 1 ms)")
        return True
    fake.on("UID FETCH", fetch)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))


EMPTY = pytest.mark.parametrize("body", ["", " BODY[] NIL", ' BODY[] ""'],
                                ids=["missing", "nil", "empty"])


def bodiless(fake, uid, body):
    """That message comes as FETCH facts with this in place of its body."""
    def fetch(session, tag, args):
        for n in _uids(args.partition(" ")[0], list(session.box.mail)):
            octets = session.box.mail[n][0]
            session.say(b"* %d FETCH (UID %d" % (session.sequence(n), n))
            if n == uid:
                session.say(body.encode() + b")\r\n")
            else:
                session.say(b" BODY[] {%d}\r\n%s)\r\n" % (
                    len(octets), octets))
        session.ok(tag)
        return True
    fake.on("UID FETCH", bodies_only(fetch))


def dry(haul):
    return haul("fetch", "-n", "-v", "anna").out


@EMPTY
def test_d7_a_body_that_does_not_come_is_asked_for_again(at, user, body):
    """Said, by all three that explain; nothing is deleted; it arrives once the
    server gives it, and the others arrive at once."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})
    bodiless(fake, 2, body)
    haul = at(fake, keep=False)
    for _ in range(2):
        result = haul("fetch", "anna")
        assert result.code == 76, result
        assert haul.sink.count() == ids(user, [0, 2])
        assert list(fake.boxes["INBOX"].mail) == [2]
        assert state(haul)["state"] == "ok" and state(haul)["skipped"] == 1
        assert "1 without content" in haul("status", "-v").out
        assert "without content" in haul("trace", "2").out
        assert "without content so far: would be asked for" in dry(haul)
    fake.hooks.pop("UID FETCH")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    assert not fake.boxes["INBOX"].mail
    assert "without content" not in haul("status", "-v").out
    assert haul("queue", "list", "--json").json == []


@EMPTY
def test_d7_a_body_that_never_comes_is_held(at, user, body):
    """At the third pass, and no error after that; what is held can be asked
    for again, as often, and never was it deleted as delivered."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})
    bodiless(fake, 2, body)
    haul = at(fake, keep=False)
    assert [haul("fetch", "anna").code for _ in range(4)] == [76, 76, 0, 0]
    listed = haul("queue", "list", "--json").json
    assert [(m["state"], m["uid"], m["reason"]) for m in listed] == [
        ("held", "2", "its content did not come, at three passes")]
    account = state(haul)
    assert account["held"] == 1 and account["skipped"] == 0, account
    assert account["last_error"] is None, account
    assert "did not come" in haul("trace", "2").out
    assert "in the queue" in dry(haul)
    before = fake.commands.count("UID FETCH")
    haul.fetch()
    assert "1 held" in haul("status").out
    assert list(fake.boxes["INBOX"].mail) == [2]
    assert fake.commands.count("UID FETCH") <= before + 1     # no body
    # as before, three times; then it heals
    assert haul("queue", "retry", "--all", "--yes").code == 0
    assert [haul("fetch", "anna").code for _ in range(4)] == [76, 76, 0, 0]
    assert haul.sink.count() == ids(user, [0, 2])
    assert haul("queue", "retry", "--all", "--yes").code == 0
    fake.hooks.pop("UID FETCH")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    assert not fake.boxes["INBOX"].mail
    assert haul("queue", "list", "--json").json == []


def test_d7_an_empty_answer_to_retr_is_held_as_well(at, user):
    fake = FakePop([("u%d" % n, plain(n, user)) for n in range(3)])
    fake.on("RETR", lambda s, a: a == ["2"] and
            (s.say(b"+OK 0 octets\r\n.\r\n") or True))
    haul = at(fake)
    assert [haul("fetch", "anna").code for _ in range(4)] == [76, 76, 0, 0]
    listed = haul("queue", "list", "--json").json
    assert [(m["state"], m["uid"]) for m in listed] == [("held", "u1")]
    assert haul.sink.count() == ids(user, [0, 2])


# ------------------------------------------------------------------ Exchange

def test_exchange_tells_facts_in_its_own_order(at, user):
    """B7, D19: the UID behind the literal, facts in another response, flags,
    EXISTS and chatter of others in between."""
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(4)]})

    def fetch(session, tag, args):
        body = "BODY" in args.upper()
        for uid in _uids(args.partition(" ")[0], list(session.box.mail)):
            octets, n = session.box.mail[uid][0], session.sequence(uid)
            session.say(b"* %d FETCH (FLAGS (\\Answered))\r\n" % n)
            if body:
                session.say(b"* %d FETCH (BODY[] {%d}\r\n%s FLAGS () UID %d)"
                            b"\r\n" % (n, len(octets), octets, uid))
            else:
                session.say(b"* %d FETCH (RFC822.SIZE %d FLAGS () UID %d)\r\n"
                            % (n, len(octets), uid))
            session.say(b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n* %d EXISTS"
                        b"\r\n* OK still here\r\n* XYZZY (((\r\n" % (
                            n, uid, len(session.box.mail)))
        session.ok(tag, "FETCH completed.")
        return True
    fake.on("UID FETCH", fetch)
    haul = at(fake, keep=False)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(4))
    assert not fake.boxes["INBOX"].mail


def test_d19_small_letters_quoted_bodies_and_spaces(at, user):
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(3)]})

    def fetch(session, tag, args):
        for uid in _uids(args.partition(" ")[0], list(session.box.mail)):
            octets, n = session.box.mail[uid][0], session.sequence(uid)
            if "BODY" not in args.upper():
                session.say(b"*  %d  fetch  ( uid  %d  rfc822.size  %d  "
                            b"flags  ( \\seen ) )\r\n" % (n, uid, len(octets)))
            elif uid == 1:                          # a line is all it can be
                session.say(b'* %d fetch (uid %d body[] "Message-ID: %s")\r\n'
                            % (n, uid, msgid(0, user).encode()))
            else:
                session.say(b"* ok between\r\n*  %d  Fetch  ( body[]  {%d}\r\n"
                            b"%s  uid  %d )\r\n" % (
                                n, len(octets), octets, uid))
        session.say(("%s ok  done\r\n" % tag).encode())
        return True
    fake.on("UID FETCH", fetch)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, range(3))


# ----------------------------------------------------------------- high UIDs

@pytest.mark.parametrize("first", [743024218, 4294967293],
                         ids=["743024218", "near-2^32"])
@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
def test_d5_uids_that_begin_high(at, user, first, keep):
    """No walk over what is below, nothing sized by a number; UIDNEXT of 2^32
    is no number to IMAP, and tells nothing."""
    fake = FakeImap()
    box = fake.boxes["INBOX"] = Box()
    box.next = first
    for n in range(2):
        box.add(plain(n, user))
    haul = at(fake, keep=keep)
    haul.fetch()
    box.add(plain(2, user))                         # 4294967295; next: 2^32
    haul.fetch("anna")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))
    assert keep or not box.mail
    assert len([c for c in fake.commands if c.startswith("UID FETCH")]) < 9


# ----------------------------------------------------------------- slow down

THROTTLED = "Request is throttled. Suggested Backoff Time: 1500000 milliseconds"
SLOW = {                             # words, how long to stay away: s
    "yahoo": ("NO [LIMIT] %s Rate limit hit.", 900),
    "gmail-sessions": ("NO [ALERT] Too many simultaneous connections. "
                       "(Failure)", 900),
    "gmail-bandwidth": ("NO [OVERQUOTA] Account exceeded command or bandwidth "
                        "limits.", 900),
    "gmail-throttled": ("NO [THROTTLED] later", 900),
    "microsoft-no": ("NO " + THROTTLED, 1500),
    "microsoft-bad": ("BAD " + THROTTLED, 1500),
    "exchange": ("BAD User is authenticated but not connected.", 900),
}


@pytest.mark.parametrize("verb", ["AUTHENTICATE", "SELECT", "UID FETCH"])
@pytest.mark.parametrize("kind", SLOW)
def test_c9_slow_down_is_no_refused_password(at, user, kind, verb):
    """75, not 77; nothing more is asked in this session; the account stays
    away as long as it was told, and then the mail arrives."""
    words, wait = SLOW[kind]
    fake = FakeImap({"INBOX": [plain(n, user) for n in range(40)]})
    hook = say("%s " + words.replace("%s", verb))
    fake.on(verb, bodies_only(hook) if verb == "UID FETCH" else hook)
    haul = at(fake)
    result = haul.fetch(code=75)
    account = state(haul)
    assert account["state"] == "backoff", account
    assert account["last_error"]["class"] == "network"
    assert "tried again after %d min" % (wait // 60) in \
        account["last_error"]["remedy"], result
    assert wait - 60 < seconds_to_next_poll(haul) < wait * 1.1 + 5
    # the listing, two sets of bodies: no message was asked for alone
    assert len([c for c in fake.commands if c.startswith(verb)]) <= 3
    before = len(fake.commands)
    assert haul("fetch").code == 0                  # cron: not before its time
    assert len(fake.commands) == before
    fake.hooks.pop(verb)
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(40))
    assert state(haul)["next_poll"] is None


@pytest.mark.parametrize("words", [
    "[OVERQUOTA] Account exceeded command or bandwidth limits.",
    "Too many simultaneous connections. (Failure)"])
def test_c9_slow_down_by_bye(at, user, words):
    fake = FakeImap({"INBOX": [plain(1, user)]})
    fake.on("greeting", say("* BYE " + words))
    haul = at(fake)
    haul.fetch(code=75)
    assert 840 < seconds_to_next_poll(haul) < 1000


def test_gmail_may_say_throttled_of_what_went_well(at, user):
    fake = FakeImap({"INBOX": [plain(1, user)]})
    def ok(session, tag, args):
        session.ok = lambda tag, text="": session.say(
            ("%s OK Success [THROTTLED]\r\n" % tag).encode())
        return False
    for verb in ("SELECT", "UID FETCH"):
        fake.on(verb, ok)
    haul = at(fake)
    haul.fetch()
    assert haul.sink.count() == ids(user, [1])
    assert state(haul)["state"] == "ok"


@pytest.mark.parametrize("words, code", [
    (b"-ERR \xb5\xc7\xc2\xbc\xcc\xab\xc6\xb5\xb7\xb1", 75),
    (b"-ERR Exceeded the login limit for a 15 minute period. Reduce the "
     b"frequency of requests to the POP3 server.", 75),
    (b"-ERR Login fail. Account is abnormal, service is not open, password is "
     b"incorrect, login frequency limited, or system is busy.", 77),
    (b"-ERR [AUTH] wrong", 77)], ids=["gbk", "limit", "any-cause", "auth"])
def test_c9_pop3_sign_ins_that_come_too_often(at, user, words, code):
    """C9: the words alone say it, in GBK even; QQ's list of all causes is
    taken for the likely one."""
    fake = FakePop([("u1", plain(1, user))])
    fake.capa = ["UIDL", "USER"]
    fake.on("PASS", lambda s, a: s.say(words + b"\r\n") or True)
    haul = at(fake)
    haul.fetch(code=code)
    wait = seconds_to_next_poll(haul)
    assert 840 < wait < 1000 if code == 75 else wait > 3000
    fake.hooks.pop("PASS")
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, [1])


@pytest.mark.parametrize("capa, wait", [(["LOGIN-DELAY 1200"], 1200),
                                        ([], 900)], ids=["told", "untold"])
def test_c9_login_delay_is_kept(at, user, capa, wait):
    """C9, E14: RFC 2449 8.1.1; the time is that of CAPA."""
    fake = FakePop([("u1", plain(1, user))])
    fake.capa = ["UIDL", "USER", "RESP-CODES"] + capa
    fake.on("PASS", lambda s, a: s.say(
        b"-ERR [LOGIN-DELAY] minimum time between logins\r\n") or True)
    haul = at(fake)
    haul.fetch(code=75)
    assert wait - 60 < seconds_to_next_poll(haul) < wait * 1.1 + 5
    assert "after %d min" % (wait // 60) in state(haul)["last_error"]["remedy"]


# -------------------------------------------------------------------- Yandex

def test_c9_yandex_says_one_thing_of_two(at, user):
    """A wrong password and IMAP switched off: 77, its words, no storm."""
    fake = FakeImap({"INBOX": [plain(1, user)]})
    fake.on("AUTHENTICATE", say(
        "%s NO [AUTHENTICATIONFAILED] AUTHENTICATE Invalid credentials or "
        "IMAP is disabled sc=ebI8JB0ug4Y1_290737_53p"))
    haul = at(fake)
    haul.fetch(code=77)
    assert "IMAP is disabled" in state(haul)["last_error"]["text"]
    assert seconds_to_next_poll(haul) > 3000
    assert haul("fetch").code == 0
    assert fake.commands.count("AUTHENTICATE") == 1
