"""What a person sees when something is wrong: the exit code of INTERFACE 1,
one line with the remedy, and every message still where it was."""
import base64
import hashlib
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import pytest

from ca import CA
from corpus import ids, msgid, plain
from processes import free_port
from servers import Dovecot


def fails(haul, code, name, *words, left=None):
    """fetch and fetch --json agree: code, one line, nothing moved."""
    result = haul("fetch", "-v", name)
    assert result.code == code, result
    assert result.out == "", result
    errors = [l for l in result.err.splitlines()
              if l.startswith(name + ": ")]
    assert len(errors) == 1, result
    assert errors[0].count(": ") >= 2, result
    for word in words:
        assert word.lower() in errors[0].lower(), (word, result)
    again = haul("fetch", "--json", name)
    assert again.code == code and again.json["exit"] == code, again
    if left is not None:
        assert len(haul.dovecot.left(haul.mailbox)) == left
        assert haul.sink.accepted == []
    return again


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_wrong_password(simple, scheme):
    """77, the server's words, and what to do (INTERFACE 1)."""
    haul = simple(2, scheme, password="not-it", keep=False)
    again = fails(haul, 77, "anna", "correct `user` or `password`", left=2)
    assert again.account("anna")["result"] == "auth"
    status = haul("status", "--json").account("anna")
    assert status["state"] == "auth"
    assert status["last_error"]["class"] == "auth"
    assert status["last_error"]["remedy"]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_c9_a_refused_login_is_not_repeated_before_its_time(simple, scheme):
    """C9: no lock-out storms: the next pass leaves the account alone, until
    its secret or settings change, or it is named."""
    haul = simple(2, scheme, password="not-it")
    assert haul("fetch").code == 77

    def attempts():
        with open(haul.dovecot.log, errors="replace") as f:
            return f.read().count("user=<%s>" % haul.mailbox)
    before = attempts()
    assert before >= 1
    result = haul("fetch", "--json")
    assert result.code == 0 and attempts() == before, result
    # not tried, and not well
    told = result.account("anna")
    assert (told["result"], told["error"]["class"]) == ("auth", "auth"), told
    assert told["error"]["text"] and told["error"]["remedy"], told
    haul.sections["account", "anna"]["password"] = haul.dovecot.password
    assert haul.fetch().account("anna")["delivered"] == 2


def test_missing_secret_fails_its_account_only(simple, haul, source, user):
    """INTERFACE 2: a missing one fails its account only."""
    haul = simple(1)
    haul.dovecot.put(user + "b", [plain(1, user + "b")])
    haul.account("ben", **source(haul.dovecot, "imaps", user + "b",
                                 password=None))
    result = haul("fetch", "--json")
    assert result.code in (77, 78), result
    assert result.account("anna")["result"] == "ok"
    assert result.account("ben")["result"] in ("auth", "config")
    assert "passwd ben" in result.err
    assert [m.msgid for m in haul.sink.accepted] == [msgid(0, user)]


def test_unknown_host(simple):
    """75: a network matter."""
    haul = simple(1, server="imaps://nowhere.invalid")
    again = fails(haul, 75, "anna", "nowhere.invalid", left=1)
    assert again.account("anna")["result"] == "network"


def test_network_errors_are_silent_at_first(simple):
    """INTERFACE 1: without a terminal, a network error only after an hour."""
    haul = simple(1, server="imaps://localhost:%d" % free_port())
    result = haul("fetch")
    assert (result.code, result.out, result.err) == (75, "", ""), result


@pytest.fixture(scope="session")
def untrusted(folder, ca):
    """untrusted(what): a Dovecot whose certificate has that fault, and the
    certificate."""
    made = {}

    def start(what):
        if what not in made:
            made[what] = (Dovecot(folder.new("dovecot"), ca,
                                  cert=certs[what]()), certs[what]()[0])
        return made[what]
    certs = {
        "issuer": lambda: other.issue("other"),
        "name": lambda: ca.issue("othername", san="DNS:mail.elsewhere.test",
                                 cn="mail.elsewhere.test"),
        "date": lambda: ca.issue("expired", days=0),
        "self_signed": lambda: ca.self_signed("itself")}
    other = CA(folder.new("otherca"), "Another CA")
    yield start
    for dovecot, _ in made.values():
        dovecot.leave()


