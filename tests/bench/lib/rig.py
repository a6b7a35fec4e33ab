"""Throw-away mail servers, mailboxes and measurement for the bench. Standard library only.

Everything lives under one temporary folder; every process is stopped by pid."""
import glob, imaplib, json, os, pwd, random, re, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "bench-pw"
# accounts, messages per folder, mean size, primed (already fetched, nothing new), folders (INBOX and f01 ...)
PROFILES = {
    "s":         (1, 5000, 4 << 10, False),
    "m":         (1, 1000, 75 << 10, False),
    "l":         (1, 20, 25 << 20, False),
    "many":      (200, 20, 4 << 10, False),
    "idle":      (1, 50000, 512, True),
    "idle-many": (500, 5, 1 << 10, True),
    "idle-folders": (1, 20, 1 << 10, True, 50),
}
SECURE = {"imaps": "imaps", "pop3s": "pop3s", "imap": "imap", "pop3": "pop3",
          "imap-starttls": "imap", "pop3-starttls": "pop3"}


def user(i):
    return "u%04d" % (i + 1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, proc=None, limit=10):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if proc and proc.poll() is not None:
                break
            time.sleep(0.02)
    raise SystemExit("nothing listens on port %d" % port)


def sh(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw).stdout


# ---------------------------------------------------------------- CPU book-keeping
TICK = os.sysconf("SC_CLK_TCK")


def stats():
    out = {}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                f = open("/proc/%s/stat" % p).read().rsplit(")", 1)[1].split()
                out[int(p)] = (int(f[1]), sum(map(int, f[11:15])) / TICK, int(f[21]) * 4, int(f[3]))  # ppid, cpu, rss kB, session
            except (OSError, IndexError):
                pass
    return out


def tree_cpu(roots):
    """CPU seconds of the process trees below roots (ended, reaped children included)."""
    st, kids = stats(), {}
    for p, v in st.items():
        kids.setdefault(v[0], []).append(p)
    todo, total = list(roots), 0.0
    while todo:
        p = todo.pop()
        if p in st:
            total += st[p][1]
            todo += kids.get(p, [])
    return total


MEM_LIMIT = int(os.environ.get("BENCH_MEM_GB", "6")) << 20        # kB a forking peer may take before it is ended


def mem_free():
    return int(open("/proc/meminfo").read().split("MemAvailable:")[1].split()[0])


def busy_cpu():
    f = open("/proc/stat").readline().split()[1:9]
    f = [int(x) / TICK for x in f]
    return f[0] + f[1] + f[2] + f[5] + f[6], f[7]   # busy, steal


