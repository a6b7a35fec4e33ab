"""The sandbox of a systemd unit without systemd: what of it is seccomp.

    box = Sandbox(open("mailhaul.service").read())
    subprocess.Popen(argv, preexec_fn=box.enter)

Stricter than the unit: what systemd answers with an error kills here, so that
nothing is missed that a program bears in silence. Two things are answered as
systemd does, because the C library asks and goes on without them: sockets of
other families, and clone3. Made with libseccomp, which systemd itself brings.
The names of the sets come from `systemd-analyze syscall-filter`.
"""
import ctypes
import errno
import socket
import subprocess

KILL = 0x80000000
ALLOW = 0x7FFF0000
NE, EQ, GT, MASKED = 1, 4, 6, 7
EXEC, WRITE = 4, 2                  # of mmap(2)
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000,
              0x20000000, 0x40000000)


def refuse(number):
    return 0x00050000 | number


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def settings(unit):
    """Name to the list of its values, in a unit's [Service]."""
    found = {}
    for line in unit.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def expand(name):
    """The system calls of a set, those of sets within it as well."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter",
                           name], check=True, capture_output=True,
                          text=True).stdout
    found = set()
    for line in text.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= expand(word)
    return found


class Sandbox:
    def __init__(self, unit):
        of = settings(unit)
        allowed = set()
        for value in of["SystemCallFilter"]:
            names = set().union(*map(expand, value.lstrip("~").split()))
            allowed = (allowed - names if value.startswith("~")
                       else allowed | names)
        self.allowed = sorted(allowed)
        self.families = [getattr(socket, f) for f in
                         of["RestrictAddressFamilies"][0].split()]
        for name in ("MemoryDenyWriteExecute", "RestrictNamespaces",
                     "RestrictSUIDSGID", "NoNewPrivileges"):
            assert of[name] == ["yes"], name
        self.lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.lib.seccomp_init.argtypes = [ctypes.c_uint32]
        self.lib.seccomp_load.argtypes = [ctypes.c_void_p]
        self.lib.seccomp_rule_add_array.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
            ctypes.POINTER(Compare)]
        self.filters = [self._filter(ALLOW, self._special()),
                        self._filter(KILL, [(ALLOW, name, [])
                                            for name in self.allowed])]

    def _special(self):
        rules = [(KILL, "mmap", [(2, MASKED, EXEC | WRITE, EXEC | WRITE)]),
                 (KILL, "mprotect", [(2, MASKED, EXEC, EXEC)]),
                 (KILL, "pkey_mprotect", [(2, MASKED, EXEC, EXEC)]),
                 (KILL, "shmat", [(2, MASKED, 0o100000, 0o100000)]),
                 (KILL, "unshare", []), (KILL, "setns", []),
                 (refuse(errno.ENOSYS), "clone3", [])]
        rules += [(KILL, "clone", [(0, MASKED, bit, bit)])
                  for bit in NAMESPACES]
        for name, arg in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2),
                          ("mkdir", 1), ("mkdirat", 2)):
            rules += [(KILL, name, [(arg, MASKED, bit, bit)])
                      for bit in (0o4000, 0o2000)]
        no_family = refuse(errno.EAFNOSUPPORT)
        top = max(self.families)
        rules += [(no_family, "socket", [(0, EQ, f, 0)])
                  for f in range(top) if f not in self.families]
        return rules + [(no_family, "socket", [(0, GT, top, 0)])]

    def _filter(self, otherwise, rules):
        made = self.lib.seccomp_init(otherwise)
        for action, name, compare in rules:
            number = self.lib.seccomp_syscall_resolve_name(name.encode())
            if number < 0:              # not of this machine
                continue
            array = (Compare * max(len(compare), 1))(
                *(Compare(*c) for c in compare))
            assert self.lib.seccomp_rule_add_array(
                made, action, number, len(compare), array) == 0, name
        return made

    def enter(self):
        """For preexec_fn; exec follows."""
        for made in self.filters:
            if self.lib.seccomp_load(made) != 0:
                raise OSError("seccomp_load")
