"""Other clocks for a run of mailhaul: env=Shift(folder)(days=21) for the wall
clock; Leaps for those that measure, while it runs."""
import os
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Shift:
    def __init__(self, folder):
        self.library = os.path.join(folder, "shift.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library,
                        os.path.join(HERE, "shift.c"), "-ldl"], check=True)

    def __call__(self, days=0, hours=0, at=None):
        """at: unix s that the clock shows now."""
        s = int(days * 86400 + hours * 3600 if at is None
                else at - time.time())
        return {"LD_PRELOAD": self.library, "SHIFT_S": str(s),
                "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:"
                                "verify_asan_link_order=0"}


class Leaps:
    """start(haul, env=leaps.env); leaps.on(70): 70 s have gone by for those who
    look at the clock, which `status` makes a waiting process do."""

    def __init__(self, haul):
        self.haul, self.s = haul, 0
        self.name = os.path.join(haul.folder, "leaps")
        self._write()
        self.env = dict(Shift(haul.folder)(), SHIFT_FILE=self.name)

    def _write(self):
        with open(self.name, "r+b" if self.s else "w+b") as f:
            f.write(struct.pack("=q", self.s))

    def on(self, seconds):
        self.s += seconds
        self._write()
        self.look()

    def look(self):
        """What came to the process before, a signal say, it has seen now."""
        assert self.haul("status", keep=True).code is not None

    def to_the_end(self, process, seconds):
        """It was told to end, and that takes it so long, at most; the result."""
        self.look()
        self.on(seconds)
        return self.haul.finish(process, limit=60)
