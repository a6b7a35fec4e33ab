"""fetch, adopt and refetch beside a running `run`: it does the work, they show
it (INTERFACE 1)."""
import signal
import threading
import time

import pytest

from corpus import msgid, plain
from haul import Raw
from running import arrived
from sink import Gate


@pytest.fixture
def beside(simple, start, notify):
    """beside(n, ...): a run that has taken n messages and polls no more."""
    def make(n=1, **settings):
        haul = simple(n, **{"poll_every": Raw("0"), "idle": False,
                            **settings})
        haul.run = start(haul, notify=notify)
        notify.wait("READY=1")
        if n:
            assert haul.fetch("anna").account("anna")["delivered"] == n
        return haul
    return make


def test_fetch_beside_run_tells_as_if_it_had_run_itself(beside):
    haul = beside(3)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox)
                                    for n in range(7, 12)])
    result = haul.fetch("anna")
    one = result.account("anna")
    assert one["fetched"] == one["delivered"] == 5, result
    assert one["octets"] > 0 and one["seconds"] > 0
    assert len(haul.sink.accepted) == 8
    quiet = haul("fetch", "anna")
    assert quiet.code == 0 and not quiet.out and not quiet.err, quiet
    # poll_every = 0 and not named: not its turn, as by itself
    assert haul.fetch().account("anna")["found"] == 0
    haul.run.wait("polled account=anna")
    assert haul.run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def test_fetch_beside_run_on_a_terminal(beside):
    """The same drawing, the same summary line."""
    haul = beside(1)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox, size=90000)
                                    for n in range(5, 25)])
    haul.shown = b""

    def until_drawn(octets):
        end = time.monotonic() + 20
        while b"\x1b[J" not in haul.shown and time.monotonic() < end:
            time.sleep(0.01)
    haul.sink.rule("dot", until_drawn, times=1)
    code, text = haul.on_terminal("fetch", "anna")
    assert code == 0 and "anna: 20 fetched (" in text, text
    assert "20 delivered" in text
    assert "\x1b[J" in text and " of 20  " in text, text
    assert haul.run.stop().code == 0


def test_dry_run_beside_run(beside):
    haul = beside(2)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox)
                                    for n in range(5, 8)])
    result = haul("fetch", "-n", "-v", "anna")
    assert result.code == 0 and "anna: 5 listed" in result.out, result
    assert result.out.count("INBOX") == 5 and " new" in result.out
    found = haul.fetch("-n", "-v", "anna").account("anna")
    assert found["reasons"]["new"]["messages"] == 3
    assert found["reasons"]["delivered before"]["messages"] == 2
    assert len(found["messages"]) == 5
    assert len(haul.sink.accepted) == 2
    assert haul.fetch("anna").account("anna")["fetched"] == 3
    assert haul.run.stop().code == 0


def test_what_fails_beside_run_has_words_and_exit_code(beside):
    haul = beside(1)
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    haul.sink.down()
    result = haul.fetch("anna", code=75)
    assert "delivery home: " in result.err, result
    assert result.account("anna")["queued"] == 1
    haul.sink.up()
    result = haul.fetch("anna")
    assert result.account("anna")["delivered"] == 1, result
    haul.sections["account", "anna"]["password"] = "not it"
    haul.write()
    haul.run.kill_with(signal.SIGHUP)
    haul.run.wait("reloaded")
    result = haul.fetch("anna", code=77)
    assert result.account("anna")["result"] == "auth"
    assert "anna: " in result.err and "`password`" in result.err, result
    assert haul.run.stop().code == 0


def test_a_named_account_in_backoff_is_tried_at_once(beside):
    haul = beside(1)
    haul.sink.forget_rules()
    port = haul.sections["account", "anna"]["server"]
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    haul.sections["account", "anna"]["poll_every"] = Raw("1h")
    haul.sections["account", "anna"]["server"] = "imaps://localhost:1"
    haul.write()
    haul.run.kill_with(signal.SIGHUP)
    haul.run.wait("reloaded")
    haul.run.kill_with(signal.SIGUSR1)
    haul.run.wait("class=network", limit=10)
    result = haul.fetch(code=0)         # not named: it waits, which is no error
    assert result.account("anna")["error"]["class"] == "network", result
    result = haul.fetch("anna", code=75)
    assert result.account("anna")["error"]["class"] == "network"
    haul.sections["account", "anna"]["server"] = port
    assert haul.run.stop().code == 0


def test_an_account_that_the_running_one_does_not_know(beside, source):
    haul = beside(1)
    haul.account("ben", **source(haul.dovecot, "imaps", haul.mailbox + "b"))
    haul.dovecot.put(haul.mailbox + "b", [])
    result = haul("fetch", "ben")
    assert result.code == 78 and "ben" in result.err, result
    assert "reload" in result.err
    haul.run.kill_with(signal.SIGHUP)
    haul.run.wait("reloaded accounts=2")
    assert haul("fetch", "ben").code == 0
    assert haul.run.stop().code == 0


def test_two_fetches_at_once(beside):
    """Both are told the truth: what one took the other did not."""
    haul = beside(1)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox)
                                    for n in range(5, 65)])
    both = [haul.start("fetch", "--json", "anna") for _ in range(2)]
    told = [haul.finish(p) for p in both]
    assert [t.code for t in told] == [0, 0], told
    assert sum(t.account("anna")["fetched"] for t in told) == 60
    assert len(haul.sink.accepted) == 61
    assert max(haul.sink.count().values()) == 1
    assert haul.run.stop().code == 0


