"""The text format of Prometheus, read strictly: what promtool would refuse,
and what it would let pass that no writer of ours has a reason for."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (-?[0-9]+(?:\.[0-9]+)?)\Z" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')


def labels(text):
    found = {}
    while text:
        m = LABEL.match(text)
        assert m and (m[3] == "" or m.end() < len(text)), text
        assert m[1] not in found, text
        found[m[1]] = re.sub(r"\\(.)", lambda e: {"n": "\n"}.get(e[1], e[1]),
                             m[2])
        text = text[m.end():]
    return tuple(sorted(found.items()))


def read(text):
    """{(name, ((label, value), ...)): number}, each family once, whole, with
    HELP and TYPE in front of it."""
    assert text.endswith("\n")
    found, done, family, kind = {}, set(), None, None
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("#"):
            m = re.fullmatch(r"# HELP (%s) \S.*" % NAME, line)
            assert m, line
            assert m[1] not in done, "%s in two places" % m[1]
            family = m[1]
            done.add(family)
            m = re.fullmatch(r"# TYPE (%s) (counter|gauge)" % NAME,
                             next(lines))
            assert m and m[1] == family, line
            kind = m[2]
            assert (kind == "counter") == family.endswith("_total"), family
            continue
        m = SAMPLE.match(line)
        assert m and m[1] == family, line
        key = m[1], labels(m[2] or "")
        assert key not in found, "%s twice" % line
        found[key] = float(m[3])
        assert kind == "gauge" or found[key] >= 0
    return found


def of(found, name, **want):
    """The one value with these labels."""
    got = [v for (n, ls), v in found.items()
           if n == name and all(dict(ls).get(k) == w for k, w in want.items())]
    assert len(got) == 1, (name, want, got)
    return got[0]
