"""All pairs: rows in which any two values of any two factors meet, chosen
greedily and the same in every run (Cohen et al., "The AETG System", 1997)."""
import itertools


def all_pairs(factors, allowed=lambda row: True):
    """factors: {name: [value, ...]}; allowed(row): False for what cannot be.
    Rows are dicts; pairs that occur in no allowed row are left out."""
    names = list(factors)
    rows = [dict(zip(names, values))
            for values in itertools.product(*factors.values())]
    rows = [row for row in rows if allowed(row)]

    def pairs(row):
        return set(itertools.combinations(row.items(), 2))
    missing = set().union(*map(pairs, rows)) if rows else set()
    chosen = []
    while missing:
        # the first of the best: product() has an order, so this has one too
        best = max(rows, key=lambda row: len(pairs(row) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen
