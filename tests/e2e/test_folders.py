"""Which folders are fetched, and what changed in them: names, patterns, special
uses, blocks; D1, D2, D3, D11, D12, D17 where there are several folders."""
import re

import pytest

from corpus import ids, msgid, plain
from fakemail import Box, FakeImap
from haul import Raw
from servers import Dovecot

WITHOUT_LIST_STATUS = """
protocol imap {
  imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE ID UIDPLUS MOVE \
NAMESPACE UNSELECT CHILDREN
}
"""
DOTS = """
namespace inbox {
  separator = .
  mailbox Spam {
    special_use = \\Junk
    auto = create
  }
}
namespace other {
  separator = .
  prefix = Other.
  location = maildir:~/other
  list = yes
  subscriptions = no
}
"""


@pytest.fixture(scope="module")
def dots(folder, ca):
    """Dovecot with dots between levels, a second namespace, special uses."""
    server = Dovecot(folder.new("dovecot"), ca, extra=DOTS)
    yield server
    server.leave()


@pytest.fixture(scope="module")
def old(folder, ca):
    """Dovecot as an old server: no LIST-EXTENDED, LIST-STATUS, SPECIAL-USE."""
    server = Dovecot(folder.new("dovecot"), ca, extra=WITHOUT_LIST_STATUS)
    yield server
    server.leave()


@pytest.fixture(params=["list-status", "status"])
def either(request, maildir_dovecot, old):
    return maildir_dovecot if request.param == "list-status" else old


@pytest.fixture
def account(haul, sink, smtp, source, user):
    """account(dovecot, ...): the account "anna" there, a sink behind it."""
    def make(dovecot, **settings):
        haul.delivery(**smtp(sink))
        haul.account("anna", **source(dovecot, "imaps", user, **settings))
        haul.sink, haul.dovecot = sink, dovecot
        return haul
    return make


def came(haul, user, *numbers):
    assert haul.sink.count() == ids(user, numbers)


def verbs(server):
    """What was said since the last time."""
    out = [c.split()[0] for c in server.commands]
    server.commands.clear()
    return out


# ---------------------------------------------------------------- which of them

def test_patterns_take_names_and_leave_out(account, either, user):
    """* and %, names beyond ASCII, ! wherever it stands, and INBOX in any
    case of letters."""
    haul = account(either, folders=["!*/Alt", "inbox", "Käse%", "Arbeit/*"])
    for n, name in enumerate(["INBOX", "K&AOQ-se", "K&AOQ-sekuchen",
                              "K&AOQ-se/Reste", "Arbeit", "Arbeit/A",
                              "Arbeit/A/B", "Arbeit/Alt", "Other"]):
        either.put(user, [plain(n, user)], folder=name)
    assert haul.fetch().account("anna")["delivered"] == 5
    came(haul, user, 0, 1, 2, 5, 6)
    assert haul.fetch().account("anna")["delivered"] == 0


def test_the_delimiter_is_the_servers(account, dots, user):
    """A user writes the delimiter that the server lists, also of another
    namespace; a name with another one is refused with what may be meant."""
    haul = account(dots, folders=["Work.%", "Other.*", "Work/A"])
    haul.dovecot.put(user, [plain(1, user)], folder="Work/A")
    haul.dovecot.put(user, [plain(2, user)], folder="Work/A/B")
    imap = haul.dovecot.imap(user)
    imap.create("Other.Lists")
    imap.append_octets("Other.Lists", plain(3, user))
    imap.logout()
    result = haul("fetch", "--json")
    came(haul, user, 1, 3)
    assert 'no folder "Work/A"' in result.err, result
    assert 'did you mean "Work.A"' in result.err, result


def test_special_uses(account, dots, user):
    """special:Junk is the folder the server says it is, whatever its name."""
    haul = account(dots, folders=["special:junk", "!special:Trash", "T*"])
    haul.dovecot.put(user, [plain(1, user)], folder="Spam")
    haul.dovecot.put(user, [plain(2, user)], folder="Trash")
    haul.dovecot.put(user, [plain(3, user)], folder="Tests")
    haul.fetch()
    came(haul, user, 1, 3)


