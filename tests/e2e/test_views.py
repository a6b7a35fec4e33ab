"""What the program shows: JSON shapes, log lines, check, and answers while a
long run holds the state directory."""
import json
import os
import re
import signal

import pytest

from ca import CA
from corpus import ids, msgid, plain
from servers import Dovecot
from shift import Leaps

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def test_status_json_has_the_shape_of_the_contract(simple):
    """INTERFACE 4."""
    haul = simple(3)
    before = haul("status", "--json")
    assert before.code == 0 and before.err == "", before
    account = before.account("anna")
    assert account["state"] == "never" and account["last_poll"] is None
    haul.fetch()
    j = haul("status", "--json").json
    assert set(j) == {"version", "accounts", "deliveries", "queue"}
    account = j["accounts"][0]
    assert set(account) == {
        "name", "state", "last_poll", "last_success", "last_error",
        "next_poll", "fetched", "delivered", "queued", "held", "skipped"}
    assert (account["name"], account["state"], account["fetched"],
            account["delivered"], account["queued"], account["held"]) == \
        ("anna", "ok", 3, 3, 0, 0)
    assert TIME.match(account["last_poll"]) and \
        TIME.match(account["last_success"])
    assert account["last_error"] is None
    [delivery] = j["deliveries"]
    assert set(delivery) == {"name", "state", "queued", "held",
                             "last_success", "last_error"}
    assert delivery["name"] == "home" and TIME.match(delivery["last_success"])
    assert j["queue"] == {"queued": 0, "held": 0, "in_doubt": 0, "octets": 0}


def test_last_error_has_the_shape_of_the_contract(simple):
    haul = simple(1, password="wrong")
    haul("fetch")
    error = haul("status", "--json").account("anna")["last_error"]
    assert set(error) == {"class", "text", "remedy", "since", "count"}
    assert error["class"] == "auth" and error["count"] == 1
    assert TIME.match(error["since"]) and error["text"] and error["remedy"]


def test_fetch_json_has_the_shape_of_the_contract(simple):
    haul = simple(2)
    j = haul.fetch().json
    assert set(j) == {"accounts", "exit"} and j["exit"] == 0
    [account] = j["accounts"]
    assert set(account) == {
        "name", "result", "found", "fetched", "delivered", "queued", "held",
        "skipped", "deleted", "octets", "seconds", "error"}
    assert account["octets"] > 1000


def test_queue_json_has_the_shape_of_the_contract(simple, user):
    haul = simple(1)
    haul.sink.rule("rcpt", "450 4.2.1 busy")
    haul("fetch")
    [entry] = haul.queue()
    assert set(entry) == {
        "id", "account", "folder", "uid", "state", "size", "message_id",
        "from", "to", "attempts", "next_attempt", "last_reply", "reason"}
    assert (entry["account"], entry["folder"], entry["state"],
            entry["message_id"], entry["attempts"]) == \
        ("anna", "INBOX", "queued", msgid(0, user), 1)
    assert "s0.%s@src.test" % user in entry["from"]
    assert entry["to"] in ("anna@office.test", ["anna@office.test"])
    assert "busy" in entry["last_reply"] and TIME.match(entry["next_attempt"])
    shown = haul("queue", "show", entry["id"])
    assert shown.code == 0 and "Subject: number 0" in shown.out
    assert entry["id"] in haul("queue", "list").out
    assert entry["id"] in haul("queue").out


def test_queue_drop_asks_and_removes_the_local_copy_only(simple, user):
    """drop: asks; the source keeps the message; it is not fetched again."""
    haul = simple(1, keep=False)
    haul.sink.rule("dot", "550 5.7.1 no")
    haul.fetch()
    [entry] = haul.queue()
    refused = haul("queue", "drop", entry["id"])
    assert refused.code != 0 and len(haul.queue()) == 1
    assert haul("queue", "drop", entry["id"], "-y").code == 0
    assert haul.queue() == []
    haul.sink.forget_rules()
    haul.fetch("anna")
    assert haul.sink.accepted == [] and len(haul.dovecot.left(user)) == 1


@pytest.mark.parametrize("choice", [["--account", "anna"],
                                    ["--reason", "5.7.1"], ["--all"]])
