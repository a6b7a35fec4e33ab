"""A policy service as Postfix asks it (SMTPD_POLICY_README): it decides at each
recipient, and writes down what it was told.

    policy = Policy()
    policy.decide = lambda asked: "451 4.7.1 greylisted"     # or None: dunno
    policy.asked                                    # [dict], in time order
"""
from listener import Listener


class Policy:
    def __init__(self):
        self.asked, self.decide = [], lambda asked: None
        self.listener = Listener(self._serve)
        self.port = self.listener.port

    def close(self):
        self.listener.close()

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
