"""Another wall clock for a run of mailhaul: env=Shift(folder)(days=21)."""
import os
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
