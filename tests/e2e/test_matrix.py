"""Real Dovecot in every form it comes in: scheme x mechanism x what the server
offers x how it stores, all pairs of them. Each cell is one mailbox fetched with
keep = yes, one with keep = no, on IMAP one with move_to; and a second pass that
fetches nothing."""
import re
import socket
import ssl
import threading

import pytest

from corpus import expected, from_ours, plain, strip
from listener import Listener
from pairs import all_pairs
from servers import Dovecot

TOKEN = "ya29.token-of-%u~"
MAILS = 3
SECURE = {"imaps": True, "imap": True, "imap-clear": False,
          "pop3s": True, "pop3": True, "pop3-clear": False}
# What signs in; the others are for tokens.
PASSWORDS = ["auto", "plain", "login", "scram-sha-1", "scram-sha-256",
             "cram-md5"]
MECHANISMS = PASSWORDS + ["xoauth2", "oauthbearer"]

IMAP = all_pairs({
    "scheme": ["imaps", "imap", "imap-clear"],
    "mechanism": MECHANISMS,
    "storage": ["maildir", "sdbox"],
    "uidplus": [True, False], "move": [True, False],
    "list_status": [True, False], "compress": [True, False],
})
# What Dovecot's POP3 offers is not to be configured: a relay in between leaves
# it out, where it can read along.
POP3 = all_pairs({
    "scheme": ["pop3s", "pop3", "pop3-clear"],
    "mechanism": MECHANISMS + ["user/pass"],
    "storage": ["maildir", "sdbox"],
    "pipelining": [True, False],
}, lambda row: row["scheme"] != "pop3" or
    (row["pipelining"] and row["mechanism"] != "user/pass"))

CONF = """
auth_mechanisms = plain login scram-sha-1 scram-sha-256 cram-md5 xoauth2 \
oauthbearer
passdb {
  driver = static
  mechanisms = xoauth2 oauthbearer
  args = password=%s
}
protocol imap {
  mail_plugins = imap_zlib
  imap_capability = IMAP4rev1 LITERAL+ ENABLE IDLE ID NAMESPACE UNSELECT \
CHILDREN ESEARCH LIST-EXTENDED SPECIAL-USE COMPRESS=DEFLATE%s
}
"""


def title(row):
    return "-".join(
        (name if value is True else "no_" + name if value is False else value)
        .replace("/", "_") for name, value in row.items())


# --------------------------------------------------------------- the servers

@pytest.fixture(scope="module")
def servers(folder, ca):
    """servers(storage, capabilities): made when first asked for."""
    made = {}

    def get(storage, offered=""):
        if (storage, offered) not in made:
            made[storage, offered] = Dovecot(
                folder.new("dovecot"), ca, storage=storage, secure="no",
                extra=CONF % (TOKEN, offered))
        return made[storage, offered]
    yield get
    for server in made.values():
        server.leave()


class Quiet:
    """Between a client and Dovecot's clear POP3 port: leaves lines out of what
    CAPA answers. cert: the client speaks TLS with it."""

    def __init__(self, port, hidden, cert=None):
        self.to, self.hidden, self.context = port, hidden, None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self.listener = Listener(self.serve)
        self.port = self.listener.port

    def serve(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self.to))
            with client, server:
                threading.Thread(target=self.to_server, args=(client, server),
                                 daemon=True).start()
                for line in server.makefile("rb"):
                    if not self.hidden.match(line):
                        client.sendall(line)
        except OSError:
            pass

    @staticmethod
    def to_server(client, server):
        try:
            while True:
                octets = client.recv(65536)
                if not octets:
                    server.shutdown(socket.SHUT_WR)
                    return
                server.sendall(octets)
        except OSError:
            pass

    def close(self):
        self.listener.close()


# ------------------------------------------------------------------ the cells

def assert_signed_in(dovecot, user, mechanism):
    """By what Dovecot's log says."""
    with open(dovecot.log) as f:
        used = re.findall(r"Login: user=<%s>, method=(\S+)," % user, f.read())
    wanted = {"auto": "SCRAM-SHA-256", "user/pass": "PLAIN"}.get(
        mechanism, mechanism.upper())
    # Our own looking is PLAIN as well, and so is IMAP's command LOGIN.
    assert set(used) <= {wanted, "PLAIN"}, used
    if mechanism not in ("plain", "login", "user/pass"):
        assert used.count(wanted) == 2, used