FAULTS = {"issuer": ("unknown issuer", "its issuer is not known", "Another CA"),
          "name": ("another name", "it is for another name",
                   "mail.elsewhere.test"),
          "date": ("expired on 2021-01-01", "its dates do not hold",
                   "2020-01-01 to 2021-01-01"),
          "self_signed": ("self-signed", "it is self-signed", "localhost")}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("scheme", ["imaps", "pop3s", "imap"])
def test_a12_certificate_not_trusted(simple, untrusted, what, scheme):
    """A12: 77, the reason named, no password sent, no retry without checks."""
    dovecot, _ = untrusted(what)
    haul = simple(1, scheme, server="%s://localhost:%d"
                  % (scheme, dovecot.ports[scheme]))
    again = fails(haul, 77, "anna", FAULTS[what][0], left=1)
    assert again.account("anna")["result"] == "tls"
    with open(dovecot.log) as f:
        assert "Login: user" not in f.read()


@pytest.mark.parametrize("what", FAULTS)
def test_a12_check_says_which_of_the_four_and_what_to_pin(simple, untrusted,
                                                          what):
    """A12: `check` names the fault, shows what the certificate says, and the
    lines to write; each of them, put in as it stands, makes it trusted."""
    dovecot, cert = untrusted(what)
    haul = simple(0, server="imaps://localhost:%d" % dovecot.ports["imaps"])
    dovecot.put(haul.mailbox, [])
    result = haul("check", "anna")
    assert result.code == 77, result
    told = re.search(r"certificate not trusted: (.*)", result.out)[1]
    assert told == FAULTS[what][1], result
    assert FAULTS[what][2] in result.out, result
    for word in ("names ", "issuer ", "valid "):
        assert "\n    " + word in result.out, result
    tls = haul("check", "--json", "anna").json["accounts"][0]["tls"]
    assert tls["faults"] == [what] and tls["trusted"] is False
    lines = re.findall(r"^ *(tls_fingerprint = .*)", result.out, re.M)
    assert len(lines) == 2 and fingerprint(cert) in lines[0]
    assert fingerprint(cert, key=True) in lines[1]
    del haul.sections["account", "anna"]["tls_ca"]
    for line in lines:
        haul.write(haul.text().replace('account "anna" {',
                                       'account "anna" {\n' + line))
        good = haul("check", "anna", keep=True)
        assert good.code == 0 and "by fingerprint" in good.out, good


def test_a12_an_untrusted_delivery_is_told_likewise(simple, folder, new_sink):
    """The same for the SMTP server, behind STARTTLS; no mail goes there."""
    sink = new_sink(tls="starttls", cert=CA(folder.new("ca3")).issue("sink"))
    haul = simple(1)
    haul.sections["delivery", "home"].update(
        server="submission://localhost:%d" % sink.port, tls_ca=haul.sections[
            "account", "anna"]["tls_ca"])
    result = haul("check")
    assert result.code == 77, result
    assert "certificate not trusted: its issuer is not known" in result.out
    assert len(re.findall("^ *tls_fingerprint = ", result.out, re.M)) == 2
    assert haul("fetch").code == 77 and not sink.events("mail")


def test_a13_the_common_name_does_not_count(simple, folder, ca):
    """A13: CN says localhost, the SAN names another host: refused."""
    cert = ca.issue("cn-only", san="DNS:mail.elsewhere.test", cn="localhost")
    dovecot = Dovecot(folder.new("dovecot"), ca, cert=cert)
    try:
        haul = simple(1, server="imaps://localhost:%d"
                      % dovecot.ports["imaps"])
        fails(haul, 77, "anna", "certificate", left=1)
    finally:
        dovecot.leave()