def test_blocks_have_settings_of_their_own(account, new_sink, dovecot, user):
    """INTERFACE 2: folder "Forms/*" { to = {...} }; {folder} in to; delivery,
    keep and max_size of a block; the first match counts."""
    haul = account(dovecot, to="anna@office.test", folder={
        "Forms/*": {"to": ["anna@office.test",
                           "ben+{folder}@office.test"], "keep": False},
        "Forms/Big": {"to": "never@office.test"},
        "Other": {"delivery": "second", "to": "o@office.test",
                  "max_size": Raw("2K")}})
    second = new_sink()
    haul.delivery("second", server="smtp://localhost:%d" % second.port)
    haul.sections["account", "anna"]["delivery"] = "home"
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user, [plain(2, user)], folder="Forms/Big")
    dovecot.put(user, [plain(3, user), plain(4, user, size=9000)],
                folder="Other")
    haul.fetch()
    rcpts = {m.msgid: sorted(m.rcpts) for m in haul.sink.accepted}
    assert rcpts == {
        msgid(1, user): ["anna@office.test"],
        msgid(2, user): ["anna@office.test", "ben+Forms-Big@office.test"]}
    assert second.count() == {msgid(3, user): 1}
    assert len(dovecot.left(user, "INBOX")) == 1
    assert dovecot.left(user, "Forms/Big") == []
    assert len(dovecot.left(user, "Other")) == 2
    told = haul("check", "--effective")
    assert 'account "anna": folder "Forms/*"' in told.out, told


def test_mail_moved_by_a_block_is_deleted_there(account, dovecot, user):
    """move_to with keep in a block: what was moved is looked after behind the
    last folder, which no pattern takes."""
    haul = account(dovecot, folders=["INBOX", "!Done"], folder={
        "Forms/*": {"move_to": "Done", "keep": Raw("1d")}})
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user, [plain(2, user)], folder="Forms/A")
    haul.fetch()
    haul.fetch()
    assert len(dovecot.left(user, "Done")) == 1
    assert dovecot.left(user, "Forms/A") == []
    haul.sections["account", "anna"]["folder"]["Forms/*"]["keep"] = Raw("0s")
    haul.fetch("--yes")
    assert dovecot.left(user, "Done") == []
    assert len(dovecot.left(user)) == 1


def test_where_mail_was_moved_to_is_gone(account, dovecot, user):
    """One folder, and the one its mail was moved to deleted since: no error,
    and nothing is begun anew."""
    haul = account(dovecot, move_to="Done", keep=Raw("1d"))
    dovecot.put(user, [plain(1, user)])
    haul.fetch()
    haul.fetch()
    imap = dovecot.imap(user)
    assert imap.delete("Done")[0] == "OK"
    imap.logout()
    haul.sections["account", "anna"]["keep"] = Raw("0s")
    assert haul.fetch("--yes").account("anna")["found"] == 0


def test_a_name_that_is_not_there(account, either, user):
    """A plain name that is not there is an error with the names near it; a
    pattern that takes nothing today is none. The others are fetched."""
    haul = account(either, folders=["Reechnungen", "Nix/*", "INBOX"])
    either.put(user, [plain(1, user)])
    either.put(user, [plain(2, user)], folder="Rechnungen")
    result = haul("fetch", "--json")
    assert result.code != 0
    assert 'no folder "Reechnungen"' in result.err, result
    assert 'did you mean "Rechnungen"' in result.err, result
    came(haul, user, 1)


def test_several_names_that_are_not_there(account, dovecot, user):
    """All of them are named at once, as far as a line goes."""
    haul = account(dovecot, folders=["Reechnungen", "Gibt es nicht", "INBOX"])
    dovecot.put(user, [plain(2, user)], folder="Rechnungen")
    result = haul("fetch")
    assert result.code == 75 and (
        'anna: there are no folders "Reechnungen" (did you mean "Rechnungen"?)'
        ', "Gibt es nicht": write their names in `folders`') in result.err, \
        result
    haul.sections["account", "anna"]["folders"] = \
        ["Ordner Nummer %02d" % n for n in range(30)]
    result = haul("fetch")
    assert re.search(r'no folders "Ordner Nummer 00", .*"Ordner Nummer 08" '
                     'and 21 more: write', result.err), result