@pytest.fixture
def cell(haul, sink, smtp, ca):
    """cell(dovecot, user, port, row, settings): both passes, judged."""
    def run(dovecot, user, port, row, **more):
        kinds = ("yes", "no") if "pop3" in row["scheme"] else \
            ("yes", "no", "moved")
        mails = {keep: [plain(n, user + keep, size=300 + 2000 * n)
                        for n in range(MAILS)] for keep in kinds}
        settings = dict(server="%s://localhost:%d" % (
            row["scheme"].replace("-clear", ""), port))
        settings.update({"tls_ca": ca.file} if SECURE[row["scheme"]]
                        else {"tls": "none"})
        if row["mechanism"] not in ("auto", "user/pass"):
            settings["auth"] = row["mechanism"]
        haul.delivery(**smtp(sink))
        for keep in mails:
            who = user + keep
            dovecot.put(who, mails[keep])
            haul.account(keep, user=who, keep=keep != "no",
                         move_to="Done" if keep == "moved" else None,
                         password=TOKEN.replace("%u", who)
                         if row["mechanism"] not in PASSWORDS + ["user/pass"]
                         else dovecot.password,
                         **settings, **more)
        first = haul("-vv", "fetch", "--json")
        assert first.code == 0, first
        for keep in mails:
            a = first.account(keep)
            assert (a["result"], a["delivered"], a["deleted"], a["held"]) == \
                ("ok", MAILS, MAILS if keep == "no" else 0, 0), first
            assert len(dovecot.left(user + keep)) == \
                (MAILS if keep == "yes" else 0)
        if "moved" in mails:
            assert len(dovecot.left(user + "moved", "Done")) == MAILS
        second = haul.fetch()
        for keep in mails:
            assert second.account(keep)["result"] == "ok"
            assert second.account(keep)["fetched"] == 0
        assert sorted(strip(from_ours(m.octets)) for m in sink.accepted) == \
            sorted(expected(m) for group in mails.values() for m in group)
        assert_signed_in(dovecot, user + "yes", row["mechanism"])
        return re.findall(r"command=(\"[^\"]*\"|\S+)", first.err)
    return run


def said(commands, verb):
    return any(c.strip('"').startswith(verb) for c in commands)


@pytest.mark.parametrize("row", IMAP, ids=title)
def test_imap(servers, cell, user, row):
    offered = "".join(
        " " + name for name, on in (
            ("UIDPLUS", row["uidplus"]), ("MOVE", row["move"]),
            ("LIST-STATUS", row["list_status"])) if on)
    dovecot = servers(row["storage"], offered)
    port = dovecot.ports[row["scheme"].replace("-clear", "")]
    commands = cell(dovecot, user, port, row, compress=row["compress"])
    # what is not offered is not used, what is offered is
    assert said(commands, "UID EXPUNGE") == row["uidplus"], commands
    assert said(commands, "EXPUNGE") != row["uidplus"], commands
    assert said(commands, "MOVE") == row["move"], commands
    assert said(commands, "COPY") != row["move"], commands
    signed = "LOGIN" if row["mechanism"] == "login" else "AUTHENTICATE"
    assert said(commands, signed), commands


@pytest.mark.parametrize("row", POP3, ids=title)
def test_pop3(servers, cell, ca, user, row):
    dovecot = servers(row["storage"])
    port = dovecot.ports[row["scheme"].replace("-clear", "")]
    hidden = [word for word, hide in (
        (b"PIPELINING", not row["pipelining"]),
        (b"SASL ", row["mechanism"] == "user/pass")) if hide]
    quiet = hidden and Quiet(
        dovecot.ports["pop3"], re.compile(b"|".join(hidden)),
        ca.issue("quiet") if row["scheme"] == "pop3s" else None)
    try:
        commands = cell(dovecot, user, quiet.port if quiet else port, row)
    finally:
        if quiet:
            quiet.close()
    assert said(commands, "USER") == (row["mechanism"] == "user/pass")
    assert said(commands, "AUTH") == (row["mechanism"] != "user/pass")
