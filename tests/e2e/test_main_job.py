"""The main job on real servers: once each, whole, and nothing twice."""
import os
import re
import socket

import pytest

from corpus import expected, from_ours, ids, letters, msgid, plain, strip
from haul import Raw


def arrived(octets):
    """What Postfix or Exim filed, without our two lines."""
    return strip(from_ours(octets))


def number(octets):
    return int(re.search(rb"Message-ID: <(\d+)\.letters", octets)[1])


def maildir(path):
    """Messages in a maildir, line ends made CRLF."""
    found = []
    for sub in ("new", "cur"):
        for name in os.listdir(os.path.join(path, sub)):
            with open(os.path.join(path, sub, name), "rb") as f:
                octets = f.read()
            found.append(octets if b"\r\n" in octets
                         else octets.replace(b"\n", b"\r\n"))
    assert os.listdir(os.path.join(path, "tmp")) == []
    return found


@pytest.mark.parametrize("storage", ["maildir", "sdbox"])
@pytest.mark.parametrize("keep", [True, False], ids=["keep", "delete"])
@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_mail_goes_from_dovecot_to_postfix_once(
        request, haul, postfix, source, smtp, user, box, scheme, keep,
        storage):
    """P1, P6: every message arrives once, octet for octet; the source keeps
    or loses it as the account says; a second pass brings nothing."""
    dovecot = request.getfixturevalue(storage + "_dovecot")
    mails = [plain(n, user, size=200 + 700 * n) for n in range(12)]
    dovecot.put(user, mails)
    haul.delivery(**smtp(postfix, "%s@office.test" % box))
    haul.account("a", **source(dovecot, scheme, user, keep=keep))
    first = haul.fetch().account("a")
    assert (first["result"], first["found"], first["fetched"],
            first["delivered"], first["queued"], first["held"],
            first["error"]) == ("ok", 12, 12, 12, 0, 0, None)
    assert first["deleted"] == (0 if keep else 12)
    got = sorted(arrived(m) for m in postfix.box(box))
    assert got == sorted(expected(m) for m in mails)
    assert len(dovecot.left(user)) == (12 if keep else 0)
    second = haul.fetch().account("a")
    assert (second["fetched"], second["delivered"]) == (0, 0)
    assert len(postfix.box(box)) == 12


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_only_new_mail_is_fetched_later(simple, user, scheme):
    """Mail that came in between is fetched, the rest stays remembered."""
    haul = simple(5, scheme)
    haul.fetch()
    haul.dovecot.put(user, [plain(n, user) for n in range(5, 8)])
    second = haul.fetch().account("anna")
    assert (second["fetched"], second["delivered"]) == (3, 3)
    assert haul.sink.count() == ids(user, range(8))


def test_many_accounts_in_one_run(haul, sink, maildir_dovecot, sdbox_dovecot,
                                  source, smtp, user):
    """Thirty accounts, both protocols, mixed keep: each to its recipient."""
    haul.delivery(**smtp(sink))
    want = {}
    for k in range(30):
        dovecot = (maildir_dovecot, sdbox_dovecot)[k % 3 == 0]
        who = "%s.%d" % (user, k)
        dovecot.put(who, [plain(n, who) for n in range(7)])
        haul.account(who, **source(
            dovecot, ("imaps", "pop3s")[k % 2], who, keep=k % 4 < 2,
            to=who + "@office.test"))
        want.update({msgid(n, who): who + "@office.test" for n in range(7)})
    result = haul.fetch()
    assert all(a["delivered"] == 7 for a in result.json["accounts"]), result
    assert len(sink.accepted) == len(want)
    assert {m.msgid: m.rcpts[0] for m in sink.accepted} == want
    for k in range(30):
        dovecot = (maildir_dovecot, sdbox_dovecot)[k % 3 == 0]
        assert len(dovecot.left("%s.%d" % (user, k))) == \
            (7 if k % 4 < 2 else 0)
    again = haul.fetch()
    assert all(a["fetched"] == 0 for a in again.json["accounts"])
    assert len(sink.accepted) == len(want)


@pytest.mark.parametrize("recipient", ["games", "news"])
def test_j1_local_delivery_of_the_same_domain_does_not_bounce(
        haul, local_postfix, dovecot, source, smtp, user, recipient):
    """J1: the message carries Delivered-To of the very recipient; local(8)
    would take it for a loop, answer 250 and bounce it to its sender."""
    address = recipient + "@office.test"
    before = len(local_postfix.box(recipient))
    bounced = len(local_postfix.bounces())
    mail = plain(1, user, to=address)
    assert b"Delivered-To: " + address.encode() in mail
    dovecot.put(user, [mail])
    haul.delivery(**smtp(local_postfix, address))
    haul.account("a", **source(dovecot, "imaps", user))
    haul.fetch()
    box = local_postfix.box(recipient)
    assert len(box) == before + 1
    assert expected(mail) in [arrived(m) for m in box]
    assert len(local_postfix.bounces()) == bounced


