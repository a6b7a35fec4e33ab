"""The log (INTERFACE 6): its events, and a message followed by grep."""
import json
import os
import re
import signal
import subprocess

import pytest

from corpus import plain
from haul import Raw
from running import Run, arrived
from sink import CUT


def fields(line):
    event, _, rest = line.partition(" ")
    return dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', rest),
                event=event)


def test_a_message_is_followed_by_its_id(simple):
    """fetched, deferred, delivered: one id on each line of a message."""
    haul = simple(2, keep=False)
    haul.general(log_level="info")
    haul.sink.rule("rcpt", "451 4.7.1 later", times=1)
    first = haul("fetch")
    assert haul("queue", "retry", "--all", "-y").code == 0
    second = haul("fetch")
    log = [fields(line) for line in (first.err + second.err).splitlines()]
    of = {event: {f["id"] for f in log if f["event"] == event}
          for event in ("fetched", "deferred", "delivered")}
    assert len(of["fetched"]) == 2 and of["fetched"] == of["delivered"], log
    assert len(of["deferred"]) == 1 and of["deferred"] < of["fetched"], log
    for f in log:
        if f["event"] in ("deferred", "delivered"):
            assert {"account", "size", "delivery", "to", "reply"} <= set(f), f


def test_the_events_of_a_run(simple):
    haul = simple(3, poll_every=Raw("2s"), keep=False, max_size=Raw("20K"))
    haul.dovecot.put(haul.mailbox, [plain(99, haul.mailbox) +
                                    b"x" * 70 + b"\r\n" +
                                    (b"y" * 70 + b"\r\n") * 400])
    haul.general(log_level="info")
    run = Run(haul)
    try:
        arrived(haul.sink, 3)
        for event in ("fetched", "delivered", "skipped", "deleted", "polled"):
            run.wait("%s account=anna" % event)
        run.kill_with(signal.SIGHUP)
        run.wait("reloaded accounts=1")
        assert run.stop().code == 0
    finally:
        run.kill()
    log = [fields(line) for line in run.text.splitlines()]
    fetched = {f["id"]: f for f in log if f["event"] == "fetched"}
    delivered = {f["id"]: f for f in log if f["event"] == "delivered"}
    assert len(fetched) == 3 and fetched.keys() == delivered.keys()
    assert {f["reason"] for f in log if f["event"] == "skipped"} == {"size"}
    gone = [(f["folder"], f["uid"]) for f in log if f["event"] == "deleted"]
    assert sorted(gone) == sorted((f["folder"], f["uid"])
                                  for f in fetched.values())


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_deleted_message_is_found_by_its_uid(simple, scheme):
    haul = simple(3, scheme, keep=False)
    haul.general(log_level="info")
    log = [fields(line) for line in haul("fetch").err.splitlines()]
    uids = [sorted(f["uid"] for f in log if f["event"] == event)
            for event in ("fetched", "delivered", "deleted")]
    assert len(uids[0]) == 3 and uids[0] == uids[1] == uids[2], log


def test_json_lines_have_the_same_names(simple):
    haul = simple(1)
    haul.general(log_level="info", log_format="json")
    r = haul("fetch")
    lines = [json.loads(line) for line in r.err.splitlines()]
    [one] = [x for x in lines if x["event"] == "delivered"]
    assert {"time", "level", "account", "folder", "uid", "id", "size",
            "delivery", "to", "reply"} <= set(one), one
    assert one["level"] == "info" and one["time"].endswith("Z")


def test_priorities_where_standard_error_is_the_journal(simple):
    haul = simple(1)
    haul.general(log_level="info")
    path = os.path.join(haul.folder, "journal")

    def run(stream):
        with open(path, "w") as err:
            st = os.fstat(err.fileno())
            haul.write()
            subprocess.run(
                haul.argv(["fetch"]), stderr=err, check=True, cwd=haul.folder,
                env=haul.environment({"JOURNAL_STREAM": stream or "%d:%d" % (
                    st.st_dev, st.st_ino)}))
        with open(path) as f:
            return f.read().splitlines()
    lines = run(None)
    assert lines and all(re.match(r"<[3-7]>\w", x) for x in lines), lines
    haul.dovecot.put(haul.mailbox, [plain(5, haul.mailbox)])
    assert not any(x.startswith("<") for x in run("1:2"))


def refused(haul):
    haul.sink.rule("dot", "554 5.6.0 not this one")


def reply_lost(haul):
    haul.sink.rule("dot", CUT, times=1)


def wrong_password(haul):
    haul.sections["account", "anna"]["password"] = "wrong"


def strange_certificate(haul):
    haul.sections["account", "anna"]["tls_ca"] = None


def down(haul):
    haul.sink.down()


MESSAGE = {"account", "folder", "uid", "id", "size", "delivery", "to"}
TROUBLE = {"class", "error", "remedy"}
EVENTS = {      # what causes it, what is told beside it, and how loudly
    "held": (refused, MESSAGE | {"reason", "reply"}, "warning"),
    "in_doubt": (reply_lost, MESSAGE | {"reason"}, "warning"),
    "signin_failed": (wrong_password, TROUBLE | {"account", "server"},
                      "error"),
    "tls_failed": (strange_certificate, TROUBLE | {"account"}, "error"),
    "paused": (down, TROUBLE | {"delivery"}, "notice"),
    "resumed": (down, {"delivery"}, "notice"),
}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("event", EVENTS)
def test_each_event_has_its_cause_and_its_fields(simple, start, event, form):
    haul = simple(1, poll_every=Raw("1h"))
    haul.general(log_format=form)
    cause, wanted, level = EVENTS[event]
    cause(haul)
    run = start(haul)
    if event == "resumed":
        for first in ("paused", "deferred"):     # it is in the queue
            run.wait(first if form == "text" else '"%s"' % first)
        haul.sink.up()
        assert haul("queue", "retry", "--all", "-y", keep=True).code == 0
    run.wait("%s " % event if form == "text" else '"%s"' % event)
    result = run.stop()
    assert result.code == 0, result
    told = [fields(line) if form == "text" else json.loads(line)
            for line in result.err.strip("\0").splitlines()]
    [one] = [t for t in told if t["event"] == event]
    assert wanted <= set(one), (wanted - set(one), one)
    assert form == "text" or one["level"] == level, one
