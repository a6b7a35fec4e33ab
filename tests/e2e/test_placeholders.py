"""{account}, {user} and {folder} in `to`: what arrives, and what check asks."""
from corpus import msgid, plain


def test_placeholders_in_to(haul, sink, dovecot, source, smtp, user):
    """INTERFACE 2: all three, the @ of a user, folders with odd characters,
    and a folder block with a `to` of its own."""
    dovecot.put(user, [plain(0, user)])
    dovecot.put(user, [plain(1, user)], folder="Lists/C++ &- co")
    dovecot.put(user, [plain(2, user)], folder="Forms/Antr&AOQ-ge")
    haul.delivery(**smtp(sink, to="me+{account}.{user}.{folder}@office.test"))
    haul.account("an.na", **source(
        dovecot, "imaps", user, folders=["INBOX", "Lists/*"],
        folder={"Forms/*": {"to": ["{folder}", "f+{folder}@office.test"]}}))
    haul.fetch()
    got = {m.msgid: m.rcpts for m in sink.accepted}
    assert got[msgid(0, user)] == ["me+an.na.%s.INBOX@office.test" % user]
    [lists] = got[msgid(1, user)]
    assert lists.startswith("me+an.na.%s.Lists" % user)
    assert " " not in lists and lists.endswith("@office.test")
    assert len(got[msgid(2, user)]) == 2
    assert got[msgid(2, user)][1].startswith("f+Forms")
    assert len({r for rcpts in got.values() for r in rcpts}) == 4


def test_placeholders_in_check(haul, sink, dovecot, source, smtp, user):
    """check asks for what is known without the server's list of folders."""
    dovecot.put(user, [])
    haul.delivery(**smtp(sink, to="me+{account}.{folder}@office.test"))
    haul.account("anna", **source(
        dovecot, "imaps", user, folders=["INBOX", "Lists/*"],
        folder={"Junk": {"to": "spam+{user}@office.test"}}))
    assert haul("check").code in (0, 75)
    asked = {e["line"][9:-1] for e in sink.events("rcpt")}
    assert asked == {"me+anna.INBOX@office.test",
                     "spam+%s@office.test" % user}