def test_j1_would_bounce_if_the_field_stayed(haul, local_postfix, dovecot,
                                             source, smtp, user):
    """J1, the counter-proof: with drop_headers = {} it does bounce."""
    before = len(local_postfix.bounces())
    dovecot.put(user, [plain(1, user, to="games@office.test")])
    haul.delivery(**smtp(local_postfix, "games@office.test"),
                  drop_headers=[])
    haul.account("a", **source(dovecot, "imaps", user))
    haul.fetch()
    assert len(local_postfix.bounces()) > before


def test_exim_takes_the_mail(haul, exim, dovecot, source, smtp, user):
    """A destination with CHUNKING that is not Postfix."""
    mails = [plain(n, user, size=3000) for n in range(10)]
    dovecot.put(user, mails)
    haul.delivery(**smtp(exim))
    haul.account("a", **source(dovecot, "imaps", user, keep=False))
    haul.fetch()
    got = [arrived(m) for m in exim.box("anna", 10)]
    assert sorted(got) == sorted(expected(m) for m in mails)
    assert dovecot.left(user) == []


def test_j7_long_line_is_sent_unaltered_and_held_when_refused(
        haul, strict_exim, dovecot, source, smtp, user):
    """J7: Debian's Exim refuses lines over 998 octets; nothing is cut up."""
    long = plain(1, user, body=b"x" * 3000 + b"\r\n")
    dovecot.put(user, [long, plain(2, user)])
    haul.delivery(**smtp(strict_exim))
    haul.account("a", **source(dovecot, "imaps", user, keep=False))
    result = haul.fetch().account("a")
    assert (result["delivered"], result["held"]) == (1, 1)
    assert dovecot.left(user) == [long]
    held = haul.queue()
    assert [(q["state"], q["message_id"]) for q in held] == \
        [("held", msgid(1, user))]
    assert "998" in held[0]["last_reply"]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_maildir_delivery_without_a_mail_server(haul, dovecot, source, user,
                                                folder, scheme):
    """maildir: as the destination; what is filed is what was fetched."""
    mails = [plain(n, user, size=900) for n in range(9)]
    dovecot.put(user, mails)
    target = folder.new("maildir") + "/box"
    haul.delivery(server="maildir:" + target, to="anna@office.test")
    haul.account("a", **source(dovecot, scheme, user, keep=False))
    result = haul.fetch().account("a")
    assert result["delivered"] == 9
    got = maildir(target)
    assert sorted(strip(m) for m in got) == \
        sorted(expected(m, drop=()) for m in mails)
    assert dovecot.left(user) == []
    haul.fetch()
    assert len(maildir(target)) == 9


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
@pytest.mark.parametrize("storage", ["maildir", "sdbox"])
@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_f16_awkward_mail_arrives_octet_for_octet(
        request, haul, new_sink, source, smtp, user, signer, scheme, storage,
        chunking):
    """P6, F1, F2, F9, F13, F14, F16: attachments, raw and encoded UTF-8 and
    GB18030, long lines, dots, every octet, stray CR and LF, 20 MB, signed."""
    dovecot = request.getfixturevalue(storage + "_dovecot")
    sink = new_sink(chunking=chunking)
    big = 20 << 20 if storage == "maildir" else 1 << 20
    mails = letters(signer, big=big)
    dovecot.put(user, [octets for _, octets in mails])
    haul.delivery(**smtp(sink))
    haul.account("a", **source(dovecot, scheme, user))
    haul.fetch()
    got = {m.msgid: m.octets for m in sink.accepted}
    assert len(sink.accepted) == len(mails)
    served = {}
    for octets in dovecot.left(user):        # Dovecot alters stray ends first
        served[number(octets)] = octets
    for title, octets in mails:
        n = number(octets)
        key = "<%d.letters@src.test>" % n
        assert strip(got[key]) == expected(served[n]), title
        if "DKIM" in title:
            assert signer.verifies(got[key]), title


def test_dkim_verifies_behind_postfix(haul, postfix, dovecot, source, smtp,
                                      user, box, signer):
    """P6: signed by python3-dkim, verified by it after the whole journey."""
    mails = [octets for title, octets in letters(signer, big=0)
             if "DKIM" in title]
    assert len(mails) == 2
    dovecot.put(user, mails)
    haul.delivery(**smtp(postfix, "%s@office.test" % box))
    haul.account("a", **source(dovecot, "imaps", user))
    haul.fetch()
    got = postfix.box(box)
    assert len(got) == 2
    for octets in got:
        assert signer.verifies(octets)


