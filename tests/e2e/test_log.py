"""The log (INTERFACE 6): its events, and a message followed by grep."""
import json
import os
import re
import signal
import subprocess

from corpus import plain
from haul import Raw
from running import Run, arrived


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
