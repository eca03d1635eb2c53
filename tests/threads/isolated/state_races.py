"""Threads move amounts between the fields of one state, and others read; print the number of calls.

Arguments: the twin, and "whole", or "halves" for a state that applies each delta in two steps.
"""

import sys
from functools import partial

from barrier import together

from lifeevt import Field, ThreadSafeSelfState

FIELDS, EACH = 4, 4_000
NAMES = [f"field {index}" for index in range(FIELDS)]


class Halves(ThreadSafeSelfState):
    def apply_delta(self, delta):
        for name, amount in delta.items():
            super().apply_delta({name: amount})


def main():
    kind = Halves if sys.argv[2] == "halves" else ThreadSafeSelfState
    state = kind({name: Field(0.0) for name in NAMES})
    sys.setswitchinterval(1e-6)

    def move(number):
        for turn in range(EACH):
            amount = float(turn % 7 + number)
            state.apply_delta({NAMES[turn % FIELDS]: amount, NAMES[(turn + 1) % FIELDS]: -amount})

    def look(_):
        last = -1
        for _ in range(EACH):
            snapshot = state.snapshot()
            assert sum(snapshot.values()) == 0.0, "half a delta"
            assert last <= snapshot.version <= state.version, "a version went back"
            last = snapshot.version
            state[NAMES[0]]

    together(*[partial(act, number) for number, act in enumerate([move] * 3 + [look] * 2)])
    assert kind is Halves or state.version == 3 * EACH
    print(3 * EACH + 2 * 2 * EACH)


main()