def fingerprint(cert, key=False):
    pem = ["openssl", "x509", "-in", cert, "-noout"]
    if not key:
        out = subprocess.run(pem + ["-fingerprint", "-sha256"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        return "sha256:" + out.split("=")[1].strip().replace(":", "").lower()
    public = subprocess.run(pem + ["-pubkey"], check=True,
                            stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                         input=public, check=True,
                         stdout=subprocess.PIPE).stdout
    return "spki:" + hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("key", [False, True], ids=["certificate", "key"])
def test_a_pinned_fingerprint_is_trusted_and_no_other(simple, folder, key):
    """tls_fingerprint trusts exactly what is written, by sha256: or spki:."""
    other = CA(folder.new("otherca"))
    cert = other.issue("pinned")
    dovecot = Dovecot(folder.new("dovecot"), other, cert=cert)
    try:
        pin = fingerprint(cert[0], key)
        haul = simple(0, server="imaps://localhost:%d"
                      % dovecot.ports["imaps"], tls_ca=None,
                      tls_fingerprint=pin)
        dovecot.put(haul.mailbox, [plain(1, haul.mailbox)])
        assert haul.fetch().account("anna")["delivered"] == 1
        wrong = pin[:-1] + ("0" if pin[-1] != "0" else "1")
        haul.sections["account", "anna"]["tls_fingerprint"] = wrong
        assert haul("fetch", "anna").code == 77
    finally:
        dovecot.leave()


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_dead_smtp_server(simple, scheme):
    """75, mail stays; when the server is back all arrives once."""
    haul = simple(3, scheme, keep=False)
    haul.sink.down()
    result = haul("fetch", "--json", "-v")
    assert result.code == 75, result
    assert "home" in result.err or "anna" in result.err, result
    assert len(haul.dovecot.left(haul.mailbox)) == 3
    haul.sink.up()
    haul("queue", "retry", "--all", "-y")
    haul.fetch("anna")
    assert haul.sink.count() == ids(haul.mailbox, range(3))
    haul.fetch("anna")
    assert haul.dovecot.left(haul.mailbox) == []


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_refused_recipient_that_stands_in_the_configuration(simple, scheme):
    """INTERFACE 2: a wrong setting: the delivery pauses for that account, an
    alarm with a remedy, nothing more is fetched, the source is kept."""
    haul = simple(40, scheme, keep=False)
    haul.sink.rule("rcpt", "550 5.1.1 no such user here")
    result = haul("fetch", "--json")
    assert result.code in (75, 77), result
    assert "no such user here" in result.err
    assert len(haul.dovecot.left(haul.mailbox)) == 40
    assert haul.sink.accepted == []
    # at most one each on the connections that were at work already
    assert len(haul.sink.events("rcpt")) <= 16
    status = haul("status", "--json").account("anna")
    assert status["state"] == "refused" and status["last_error"]["remedy"]
    haul.sink.forget_rules()
    haul.fetch("anna")
    assert haul.sink.count() == ids(haul.mailbox, range(40))


def test_i2_file_size_limit_ends_as_a_full_disk_does(simple, user):
    """I1, I2: EFBIG on the spool: 74, nothing lost, goes on afterwards."""
    haul = simple(0, keep=False)
    mails = [plain(n, user, size=60000) for n in range(40)]
    haul.dovecot.put(user, mails)

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600000, 600000))
    result = haul.finish(haul.start("fetch", "--json", preexec_fn=limit))
    assert result.code == 74, result
    stored = haul.sink.count()
    left = haul.dovecot.left(user)
    assert len(left) >= 40 - len(stored)
    for n, octets in enumerate(mails):
        assert octets in left or stored.get(msgid(n, user)) == 1
    haul("queue", "retry", "--all", "-y")
    for _ in range(3):
        haul.fetch("anna")
    doubts = {q["message_id"] for q in haul.queue()}
    counts = haul.sink.count()
    assert set(counts) | doubts == {msgid(n, user) for n in range(40)}


