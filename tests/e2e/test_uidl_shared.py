"""E6: a UIDL that comes to be shared, and one that ceases to be."""
from corpus import ids, plain
from fakemail import FakePop


def test_e6_a_second_message_takes_a_uidl_already_known(at, user):
    """E6: "same" was delivered; another message now bears it too: that one
    arrives, the first is not sent again."""
    fake = FakePop([("same", plain(0, user)), ("other", plain(1, user))])
    haul = at(fake)
    haul.fetch("anna")
    fake.messages.append(("same", plain(2, user)))
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(3))


def test_e6_one_of_two_that_share_a_uidl_goes(at, user):
    """E6: both were delivered, another client removes one: the other is not
    delivered again under the unique-id that is its own now."""
    fake = FakePop([("same", plain(0, user)), ("same", plain(1, user)),
                    ("other", plain(2, user))])
    haul = at(fake)
    haul.fetch("anna")
    del fake.messages[0]
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(3))


def test_e6_all_that_shared_a_uidl_go(at, user):
    """E6: both go, and a third message comes under their unique-id: it is
    new, and is delivered."""
    fake = FakePop([("same", plain(0, user)), ("same", plain(1, user)),
                    ("other", plain(2, user))])
    haul = at(fake)
    haul.fetch("anna")
    fake.messages[:2] = [("same", plain(3, user))]
    haul("fetch", "--json", "anna")
    assert haul.sink.count() == ids(user, range(4))


def test_e6_a_shared_uidl_is_told(at, user):
    """E6: a warning names it when it is found, not at every poll."""
    fake = FakePop([("same", plain(0, user)), ("same", plain(1, user))])
    haul = at(fake)
    first = haul("fetch", "-v", "anna").err
    assert "several messages bear one unique-id" in first
    assert "uidl_not_unique" in first
    again = haul("fetch", "-v", "anna").err
    assert "polled" in again
    assert "one unique-id" not in again and "uidl_not_unique" not in again
