"""Fakes made from what providers' servers were recorded to say.

    for r in recordings():           # tests/fake/providers/NAME.PROTOCOL
        fake = r.fake([octets], cert=ca.issue("fake"))
The form of the files: tests/fake/providers/README.md.
"""
import base64
import glob
import os

from fakemail import FakeImap, FakePop, _Server, _Session
from processes import ROOT

FOLDER = os.path.join(ROOT, "tests", "fake", "providers")
RECORDED = ("greeting", "capability", "login", "refused", "refused-user",
            "id", "without-id")
KEYS = RECORDED + ("cite", "missing", "remedy")
PROTOCOLS = ("imap", "pop3", "smtp")
NEEDED = {"imap": ("greeting", "capability", "refused"),
          "pop3": ("greeting", "capability", "refused"),
          "smtp": ("greeting", "capability", "refused")}


class Recording:
    def __init__(self, path):
        self.file = os.path.basename(path)
        self.name, _, self.protocol = self.file.rpartition(".")
        self.said = {key: [] for key in KEYS}
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip("\n")
                if not line or line.startswith("#"):
                    continue
                key, colon, text = line.partition(": ")
                if not colon or key not in self.said:
                    raise ValueError("%s:%d: no key: text" % (path, number))
                self.said[key].append(text)

    def __repr__(self):
        return self.file

    def keys(self, of):
        """The keys that cite or missing name."""
        return {k.strip() for text in self.said[of]
                for k in text.partition(": ")[0].split(",")}

    def faults(self):
        """What is wrong with the file itself."""
        out = []
        if self.protocol not in PROTOCOLS:
            return ["%s: the name ends in none of %s" % (
                self.file, ", ".join(PROTOCOLS))]
        cited, missing = self.keys("cite"), self.keys("missing")
        for key in RECORDED:
            if self.said[key] and key not in cited:
                out.append("%s: %s is not cited" % (self.file, key))
            if not self.said[key] and key in cited:
                out.append("%s: %s is cited and absent" % (self.file, key))
            if key in NEEDED[self.protocol] and not self.said[key] \
                    and key not in missing:
                out.append("%s: %s is neither there nor missing"
                           % (self.file, key))
        for text in self.said["cite"]:
            if " 20" not in text.partition(": ")[2]:
                out.append("%s: no date: %s" % (self.file, text))
        return out

    def fake(self, mails, cert):
        return {"imap": RecordedImap, "pop3": RecordedPop,
                "smtp": RecordedSmtp}[self.protocol](self, mails, cert)


def recordings(*protocols):
    found = [Recording(p) for p in sorted(glob.glob(
        os.path.join(FOLDER, "*.*"))) if not p.endswith(".md")]
    return [r for r in found if not protocols or r.protocol in protocols]


def _lines(session, tag, lines):
    """Untagged lines as they are, the last with the tag."""
    for line in lines:
        mark = "" if line.startswith("* ") or line.startswith("+ ") \
            else tag + " "
        session.say(("%s%s\r\n" % (mark, line)).encode())


def _mechanism(session, mechanism, initial, more, password):
    """One exchange of PLAIN, LOGIN or XOAUTH2: was the secret right?"""
    def ask(prompt):
        more(prompt)
        return session.line().decode()
    mechanism = mechanism.upper()
    if mechanism == "LOGIN":
        initial or ask("VXNlcm5hbWU6")
        return base64.b64decode(ask("UGFzc3dvcmQ6")).decode() == password
    answer = base64.b64decode(initial or ask("")).decode()
    if mechanism == "PLAIN":
        return answer.split("\0")[2] == password
    if mechanism == "XOAUTH2":
        return "auth=Bearer %s\1" % password in answer
    if mechanism == "OAUTHBEARER":
        return "auth=Bearer %s\1" % password in answer
    return False


