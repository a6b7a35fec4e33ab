"""check at a destination: what its settings will meet with."""
import pytest

from corpus import plain


def submission(haul, new_sink, dovecot, source, user, ca, **more):
    sink = new_sink(tls="implicit", auth={"me@office.test": "p;w"})
    dovecot.put(user, [plain(0, user)])
    haul.delivery(server="smtps://localhost:%d" % sink.port,
                  user="me@office.test", password="p;w", tls_ca=ca.file,
                  to="box@office.test", **more)
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.account("far", server="imaps://localhost:1", user="far@isp.test",
                 password="x", enabled=False)
    return sink


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_check_says_that_foreign_senders_are_refused(
        haul, new_sink, dovecot, source, user, ca, stage):
    """A submission with a `user` takes no sender but that one: said before
    any mail meets with it, at whichever command the server says it."""
    sink = submission(haul, new_sink, dovecot, source, user, ca,
                      sender="original")
    if stage == "mail":
        sink.rule("mail", "553 5.7.1 not owned by user", match="far@isp.test")
    else:
        senders = sink.events
        sink.rule("rcpt", "553 5.7.1 not owned by user", match=lambda line:
                  "far@isp.test" in senders("mail")[-1]["line"])
    result = haul("check")
    assert result.code == 75, result
    assert "sender = original" in result.err and "srs:DOMAIN" in result.err
    assert "not owned by user" in result.err and not sink.accepted
    [home] = haul("check", "--json").json["deliveries"]
    assert home["foreign_sender"]["refused"] is True
    sink.forget_rules()
    result = haul("check")
    assert result.code == 0 and "is let through" in result.out


def test_check_asks_no_foreign_sender_where_ours_is_fixed(
        haul, new_sink, dovecot, source, user, ca):
    """A fixed sender is all that is asked for."""
    sink = submission(haul, new_sink, dovecot, source, user, ca,
                      sender="me@office.test")
    assert haul("check").code == 0
    assert len(sink.events("mail")) == 1 and \
        "<me@office.test>" in sink.events("mail")[0]["line"]


def test_check_says_whether_xclient_is_offered(haul, new_sink, dovecot, source,
                                               smtp, user):
    """xclient = yes: check names what is missing at the server."""
    sink = new_sink(xclient="NAME ADDR HELO")
    dovecot.put(user, [])
    haul.delivery(**smtp(sink, xclient=True))
    haul.account("anna", **source(dovecot, "imaps", user))
    result = haul("check")
    assert result.code == 0 and "XCLIENT: offered" in result.out
    sink.xclient = None
    result = haul("check")
    assert result.code == 78 and "smtpd_authorized_xclient_hosts" in result.err
    [home] = haul("check", "--json").json["deliveries"]
    assert home["xclient"] is False
