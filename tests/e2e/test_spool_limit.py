"""spool_limit: fetching pauses above it, in words; delivering goes on."""
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
