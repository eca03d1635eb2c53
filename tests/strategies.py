"""Hypothesis strategies: numbers at the edges, offers to the heap, tables of reflexes, events.

Few values where ties are the interesting case, all values where the range is.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lifeevt import Event, Priority
from lifeevt._backends.contract import (
    ABOVE,
    AT_LEAST,
    AT_MOST,
    BELOW,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_IMPACTS,
    MAX_LEVELS,
    RECALL_MEAN,
    REJECT,
    WAIT,
)

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
POLICIES = [REJECT, DROP_OLDEST, DROP_LOWEST, WAIT]

int64s = st.integers(INT64_MIN, INT64_MAX)
durations = st.integers(0, INT64_MAX) | st.integers(0, 63).map(lambda bits: 2**bits - 1)
finite_floats = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0.0, 1.0)

keys = st.integers(0, 3) | int64s  # few values: ties are the interesting case
levels = st.integers(0, 3) | st.integers(0, MAX_LEVELS - 1)
shifts = st.lists(st.integers(-2, 2) | int64s, min_size=MAX_LEVELS, max_size=MAX_LEVELS)
ends = st.integers(0, MAX_ENDS - 1)
policies = st.sampled_from(POLICIES)
offers = st.tuples(keys, levels, int64s, st.integers(0, 9))

numbers = st.floats(-4.0, 4.0) | finite_floats  # the numbers of a table; the huge ones overflow on purpose


@st.composite
def cell_blocks(draw: st.DrawFn, max_size: int = 6) -> tuple[list[float], list[float], list[float], list[bool]]:
    """Arguments of StateCells that it accepts; the bounds of an integer cell are whole."""
    values, lows, highs, integers = [], [], [], []
    for _ in range(draw(st.integers(1, max_size))):
        integer = draw(st.booleans())
        bound = st.integers(-(2**53), 2**53).map(float) if integer else st.floats(-100.0, 100.0) | finite_floats
        low, high = sorted((draw(bound), draw(bound)))
        lows.append(low)
        highs.append(high)
        integers.append(integer)
        values.append(low + 0.0 if integer else draw(st.floats(low, high)))
    return values, lows, highs, integers


def conditions(fields: int) -> st.SearchStrategy[list[tuple[int, int, float]]]:
    condition = st.tuples(
        st.integers(RECALL_MEAN, fields - 1), st.sampled_from([BELOW, ABOVE, AT_LEAST, AT_MOST]), numbers
    )
    return st.lists(condition, max_size=3)


def amounts(fields: int) -> st.SearchStrategy[list[tuple[int, float]]]:
    return st.lists(st.tuples(st.integers(0, fields - 1), numbers), max_size=MAX_IMPACTS)


@st.composite
def reflex_tables(draw: st.DrawFn, fields: int) -> tuple[Any, ...]:
    """Arguments of ReflexTable that it accepts, with one row and one pattern at least."""
    field = st.integers(0, fields - 1)
    row = st.tuples(numbers, amounts(fields), st.lists(st.tuples(field, field), max_size=4))
    factor_rules = st.lists(st.tuples(conditions(fields), numbers), max_size=4)
    patterns = draw(st.lists(st.tuples(st.booleans(), numbers, amounts(fields)), min_size=1, max_size=4))
    choice_rules = st.lists(st.tuples(conditions(fields), st.integers(0, len(patterns) - 1)), max_size=4)
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return fields, rows, draw(factor_rules), draw(factor_rules), draw(choice_rules), patterns


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite_floats | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
event_names = st.sampled_from(["shock", "noise", "idle", "social_conflict", "internal", "never_seen"])
priorities = st.none() | st.sampled_from(list(Priority))


def events(types: st.SearchStrategy[str] = event_names) -> st.SearchStrategy[Event]:
    """Events as a user may build them; the timestamps are ordinary."""
    return st.builds(
        Event,
        types,
        st.floats(-1.0, 1.0),
        st.floats(0.0, 4e9),
        st.dictionaries(st.text(max_size=5), json_values, max_size=3),
        st.none() | st.text(min_size=1, max_size=5).filter(str.strip),
        priority=priorities,
        urgency=shares,
    )


def schedules(max_size: int = 30) -> st.SearchStrategy[list[tuple[int, Event]]]:
    """Events with the nanoseconds at which they arrive, in order; several may share an instant."""
    arriving = st.tuples(st.integers(0, 10**6) | st.integers(0, 3), events())
    return st.lists(arriving, max_size=max_size).map(lambda found: sorted(found, key=lambda pair: pair[0]))