def test_queue_retry_by(simple, user, choice):
    haul = simple(3)
    haul.sink.rule("dot", "550 5.7.1 no")
    haul("fetch")
    haul("queue", "retry", "--all", "-y")
    haul("fetch", "anna")
    n = len(haul.queue())
    assert n == 3
    haul.sink.forget_rules()
    if choice[0] == "--reason":
        choice = ["--reason", haul.queue()[0]["reason"]]
    assert haul("queue", "retry", *choice, "-y").code == 0
    haul.fetch("anna")
    assert haul.sink.count() == ids(user, range(3))


def test_trace_tells_the_life_of_a_message(simple, user):
    """trace by Message-ID, sender, recipient, UID, account, time: seen,
    fetched, each attempt with the server's words, the action."""
    haul = simple(3, keep=False)
    haul.fetch()
    by_id = haul("trace", msgid(1, user).strip("<>"))
    assert by_id.code == 0, by_id
    assert "kept as" in by_id.out, by_id
    assert msgid(0, user) not in by_id.out
    for args in (["--from", "s1.%s@src.test" % user],
                 ["--to", "anna@office.test"], ["--account", "anna"],
                 ["--since", "3d"], ["--since", "2020-01-01"]):
        assert msgid(1, user) in haul("trace", *args).out, args
    j = haul("trace", "--json", msgid(1, user))
    assert msgid(1, user) in j.out and j.json
    nothing = haul("trace", "no-such-message@nowhere")
    assert "anna" in nothing.out, nothing


def test_trace_counts_repairs(simple, user):
    """INTERFACE 3: a repair of line ends is counted and shown."""
    haul = simple(0)
    haul.dovecot.put(user, [plain(1, user, body=b"a\rb\r\n")])
    haul.fetch()
    assert re.search(r"repair|line end|CR", haul("trace", msgid(1, user)).out)


def test_answers_while_a_fetch_is_running(simple, user):
    """Whoever holds the state directory serves status, queue and trace."""
    haul = simple(5)
    haul.sink.rule("dot", "<mute>", match=msgid(2, user))
    process = haul.start("fetch")
    haul.sink.wait(lambda s: any(m.msgid == msgid(2, user)
                                 for m in s.accepted), "the stuck message")
    status = haul("status", "--json")
    assert status.code == 0 and status.json["accounts"], status
    assert haul("status").code == 0
    queue = haul.queue()
    assert msgid(2, user) in {q["message_id"] for q in queue
                              if q["state"] == "sending"}
    assert haul("trace", "--account", "anna").code == 0
    sockets = [n for n in os.listdir(haul.state)
               if (os.stat(os.path.join(haul.state, n)).st_mode
                   & 0o170000) == 0o140000]
    assert len(sockets) == 1
    assert os.stat(os.path.join(haul.state, sockets[0])).st_mode & 0o77 == 0
    haul.sink.down()
    haul.finish(process)


def test_silent_without_a_terminal_when_all_is_well(simple):
    haul = simple(3)
    result = haul("fetch")
    assert (result.code, result.out, result.err) == (0, "", "")
    result = haul("fetch")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_progress_and_summary_on_a_terminal(simple):
    haul = simple(30)
    code, text = haul.on_terminal("fetch")
    assert code == 0 and "anna" in text and "30" in text, text


def test_an_error_is_printed_when_it_begins_and_when_it_ends(simple):
    """INTERFACE 1: not at every pass; -v prints each time."""
    haul = simple(1, password="wrong")
    assert "anna: " in haul("fetch", "anna").err
    assert haul("fetch", "anna").err == ""
    assert "anna: " in haul("-v", "fetch", "anna").err
    haul.sections["account", "anna"]["password"] = haul.dovecot.password
    assert "anna" in haul("fetch", "anna").err
    assert haul("fetch", "anna").err == ""


def test_log_lines(simple, user):
    """INTERFACE 6: one event a line, key=value."""
    haul = simple(2, keep=False)
    result = haul("-v", "fetch")
    lines = result.err.splitlines()
    done = [l for l in lines if re.match(r"(<\d>)?delivered ", l)]
    assert len(done) == 2, result
    for word in ("account=anna", "folder=INBOX", "uid=", "id=", "size=",
                 "delivery=home", "to=anna@office.test", 'reply="250 '):
        assert word in done[0], done[0]
    assert any(l.startswith(("deleted ", "<6>deleted ")) for l in lines)


