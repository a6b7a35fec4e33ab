"""`sender = "srs:DOMAIN"`: reversed here by an implementation of its own."""
import base64
import hashlib
import hmac
import os

import pytest

from corpus import plain

SECRET = "srs secret; of tests"


def reverse(address):
    """The sender an SRS0 address leads back to; its hash is checked."""
    local, _, domain = address.partition("@")
    tag, mac, day, host, user = local.split("=", 4)
    good = base64.b64encode(hmac.new(
        SECRET.encode(), (day + host + user).lower().encode(),
        hashlib.sha1).digest())[:4].decode()
    assert (tag, domain) == ("SRS0", "office.test") and mac == good
    return user + "@" + host


@pytest.fixture
def srs(haul, sink, dovecot, source, smtp, user):
    """srs(Return-Paths): delivers one message with each."""
    def run(paths, secret=SECRET):
        if secret:
            folder = os.path.join(os.path.dirname(haul.conf), "secrets.d")
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with open(os.path.join(folder, "srs"), "w") as f:
                f.write(secret + "\n")
            os.chmod(f.name, 0o600)
        dovecot.put(user, [b"Return-Path: <%s>\r\n" % p + plain(n, user)
                           for n, p in enumerate(paths)])
        haul.delivery(**smtp(sink, sender="srs:office.test",
                             srs_secret="srs"))
        haul.account("anna", **source(dovecot, "imaps", user))
        return haul("-vv", "fetch", "--json", "anna")
    return run


def test_srs_leads_back_to_the_sender(srs, sink):
    done = srs([b"joe@far.test", b"Big.Joe+tag@Far.Example"])
    assert done.code == 0, done
    assert sorted(reverse(m.sender) for m in sink.accepted) == [
        "Big.Joe+tag@Far.Example", "joe@far.test"]
    assert SECRET not in done.err + done.out


def test_srs_leaves_the_null_sender_and_our_own(srs, sink):
    """<> stays (a report must not be answered), and so does our domain."""
    srs([b"", b"anna@office.test"])
    assert sorted(m.sender for m in sink.accepted) == ["", "anna@office.test"]


def test_srs_does_not_nest(srs, sink):
    srs([b"SRS0=abcd=2W=first.test=joe@second.test"])
    [m] = sink.accepted
    assert m.sender.startswith("SRS1=")
    assert m.sender.endswith(
        "=second.test==abcd=2W=first.test=joe@office.test")


def test_srs_f7_what_cannot_be_rewritten_has_no_sender(srs, sink):
    """F7: too long for an envelope once rewritten: <>, and delivered."""
    srs([b"a" * 60 + b"@" + b"b" * 60 + b"." + b"c" * 60 + b"." + b"d" * 60 +
         b"." + b"e" * 55 + b".test"])
    [m] = sink.accepted
    assert m.sender == ""


def test_srs_without_its_secret(srs, sink, haul):
    """A missing secret stops the delivery, named with its remedy; the mail
    waits."""
    done = srs([b"joe@far.test"], secret=None)
    assert done.code == 78 and sink.accepted == [], done
    assert "srs" in done.err and "delivery home" in done.err