def test_i20_second_instance(simple, user):
    """I20: 75; silent without a terminal, named on one."""
    haul = simple(1)
    haul.sink.rule("dot", "<mute>")
    first = haul.start("fetch")
    haul.sink.wait(lambda s: s.accepted, "the first run's message")
    second = haul("fetch")
    assert (second.code, second.out, second.err) == (75, "", ""), second
    code, text = haul.on_terminal("fetch")
    assert code == 75 and str(first.pid) in text, text
    haul.sink.down()
    haul.finish(first)
    assert len(haul.sink.accepted) == 1


CONFIG_MISTAKES = '''\
delivery "home" { server = "smtp://localhost"  too = "me@example.org" }
account "one" {
	server = "imaps://h.example"
	user = "a"
	kep = no
}
account "two" {
	server = "imaps://h.example"
	user = "b"
	delivery = "nowhere"
}
account "three" { server = "gopher://h.example" user = "c" }
account "four" { server = "pop3s://h.example" user = "d" folders = {"A"} }
account "one" { server = "imaps://i.example" user = "e" }
account "five" { server = "imaps://h.example" }
account "six" { server = "pop2://h.example" user = "f" }
account "seven" { server = "imaps://h.example" user = "${HOME}" }
account "eight" { server = "imaps://h.example" user = "b" }
'''


def test_wrong_configuration_all_at_once(haul):
    """78; FILE:LINE: account "x": what; every mistake in one run; nothing is
    started, no state made."""
    haul.write(CONFIG_MISTAKES)
    for args in (("fetch",), ("check", "--offline")):
        result = haul(*args, keep=True)
        assert result.code == 78, result
        text = result.err + result.out
        for line, words in ((1, ["too"]), (5, ["kep", "keep"]),
                            (10, ["nowhere"]), (12, ["gopher"]),
                            (13, ["folders"]), (14, ["one"]),
                            (15, ["user"]), (16, ["pop2"]), (17, ["$"]),
                            (18, ["eight", "two"])):
            found = [l for l in text.splitlines()
                     if l.startswith("%s:%d:" % (haul.conf, line))]
            assert found, (line, result)
            for word in words:
                assert word in " ".join(found), (line, word, result)
    assert not os.path.exists(haul.state)


def test_configuration_that_is_not_there(haul):
    """78 and where it was looked for; a directory does not do either."""
    result = haul("fetch", keep=True)
    assert result.code == 78 and haul.conf in result.err, result
    os.mkdir(haul.conf)
    result = haul("fetch", keep=True)
    assert result.code == 78 and haul.conf in result.err, result


def test_a_feature_of_a_later_version_is_refused_by_name(simple):
    """A setting whose feature is not there is refused, never ignored."""
    haul = simple(1)
    haul.general(status_page="unix:/run/status")
    result = haul("fetch")
    assert result.code == 78 and "status_page" in result.err, result


def test_wrong_command_line(haul):
    """64."""
    for args in (("fetcch",), ("fetch", "--no-such"), ("queue", "eat"),
                 ("trace", "--since", "yesterdayish")):
        assert haul(*args, keep=True).code == 64, args


@pytest.mark.parametrize("args, words", [
    (("fetsch",), 'no command "fetsch": did you mean fetch?'),
    (("fetch", "--dry-rn"), "did you mean --dry-run?"),
    (("providers", "gmial"), "did you mean gmail?"),
    (("providers", "nobody-knows-it"), "mailhaul providers lists them"),
    (("check", "--offline", "--send"), "leave out --offline"),
    (("queue", "drop", "-y", "--reason", ""), "--reason: needs a value")])
def test_a_wrong_command_line_is_told_what_to_write(haul, args, words):
    result = haul(*args, keep=True)
    assert result.code == 64, result
    assert words in result.err, result