def test_ctrl_c_ends_only_the_showing(beside):
    haul = beside(1)
    gate = Gate(haul.sink)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox)
                                    for n in range(5, 9)])
    process = haul.start("fetch", "--json", "anna")
    assert gate.waits.wait(60)
    process.send_signal(signal.SIGINT)
    result = haul.finish(process)
    assert result.code == 130, result
    gate.open.set()
    arrived(haul.sink, 5)
    assert haul.run.stop().code == 0
    assert max(haul.sink.count().values()) == 1


def test_ctrl_c_on_a_terminal_says_who_goes_on(beside):
    haul = beside(1)
    gate = Gate(haul.sink)
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])

    def interrupt():
        gate.waits.wait(60)
        haul.on_terminal_process.send_signal(signal.SIGINT)
    waiting = threading.Thread(target=interrupt)
    waiting.start()
    code, text = haul.on_terminal("fetch", "anna")
    waiting.join()
    gate.open.set()
    assert code == 130 and "goes on with it" in text, text
    arrived(haul.sink, 2)
    assert haul.run.stop().code == 0


def test_run_is_killed_while_it_fetches_for_us(beside):
    haul = beside(1)
    gate = Gate(haul.sink)
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    process = haul.start("fetch", "anna")
    assert gate.waits.wait(60)
    haul.run.kill()
    result = haul.finish(process)
    assert result.code == 75, result
    assert "gone before this was over" in result.err, result
    gate.open.set()


def test_run_is_stopped_while_it_fetches_for_us(beside):
    """What waits for its turn is said not to have been tried."""
    haul = beside(1)
    gate = Gate(haul.sink)
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    process = haul.start("fetch", "--json", "anna")
    assert gate.waits.wait(60)
    haul.run.kill_with(signal.SIGTERM)
    haul.run.wait("stopping")
    late = haul("fetch", "anna")
    assert late.code == 75, late
    gate.open.set()
    result = haul.finish(process)
    assert result.code in (0, 75), result
    assert haul.run.end().code == 0
    assert len(haul.sink.accepted) == 2


@pytest.mark.parametrize("answer, fetched", [(b"all\n", 501), (b"new\n", 0)])
def test_the_question_is_asked_here(simple, start, notify, answer, fetched):
    haul = simple(501, poll_every=Raw("0"), keep=True)
    run = start(haul, notify=notify)
    notify.wait("READY=1")
    result = haul.fetch("anna", code=78)      # nobody to ask
    assert "adopt anna" in result.err, result
    code, text = haul.on_terminal("fetch", "anna", answers=[answer])
    assert code == 0 and "501 messages (" in text, text
    assert len(haul.sink.accepted) == fetched
    assert haul.fetch("anna").account("anna")["fetched"] == 0
    assert run.stop().code == 0


def test_adopt_beside_run(beside):
    haul = beside(2)
    haul.dovecot.put(haul.mailbox, [plain(n, haul.mailbox)
                                    for n in range(5, 12)])
    result = haul("adopt", "anna")
    assert result.code == 64 and "--yes" in result.err, result
    code, text = haul.on_terminal("adopt", "anna", answers=[b"n\n"])
    assert code == 0 and "7 messages (" in text, text
    found = haul.fetch("-n", "anna").account("anna")
    assert found["reasons"]["new"]["messages"] == 7
    result = haul("adopt", "-y", "--json", "anna")
    assert result.account("anna")["adopted"] == 7, result
    assert haul.fetch("anna").account("anna")["fetched"] == 0
    assert haul.run.stop().code == 0
    assert len(haul.sink.accepted) == 2


def test_refetch_beside_run(beside):
    haul = beside(3)
    code, text = haul.on_terminal("refetch", "anna", answers=[b"y\n"])
    assert code == 0 and len(haul.sink.accepted) == 6, text
    result = haul("refetch", "-y", "--json", "anna", "2", "77")
    assert result.code == 64 and "no 77 at the source" in result.err, result
    assert result.account("anna")["not_found"] == ["77"]
    assert len(haul.sink.accepted) == 7
    assert msgid(1, haul.mailbox).encode() in haul.sink.accepted[-1].octets
    result = haul("refetch", "-y", "--folder", "Nowhere", "anna")
    assert result.code == 64 and "no such folder" in result.err, result
    assert haul.run.stop().code == 0


def test_a_person_who_leaves_the_question_open(beside):
    """It counts as "not now"; run is not held up by it."""
    haul = beside(2)

    def leave():
        haul.asked.wait(10)
        haul.on_terminal_process.send_signal(signal.SIGINT)
    haul.asked = threading.Event()
    waiting = threading.Thread(target=leave)
    waiting.start()
    code, text = haul.on_terminal("refetch", "anna", asked=haul.asked)
    waiting.join()
    assert code == 130 and "2 messages (" in text, text
    assert haul.fetch("anna").account("anna")["found"] == 2
    assert len(haul.sink.accepted) == 2
    assert haul.run.stop().code == 0


def test_fetch_beside_fetch_is_no_hand_over(simple):
    """The holder of the directory that does not stay takes no passes."""
    haul = simple(1)
    gate = Gate(haul.sink)
    first = haul.start("fetch", "--json", "anna")
    assert gate.waits.wait(60)
    second = haul("fetch", "-v", "anna", keep=True)
    assert second.code == 75 and "holds" in second.err, second
    assert haul("fetch", "anna", keep=True).err == ""
    gate.open.set()
    assert haul.finish(first).account("anna")["delivered"] == 1
