"""Delivery status notifications (RFC 3461)."""
import pytest

from corpus import plain


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
@pytest.mark.parametrize("dsn, want", [("never", "NOTIFY=NEVER"),
                                       ("default", "")])
def test_dsn_never_asks_for_no_bounces(haul, new_sink, dovecot, source, smtp,
                                       user, dsn, want, chunking):
    """`dsn = never` stands at every RCPT where DSN is offered."""
    sink = new_sink(chunking=chunking)
    sink.extra = ["DSN"]
    dovecot.put(user, [plain(n, user) for n in range(3)])
    haul.delivery(**smtp(sink, to=["anna@office.test", "ben@office.test"],
                         dsn=dsn))
    haul.account("anna", **source(dovecot, "imaps", user))
    assert haul.fetch().account("anna")["delivered"] == 3
    assert [m.rcpt_params for m in sink.accepted] == [[want, want]] * 3


def test_dsn_is_not_spoken_where_it_is_not_offered(haul, sink, dovecot, source,
                                                   smtp, user):
    dovecot.put(user, [plain(0, user)])
    haul.delivery(**smtp(sink, dsn="never"))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul.fetch()
    [m] = sink.accepted
    assert m.rcpt_params == [""] and "ENVID" not in m.params


def test_dsn_names_the_queue_id(haul, sink, dovecot, source, smtp, user):
    """ENVID is the queue id, as `trace` knows it, once there is one."""
    sink.extra = ["DSN"]
    sink.rule("dot", "451 4.3.0 later", times=1)
    dovecot.put(user, [plain(0, user)])
    haul.delivery(**smtp(sink))
    haul.account("anna", **source(dovecot, "imaps", user))
    haul("fetch", "--json")
    [waiting] = haul.queue()
    haul.fetch("anna")
    [m] = sink.accepted
    assert "ENVID=%s" % waiting["id"] in m.params.split()


def test_dsn_to_a_real_postfix(haul, postfix, dovecot, source, smtp, user,
                               box):
    dovecot.put(user, [plain(0, user)])
    haul.delivery(**smtp(postfix, to=box + "@" + postfix.domain, dsn="never"))
    haul.account("anna", **source(dovecot, "imaps", user))
    assert haul.fetch().account("anna")["delivered"] == 1
