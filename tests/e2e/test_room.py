"""Room: spool_limit, a share of it for each delivery, and little for what is
down. Fetching pauses in words; delivering goes on."""
from corpus import plain
from fakemail import FakeImap
from haul import Mailhaul
from sink import Sink


def test_j9_spool_limit_is_not_overrun_by_what_is_on_its_way(folder):
    server = FakeImap({"INBOX": [plain(n, "l", size=300000)
                                 for n in range(8)]})
    sink = Sink()
    haul = Mailhaul(folder.new("limit"))
    haul.general(spool_limit="1M")
    haul.delivery(server="smtp://localhost:%d" % sink.port,
                  to="home@office.test")
    haul.account("anna", user="anna", password=server.password, tls="none",
                 server="imap://127.0.0.1:%d" % server.port)
    sink.rule("dot", "554 5.6.0 no")
    r = haul("fetch", "--json")
    assert r.code == 75 and "spool_limit" in r.err, r
    assert r.account("anna")["fetched"] in (3, 4), r
    sink.forget_rules()
    assert haul("queue", "retry", "--all", "-y").code == 0
    for _ in range(4):
        r = haul("fetch", "--json", "anna")
    assert r.code == 0, r
    assert sorted(sink.count().values()) == [1] * 8
    sink.close()
    server.close()


class Three:
    """A destination that is dead, one that refuses each message for good, one
    that is well; an account for each."""

    def __init__(self, folder, limit="1M", count=30, size=60000):
        self.haul = Mailhaul(folder.new("three"))
        self.haul.general(spool_limit=limit)
        self.servers, self.sinks = {}, {}
        for name in ("dead", "refusing", "well"):
            self.sinks[name] = Sink()
            self.servers[name] = FakeImap({"INBOX": [
                plain(n, name, size=size) for n in range(count)]})
            self.haul.delivery(
                name, server="smtp://localhost:%d" % self.sinks[name].port,
                to="home@office.test")
            self.haul.account(
                name, user=name, password=self.servers[name].password,
                tls="none", delivery=name,
                server="imap://127.0.0.1:%d" % self.servers[name].port)
        self.sinks["dead"].down()
        self.sinks["refusing"].rule("dot", "554 5.6.0 no such thing here")

    def close(self):
        for s in list(self.sinks.values()) + list(self.servers.values()):
            s.close()


def test_j9_one_dead_one_refusing_and_the_third_goes_on(folder):
    t = Three(folder)
    r = t.haul("fetch", "--json")
    assert r.code == 75, r
    # all of the third arrives; the others stop at their shares of 1 MB
    assert sorted(t.sinks["well"].count().values()) == [1] * 30
    kept = sum(m["size"] for m in t.haul.queue())
    assert kept < (1 << 20) + 3 * 62000, kept    # one too many for each
    refusing = r.account("refusing")
    assert refusing["result"] == "quota" and refusing["held"] >= 2, r
    assert 'nothing more is fetched for it' in r.err, r
    assert "spool_limit" in r.err and "mailhaul queue" in r.err, r
    status = t.haul("status", "--json")
    assert status.account("refusing")["state"] == "failing", status
    assert status.account("well")["state"] == "ok", status
    # what was on its way for another at that moment may be free since
    for _ in range(5):
        if not t.haul("fetch", "--json").account("refusing")["fetched"]:
            break
    # no backoff grows: the next fetch without names looks again, and the third
    # gets its mail
    for n in range(3):
        t.servers["well"].boxes["INBOX"].add(plain(100 + n, "well"))
        r = t.haul("fetch", "--json")
        assert r.account("well")["delivered"] == 1, r
        assert r.account("refusing")["fetched"] == 0, r
    t.close()


def test_j9_paused_until_there_is_clearly_room(folder):
    t = Three(folder)
    t.haul.forget("account", "dead")    # they would take what becomes free
    t.haul.forget("account", "well")
    while t.haul("fetch", "--json").account("refusing")["fetched"]:
        pass
    held = [m for m in t.haul.queue() if m["state"] == "held"]
    assert t.haul("queue", "drop", held[0]["id"], "-y").code == 0
    r = t.haul("fetch", "--json")
    assert r.account("refusing")["fetched"] == 0, r
    for m in held[1:4]:
        assert t.haul("queue", "drop", m["id"], "-y").code == 0
    r = t.haul("fetch", "--json")
    assert r.account("refusing")["fetched"] >= 2, r
    t.sinks["refusing"].forget_rules()
    t.haul("queue", "retry", "--all", "-y")
    t.haul("fetch", "--json")
    r = t.haul("fetch", "--json")
    status = t.haul("status", "--json")
    assert status.account("refusing")["state"] == "ok", status
    # the four that were dropped never come
    assert len(t.sinks["refusing"].count()) == 26, r
    t.close()


def test_j9_little_is_fetched_for_what_is_down(folder):
    t = Three(folder, limit="1G", count=90, size=600)
    for _ in range(3):    # however many passes there are
        r = t.haul("fetch", "-v")
    waiting = [m for m in t.haul.queue() if m["account"] == "dead"]
    assert len(waiting) == 64, len(waiting)
    assert "64 messages (" in r.err and "until it is back" in r.err, r
    t.sinks["dead"].up()
    t.haul.fetch("dead", code=0)
    assert sorted(t.sinks["dead"].count().values()) == [1] * 90
    t.close()