class RecordedImap(FakeImap):
    def __init__(self, recording, mails, cert):
        said = self.said = recording.said
        words = " ".join(said["capability"]) or "IMAP4rev1 AUTH=PLAIN"
        super().__init__({"INBOX": mails}, cert, words.split())
        if said["greeting"]:
            self.on("greeting", lambda s, tag, args: s.say(
                said["greeting"][0].encode() + b"\r\n") or True)
        self.on("LOGIN", self.login)
        self.on("AUTHENTICATE", self.authenticate)
        self.on("ID", self.identified)
        for verb in ("SELECT", "EXAMINE"):
            self.on(verb, self.select)

    def answer(self, session, tag, good):
        if good:
            _lines(session, tag, self.said["login"] or ["OK signed in"])
        else:
            _lines(session, tag, self.said["refused"] or
                   ["NO [AUTHENTICATIONFAILED] refused"])
        return True

    def login(self, session, tag, args):
        good = args.rstrip().strip('"').endswith(self.password)
        return self.answer(session, tag, good)

    def authenticate(self, session, tag, args):
        words = args.split()
        return self.answer(session, tag, _mechanism(
            session, words[0], words[1] if len(words) > 1 else None,
            lambda prompt: session.say(("+ %s\r\n" % prompt).encode()),
            self.password))

    def identified(self, session, tag, args):
        session.named = True
        for text in self.said["id"]:
            session.say(("* ID %s\r\n" % text).encode())
        return False if not self.said["id"] else session.ok(tag) or True

    def select(self, session, tag, args):
        if not self.said["without-id"] or getattr(session, "named", False):
            return False
        _lines(session, tag, self.said["without-id"])
        return True


class RecordedPop(FakePop):
    def __init__(self, recording, mails, cert):
        said = self.said = recording.said
        super().__init__([("uid%d" % n, octets)
                          for n, octets in enumerate(mails, 1)], cert)
        self.capa = said["capability"] or [
            "SASL PLAIN XOAUTH2" if c.startswith("SASL") else c
            for c in self.capa]
        if said["greeting"]:
            self.on("greeting", lambda s, args: s.say(
                said["greeting"][0].encode() + b"\r\n") or True)
        self.on("USER", self.user)
        self.on("PASS", lambda s, args: self.answer(
            s, " ".join(args) == self.password))
        self.on("AUTH", self.auth)
        self.refuses = False          # USER, too: where the recording does

    def say(self, session, lines):
        for line in lines:
            session.say(line.encode() + b"\r\n")
        return True

    def user(self, session, args):
        if self.refuses and self.said["refused-user"]:
            return self.say(session, self.said["refused-user"])
        return False

    def answer(self, session, good):
        return self.say(session, self.said["login"] or ["+OK"] if good else
                        self.said["refused"] or ["-ERR [AUTH] refused"])

    def auth(self, session, args):
        return self.answer(session, _mechanism(
            session, args[0], args[1] if len(args) > 1 else None,
            lambda prompt: session.say(("+ %s\r\n" % prompt).encode()),
            self.password))


class _SmtpSession(_Session):
    """As much of SMTP as `check` needs: it accepts every sender and recipient
    of who signed in."""
    def serve(self):
        said = self.server.said
        self.reply(said["greeting"] or ["220 ready"])
        while True:
            verb, _, args = self.line().decode("latin-1").partition(" ")
            self.server.commands.append(verb.upper())
            if verb.upper() == "EHLO":
                self.capabilities(said["capability"])
            elif verb.upper() == "AUTH":
                words = args.split()
                good = _mechanism(self, words[0],
                                  words[1] if len(words) > 1 else None,
                                  lambda prompt: self.reply(["334 " + prompt]),
                                  self.server.password)
                self.reply(said["login"] or ["235 go"] if good else
                           said["refused"] or ["535 refused"])
            elif verb.upper() == "QUIT":
                self.reply(["221 bye"])
                return
            else:
                self.reply(["250 ok"])

    def reply(self, lines):
        self.say("".join(line + "\r\n" for line in lines).encode())

    def capabilities(self, recorded):
        """Behind TLS: without STARTTLS, with AUTH where the record lacks it."""
        lines = [c for c in recorded if c != "STARTTLS"] or ["fake.test"]
        if not any(c.startswith("AUTH ") for c in lines):
            lines.append("AUTH PLAIN")
        self.reply(["250-" + c for c in lines[:-1]] + ["250 " + lines[-1]])


class RecordedSmtp(_Server):
    session = _SmtpSession

    def __init__(self, recording, mails, cert):
        self.said = recording.said
        super().__init__(cert)