def test_queue_list_of_some_is_not_told_as_empty(simple):
    """What --account, --reason or an ID leave out is still there."""
    haul = simple(1)
    haul.sink.rule("rcpt", "451 4.7.1 later")
    haul("fetch")
    assert "451 4.7.1 later" in haul("queue").out
    for words in (("--reason", "nonsense"), ("--account", "nobody"),
                  ("list", "ZZZZ")):
        result = haul("queue", *words)
        assert "Nothing in the queue matches." in result.out, result
    assert "451 4.7.1 later" in haul("queue", "--account", "anna").out


def test_no_command_is_a_short_help(haul):
    result = haul(keep=True)
    assert "fetch" in result.out + result.err
    assert result.code in (0, 64)
    assert haul("--help", keep=True).code == 0
    assert haul("--version", keep=True).code == 0


def test_i9_state_directory_that_cannot_be_written(simple):
    """73, the directory named, no fetch, no delete."""
    haul = simple(2, keep=False)
    with open(os.path.join(haul.folder, "file"), "w"):
        pass
    haul.state = os.path.join(haul.folder, "file", "state")
    result = haul("fetch")
    assert result.code == 73 and haul.state in result.err, result
    assert haul.sink.accepted == [] and \
        len(haul.dovecot.left(haul.mailbox)) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_i9_read_only_state_directory(simple):
    """I9 for an ordinary user."""
    haul = simple(2, keep=False)
    os.chmod(haul.folder, 0o755)
    os.mkdir(haul.state, 0o700)
    os.chown(haul.state, 65534, 65534)
    os.chmod(haul.state, 0o500)
    haul.user = (65534, 65534)
    result = haul("fetch")
    assert result.code == 73 and haul.state in result.err, result
    assert haul.sink.accepted == [] and \
        len(haul.dovecot.left(haul.mailbox)) == 2


def test_i8_a_ledger_that_is_no_ledger(simple):
    """I8: refused in clear words; nothing fetched, nothing deleted."""
    haul = simple(2, keep=False)
    haul.fetch()
    names = [os.path.join(d, f) for d, _, files in os.walk(haul.state)
             for f in files]
    ledger = [n for n in names if open(n, "rb").read(6) == b"SQLite"]
    assert len(ledger) == 1
    for extra in ("-wal", "-shm"):
        if os.path.exists(ledger[0] + extra):
            os.unlink(ledger[0] + extra)
    with open(ledger[0], "r+b") as f:
        f.write(b"this is not a ledger, it is a text " * 200)
    haul.dovecot.put(haul.mailbox, [plain(9, haul.mailbox)])
    result = haul("fetch")
    assert result.code in (73, 74) and ledger[0] in result.err, result
    assert len(haul.sink.accepted) == 2
    assert len(haul.dovecot.left(haul.mailbox)) == 1


def test_i24_a_newer_ledger_is_refused(simple):
    """I24: made by a later version: said so, untouched."""
    haul = simple(1)
    haul.fetch()
    ledger = next(os.path.join(d, f) for d, _, files in os.walk(haul.state)
                  for f in files
                  if open(os.path.join(d, f), "rb").read(6) == b"SQLite")
    db = sqlite3.connect(ledger)
    db.execute("pragma user_version = 9999")
    db.commit()
    db.close()
    result = haul("fetch")
    assert result.code in (73, 78) and "new" in result.err, result
    assert len(haul.sink.accepted) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_c14_a_secret_others_can_read_is_refused(simple, folder, mode):
    """C14: group- (other than our own) or world-readable, a symbolic link."""
    haul = simple(1)
    secret = os.path.join(haul.folder, "secret")
    with open(secret, "w") as f:
        f.write(haul.dovecot.password + "\n")
    os.chmod(secret, mode)
    if mode == 0o640:
        if os.geteuid() != 0:
            pytest.skip("needs root to give a file to a foreign group")
        os.chown(secret, 0, 65534)
    settings = haul.sections["account", "anna"]
    del settings["password"]
    settings["credential"] = secret
    result = haul("fetch", "anna")
    assert result.code in (77, 78) and secret in result.err, result
    assert haul.sink.accepted == []
    os.chmod(secret, 0o600)
    os.chown(secret, os.geteuid(), os.getegid())
    haul.fetch("anna")
    assert len(haul.sink.accepted) == 1


