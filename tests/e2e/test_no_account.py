"""A configuration without accounts: nobody means it, and it is told."""
import signal

import pytest

WORDS = "no account is configured in"


@pytest.mark.parametrize("command", [
    ("fetch",), ("run",), ("check",), ("check", "--offline")])
@pytest.mark.parametrize("delivery", [False, True])
def test_no_account_is_an_error_in_words(haul, sink, smtp, command, delivery):
    if delivery:
        haul.delivery(**smtp(sink))
    haul.write()
    result = haul(*command)
    # a delivery alone can be looked at all the same
    looked = delivery and command[0] == "check"
    assert (result.code, result.out != "") == ((0, True) if looked
                                               else (78, False)), result
    assert WORDS in result.err and "write one, such as" in result.err, result
    assert haul("check", "--effective").code == 0


@pytest.mark.parametrize("command", ["fetch", "check"])
def test_no_account_is_one_object_as_well(haul, command):
    haul.write()
    result = haul(command, "--json")
    assert (result.code, result.json["accounts"]) == (78, []), result
    assert result.json["exit"] == 78


def test_no_account_and_the_queue_is_delivered(simple):
    """Taken out, what it has queued still goes; then it is told."""
    haul = simple(3)
    haul.sink.down()
    assert haul("fetch").code == 75
    haul.sink.up()
    haul.forget("account", "anna")
    result = haul("fetch")
    assert (result.code, result.err) == (0, ""), result
    assert len(haul.sink.accepted) == 3
    result = haul("fetch")
    assert result.code == 78 and WORDS in result.err, result


def test_no_account_after_a_reload_leaves_the_old_ones(simple, start):
    """A file that came out empty is a wrong one."""
    haul = simple(1)
    run = start(haul)
    run.wait("polled account=anna")
    account = haul.sections["account", "anna"]
    haul.forget("account", "anna")
    haul.write()
    run.kill_with(signal.SIGHUP)
    at = run.wait(WORDS)
    haul.sections["account", "anna"] = account
    haul.write()
    run.kill_with(signal.SIGHUP)
    run.wait("reloaded accounts=1", at)
    assert run.stop().code == 0
