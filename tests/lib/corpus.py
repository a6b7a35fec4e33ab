"""Mail to move: deterministic, real-looking, and what must become of it.

    plain(7, tag="a")            a small message, its number in all the fields
    letters(signer)              [(title, octets)], one of each awkward kind
    expected(octets)             what INTERFACE 3 makes of octets, without the
                                 two lines in front
    strip(octets)                what arrived, without those two lines
"""
import base64
import random
import re
import subprocess

try:
    import dkim
except ImportError:                                 # the demo says so itself
    dkim = None

DROPPED = ("delivered-to", "return-path")


def plain(n, tag="t", size=600, to="anna@src.test", extra=b"", body=None):
    """Message number n of a series; sender and Message-ID are its own."""
    rnd = random.Random("%s %d" % (tag, n))
    head = ("Return-Path: <s%d.%s@src.test>\r\n"
            "Delivered-To: %s\r\n"
            "Received: from mx.src.test (mx.src.test [192.0.2.%d])\r\n"
            "\tby mail.isp.test (Postfix) with ESMTPS id 4Q%06X\r\n"
            "\tfor <%s>; Mon, 6 Jan 2025 10:%02d:%02d +0000 (UTC)\r\n"
            "From: Sender %d <s%d.%s@src.test>\r\nTo: <%s>\r\n"
            "Subject: number %d of %s\r\n"
            "Date: Mon, 6 Jan 2025 10:%02d:%02d +0000\r\n"
            "Message-ID: <%d.%s@src.test>\r\n"
            % (n, tag, to, n % 250, n, to, n // 60 % 60, n % 60, n, n, tag,
               to, n, tag, n // 60 % 60, n % 60, n, tag)).encode()
    if body is None:
        lines, left = [], size
        while left > 0:
            line = bytes(rnd.choices(b"abcdefghijklmnop .", k=70)) + b"\r\n"
            lines.append(line)
            left -= len(line)
        body = b"".join(lines)
    return head + extra + b"\r\n" + body


def msgid(n, tag="t"):
    return "<%d.%s@src.test>" % (n, tag)


def ids(tag, numbers):
    """What a sink's count() is when each of these came once."""
    return {msgid(n, tag): 1 for n in numbers}


# ------------------------------------------------------------ what must become

_FIELD = re.compile(rb"([^\s:\x00-\x20]+)[ \t]*:")


def repair(octets):
    """Line ends as INTERFACE 3: a run of CR before LF is one CRLF, a bare LF
    becomes CRLF, any other CR a space."""
    octets = re.sub(rb"\r+\n", b"\n", octets)
    return octets.replace(b"\r", b" ").replace(b"\n", b"\r\n")


def fields(head):
    """The fields of a header block, each with its folded lines."""
    out = []
    for line in re.findall(rb"[^\n]*\n", head):
        if line[:1] in b" \t" and out:
            out[-1].append(line)
        else:
            out.append([line])
    return [b"".join(lines) for lines in out]


def _split(octets):
    """(header lines, the rest beginning with the empty line)."""
    if octets.startswith(b"\r\n"):
        return b"", octets
    at = octets.find(b"\r\n\r\n")
    return (octets, b"") if at < 0 else (octets[:at + 2], octets[at + 2:])


def expected(octets, drop=DROPPED):
    head, rest = _split(repair(octets))
    kept, signed = [], set()
    for field in fields(head):
        if field.lower().startswith(b"dkim-signature"):
            named = re.search(rb"\bh\s*=([^;]*)", field)
            if named:
                signed |= {n.strip().lower().decode("latin-1")
                           for n in named[1].split(b":")}
    for field in fields(head):
        m = _FIELD.match(field)
        name = m[1].lower().decode("latin-1") if m else ""
        if name not in drop or name in signed:
            kept.append(field)
    out = b"".join(kept) + rest
    return out if out.endswith(b"\r\n") else out + b"\r\n"


def strip(octets):
    """Takes off our two header lines; ValueError if they are not there."""
    head, rest = _split(octets)
    lines = fields(head)
    if len(lines) < 2 or not lines[0].startswith(b"Received: ") or \
            not lines[1].startswith(b"X-Mailhaul-Trace: "):
        raise ValueError("does not begin with our lines: %r" % octets[:300])
    return octets[len(lines[0]) + len(lines[1]):]


def from_ours(octets):
    """A message as a mail server filed it, from our Received line on."""
    m = re.search(rb"^Received: [^\n]*\r\n(?:[ \t][^\n]*\n)*"
                  rb"X-Mailhaul-Trace:", octets, re.M)
    if not m:
        raise ValueError("our lines are not in it: %r" % octets[:600])
    return octets[m.start():]


# --------------------------------------------------------------------- letters

class Signer:
    """DKIM by python3-dkim, an implementation that is not ours."""

    def __init__(self, folder):
        key = folder + "/dkim.key"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", key,
                        "2048"], check=True, stderr=subprocess.DEVNULL)
        with open(key, "rb") as f:
            self.key = f.read()
        public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout",
                                 "-outform", "DER"], check=True,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def sign(self, octets, canon=(b"simple", b"simple"), include=None):
        head = dkim.sign(octets, b"sel", b"src.test", self.key,
                         canonicalize=canon, include_headers=include)
        return head + octets

    def verifies(self, octets):
        return dkim.verify(octets, dnsfunc=lambda name, timeout=5:
                           self.record)


