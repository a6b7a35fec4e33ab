"""Throw-away Dovecot, Postfix and Exim: loopback, free ports, one temporary
folder each, stopped by pid. Dovecot and Exim run as any user, Postfix needs
root. Standard library only."""
import grp
import imaplib
import os
import pwd
import re
import shutil
import ssl
import subprocess

from processes import Process, free_port, listens, until
from reachable import reachable


def _me():
    """Name and group of the user that owns mail: nobody, when we are root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
    else:
        user = pwd.getpwuid(os.geteuid())
    return user, grp.getgrgid(user.pw_gid)


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


class _Append(imaplib.IMAP4):
    """APPEND that leaves the octets alone (imaplib repairs line ends)."""

    def append_octets(self, folder, octets, flags=None):
        self.literal = octets
        args = [folder] + ([flags] if flags else [])
        kind, data = self._simple_command("APPEND", *args)
        if kind != "OK":
            raise RuntimeError("APPEND: %r" % data)


# ------------------------------------------------------------------- Dovecot

_DOVECOT = """\
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/log
instance_name = mailhaul-tests
protocols = imap pop3 lmtp
listen = 127.0.0.1
{internal}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_location = {location}
mail_fsync = never
mail_max_userip_connections = 100
disable_plaintext_auth = {secure}
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_chars =
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
pop3_uidl_format = {uidl}
passdb {{
  driver = static
  args = password={password} allow_real_nets=127.0.0.0/8{owner}
}}
userdb {{
  driver = prefetch
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={d}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
service anvil {{
  chroot =
  client_limit = 4000
  # no growing delay after a refused login: tests refuse many
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
  client_limit = 4000
}}
service auth {{
  client_limit = 4000
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
  unix_listener lmtp-socket {{
    mode = 0666
  }}
}}
protocol lmtp {{
  auth_username_format = %n
}}
service imap {{
  service_count = 100
}}
service pop3 {{
  service_count = 100
}}
{extra}
"""


class Dovecot:
    """Any user name may sign in with .password; a mailbox is made by put().

    storage: maildir or sdbox. extra: lines for the end of the configuration.
    cert: (certificate, key) files; default: issued by ca for localhost.
    owners: each user's mail is another system user's, as the kernel gives one
    of them 128 folders to watch (inotify); user names end in four digits then,
    the first of them no 0. Root only.
    """

    def __init__(self, folder, ca, storage="maildir", extra="", cert=None,
                 password="s3cret-haul;z!", uidl="%08Xu%08Xv",
                 secure="yes", owners=False):
        self.dir, self.ca, self.storage = folder, ca, storage
        self.owners = owners
        self.password = password
        self.ports = {k: free_port()
                      for k in ("imap", "imaps", "pop3", "pop3s", "lmtp")}
        user, group = _me()
        self.uid, self.gid = user.pw_uid, group.gr_gid
        for name in ("run", "state", "mail"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        os.chown(os.path.join(folder, "mail"), self.uid, self.gid)
        internal = ""
        if os.geteuid() != 0:
            internal = ("default_internal_user = {0}\n"
                        "default_internal_group = {1}\n"
                        "default_login_user = {0}\n"
                        ).format(user.pw_name, group.gr_name)
        cert, key = cert or ca.issue("dovecot")
        self.conf = _write(os.path.join(folder, "conf"), _DOVECOT.format(
            d=folder, internal=internal, uid=self.uid, gid=self.gid,
            owner=" userdb_uid=6%%-4.4u userdb_gid=%d userdb_home=%s/mail/%%u"
            % (self.gid, folder) if owners else "",
            location="%s:%s/mail/%%u/%s" % (storage, folder, storage),
            secure=secure, cert=cert, key=key, uidl=uidl,
            password=password, extra=extra, **self.ports))
        self.log = os.path.join(folder, "log")
        self.lmtp_socket = os.path.join(folder, "run", "lmtp-socket")
        self.process = None
        self._files = 0
        self.start()

    def start(self):
        self.process = Process(["dovecot", "-F", "-c", self.conf],
                               os.path.join(self.dir, "output"))
        until(lambda: listens(self.ports["imap"]) and
              listens(self.ports["pop3"]), "Dovecot", proc=self.process)

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def leave(self):
        """Takes a second, for which nobody has to wait who does not start()
        it again."""
        if self.process:
            self.process.leave()
            self.process = None

    def box(self, user, *parts):
        return os.path.join(self.dir, "mail", user, self.storage, *parts)

    def put(self, user, messages, folder="INBOX", flags=""):
        """Files messages (octets) into user's folder. flags: maildir letters
        (S seen, T deleted); octets are kept exactly."""
        if self.storage == "maildir":
            self._put_maildir(user, messages, folder, flags)
        else:
            self._put_append(user, messages, folder, flags)

    def _put_maildir(self, user, messages, folder, flags):
        home = os.path.join(self.dir, "mail", user)
        base = self.box(user) if folder == "INBOX" else \
            self.box(user, "." + folder.replace("/", "."))
        fresh = [home, self.box(user), base]
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(base, sub), exist_ok=True)
            fresh.append(os.path.join(base, sub))
        if folder != "INBOX":
            fresh.append(_write(os.path.join(base, "maildirfolder"), ""))
        uid = int("6" + user[-4:]) if self.owners else self.uid
        for path in fresh:
            os.chown(path, uid, self.gid)
        for octets in messages:
            self._files += 1
            name = "%d.M%dP1.tests" % (1700000000 + self._files, self._files)
            path = os.path.join(base, "tmp", name)
            with open(path, "wb") as f:
                f.write(octets)
            os.chown(path, uid, self.gid)
            os.rename(path, os.path.join(base, "cur", name + ":2," + flags))

    def _put_append(self, user, messages, folder, flags):
        words = [w for letter, w in (("S", "\\Seen"), ("T", "\\Deleted"))
                 if letter in flags]
        imap = self.imap(user)
        if folder != "INBOX":
            imap.create(folder)
        for octets in messages:
            imap.append_octets(folder, octets,
                               "(%s)" % " ".join(words) if words else None)
        imap.logout()

    def imap(self, user, select=None):
        """A signed-in connection (over STARTTLS) for looking and preparing."""
        imap = _Append("127.0.0.1", self.ports["imap"])
        context = ssl.create_default_context(cafile=self.ca.file)
        context.check_hostname = False
        imap.starttls(context)
        imap.login(user, self.password)
        if select:
            imap.select(select)
        return imap

    def left(self, user, folder="INBOX"):
        """The messages in user's folder, as octets, in UID order."""
        imap = self.imap(user)
        kind, _ = imap.select(folder, readonly=True)
        if kind != "OK":
            imap.logout()
            return []
        _, data = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        imap.logout()
        return [part[1] for part in data if isinstance(part, tuple)]

    def flags(self, user, folder="INBOX"):
        """[(uid, flags)] of user's folder."""
        imap = self.imap(user, folder)
        _, data = imap.uid("FETCH", "1:*", "(FLAGS)")
        imap.logout()
        found = []
        for line in data:
            m = re.search(rb"UID (\d+)", line or b"")
            if m:
                flags = re.search(rb"FLAGS \(([^)]*)\)", line)[1]
                found.append((int(m[1]), flags.decode()))
        return found


# ------------------------------------------------------------------- Postfix

_POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {d}/queue
data_directory = {d}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {d}/log
maillog_file_prefixes = {d}
myhostname = mx.test
mydomain = test
myorigin = $myhostname
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost =
default_transport = error:no way out of the tests
disable_dns_lookups = yes
smtpd_peername_lookup = no
message_size_limit = {size}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{d}/etc/access
smtputf8_enable = yes
in_flow_delay = 0
alias_maps =
alias_database =
{domain}
"""

_POSTFIX_VIRTUAL = """\
mydestination =
local_transport = error:no local mail
local_recipient_maps =
virtual_mailbox_domains = {name}
virtual_mailbox_base = {d}/boxes
virtual_mailbox_maps = texthash:{d}/etc/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""

_POSTFIX_LOCAL = """\
mydestination = {name}
mail_spool_directory = {d}/boxes/
"""

_POSTFIX_MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
lmtp unix - - n - - lmtp
retry unix - - n - - error
virtual unix - n n - - virtual
local unix - n n - - local
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Accepts mail for users of domain and files it below boxes/USER/new.

    form "virtual": users are any names. form "local": local(8) delivers, users
    are accounts of the system (games, news, ...), so that a Delivered-To of
    the recipient's own is taken for a loop, as on any office server.
    tempfail@ is answered 451, reject@ 550. extra: lines for the end of main.cf.
    """

    def __init__(self, folder, ca, users, domain="office.test",
                 form="virtual", size=100 << 20, extra=""):
        self.dir, self.form, self.domain = folder, form, domain
        self.port, self.tls_port = free_port(), free_port()
        for name in ("etc", "queue", "data", "boxes"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        shutil.chown(os.path.join(folder, "data"), "postfix")
        etc = os.path.join(folder, "etc")
        owner, group = _me()
        cert, key = ca.issue("postfix")
        part = _POSTFIX_VIRTUAL if form == "virtual" else _POSTFIX_LOCAL
        words = dict(d=folder, cert=cert, key=key, size=size, name=domain,
                     uid=owner.pw_uid, gid=group.gr_gid)
        _write(etc + "/main.cf", _POSTFIX_MAIN.format(
            domain=part.format(**words), **words) + extra)
        _write(etc + "/master.cf", _POSTFIX_MASTER.format(
            smtp=self.port, smtps=self.tls_port))
        _write(etc + "/boxes", "".join(
            "%s@%s %s/\n" % (u, domain, u) for u in users))
        _write(etc + "/access", "tempfail@%s 451 4.3.0 try again later\n"
               "reject@%s 550 5.7.1 refused by policy\n" % (domain, domain))
        if form == "virtual":
            os.chown(folder + "/boxes", owner.pw_uid, group.gr_gid)
        else:
            os.chmod(folder + "/boxes", 0o1777)
        self.running = False
        self.start()

    def _postfix(self, verb):
        # Its master daemon must not hold our standard output open.
        with open(os.path.join(self.dir, "output"), "ab") as out:
            return subprocess.run(
                ["postfix", "-c", os.path.join(self.dir, "etc"), verb],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode

    def start(self):
        if self._postfix("start") != 0:
            with open(os.path.join(self.dir, "output")) as f:
                raise RuntimeError("Postfix: " + f.read()[-2000:])
        self.running = True
        until(lambda: listens(self.port), "Postfix")

    def stop(self):
        if self.running:
            self._postfix("stop")
            self.running = False

    def lines(self):
        try:
            with open(os.path.join(self.dir, "log"), errors="replace") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def settled(self, limit=60):
        """Waits until its queue is empty; what could not be delivered and
        will be tried again counts as settled too (see lines())."""
        def quiet():
            busy = [name for sub in ("maildrop", "incoming", "active")
                    for _, _, names in os.walk(
                        os.path.join(self.dir, "queue", sub))
                    for name in names]
            return not busy
        until(quiet, "Postfix's queue to empty", limit)

    def box(self, user):
        """The messages user got, as octets with CRLF (Postfix files LF)."""
        self.settled()
        folder = os.path.join(self.dir, "boxes", user, "new")
        found = []
        for name in sorted(os.listdir(folder)
                           if os.path.isdir(folder) else []):
            with open(os.path.join(folder, name), "rb") as f:
                found.append(f.read().replace(b"\n", b"\r\n"))
        return found

    def bounces(self):
        """Log lines about notices to senders and undeliverable mail."""
        self.settled()
        return [l for l in self.lines()
                if "status=bounced" in l or "non-delivery" in l]


# ---------------------------------------------------------------------- Exim

_EXIM = """\
exim_user = {user}
exim_group = {group}
never_users =
spool_directory = {d}/spool
log_file_path = {d}/log/%slog
pid_file_path = {d}/exim.pid
primary_hostname = mx2.test
domainlist local_domains = {domain}
tls_advertise_hosts =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
acl_smtp_rcpt = rcpt
acl_smtp_data = data
smtputf8_advertise_hosts = *
pipelining_advertise_hosts = *
chunking_advertise_hosts = {chunking}
message_size_limit = 100M
keep_environment =
deliver_drop_privilege = true
begin acl
rcpt:
  defer local_parts = tempfail
        message = 4.3.0 try again later
  deny senders = *@bad.test
  deny local_parts = reject
        message = 5.7.1 refused by policy
  accept domains = +local_domains
  deny message = 5.7.1 no relaying
data:
{longline}  accept
begin routers
r:
  driver = accept
  domains = +local_domains
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = {d}/boxes/${{lookup{{$local_part}}lsearch{{{d}/users}}}}
  create_directory
begin retry
* * F,1h,1m
"""


class Exim:
    """Accepts mail for users of domain. chunking: offers
    BDAT. longline: refuses lines over 998 octets as Debian's own does.
    Senders of bad.test are refused without a word, by its own default."""

    @staticmethod
    def program():
        """exim4 unpacked by packages_exim (MAILHAUL_EXIM), or installed."""
        found = os.environ.get("MAILHAUL_EXIM", "/usr/sbin/exim4")
        return found if os.access(found, os.X_OK) else None

    def __init__(self, folder, users, domain="office.test", chunking=True,
                 longline=False):
        self.dir, self.port = folder, free_port()
        user, group = _me()
        for name in ("spool", "log", "boxes"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
            os.chown(os.path.join(folder, name), user.pw_uid, group.gr_gid)
        os.chown(folder, user.pw_uid, group.gr_gid)
        # A box is named by a table, never by what a peer said (Exim: tainted)
        _write(os.path.join(folder, "users"),
               "".join("%s: %s\n" % (u, u) for u in users))
        self.conf = _write(os.path.join(folder, "conf"), _EXIM.format(
            user=user.pw_name, group=group.gr_name, d=folder, domain=domain,
            port=self.port, chunking="*" if chunking else ":",
            longline="  deny condition = ${if > {$max_received_linelength}"
                     "{998}}\n       message = maximum allowed line length "
                     "is 998 octets, got $max_received_linelength\n"
            if longline else ""))
        os.chmod(self.conf, 0o644)
        # Exim trusts only root's configuration when run by root, and writes
        # its files as the user above: it runs as that user altogether.
        how = dict(env=self._environment(folder, user, group))
        program = self.program()
        if os.geteuid() == 0:
            how.update(user=user.pw_uid, group=group.gr_gid, extra_groups=[])
            program = reachable(program)
        self.process = Process([program, "-C", self.conf, "-bdf",
                                "-q1m"], os.path.join(folder, "output"), **how)
        until(lambda: listens(self.port), "Exim", proc=self.process)

    @staticmethod
    def _environment(folder, user, group):
        """Debian's Exim wants its own user, which only an installation makes:
        libnss-wrapper shows it one."""
        passwd = _write(os.path.join(folder, "passwd"), "".join(
            "%s:x:%d:%d::/:/bin/false\n" % (n, user.pw_uid, user.pw_gid)
            for n in (user.pw_name, "Debian-exim")) +
            "root:x:0:0::/:/bin/false\n")
        names = _write(os.path.join(folder, "group"), "".join(
            "%s:x:%d:\n" % (n, group.gr_gid)
            for n in (group.gr_name, "Debian-exim")))
        for path in (passwd, names):
            os.chmod(path, 0o644)
        return dict(PATH=os.environ["PATH"], LD_PRELOAD="libnss_wrapper.so",
                    NSS_WRAPPER_PASSWD=passwd, NSS_WRAPPER_GROUP=names)

    def stop(self):
        self.process.stop()

    def box(self, user, count):
        """Waits for count messages of user; octets with CRLF."""
        folder = os.path.join(self.dir, "boxes", user, "new")

        def names():
            return os.listdir(folder) if os.path.isdir(folder) else []
        until(lambda: len(names()) >= count, "%d messages at Exim" % count)
        found = []
        for name in sorted(names()):
            with open(os.path.join(folder, name), "rb") as f:
                found.append(f.read().replace(b"\n", b"\r\n"))
        return found