def test_check_offline_and_effective(simple):
    """--offline: configuration only, no connection; --effective: every
    setting and where it comes from."""
    haul = simple(1)
    haul.write()
    haul.sink.down()
    result = haul("check", "--offline")
    assert result.code == 0, result
    assert not haul.sink.events("connect")
    effective = haul("check", "--effective")
    assert effective.code == 0, effective
    for word in ("keep", "first_run", "max_size", "poll_every", "folders"):
        assert word in effective.out, word


def test_check_effective_shows_no_arguments_of_programs(simple):
    """A secret may be one of them: the program's name alone is told."""
    haul = simple(1, password=None, password_command=[
        "/bin/sh", "-c", "false", "token=hush"])
    haul.general(notify_command=["curl", "https://hook.test/hush"])
    for more in ((), ("--json",)):
        told = haul("check", "--effective", *more)
        assert told.code == 0 and "hush" not in told.out + told.err, told
    settings = {s["name"]: s["value"]
                for s in told.account("anna")["settings"] +
                told.json["general"]}
    assert settings["password_command"] == '{"/bin/sh", ...}'
    assert settings["notify_command"] == '{"curl", ...}'


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_check_looks_without_moving_mail(simple, user, scheme):
    """check: TLS version, certificate, capabilities, waiting messages, what a
    pass would do; MAIL and every to, then RSET; nothing moves."""
    haul = simple(4, scheme, keep=False)
    result = haul("check")
    assert result.code == 0, result
    assert "TLSv1" in result.out and "4" in result.out, result
    assert re.search(r"sha256:[0-9a-f]{64}", result.out), result
    assert haul.sink.events("rcpt") and haul.sink.events("rset")
    assert haul.sink.accepted == [] and not haul.sink.events("data")
    assert len(haul.dovecot.left(user)) == 4
    assert haul.fetch().account("anna")["delivered"] == 4


def test_check_names_each_fault_with_its_remedy(simple, source, dovecot,
                                                user):
    """check goes through all, and says what is wrong where."""
    haul = simple(1)
    dovecot.put(user + "w", [])
    haul.account("wrong", **source(dovecot, "imaps", user + "w",
                                   password="not-it"))
    haul.account("nowhere", **source(dovecot, "imaps", user,
                                     server="imaps://nowhere.invalid"))
    haul.sink.rule("rcpt", "550 5.1.1 no such user")
    result = haul("check")
    assert result.code == 77, result
    text = result.out + result.err
    assert "nowhere.invalid" in text and "no such user" in text
    assert re.search(r"^wrong: .*`user` or `password`$", text, re.M)


def test_check_shows_what_to_pin(simple, folder):
    """An untrusted certificate: its fingerprint, ready to be written."""
    other = CA(folder.new("otherca"))
    dovecot = Dovecot(folder.new("dovecot"), other, cert=other.issue("x"))
    try:
        haul = simple(0, server="imaps://localhost:%d"
                      % dovecot.ports["imaps"])
        result = haul("check")
        assert result.code == 77
        pin = re.search(r"sha256:[0-9a-f]{64}", result.out + result.err)[0]
        settings = haul.sections["account", "anna"]
        settings["tls_ca"] = None
        settings["tls_fingerprint"] = pin
        dovecot.put(haul.mailbox, [])
        assert haul("check").code == 0
    finally:
        dovecot.leave()


def test_version_names_libraries(haul):
    result = haul("version", keep=True)
    assert result.code == 0
    for word in ("mailhaul", "OpenSSL", "libuv", "sqlite"):
        assert word.lower() in result.out.lower()


def test_json_is_all_there_is_on_stdout(simple):
    """--json prints one object on stdout and nothing else there."""
    haul = simple(1)
    haul("fetch")
    for args in (["status"], ["queue", "list"], ["trace"], ["check"],
                 ["version"]):
        result = haul(*args, "--json")
        assert result.code == 0, (args, result)
        json.loads(result.out)


