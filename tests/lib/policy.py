"""A policy service as Postfix asks it (SMTPD_POLICY_README): it decides at each
recipient, and writes down what it was told.

    policy = Policy()
    policy.decide = lambda asked: "451 4.7.1 greylisted"     # or None: dunno
    policy.asked                                    # [dict], in time order
"""
import socket
import threading


class Policy:
    def __init__(self):
        self.asked, self.decide = [], lambda asked: None
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        asked = {}
        with s, s.makefile("r") as lines:
            for line in lines:
                name, _, value = line.rstrip("\n").partition("=")
                if name:
                    asked[name] = value
                    continue
                self.asked.append(asked)
                s.sendall(("action=%s\n\n" % (self.decide(asked) or "dunno"))
                          .encode())
                asked = {}
