"""What tests/demo shows once mailhaul is built (see there)."""
import os
import re
import shlex
import subprocess
import sys

from ca import CA
from corpus import Signer, expected, from_ours, letters, plain, strip
from haul import Mailhaul, Raw
from processes import Folder
from servers import Dovecot, Postfix

SHOWN = 10                     # lines of a long output that are shown
wrong = []


def title(text):
    print("\n== %s" % text, flush=True)


def claim(true, text):
    """Says text with a mark; a false claim makes the demo fail."""
    print("   %s %s" % ("ok   " if true else "WRONG", text), flush=True)
    if not true:
        wrong.append(text)


def show(haul, *args):
    """Runs mailhaul on this terminal, as a person would; its exit code.
    Without a terminal fetch is silent when all is well: -v makes it speak,
    and the end of that is shown."""
    quiet = args[0] == "fetch" and not sys.stdout.isatty()
    args = ("-v", *args) if quiet else args
    print("\n$ mailhaul %s" % " ".join(shlex.quote(a) for a in args),
          flush=True)
    haul.write()
    done = subprocess.run(
        haul.argv(args), env=haul.environment(
            {"TERM": os.environ.get("TERM", "dumb")}), cwd=haul.folder,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None)
    if quiet:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        if len(lines) > SHOWN:
            print("[%d lines]" % (len(lines) - SHOWN))
        print("\n".join(lines[-SHOWN:]))
    print("(exit %d)" % done.returncode, flush=True)
    return done.returncode


def message_id(octets):
    m = re.search(rb"^Message-ID: (\S+)", octets, re.M)
    return m[1].decode() if m else None


def fill(dovecot, signer):
    """{user: messages} of five people's mailboxes."""
    awkward = [octets for _, octets in letters(signer)]
    boxes = {"anna": awkward}
    for user, n in (("ben", 40), ("carol", 25), ("info", 60), ("liwei", 12)):
        boxes[user] = [plain(k, user, size=300 + 900 * (k % 9),
                             to=user + "@office.test") for k in range(n)]
    for user, mails in boxes.items():
        dovecot.put(user, mails)
    return boxes


def compare(got, want, drop=("delivered-to", "return-path")):
    """(missing or altered, repeated) of the messages in got."""
    arrived = {}
    for octets in got:
        arrived.setdefault(message_id(octets), []).append(strip(octets))
    bad = [message_id(m) for m in want
           if expected(m, drop) not in arrived.get(message_id(m), [])]
    return bad, [i for i, copies in arrived.items() if len(copies) > 1]


def job(folder, ca, signer):
    title("3. A throw-away Dovecot and Postfix")
    dovecot = Dovecot(folder.new("dovecot"), ca)
    postfix = None
    try:
        boxes = fill(dovecot, signer)
        print("   Dovecot: imaps port %d, pop3s port %d; %d mailboxes, %d "
              "messages,\n   among them attachments, UTF-8 and GB18030 "
              "headers, DKIM signatures, long lines,\n   dots, 8-bit, stray "
              "CR and LF, and one of 20 MB"
              % (dovecot.ports["imaps"], dovecot.ports["pop3s"], len(boxes),
                 sum(map(len, boxes.values()))))
        postfix = Postfix(folder.new("postfix"), ca, list(boxes))
        print("   Postfix: smtp port %d, delivering @office.test by "
              "virtual(8)" % postfix.port)
        into_postfix(folder, ca, signer, dovecot, postfix, boxes)
        into_maildir(folder, ca, dovecot, boxes)
    finally:
        if postfix:
            postfix.stop()
        dovecot.stop()


def accounts(haul, ca, dovecot, boxes, keep):
    haul.defaults(tls_ca=ca.file)
    for k, user in enumerate(boxes):
        scheme = ("imaps", "pop3s")[k % 2]
        haul.account(user, server="%s://localhost:%d"
                     % (scheme, dovecot.ports[scheme]), user=user,
                     password=dovecot.password, keep=keep[k % len(keep)])


def into_postfix(folder, ca, signer, dovecot, postfix, boxes):
    title("4. mailhaul: five mailboxes into one SMTP server")
    haul = Mailhaul(folder.new("haul"))
    haul.delivery("office", server="smtp://localhost:%d" % postfix.port,
                  to="{user}@office.test")
    accounts(haul, ca, dovecot, boxes, [True, Raw("14d"), True])
    haul.write()
    print("\n$ cat mailhaul.conf")
    sys.stdout.write(haul.text())
    claim(show(haul, "check") == 0, "check finds nothing wrong")
    claim(show(haul, "fetch") == 0, "fetch succeeds")
    served = {user: dovecot.left(user) for user in boxes}
    total = 0
    for user in boxes:
        got = [from_ours(m) for m in postfix.box(user)]
        bad, twice = compare(got, served[user])
        total += len(got)
        claim(not bad and not twice and len(got) == len(boxes[user]),
              "%-6s all %d messages arrived once, octet for octet"
              % (user, len(boxes[user])))
        for title_, octets in letters(signer, big=0):
            if user == "anna" and "DKIM" in title_:
                arrived = [m for m in postfix.box(user)
                           if message_id(m) == message_id(octets)]
                claim(arrived and signer.verifies(arrived[0]),
                      "%-6s %s: the signature still verifies"
                      % (user, title_))
        claim(len(served[user]) == len(boxes[user]),
              "%-6s nothing was deleted at the source" % user)
    claim(not postfix.bounces(), "Postfix bounced nothing")
    claim(show(haul, "status") == 0, "status answers")
    title("5. Again: nothing comes twice, new mail comes once")
    claim(show(haul, "fetch") == 0, "fetch succeeds")
    claim(sum(len(postfix.box(u)) for u in boxes) == total,
          "nothing came twice")
    dovecot.put("ben", [plain(1000, "ben")])
    claim(show(haul, "fetch") == 0, "fetch succeeds with one new message")
    claim(sum(len(postfix.box(u)) for u in boxes) == total + 1,
          "only the new one came")
    show(haul, "trace", "1000.ben@src.test")


def into_maildir(folder, ca, dovecot, boxes):
    title("6. Into a maildir, with no mail server, deleting at the source")
    haul = Mailhaul(folder.new("haul"))
    target = folder.new("maildirs")
    haul.delivery("home", server="maildir:%s/%%u" % target,
                  to="{user}@office.test")
    accounts(haul, ca, dovecot, boxes, [False])
    served = {user: dovecot.left(user) for user in boxes}
    claim(show(haul, "fetch", "--yes") == 0, "fetch succeeds")
    for user in boxes:
        new = os.path.join(target, user, "new")
        got = []
        for name in os.listdir(new) if os.path.isdir(new) else []:
            with open(os.path.join(new, name), "rb") as f:
                octets = f.read()
            got.append(octets if b"\r\n" in octets
                       else octets.replace(b"\n", b"\r\n"))
        bad, twice = compare(got, served[user], drop=())
        claim(not bad and not twice, "%-6s all %d messages are filed below "
              "%s/new" % (user, len(served[user]), user))
        claim(dovecot.left(user) == [],
              "%-6s the mailbox is empty now: keep = no" % user)
    claim(show(haul, "status") == 0, "status answers")


def main():
    folder = Folder("mailhaul-demo-")
    try:
        ca = CA(folder("ca"))
        job(folder, ca, Signer(folder.new("signer")))
    finally:
        folder.remove()
    if wrong:
        print("\n%d thing(s) went wrong:" % len(wrong))
        for text in wrong:
            print("   " + text)
        return 1
    print("\nAll as it should be. Servers and files are gone again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