class Rig:
    def __init__(self, keep_tmp=False):
        self.tmp = tempfile.mkdtemp(prefix="bench-")
        os.chmod(self.tmp, 0o755)
        self.keep_tmp, self.procs, self.sink, self.proxies, self.pf = keep_tmp, [], None, [], None
        self.mail, self.runas = pwd.getpwnam("mail"), pwd.getpwnam("nobody")   # servers' mail user; clients run as nobody
        self.build()
        self.certs()
        self.dovecot()

    def path(self, *a):
        return os.path.join(self.tmp, *a)

    def spawn(self, *argv, **kw):
        log = open(self.path("log-" + os.path.basename(argv[0])), "ab")
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=kw.pop("stdout", log), stderr=log, start_new_session=True, **kw)
        self.procs.append(p)
        return p

    def stop(self, p):
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        if p in self.procs:
            self.procs.remove(p)

    def close(self):
        if self.pf:
            subprocess.run(["postfix", "-c", self.pf, "stop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for p in reversed(list(self.procs)):
            self.stop(p)
        if self.keep_tmp:
            print("kept", self.tmp, file=sys.stderr)
        else:
            shutil.rmtree(self.tmp, ignore_errors=True)

    def build(self):
        for n, libs in (("delay", []), ("bsink", []), ("meter", []), ("drain", ["-lssl", "-lcrypto", "-lpthread"])):
            sh("gcc", "-O3", "-o", self.path(n), os.path.join(HERE, "c", n + ".c"), *libs)
        sh("gcc", "-O2", "-shared", "-fPIC", "-o", self.path("barrier.so"), os.path.join(HERE, "c", "barrier.c"))

    def certs(self):
        d = self.tmp
        self.ca = self.path("ca.pem")
        sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=bench CA",
           "-keyout", d + "/ca.key", "-out", self.ca)
        sh("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", d + "/srv.key", "-out", d + "/srv.csr")
        with open(d + "/ext", "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        sh("openssl", "x509", "-req", "-in", d + "/srv.csr", "-CA", self.ca, "-CAkey", d + "/ca.key", "-CAcreateserial",
           "-days", "30", "-extfile", d + "/ext", "-out", d + "/srv.pem")

    def dovecot(self):
        self.ports = {k: free_port() for k in ("imap", "imaps", "pop3", "pop3s")}
        os.mkdir(self.path("dovecot"))
        os.mkdir(self.path("live"))
        with open(os.path.join(HERE, "lib", "dovecot.conf")) as f:
            conf = f.read()
        for k, v in dict(tmp=self.tmp, uid=self.mail.pw_uid, gid=self.mail.pw_gid, password=PASSWORD, **self.ports).items():
            conf = conf.replace("@%s@" % k, str(v))
        with open(self.path("dovecot.conf"), "w") as f:
            f.write(conf)
        p = self.spawn("dovecot", "-F", "-c", self.path("dovecot.conf"))
        wait_port(self.ports["imap"], p)
        self.dovecot_pid = p.pid

    # ------------------------------------------------------------ sinks, proxies
    def start_sink(self, kind):
        self.kind, self.smtp_port = kind, free_port()
        self.nochunk_port = free_port() if kind == "postfix-nochunk" else None
        if kind.startswith("bsink"):                         # bsink, bsink-quick, bsink-lmtp
            opt = {"": [], "-quick": ["-q"], "-lmtp": ["-L"]}[kind[5:]]
            self.sink = self.spawn(self.path("bsink"), *opt, str(self.smtp_port))
        elif kind in ("smtp-sink", "smtp-sink-lmtp"):
            self.sinkout = open(self.path("smtp-sink.out"), "w+b")
            opt = ["-L"] if kind.endswith("lmtp") else []
            self.sink = self.spawn("smtp-sink", "-u", "nobody", "-c", *opt, "127.0.0.1:%d" % self.smtp_port, "1000", stdout=self.sinkout)
        elif kind.startswith("postfix"):                      # postfix, postfix-nochunk
            self.postfix()
        wait_port(self.smtp_port, self.sink, 20)
        self.sink_pid = self.sink.pid if self.sink else self.pf_pid

    def postfix(self):
        conf = self.pf = self.path("pf")
        for d in (conf, self.path("pfq"), self.path("pfd")):
            os.mkdir(d)
        shutil.chown(self.path("pfd"), "postfix")
        for n in ("main.cf", "master.cf"):
            s = open(os.path.join(HERE, "lib", "postfix-" + n)).read()
            if n == "master.cf" and self.nochunk_port:        # the same queue by another door
                s += ("127.0.0.1:%d inet n - n - - smtpd\n  -o { smtpd_discard_ehlo_keywords = chunking, silent-discard }\n"
                      % self.nochunk_port)
            open(os.path.join(conf, n), "w").write(s.replace("@tmp@", self.tmp).replace("@port@", str(self.smtp_port)))
        r = subprocess.run(["postfix", "-c", conf, "start"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            raise SystemExit("postfix: " + r.stdout.decode())
        self.pf_pid = int(open(self.path("pfq", "pid", "master.pid")).read())

    def await_queue(self, limit=60):
        """Postfix has done with what it was given: the next run is not to pay for it"""
        left = time.monotonic() + limit
        while time.monotonic() < left:
            time.sleep(0.3)
            if not any(f for q in ("incoming", "active") for _, _, f in os.walk(self.path("pfq", q))):
                return

    def sink_mark(self):
        if self.kind.startswith("bsink"):
            self.ask(b"XRESET\r\n")
        elif self.kind.startswith("postfix"):
            self.pf_at = os.path.getsize(self.path("pf.log")) if os.path.exists(self.path("pf.log")) else 0
        else:
            self.ss_at = self.smtp_sink_count()

    def ask(self, line):
        with socket.create_connection(("127.0.0.1", self.smtp_port)) as s:
            f = s.makefile("rb")
            f.readline()
            s.sendall(line)
            return f.readline()

    def smtp_sink_count(self):
        self.sinkout.seek(0)
        m = re.findall(rb"mesg=\s*(\d+)|^(\d+)", self.sinkout.read()[-400:])
        return int((m[-1][0] or m[-1][1])) if m else 0

    def sink_stat(self):
        """messages, distinct, duplicates, altered (None where the sink cannot tell)"""
        if self.kind.startswith("bsink"):
            return json.loads(self.ask(b"XSTAT\r\n"))
        if self.kind.startswith("postfix"):
            self.await_queue()
            with open(self.path("pf.log"), "rb") as f:
                f.seek(self.pf_at)
                log = f.read().decode("latin-1")
            ids = re.findall(r"cleanup\[\d+\]: \w+: message-id=<(\S+)>", log)
            return dict(msgs=len(ids), unique=len(set(ids)), dup=len(ids) - len(set(ids)), bad=None, bytes=None)
        n = self.smtp_sink_count() - self.ss_at
        return dict(msgs=n, unique=None, dup=None, bad=None, bytes=None)

    def proxy(self, target, ms):
        port = free_port()
        p = self.spawn(self.path("delay"), str(port), str(target), str(ms))
        # do not probe the port through to the target: just wait until it is bound
        for _ in range(200):
            if re.search(r":%04X 00000000:0000 0A" % port, open("/proc/net/tcp").read()):
                break
            time.sleep(0.01)
        self.proxies.append(p)
        return port

    def stop_proxies(self):
        for p in self.proxies:
            self.stop(p)
        self.proxies = []

    # ------------------------------------------------------------ mailboxes
    def generate(self, accounts, count, size, name, folders=1):
        """Fill live/ with deterministic mail, let Dovecot index it, move it to tpl/."""
        rnd = random.Random("bench %s" % name)
        words = [bytes(rnd.choices(b"abcdefghijklmnopqrstuvwxyz", k=rnd.randint(2, 10))) for _ in range(4000)]
        words[::40] = ["\u00e4\u00f6\u00fc\u00df\u20ac".encode()] * 100
        def text_line():
            s = b""
            while len(s) < 66:
                s += rnd.choice(words) + b" "
            return (b"." if rnd.random() < 0.02 else b"") + s[:74].decode("utf-8", "ignore").encode() + b"\r\n"
        b64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        text = [text_line() for _ in range(4000)]
        data = [bytes(rnd.choices(b64, k=76)) + b"\r\n" for _ in range(16000)]
        total, gid, shutil_live = 0, 0, self.path("live")
        shutil.rmtree(shutil_live, ignore_errors=True)       # of the profile before
        for a, folder in ((a, f) for a in range(accounts) for f in range(folders)):
            box = os.path.join(shutil_live, user(a), "Maildir", *([".f%02d" % folder] if folder else []))
            for d in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(box, d))
            if folder:
                open(os.path.join(box, "maildirfolder"), "w").close()
            for n in range(count):
                want = int(size * rnd.uniform(0.5, 1.5)) if size < 1 << 20 else size
                head = (b"Return-Path: <s%d@example.org>\r\nReceived: from mx.example.org (mx.example.org [192.0.2.%d])\r\n"
                        b"\tby mail.example.net (Postfix) with ESMTPS id 4Q%08X\r\n\tfor <%s@example.net>; Mon, 6 Jan 2025 10:%02d:%02d +0000 (UTC)\r\n"
                        b"From: Sender %d <s%d@example.org>\r\nTo: %s@example.net\r\nSubject: bench message %d\r\n"
                        b"Date: Mon, 6 Jan 2025 10:%02d:%02d +0000\r\nMessage-ID: <%d.%d@bench.example.org>\r\nMIME-Version: 1.0\r\n"
                        % (n, n % 250, gid, user(a).encode(), n // 60 % 60, n % 60, n, n, user(a).encode(), n, n // 60 % 60, n % 60, gid, n))
                pool, kind = (text, b"text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit") if want < 20000 else \
                             (data, b"application/octet-stream\r\nContent-Transfer-Encoding: base64")
                left = max(want - len(head) - 150, 80)
                at, body, got = rnd.randrange(len(pool)), [], 0
                while got < left:
                    body.append(pool[at % len(pool)])
                    got += len(body[-1])
                    at += 1
                body = b"".join(body)
                msg = b"%sContent-Type: %s\r\nX-Bench: %d %d %d\r\n\r\n%s" % (head, kind, gid, len(body), sum(body), body)
                with open("%s/cur/%d.M%dP1.bench,S=%d,W=%d:2," % (box, 1700000000 + n, gid, len(msg), len(msg)), "wb") as f:
                    f.write(msg)
                total += len(msg)
                gid += 1
        sh("chown", "-R", "%d:%d" % (self.mail.pw_uid, self.mail.pw_gid), shutil_live)
        for a in range(accounts):                        # let Dovecot build its index and caches once
            i = imaplib.IMAP4("127.0.0.1", self.ports["imap"])
            i.login(user(a), PASSWORD)
            for folder in range(folders):
                i.select("f%02d" % folder if folder else "INBOX")
                if count:
                    i.uid("FETCH", "1:*", "(UID RFC822.SIZE)")
            i.logout()
        shutil.rmtree(self.path("tpl"), ignore_errors=True)
        os.rename(shutil_live, self.path("tpl"))
        self.total, self.expect, self.accounts = total, gid, accounts
        os.sync()

    def mark_seen(self):
        for a in range(self.accounts):
            i = imaplib.IMAP4("127.0.0.1", self.ports["imap"])
            i.login(user(a), PASSWORD)
            i.select("INBOX")
            i.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Seen)")
            i.logout()

    def reset(self):
        """live/ = tpl/ again: mail files as hard links (Dovecot never changes them), index files copied."""
        shutil.rmtree(self.path("live"), ignore_errors=True)
        dirs = []
        for d, _, files in os.walk(self.path("tpl")):
            to = self.path("live") + d[len(self.path("tpl")):]
            os.mkdir(to)
            dirs.append((d, to))
            for f in files:
                if "dovecot" in f or d.endswith("Maildir"):
                    shutil.copy2(os.path.join(d, f), os.path.join(to, f))
                    os.chown(os.path.join(to, f), self.mail.pw_uid, self.mail.pw_gid)
                else:
                    os.link(os.path.join(d, f), os.path.join(to, f))
        for d, to in reversed(dirs):
            os.chown(to, self.mail.pw_uid, self.mail.pw_gid)
            shutil.copystat(d, to)

    # ------------------------------------------------------------ one timed run
    def barriers(self, ms):
        """Environment under which a client's barriers are counted and delayed by ms; see barrier_stat."""
        count = self.path("barriers")
        with open(count, "wb") as f:
            f.write(bytes(16))
        os.chmod(count, 0o666)
        return dict(LD_PRELOAD=self.path("barrier.so"), BARRIER_MS=str(ms), BARRIER_COUNT=count)

    def barrier_stat(self):
        with open(self.path("barriers"), "rb") as f:
            n, octets = struct.unpack("2Q", f.read(16))
        return dict(barriers=n, written=octets)

    def timed(self, argv, env, cwd, limit, forks):
        out, err = open(os.path.join(cwd, "stdout"), "wb"), open(os.path.join(cwd, "stderr"), "wb")
        roots = dict(server=[self.dovecot_pid], sink=[self.sink_pid], proxy=[p.pid for p in self.proxies])
        c0 = {k: tree_cpu(v) for k, v in roots.items()}
        b0, s0 = busy_cpu()
        me0 = sum(os.times()[:2])
        report = self.path("meter.json")
        p = subprocess.Popen([self.path("meter"), str(self.runas.pw_uid), str(self.runas.pw_gid), str(int(limit)), report, *argv],
                             env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        peak, hog, done, mem0 = [0], [], threading.Event(), mem_free()
        def sample():                                        # peers that fork: sum over the session that meter made
            while not done.wait(0.3):
                st = stats()
                mine = [k for k, v in st.items() if st.get(v[3], (0,))[0] == p.pid]
                peak[0] = max(peak[0], sum(st[k][2] for k in mine))
                if mem0 - mem_free() > MEM_LIMIT:                # guard the machine: end this run's own processes
                    hog.append(1)
                    for k in mine:
                        try:
                            os.kill(k, signal.SIGKILL)
                        except OSError:
                            pass
        if forks:
            threading.Thread(target=sample, daemon=True).start()
        p.wait()
        done.set()
        m = json.load(open(report))
        b1, s1 = busy_cpu()
        me = sum(os.times()[:2]) - me0
        c1 = {k: tree_cpu(v) for k, v in roots.items()}
        d = {k: c1[k] - c0[k] for k in roots}
        client = m["user"] + m["sys"]
        return dict(wall=m["wall"], user=m["user"], sys=m["sys"], rss_kb=max(m["rss_kb"], peak[0]), rc=m["rc"], timeout=m["timeout"], memcut=bool(hog),
                    server_cpu=round(d["server"], 2), sink_cpu=round(d["sink"], 2), proxy_cpu=round(d["proxy"], 2),
                    other_cpu=round(max(0, b1 - b0 - client - me - sum(d.values())), 2), steal=round(s1 - s0, 2))


def scan_maildir(root, bodies=True):
    """count what arrived in Maildirs below root, as bsink would"""
    seen, n, bad, size = {}, 0, 0, 0
    for f in glob.glob(os.path.join(root, "**", "*"), recursive=True):
        if os.path.basename(os.path.dirname(f)) not in ("new", "cur") or not os.path.isfile(f):
            continue
        m = open(f, "rb").read()
        m = m if b"\r\n" in m[:2000] else m.replace(b"\n", b"\r\n")
        n, size = n + 1, size + len(m)
        h, _, body = m.partition(b"\r\n\r\n")
        x = re.search(rb"^X-Bench: (\d+) (\d+) (\d+)\r?$", h, re.M)
        if not x:
            bad += 1
            continue
        seen[int(x[1])] = seen.get(int(x[1]), 0) + 1
        if len(body) != int(x[2]) or (bodies and sum(body) != int(x[3])):
            bad += 1
    return dict(msgs=n, unique=len(seen), dup=n - len(seen), bad=bad, bytes=size)
