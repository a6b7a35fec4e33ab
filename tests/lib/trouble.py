"""What goes wrong beneath a running mailhaul, when a test wants it.

    trouble = Trouble(folder)
    run = start(haul, env=trouble.env)
    trouble.begin("barrier-hangs"); ...; trouble.end("barrier-hangs")
    trouble.ahead(600)          all clocks of the program, seconds in all
"""
import os
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Trouble:
    def __init__(self, folder):
        library = os.path.join(folder, "trouble.so")
        if not os.path.exists(library):
            subprocess.run(
                ["cc", "-shared", "-fPIC", "-O1", "-o", library,
                 os.path.join(HERE, "trouble.c"), "-ldl"], check=True)
        self.folder = tempfile.mkdtemp(dir=folder)
        self.ahead(0)
        self.env = {"LD_PRELOAD": library, "TROUBLE": self.folder,
                    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:"
                                    "verify_asan_link_order=0"}

    def begin(self, what):
        open(os.path.join(self.folder, what), "w").close()

    def end(self, what):
        os.unlink(os.path.join(self.folder, what))

    def ahead(self, seconds):
        path = os.path.join(self.folder, "ahead")
        with open(path, "r+b" if os.path.exists(path) else "wb") as f:
            f.write(struct.pack("q", int(seconds * 1000)))
