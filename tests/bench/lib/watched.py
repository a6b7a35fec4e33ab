"""What a process takes, sampled while it lives, and whether that grows."""
import os
import re
import statistics
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
LEAST_S = 90                    # a shorter time tells nothing
SETTLE_S = 30                   # behind a reload, which takes more for a while
# What may come and go: a fetch more or less under way, a page more or less.
TOLERANCE = {"rss_kb": (0.03, 2048), "fds": (0.03, 24), "threads": (0, 4)}


class Watched:
    def __init__(self, pid, every):
        self.pid, self.every = pid, every
        self.samples = []               # dicts
        self.marks = []                 # when it was asked for more: reloads
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def sample(self):
        with open("/proc/%d/status" % self.pid) as f:
            status = f.read()
        with open("/proc/%d/stat" % self.pid) as f:
            words = f.read().rpartition(")")[2].split()

        def of(name):
            return int(re.search(r"^%s:\s+(\d+)" % name, status, re.M)[1])
        return dict(at=time.monotonic(), rss_kb=of("VmRSS"),
                    threads=of("Threads"),
                    fds=len(os.listdir("/proc/%d/fd" % self.pid)),
                    cpu_s=(int(words[11]) + int(words[12])) / TICK)

    def mark(self):
        self.marks.append(time.monotonic())

    def _run(self):
        while True:
            try:
                self.samples.append(self.sample())
            except (OSError, TypeError):
                return                          # it is gone
            if self.ended.wait(self.every):
                return

    def end(self):
        self.ended.set()
        self.thread.join()


def slope(points):
    """Theil-Sen: the median of all slopes; a peak does not move it."""
    points = points[::max(1, len(points) // 150)]
    return statistics.median(
        (b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points)
        for b in points[i + 1:])


def stretches(watched, warm_s):
    """Samples of each time in which nothing was asked of it but its work."""
    s, out = watched.samples, []
    edges = [s[0]["at"] + warm_s - SETTLE_S, *watched.marks, s[-1]["at"] + 1]
    for first, last in zip(edges, edges[1:]):
        mine = [x for x in s if max(first + SETTLE_S, edges[0] + SETTLE_S) <=
                x["at"] < last - SETTLE_S / 10]
        if mine and mine[-1]["at"] - mine[0]["at"] >= LEAST_S:
            out.append(mine)
    return out


def judge(name, stretch, faults):
    share, least = TOLERANCE[name]
    typical = statistics.median(s[name] for s in stretch)
    span = stretch[-1]["at"] - stretch[0]["at"]
    rise = slope([(s["at"], s[name]) for s in stretch])
    grows = rise * span > max(share * typical, least)
    if grows:
        faults.append("%s grows by %.1f a minute, at %d" % (name, rise * 60,
                                                            typical))
    return dict(typical=typical, per_minute=round(rise * 60, 2),
                seconds=round(span), verdict="grows" if grows else "flat")


def flat(watched, warm_s, faults):
    """Figures of one process; a fault for each that grows once it is warm."""
    all_of_it = watched.samples
    took = all_of_it[-1]["at"] - all_of_it[0]["at"]
    out = dict(seconds=round(took, 1),
               cpu_percent=round(100 * all_of_it[-1]["cpu_s"] / took, 1))
    for name in TOLERANCE:
        out[name] = dict(
            most=max(s[name] for s in all_of_it), last=all_of_it[-1][name],
            stretches=[judge(name, s, faults)
                       for s in stretches(watched, warm_s)] or
            "too short to tell")
    return out