def test_c14_a_secret_that_is_a_link_is_refused(simple):
    haul = simple(1)
    secret = os.path.join(haul.folder, "secret")
    with open(secret + ".real", "w") as f:
        f.write(haul.dovecot.password + "\n")
    os.chmod(secret + ".real", 0o600)
    os.symlink(secret + ".real", secret)
    settings = haul.sections["account", "anna"]
    del settings["password"]
    settings["credential"] = secret
    result = haul("fetch")
    assert result.code in (77, 78) and secret in result.err, result


def test_c13_p5_no_secret_leaks(simple, user):
    """C13, P5: not in argv, environment, logs, dialogues or state files."""
    haul = simple(3)
    secret = haul.dovecot.password.encode()
    haul.sink.rule("dot", "<mute>", times=1)
    process = haul.start("-vv", "fetch")
    haul.sink.wait(lambda s: s.accepted, "a message")
    for name in ("cmdline", "environ"):
        with open("/proc/%d/%s" % (process.pid, name), "rb") as f:
            assert secret not in f.read()
    haul.sink.down()
    result = haul.finish(process)
    assert secret.decode() not in result.err + result.out
    coded = base64.b64encode(b"\0%s\0%s" % (user.encode(), secret)).decode()
    assert coded not in result.err + result.out
    assert "CAPABILITY" in result.err, "-vv shows the dialogue"
    for args in (("-vv", "check"), ("check", "--effective"),
                 ("status", "--json"), ("trace",)):
        shown = haul(*args)
        assert secret.decode() not in shown.err + shown.out, args
        assert coded not in shown.err + shown.out, args
    for folder, _, files in os.walk(haul.state):
        for name in files:
            with open(os.path.join(folder, name), "rb") as f:
                octets = f.read()
            assert secret not in octets and coded.encode() not in octets, name
    assert os.stat(haul.state).st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_a_configuration_that_may_not_be_read(simple):
    """Whose it is, who reads it, and what to do."""
    haul = simple(1)
    haul.write()
    parts = os.path.join(haul.folder, "accounts.d")
    os.makedirs(os.path.join(parts, "in"))
    os.chmod(haul.folder, 0o755)
    haul.user = (65534, 65534)

    def says(words):
        result = haul("fetch", keep=True)
        assert result.code == 78, result
        assert re.search("Permission denied: " + words, result.err), result
    os.chown(haul.conf, 0, 0)
    os.chmod(haul.conf, 0o640)
    says("it belongs to root, root, mode 0640, and mailhaul runs as nobody: run"
         ".*chown.*chgrp")
    with open(haul.conf, "a") as f:
        f.write('include("accounts.d/*.conf")\n'
                'include("accounts.d/in/a.conf")\n')
    os.chmod(haul.conf, 0o644)
    os.chmod(parts, 0o700)
    says("it belongs to root, root, mode 0700, and mailhaul runs as nobody")
    os.chmod(parts, 0o755)
    open(os.path.join(parts, "in", "a.conf"), "w").close()
    os.chmod(os.path.join(parts, "in"), 0o700)
    says("mailhaul runs as nobody, who may not enter a folder above it")


def test_i27_a_state_directory_on_a_tmpfs_is_told(simple):
    """I27: it works, and `check` says what that means."""
    haul = simple(1)
    assert "tmpfs" not in haul("check").out
    haul.state = tempfile.mkdtemp(dir="/dev/shm", prefix="mailhaul-")
    try:
        result = haul("check")
        assert result.code == 0 and "warning: the state directory " + \
            haul.state + " is on a tmpfs" in result.out, result
        assert haul.fetch().account("anna")["delivered"] == 1
    finally:
        shutil.rmtree(haul.state)
