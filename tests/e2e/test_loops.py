"""J11: a trace line of ours counts by its MAC, not by its looks."""
import re

from corpus import msgid, plain


def own_trace(haul):
    """The line mailhaul put in front of the message it delivered last."""
    octets = haul.sink.accepted[-1].octets
    return re.search(rb"^X-Mailhaul-Trace: [^\r]+\r\n", octets, re.M)[0]


def test_j11_a_trace_line_with_another_mac_is_no_loop(simple, user):
    """J11: somebody copies our line and changes one character of the MAC:
    ten of them hold nothing."""
    haul = simple(1)
    haul.fetch()
    line = own_trace(haul)
    last = line[-3:-2]
    forged = line[:-3] + (b"0" if last != b"0" else b"1") + b"\r\n"
    haul.dovecot.put(user, [plain(1, user, extra=forged * 10)])
    assert haul.fetch("anna").account("anna")["held"] == 0
    assert haul.sink.count() == {msgid(n, user): 1 for n in range(2)}


def test_j11_a_trace_line_of_another_message_as_it_is(simple, user):
    """J11, G20: the same line three times with its own MAC is what a loop
    looks like: held, the source kept; once or twice is none."""
    haul = simple(1, keep=False)
    haul.sections["account", "anna"]["keep"] = True
    haul.fetch()
    line = own_trace(haul)
    haul.dovecot.put(user, [plain(1, user, extra=line),
                            plain(2, user, extra=line * 3)])
    haul.fetch("anna")
    assert haul.sink.count() == {msgid(n, user): 1 for n in range(2)}
    [held] = haul.queue()
    assert held["state"] == "held" and "loop" in held["reason"]
