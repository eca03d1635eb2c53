"""Lists that shrink or grow while a twin reads them. A process of its own: C may crash.

Arguments: the twin, the scene. It must refuse with an ordinary error or take the list as it was.
"""

import sys
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
MANY = 50_000
TABLE = {
    "fields": 1,
    "rows": [(1.0, [(0, 1.0)], [])],
    "sensitizers": [],
    "dampers": [],
    "decisions": [([], 0)],
    "patterns": [(False, 1.0, [])],
}


class Meddler:
    def __init__(self, act):
        self.act = act

    def __index__(self):
        self.act()
        return 0

    def __float__(self):
        self.act()
        return 0.0


def shrinking(build):
    """A list that its first number empties; long enough for freed memory to be gone."""
    found = []
    found.append(build(Meddler(found.clear)))
    found.extend([build(0)] * MANY)
    return found


def growing(build):
    """A list that its first number makes much longer, once."""
    found, grown = [], []

    def grow():
        if not grown:
            grown.append(True)
            found.extend([build(0)] * MANY)

    found.append(build(Meddler(grow)))
    return found


def table(**changes):
    made = core.ReflexTable(**{**TABLE, **changes})
    cells = core.StateCells([0.0], [-1.0], [1.0], [False])
    for row in range(len(made)):
        made.respond(cells, row, 1.0)


def cells(count):
    return core.StateCells([0.0] * count, [-1.0] * count, [1.0] * count, [False] * count)


SCENES = {
    "offers_shrink": lambda: core.EventHeap(9).offer_many(shrinking(lambda n: (n, 0, 0, None)), 0),
    "values_shrink": lambda: core.StateCells(shrinking(lambda n: n), *[[0.0] * (MANY + 1)] * 2, [False] * (MANY + 1)),
    "indices_shrink": lambda: cells(1).add(shrinking(lambda n: n), [0.0] * (MANY + 1)),
    "deltas_shrink": lambda: cells(1).add([0] * (MANY + 1), shrinking(lambda n: n)),
    "rows_grow": lambda: table(rows=growing(lambda n: (n, [(0, 1.0)], []))),
    "rules_grow": lambda: table(sensitizers=growing(lambda n: ([(0, 0, 0.0)], n))),
    "impacts_grow": lambda: table(rows=[(1.0, growing(lambda n: (0, n)), [])]),
    "gains_grow": lambda: table(rows=[(1.0, [(0, 1.0)], growing(lambda n: (0, n)))]),
    "costs_grow": lambda: table(patterns=[(False, 1.0, growing(lambda n: (0, n)))]),
    "conditions_grow": lambda: table(sensitizers=[(growing(lambda n: (0, 0, n)), 1.0)]),
    "patterns_grow": lambda: table(patterns=growing(lambda n: (False, n, []))),
}

try:
    SCENES[sys.argv[2]]()
except (ValueError, IndexError, TypeError, RuntimeError) as error:
    assert "whole" not in str(error)
print("whole")