def test_ctrl_c_loses_nothing(simple, user):
    """Ctrl-C ends within 10 s, exits 130; the next run goes on there."""
    haul = simple(40)
    haul.sink.rule("dot", "<mute>", match=msgid(20, user), times=1)
    leaps = Leaps(haul)
    process = haul.start("fetch", env=leaps.env)
    haul.sink.wait(lambda s: any(m.msgid == msgid(20, user)
                                 for m in s.accepted), "the stuck message")
    process.send_signal(signal.SIGINT)
    assert leaps.to_the_end(process, 10).code == 130
    doubts = {q["message_id"] for q in haul.queue()
              if q["state"] == "in_doubt"}
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    counts = haul.sink.count()
    assert set(counts) == {msgid(n, user) for n in range(40)}
    assert {i for i, n in counts.items() if n > 1} <= doubts


def test_passwd_replaces_a_secret_and_ends_the_backoff(simple):
    """passwd NAME: without echo, tried, secrets.d/NAME replaced, backoff of
    that account ended."""
    haul = simple(2, password=None)
    secrets = os.path.join(haul.folder, "secrets.d")
    os.mkdir(secrets, 0o700)
    with open(os.path.join(secrets, "anna"), "w") as f:
        f.write("wrong\n")
    os.chmod(os.path.join(secrets, "anna"), 0o600)
    assert haul("fetch").code == 77
    code, text = haul.on_terminal("passwd", "anna", answers=[
        haul.dovecot.password.encode() + b"\n"])
    assert code == 0, text
    assert haul.dovecot.password not in text
    with open(os.path.join(secrets, "anna")) as f:
        assert f.read().rstrip("\n") == haul.dovecot.password
    assert os.stat(os.path.join(secrets, "anna")).st_mode & 0o77 == 0
    assert haul.fetch().account("anna")["delivered"] == 2


def test_passwd_says_what_became_of_a_secret_that_was_not_taken(simple):
    haul = simple(1, password=None)
    r = haul("passwd", "anna", input=b"wrong\n")
    assert r.code == 77 and "nothing was stored" in r.err, r
    r = haul("passwd", "anna", "-y", input=b"wrong\n")
    assert r.code == 0, r
    assert "check user and secret; it was stored all the same" in r.err, r
    haul.sections["account", "anna"]["tls_ca"] = None     # Debian's alone
    r = haul("passwd", "anna", input=b"wrong\n")
    assert r.code == 77 and "--yes stores it untried" in r.err, r
    assert "tls_ca" in r.err, "what to do about the certificate"


def test_one_message_is_no_messages(simple):
    haul = simple(1)
    haul.fetch()
    assert ", 1 message fetched so far" in haul("trace", "nothing").out
    code, text = haul.on_terminal("refetch", "anna", answers=[b"n\n"])
    assert "1 message (1.0 kB) is to be fetched" in text, text


def test_status_tells_of_the_user_that_is_written_now(simple, source, dovecot,
                                                      user):
    """Two rows of one name are known then; the old one is history."""
    haul = simple(2)
    haul.fetch()
    other = user + "-other"
    dovecot.put(other, [plain(i, other) for i in range(5)])
    haul.account("anna", **source(dovecot, "imaps", other))
    haul.fetch()
    assert haul("status", "--json").account("anna")["fetched"] == 5
    haul.account("anna", **source(dovecot, "imaps", other, password="wrong"))
    haul("fetch", "anna")
    assert haul("status", "--json").account("anna")["state"] == "auth"


def test_status_of_the_old_and_to_a_pipe(simple):
    haul = simple(1)
    r = haul("status", "--max-age", "24h")
    assert r.code == 75 and "anna: last success never" in r.out, r
    haul.fetch()
    r = haul("status", "--max-age", "24h")
    assert r.code == 0 and r.out == "", r
    assert haul("status", "--max-age", "soon").code == 64
    assert haul("status", "--watch").code == 64
    assert "\033" not in haul("status").out


def test_status_has_colour_on_a_terminal_alone_and_if_wanted(simple):
    haul = simple(1)
    haul.account("anna", **{**haul.sections["account", "anna"],
                            "password": "wrong"})
    haul("fetch")
    code, shown = haul.on_terminal("status")
    assert code == 0 and "\033[31mauth" in shown, shown
    assert "mailhaul passwd" in shown or "password" in shown, shown
    haul.env["NO_COLOR"] = "1"
    code, shown = haul.on_terminal("status")
    assert code == 0 and "\033[" not in shown and "auth" in shown, shown