def test_a_single_name_that_is_not_there(account, dovecot, user):
    """The same where one folder is selected without a listing."""
    haul = account(dovecot, folders=["inbxo"])
    dovecot.put(user, [plain(1, user)])
    result = haul("fetch", "--json")
    assert 'did you mean "INBOX"' in result.err, result


def test_check_prints_names_as_they_are_written(account, dots, user):
    haul = account(dots, folders=["INBOX", "K*"])
    haul.dovecot.put(user, [plain(1, user)], folder="K&AOQ-se")
    haul.dovecot.put(user, [plain(2, user)], folder="Spam")
    told = haul("check", "anna")
    assert '"Käse"' in told.out and '"Spam" special:Junk' in told.out, told
    names = {n["name"]: n for n in
             haul("check", "--json", "anna").json["accounts"][0]["names"]}
    assert names["Käse"]["fetched"] and not names["Spam"]["fetched"]
    assert names["Spam"]["special"] == ["Junk"]
    assert names["Spam"]["messages"] == 1


def test_trace_names_folders_that_are_not_fetched(account, either, user):
    """Where nothing matches, trace tells which folders are there without being
    fetched, and how many messages they hold."""
    haul = account(either)
    either.put(user, [plain(1, user)])
    either.put(user, [plain(n, user) for n in (2, 3)], folder="Käse".encode(
        "utf-7").decode().replace("+", "&"))
    haul.fetch()
    nothing = haul("trace", "no-such-message@nowhere")
    assert '"Käse" (2)' in nothing.out, nothing
    assert '"INBOX"' not in nothing.out, nothing
    told = haul("trace", "--json", "no-such-message@nowhere").json
    assert {"Käse": 2}.items() <= {u["folder"]: u["messages"]
                                   for u in told["unfetched"]}.items()


# -------------------------------------------------- first_run: added, or appears

def test_a_folder_that_appears_is_taken_whole(account, either, user):
    """first_run is for what was there before: a folder that merely appears
    under a pattern is fetched whole, one whose name is added later is not."""
    haul = account(either, folders=["INBOX", "Lists/*"], first_run="new")
    either.put(user, [plain(1, user)])
    either.put(user, [plain(2, user)], folder="Lists/a")
    either.put(user, [plain(3, user)], folder="Added")
    haul.fetch()
    came(haul, user)                                       # all adopted
    either.put(user, [plain(n, user) for n in range(100, 640)],
               folder="Lists/b")
    haul.fetch()
    came(haul, user, *range(100, 640))
    haul.sections["account", "anna"]["folders"] = ["INBOX", "Lists/*", "Added"]
    haul.fetch()
    either.put(user, [plain(5, user)], folder="Added")
    haul.fetch()
    came(haul, user, *range(100, 640), 5)


def test_an_undecided_folder_does_not_merely_appear(account, dovecot, user):
    """A folder that waits for a decision of first_run still waits when others
    of its pattern were dealt with."""
    haul = account(dovecot, folders=["*"])
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user, [plain(n, user) for n in range(100, 601)], folder="Big")
    for _ in range(2):
        result = haul("fetch", "--json", "anna")
        assert result.code == 78 and "501" in result.out, result
        came(haul, user, 1)
    haul.fetch("--yes", "anna")
    came(haul, user, 1, *range(100, 601))


