"""What a power cut leaves: the shim's record (record.h), replayed.

    disk = Disk(root)            # what is there now is on the disk for sure
    ...the program runs with SHIM_STATE=root, SHIM_RECORD=log
    disk.replay(log)
    disk.image(target, Keep())             # only what was synced
    disk.image(target, Keep.draw(rnd))     # and some of the rest, at random

A barrier of a file makes sure of its octets and size, not of its name; a barrier
of a folder makes sure of the names in it. Of everything else any part may be
there after a cut: each sector of each write, each size a file went through,
each entry of a folder, in any combination, or in order up to some point.
"""
import collections
import dataclasses
import os
import random
import struct

HEAD = struct.Struct("IIIIQQ")
# record.h; path: of writes and barriers too; point: as the shim counts
Entry = collections.namedtuple("Entry", "kind path octets place point")


@dataclasses.dataclass
class Keep:
    """What of the unsynced is kept: shares of sectors, and of changes to sizes
    and to folders (1: all of it); in_order: folders change in order."""
    sectors: float = 0
    sizes: float = 0
    names: float = 0
    sector: int = 4096
    in_order: bool = False
    rnd: random.Random = None

    @classmethod
    def draw(cls, rnd):
        shares = (0, 0.1, 0.5, 0.5, 0.9, 1)
        return cls(rnd.choice(shares), rnd.choice(shares), rnd.choice(shares),
                   rnd.choice((512, 4096)), rnd.random() < 0.3, rnd)

    def chance(self, share):
        return share >= 1 or (share > 0 and self.rnd.random() < share)


class _File:
    """Octets that are there for sure, and what was done since."""

    def __init__(self, octets=b""):
        self.sure, self.since = bytearray(octets), []

    def sync(self):
        for what, at, octets in self.since:
            if what == "size":
                _resize(self.sure, at)
            else:
                _put(self.sure, at, octets)
        self.since = []

    def image(self, keep):
        out = bytearray(self.sure)
        size, sizes = len(self.sure), [len(self.sure)]
        for what, at, octets in self.since:
            if what == "size":
                size = at
                if keep.chance(keep.sizes):
                    _resize(out, at)
            else:
                size = max(size, at + len(octets))
                self._sectors(out, at, octets, keep)
            sizes.append(size)
        if keep.rnd and keep.sizes < 1 and self.since:
            # some size on the way, the octets between may be zeros
            _resize(out, keep.rnd.choice(sizes))
        return out

    @staticmethod
    def _sectors(out, at, octets, keep):
        end = at + len(octets)
        while at < end:
            stop = min(end, (at // keep.sector + 1) * keep.sector)
            if keep.chance(keep.sectors):
                _put(out, at, octets[:stop - at])
            octets = octets[stop - at:]
            at = stop


class _Folder:
    def __init__(self):
        self.sure, self.now, self.since = {}, {}, []

    def change(self, steps, order):
        """steps: [(name, node or None)], done all or none."""
        self.since.append((order, steps))
        _apply(self.now, steps)

    def sync(self):
        self.sure, self.since = dict(self.now), []


def _apply(entries, steps):
    for name, node in steps:
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _put(octets, at, new):
    if len(octets) < at:
        octets.extend(bytes(at - len(octets)))
    octets[at:at + len(new)] = new


def _resize(octets, size):
    if size < len(octets):
        del octets[size:]
    else:
        octets.extend(bytes(size - len(octets)))


class Disk:
    def __init__(self, root):
        self.root, self.nodes, self.order = root, {}, 0
        self.paths = {}
        self.top = self._scan(root)

    def _scan(self, path):
        node = _Folder()
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.isdir(inner):
                node.now[name] = self._scan(inner)
            else:
                with open(inner, "rb") as f:
                    node.now[name] = _File(f.read())
                self.nodes[os.stat(inner).st_ino] = node.now[name]
        node.sync()
        self.nodes[os.stat(path).st_ino] = node
        return node

    # ------------------------------------------------------------- the record
    def replay(self, log, seen=lambda entry: None):
        """seen: is told each Entry once it is done."""
        with open(log, "rb") as f:
            octets = f.read()
        at = 0
        while at + HEAD.size <= len(octets):
            kind, npath, n, point, inode, place = HEAD.unpack_from(octets, at)
            path = octets[at + HEAD.size:at + HEAD.size + npath].decode()
            at += HEAD.size + npath + n
            if chr(kind) in "cm":
                self.paths[inode] = path
            if chr(kind) != "n":
                self._step(chr(kind), path, octets[at - n:at], inode, place)
            seen(Entry(chr(kind), path or self.paths.get(inode, ""),
                       octets[at - n:at], place, point))
        if at != len(octets):
            raise ValueError("a record that is cut off")

    def _step(self, kind, path, octets, inode, place):
        self.order += 1
        if kind in "wts":
            node = self.nodes.get(inode)
            if node is None:            # made elsewhere, such as by sqlite in /
                raise ValueError("no file has the number %d" % inode)
            if kind == "s":
                node.sync()
            else:
                node.since.append(("write" if kind == "w" else "size", place,
                                   octets))
        elif kind in "cm":
            node = _File() if kind == "c" else _Folder()
            self.nodes[inode] = node
            self._change(path, node)
        elif kind == "u":
            self._change(path, None)
        elif kind in "rl":
            self._move(path, octets.decode(), kind == "r")
        else:
            raise ValueError("entry of kind %r" % kind)

    def _parent(self, path):
        node = self.top
        parts = os.path.relpath(path, self.root).split(os.sep)
        for part in parts[:-1]:
            node = node.now[part]
        return node, parts[-1]

    def _change(self, path, node):
        folder, name = self._parent(path)
        folder.change([(name, node)], self.order)

    def _move(self, path, to, away):
        (old, was), (new, name) = self._parent(path), self._parent(to)
        node = old.now[was]
        gone = [(was, None)] if away else []
        if old is new:
            new.change(gone + [(name, node)], self.order)
            return
        new.change([(name, node)], self.order)
        if away:
            old.change(gone, self.order)

    # -------------------------------------------------------------- the image
    def image(self, target, keep):
        """Makes target, an empty folder, what a cut may have left."""
        upto = keep.rnd.randint(0, self.order) if keep.in_order else None
        self._lay(self.top, target, keep, upto)

    def _lay(self, folder, target, keep, upto):
        entries = dict(folder.sure)
        for order, steps in folder.since:
            if keep.chance(keep.names) if upto is None else order <= upto:
                _apply(entries, steps)
        for name, node in entries.items():
            if name.startswith("anchor"):
                continue    # its time of birth would give away a copy
            path = os.path.join(target, name)
            if isinstance(node, _Folder):
                os.mkdir(path, 0o700)
                self._lay(node, path, keep, upto)
            else:
                with open(path, "wb") as f:
                    f.write(node.image(keep))
                os.chmod(path, 0o600)
