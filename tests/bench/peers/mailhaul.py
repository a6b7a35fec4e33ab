"""mailhaul -> SMTP (LMTP sinks: variant lmtp; maildir: variant maildir).
MAILHAUL names the program; default: build-release/mailhaul of this tree."""
import os
DEFAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "build-release", "mailhaul")
FOLDERS = True                     # takes all that there are
PROTOS = ("imaps", "pop3s", "imap", "pop3", "imap-starttls", "pop3-starttls")


def prepare(c):
    scheme = {"imaps": "imaps", "pop3s": "pop3s"}.get(c.proto, c.kind)
    clear = c.proto in ("imap", "pop3")
    if c.variant == "maildir":
        delivery = 'server = "maildir:%s/md"' % c.dir
    else:
        delivery = 'server = "%s://127.0.0.1:%d"' % ("lmtp" if c.variant == "lmtp" else "smtp", c.smtp_port)
    with open(c.dir + "/mailhaul.conf", "w") as f:
        f.write('delivery "sink" { %s to = "%s" sender = "%s" }\n' % (delivery, c.rcpt, c.sender))
        f.write('defaults { server = "%s://%s:%d" tls_ca = "%s" %s keep = %s first_run = "all" }\n'
                % (scheme, c.tls_name, c.port, c.ca, 'tls = "none"' if clear else "", "yes" if c.keep else "no"))
        more = 'folders = "*"' if c.folders > 1 else ""
        for u in c.users:
            f.write('account "%s" { user = "%s" password = \'%s\' %s }\n' % (u, u, c.password, more))
    os.chmod(c.dir + "/mailhaul.conf", 0o600)
    how = dict(argv=[os.path.realpath(os.environ.get("MAILHAUL", DEFAULT)), "--config", c.dir + "/mailhaul.conf", "--state", c.dir + "/state", "fetch"])
    if c.variant == "maildir":
        how.update(deliver="maildir", maildir=c.dir + "/md")
    return how