def test_a_folder_that_could_not_be_opened_does_not_merely_appear(at, user):
    """What a pass did not get to see is still decided by first_run."""
    server = FakeImap({"A": [plain(1, user)], "B": [plain(2, user)]})
    busy = [True]

    def select(session, tag, args):
        if '"B"' in args and busy:
            session.no(tag, "[UNAVAILABLE] later")
            return True
        return False
    server.on("SELECT", select)
    haul = at(server, folders=["*"], first_run="new")
    assert haul("fetch", "--json", "anna").code == 75
    busy.clear()
    haul.fetch("anna")
    server.boxes["B"].add(plain(3, user))
    haul.fetch("anna")
    came(haul, user, 3)


def test_a_change_of_keep_is_guarded_by_folder(account, dovecot, user):
    """A block's keep is no change of the account's: what becomes due by it
    every day is deleted; where it is shortened, it is asked about."""
    haul = account(dovecot, first_run="all",
                   folder={"Lists": {"keep": Raw("7d")}})
    dovecot.put(user, [plain(1, user)])
    dovecot.put(user, [plain(n, user) for n in range(100, 230)],
                folder="Lists")
    haul.fetch()
    haul.sections["account", "anna"]["folder"]["Lists"]["keep"] = False
    result = haul("fetch", "--json", "anna")
    assert result.account("anna")["deleted"] == 0 and "130" in result.out
    result = haul.fetch("--yes", "anna")
    assert result.account("anna")["deleted"] == 130
    dovecot.put(user, [plain(n, user) for n in range(300, 430)],
                folder="Lists")
    assert haul.fetch("anna").account("anna")["deleted"] == 130
    assert len(dovecot.left(user)) == 1


def test_a_renamed_folder_is_not_fetched_again(account, dovecot, user):
    """What appears under a pattern with the mail of a folder that is gone."""
    haul = account(dovecot, folders=["*"])
    dovecot.put(user, [plain(n, user) for n in range(30)], folder="Before")
    haul.fetch()
    imap = dovecot.imap(user)
    assert imap.rename("Before", "After")[0] == "OK"
    imap.logout()
    dovecot.put(user, [plain(50, user)], folder="After")
    haul.fetch()
    came(haul, user, *range(30), 50)


# ------------------------------------------------------------------ what changed

