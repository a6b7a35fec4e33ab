"""A relay that counts: it passes octets on as they come, TLS and all, and
remembers whose turn it was.

    with Relay(port) as relay:
        ... 127.0.0.1, relay.port ...
    relay.lines[0].round_trips       # of the first connection

A round trip is a run of octets from the client that the server answered, and one
more for the connection itself (SYN). That is an order, not a time: a client that
goes on without waiting may be counted once too often, never too seldom.
"""
import select
import socket
import threading


class Line:
    def __init__(self):
        self.turns = []                   # "c" or "s", never twice in a row
        self.from_client = self.from_server = 0

    def note(self, who, n):
        if who == "c":
            self.from_client += n
        else:
            self.from_server += n
        if not self.turns or self.turns[-1] != who:
            self.turns.append(who)

    @property
    def round_trips(self):
        answered = sum(1 for a, b in zip(self.turns, self.turns[1:])
                       if a == "c" and b == "s")
        return 1 + answered


class Relay:
    def __init__(self, port):
        self.to, self.lines = port, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.threads = []

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            line = Line()
            self.lines.append(line)
            t = threading.Thread(target=self.pass_on, args=(client, line),
                                 daemon=True)
            self.threads.append(t)
            t.start()

    def pass_on(self, client, line):
        server = socket.create_connection(("127.0.0.1", self.to))
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_ends = {client: (server, "c"), server: (client, "s")}
        try:
            while open_ends:
                # what the server said is passed on first: it said it first
                ready, _, _ = select.select(list(open_ends), [], [])
                for s in sorted(ready, key=lambda s: s is client):
                    other, who = open_ends[s]
                    octets = s.recv(65536)
                    if not octets:
                        other.shutdown(socket.SHUT_WR)
                        del open_ends[s]
                        continue
                    line.note(who, len(octets))
                    other.sendall(octets)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for t in self.threads:
            t.join(30)