def _head(n, subject, more=b""):
    return (b"Return-Path: <s%d.letters@src.test>\r\n"
            b"Received: from mx.src.test by mail.isp.test;\r\n"
            b"\tMon, 6 Jan 2025 10:00:%02d +0000\r\n"
            b"From: =?UTF-8?B?SsO8cmdlbiBHcsO8bg==?= "
            b"<s%d.letters@src.test>\r\nTo: anna@src.test\r\nSubject: %s\r\n"
            b"Date: Mon, 6 Jan 2025 10:00:%02d +0000\r\n"
            b"Message-ID: <%d.letters@src.test>\r\nMIME-Version: 1.0\r\n%s"
            % (n, n, n, subject, n, n, more))


_TEXT8 = (b"Content-Type: text/plain; charset=utf-8\r\n"
          b"Content-Transfer-Encoding: 8bit\r\n")


def _attachment(n):
    """multipart/mixed with a base64 part, as a phone or an office sends."""
    blob = random.Random(n).randbytes(60000)
    lines = base64.encodebytes(blob).replace(b"\n", b"\r\n")
    return (_head(n, b"the contract, signed",
                  b'Content-Type: multipart/mixed; boundary="=_b%d"\r\n' % n) +
            b"\r\nThis is a multi-part message in MIME format.\r\n"
            b"--=_b%d\r\nContent-Type: text/plain\r\n\r\nPlease find it "
            b"attached.\r\n-- \r\nJ.\r\n--=_b%d\r\nContent-Type: "
            b"application/pdf; name=\"contract.pdf\"\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" % (n, n) + lines +
            b"--=_b%d--\r\n" % n)


def letters(signer=None, big=20 << 20, stray=True):
    """One of each kind. big: octets of the largest (0: none). Signed ones
    are there when signer is. stray=False leaves out stray CR and LF."""
    out = []

    def add(title, octets):
        out.append((title, octets))

    add("plain text", _head(0, b"lunch?") + b"\r\nAt noon?\r\n")
    add("attachment", _attachment(1))
    add("UTF-8 headers, encoded and raw",
        _head(2, b"=?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
              "X-Ort: Köln, Łódź, 東京\r\n".encode() + _TEXT8) +
        "\r\nSchöne Grüße — 你好\r\n".encode())
    subject = "会议通知：明天上午十点".encode("gb18030")
    add("GB18030 headers, encoded and raw",
        _head(3, b"=?GB18030?B?" + base64.b64encode(subject) + b"?=",
              b"X-Subject: " + subject + b"\r\nContent-Type: text/plain; "
              b"charset=gb18030\r\nContent-Transfer-Encoding: 8bit\r\n") +
        b"\r\n" + "请准时参加，谢谢。\r\n".encode("gb18030") * 20)
    add("long lines", _head(4, b"a newsletter", _TEXT8) + b"\r\n" +
        b"<p>" + b"x" * 5000 + b"</p>\r\n" + b"y" * 998 + b"\r\n" +
        b"z" * 1999 + b"\r\n")
    add("dots", _head(5, b"dots") + b"\r\n.\r\n..\r\n.hidden\r\n...three\r\n"
        b"end.\r\n.\r\n")
    add("8-bit octets", _head(6, b"every octet", _TEXT8) + b"\r\n" +
        bytes(c for c in range(1, 256) if c not in (10, 13)) + b"\r\n")
    if stray:
        add("stray CR and LF", _head(7, b"a script's mail") +
            b"\r\nline one\nline two\r\r\nthree\rfour\r\n.\n.\r\nend\n")
    add("no body", _head(8, b"empty"))
    add("body is an empty line", _head(9, b"empty line") + b"\r\n")
    add("looks like mbox", _head(10, b"mbox",
                                 b"Status: RO\r\nX-UID: 77\r\n") +
        b"\r\nFrom me to you, Mon Jan  6\r\n>From here\r\n")
    if signer:
        add("DKIM-signed, strict",
            signer.sign(_head(11, b"invoice 4711", _TEXT8) +
                        "\r\nBetrag: 47,11 €\r\n.\r\n".encode()))
        add("DKIM-signed, relaxed",
            signer.sign(_head(12, b"invoice 4712") +
                        b"\r\nfolded \t spaces \r\n\r\n\r\n",
                        canon=(b"relaxed", b"relaxed")))
    if big:
        block = base64.encodebytes(random.Random(13).randbytes(57000)) \
            .replace(b"\n", b"\r\n")
        add("20 MB", _head(13, b"the video",
                           b"Content-Type: video/mp4\r\n"
                           b"Content-Transfer-Encoding: base64\r\n") +
            b"\r\n" + block * (big // len(block) + 1))
    return out