@pytest.mark.parametrize("list_status", [True, False])
def test_unchanged_folders_are_not_selected(at, user, list_status):
    """Fifty folders of which one changed: one LIST, with STATUS beside it or
    behind it, one SELECT."""
    boxes = {"F%02d" % n: [plain(n, user)] for n in range(50)}
    more = ("LIST-EXTENDED", "LIST-STATUS") if list_status else ()
    server = FakeImap(boxes, capability=(
        "IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "LITERAL+", *more))
    haul = at(server, folders=["F*"])
    haul.fetch()
    came(haul, user, *range(50))
    verbs(server)
    assert haul.fetch().account("anna")["found"] == 50
    said = verbs(server)
    assert "SELECT" not in said and said.count("LIST") == 1
    assert said.count("STATUS") == (0 if list_status else 50)
    server.boxes["F31"].add(plain(99, user))
    haul.fetch()
    came(haul, user, *range(50), 99)
    assert [c for c in server.commands if c.startswith("SELECT")] == \
        ['SELECT "F31"']


def test_hundreds_of_folders_in_any_order(at, user):
    """Names come twice, and their numbers behind all of them, the last first:
    each is found again, taken once, and not selected without need."""
    boxes = {"F%03d" % n: [] for n in range(300)}
    boxes["F007"] = [plain(7, user)]
    server = FakeImap(boxes, capability=(
        "IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "LITERAL+",
        "LIST-EXTENDED", "LIST-STATUS"))

    def listed(session, tag, args):
        for name in list(server.boxes) * 2:
            session.say(b'* LIST () "/" "%s"\r\n' % name.encode())
        for name in reversed(server.boxes):
            session.status(name, server.boxes[name])
        session.ok(tag)
        return True
    server.on("LIST", listed)
    haul = at(server, folders=["F*"])
    haul.fetch()
    came(haul, user, 7)
    assert verbs(server).count("SELECT") == 300
    haul.fetch()
    assert "SELECT" not in verbs(server)
    server.boxes["F150"].add(plain(150, user))
    haul.fetch()
    came(haul, user, 7, 150)
    assert [c for c in server.commands if c.startswith("SELECT")] == \
        ['SELECT "F150"']


def test_one_folder_is_selected_at_once(at, user):
    """INBOX alone: no LIST, no STATUS, one SELECT, as before there were
    patterns."""
    server = FakeImap({"INBOX": [plain(1, user)], "Other": []})
    haul = at(server)
    haul.fetch()
    verbs(server)
    haul.fetch()
    said = verbs(server)
    assert said.count("SELECT") == 1
    assert not {"LIST", "STATUS", "UID"} & set(said), said


def test_a_folder_that_vanishes_or_is_refused(at, user):
    """Gone between LIST and SELECT, or not ours: this folder alone fails."""
    server = FakeImap({"A": [plain(1, user)], "B": [plain(2, user)],
                       "C": [plain(3, user)]})

    def select(session, tag, args):
        if '"A"' in args:
            session.no(tag, "[NONEXISTENT] gone")
            return True
        if '"B"' in args:
            session.no(tag, "[NOPERM] not yours")
            return True
        return False
    server.on("SELECT", select)
    haul = at(server, folders=["*"])
    result = haul("fetch", "--json", "anna")
    came(haul, user, 3)
    assert "gone" in result.err or "not yours" in result.err, result


def test_d17_read_only_folders(at, user):
    """D17: of several folders the read-only one keeps its mail; the account is
    told so."""
    server = FakeImap({"A": [plain(1, user)], "B": [plain(2, user)]})

    def select(session, tag, args):
        if '"A"' in args:
            session.do_EXAMINE(tag, args)
            return True
        return False
    server.on("SELECT", select)
    haul = at(server, folders=["*"], keep=False)
    result = haul("fetch", "--json", "-v", "anna")
    came(haul, user, 1, 2)
    assert len(server.boxes["A"].mail) == 1
    assert not server.boxes["B"].mail
    assert "read-only" in result.err, result


# ---------------------------------------------------------------- odd validities

def test_d1_one_folder_without_uidvalidity(at, user):
    """D1: where STATUS or SELECT names no UIDVALIDITY, that folder alone is
    fetched without deleting; STATUS spares it no SELECT."""
    server = FakeImap({"A": [plain(1, user)], "B": [plain(2, user)]})
    server.boxes["A"].validity = 0
    haul = at(server, folders=["*"], keep=False)
    haul("fetch", "--json", "anna")
    came(haul, user, 1, 2)
    assert len(server.boxes["A"].mail) == 1 and not server.boxes["B"].mail
    server.commands.clear()
    haul("fetch", "--json", "anna")
    assert 'SELECT "A"' in server.commands
    came(haul, user, 1, 2)


def test_d2_one_of_several_folders_is_renewed(at, user):
    """D2: UIDVALIDITY of one folder changed: it is compared by fingerprint,
    nothing is delivered twice, the others go on."""
    server = FakeImap({name: [plain(n * 10 + k, user) for k in range(3)]
                       for n, name in enumerate("ABC")})
    haul = at(server, folders=["*"], first_run="all")
    haul.fetch()
    numbers = [0, 1, 2, 10, 11, 12, 20, 21, 22]
    came(haul, user, *numbers)
    mails = [o for o, _ in server.boxes["B"].mail.values()]
    server.boxes["B"] = Box([*reversed(mails), plain(77, user)],
                            validity=1800000000)
    server.boxes["C"].add(plain(88, user))
    haul("fetch", "--json", "anna")
    came(haul, user, *numbers, 77, 88)


def test_d3_renewed_between_status_and_select(at, user):
    """D3: STATUS tells one UIDVALIDITY, SELECT another: the one of SELECT
    counts, and the mail is known by its fingerprints."""
    server = FakeImap({"A": [plain(1, user), plain(2, user)],
                       "B": [plain(3, user)]})
    haul = at(server, folders=["*"])
    haul.fetch()

    def renew(session, tag, args):
        box = server.boxes["A"]
        if '"A"' in args and box.validity == 1700000001:
            mails = [o for o, _ in box.mail.values()]
            server.boxes["A"] = Box(reversed(mails), validity=1800000000)
        return False
    server.on("SELECT", renew)
    server.boxes["A"].add(plain(4, user))
    haul("fetch", "--json", "anna")
    came(haul, user, 1, 2, 3, 4)


def test_d3_renewed_in_mid_session(at, user):
    """D3: an untagged UIDVALIDITY in mid-session ends the session before
    anything more is done by UID; the next pass compares."""
    server = FakeImap({"A": [plain(n, user) for n in range(4)],
                       "B": [plain(9, user)]})
    once = []

    def renew(session, tag, args):
        box = server.boxes["A"]
        if session.box is box and "BODY" in args and not once:
            once.append(True)
            mails = [o for o, _ in box.mail.values()]
            box.mail, box.next, box.validity = {}, 1, 1800000000
            for octets in reversed(mails):
                box.add(octets)
            session.say(b"* OK [UIDVALIDITY 1800000000] renewed\r\n")
        return False
    server.on("UID FETCH", renew)
    haul = at(server, folders=["*"], keep=False)
    result = haul("fetch", "--json", "anna")
    assert result.code == 75 and "renewed" in result.out, result
    for _ in range(2):
        haul("fetch", "--json", "anna")
    came(haul, user, 0, 1, 2, 3, 9)


# --------------------------------------------------------------------- odd names

@pytest.mark.parametrize("names", [
    ["../../etc/passwd", "a/../b", "/abs"],
    ["Entw\u00fcrfe".encode("utf-8").decode("latin-1"), "A&B"],
], ids=["paths", "bad-utf7"])
def test_d11_names_are_opaque(at, user, names):
    """D11: a name is what the server says; nothing local is named after it."""
    server = FakeImap({name: [plain(n, user)]
                       for n, name in enumerate(names)})

    def listing(session, tag, args):
        for name in server.boxes:
            session.say(b'* LIST () "/" "%s"\r\n' % name.encode("latin-1"))
        session.ok(tag)
        return True
    server.on("LIST", listing)
    server.on("STATUS", lambda session, tag, args:
              session.no(tag, "later") or True)
    haul = at(server, folders=["*"])
    haul.fetch()
    came(haul, user, *range(len(names)))


def test_d11_d12_names_that_no_pattern_takes(at, user):
    """D11, D12: NUL, CR and LF, bad octets, a megabyte: the folder is left
    out, by * as well; the others are fetched."""
    server = FakeImap({"INBOX": [plain(1, user)], "Good": [plain(2, user)]})
    odd = [b"a\r\nINBOX", b"x\0y", b"bad\xff", b"\x1b[31m"]

    def listing(session, tag, args):
        for name in odd:
            session.say(b'* LIST () NIL {%d}\r\n%s\r\n' % (len(name), name))
        session.say(b'* LIST () NIL INBOX\r\n* LIST () "\\\\" Good\r\n')
        session.ok(tag)
        return True
    server.on("LIST", listing)
    haul = at(server, folders=["*", "%"])
    haul.fetch()
    came(haul, user, 1, 2)
    assert all(c.split('"')[1] in ("INBOX", "Good") for c in server.commands
               if c.startswith(("SELECT", "STATUS")))
    told = haul("check", "anna")
    assert "\x1b[31m" not in told.out and "\\x1B[31m" in told.out, told


def test_d11_a_name_of_a_megabyte(at, user):
    """D11: such a listing ends the session in words, not the program."""
    server = FakeImap({"INBOX": [plain(1, user)]})
    server.on("LIST", lambda session, tag, args: session.say(
        b'* LIST () "/" {1048576}\r\n' + b"x" * 1048576 + b"\r\n") or
        session.ok(tag) or True)
    haul = at(server, folders=["*"])
    result = haul("fetch", "--json", "anna")
    assert result.code == 76, result
    haul.sections["account", "anna"]["folders"] = ["INBOX"]
    haul.fetch("anna")
    came(haul, user, 1)