def test_p6_a_signed_field_is_not_dropped(simple, user, sink, signer):
    """INTERFACE 2: a field that a DKIM-Signature names stays."""
    octets = plain(1, user)
    named = signer.sign(octets, include=[b"from", b"to", b"subject",
                                         b"delivered-to"])
    assert signer.verifies(named)
    haul = simple(0)
    haul.dovecot.put(user, [named])
    haul.fetch()
    assert signer.verifies(sink.accepted[0].octets)
    assert b"\r\nDelivered-To: " in sink.accepted[0].octets
    assert b"Return-Path" not in sink.accepted[0].octets


def test_trace_lines_in_front_say_where_it_came_from(simple, user, sink):
    """INTERFACE 3: Received in RFC 5321 form with protocol, queue id and
    the only recipient, then the trace line; no account name in them."""
    haul = simple(1)
    haul.fetch()
    octets = sink.accepted[0].octets
    head = octets[:len(octets) - len(strip(octets))].decode("ascii")
    received = re.sub(r"\s+", " ", head.split("X-Mailhaul-Trace:")[0])
    assert re.match(r"Received: from localhost\b.* by \S+ .*with IMAPS id "
                    r"(\S+) for <anna@office\.test>; \w{3}, \d", received), \
        received
    queue_id = re.search(r"with IMAPS id (\S+)", received)[1]
    trace = head.split("X-Mailhaul-Trace: ")[1].strip()
    assert re.fullmatch(r"[0-9A-Za-z]+\.%s\.[0-9A-Za-z]+"
                        % re.escape(queue_id), trace), trace
    assert "anna" not in trace
    assert all(len(line) <= 998 for line in head.splitlines())


def test_envelope_sender_is_the_return_path(simple, user, sink):
    """INTERFACE 2 sender = original: Return-Path, else the null sender."""
    haul = simple(0)
    with_path = plain(1, user)
    without = with_path.split(b"\r\n", 1)[1].replace(b"<1.", b"<2.")
    null = b"Return-Path: <>\r\n" + without.replace(b"<2.", b"<3.")
    haul.dovecot.put(user, [with_path, without, null])
    haul.fetch()
    senders = {m.msgid: m.sender for m in sink.accepted}
    assert senders == {msgid(1, user): "s1.%s@src.test" % user,
                       msgid(2, user): "", msgid(3, user): ""}


def test_keep_for_some_days_deletes_later(simple, user):
    """keep = 14d: a fresh delivery stays at the source."""
    haul = simple(3, keep=Raw("14d"))
    assert haul.fetch().account("anna")["deleted"] == 0
    assert haul.fetch().account("anna")["deleted"] == 0
    assert len(haul.dovecot.left(user)) == 3


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_keep_changed_to_no_deletes_what_was_delivered(simple, user, scheme):
    """The value in force at the time counts, for earlier deliveries too."""
    haul = simple(4, scheme)
    haul.fetch()
    haul.sections["account", "anna"]["keep"] = False
    haul.dovecot.put(user, [plain(9, user)])
    assert haul.fetch().account("anna")["deleted"] == 5
    assert haul.dovecot.left(user) == []


def test_smtps_and_submission_with_sign_in(haul, new_sink, dovecot, source,
                                           user, ca):
    """smtps:// and submission:// to a server that wants TLS and AUTH."""
    for tls, scheme in (("implicit", "smtps"), ("starttls", "submission")):
        sink = new_sink(tls=tls, auth={"robot": "geheim"})
        who = user + tls
        dovecot.put(who, [plain(1, who)])
        haul.sections.clear()
        haul.delivery(server="%s://localhost:%d" % (scheme, sink.port),
                      user="robot", password="geheim", tls_ca=ca.file,
                      sender="original", to="anna@office.test")
        haul.account(who, **source(dovecot, "imaps", who))
        haul.fetch()
        assert len(sink.accepted) == 1
        assert sink.events("auth")[0]["user"] == "robot"


def test_j10_a_written_name_that_points_home_still_wants_tls(
        haul, sink, dovecot, source, user):
    """J10: clear text needs the written host to be localhost, 127/8 or ::1;
    a name that merely resolves there does not do."""
    name = socket.gethostname()
    try:
        here = socket.gethostbyname(name).startswith("127.")
    except OSError:
        here = False
    if not here or name == "localhost":
        pytest.skip("no other name of this machine points to loopback")
    dovecot.put(user, [plain(1, user)])
    haul.delivery(server="smtp://%s:%d" % (name, sink.port),
                  to="anna@office.test")
    haul.account("a", **source(dovecot, "imaps", user))
    result = haul("fetch", "--json")
    assert result.code in (75, 77), result
    assert sink.accepted == [] and not sink.events("mail")
    assert len(dovecot.left(user)) == 1
