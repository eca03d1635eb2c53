"""The facade over both backends: the same events on the same clock give the same bits, and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from parity.other_backend import OtherBackend
from parity.outcomes import Odd, calling, looping, processing, setting
from processor import test_shedding

from lifeevt.processor import ReflexSet
from strategies import shares

pytestmark = pytest.mark.native  # this process has the native backend, the other one the reference

life_events = st.tuples(st.sampled_from([reflex.type for reflex in ReflexSet.life().reflexes]), st.floats(-1.0, 1.0))
batches = st.lists(st.tuples(st.integers(0, 300_000_000), st.lists(life_events, max_size=12)), max_size=5)
vitals = st.tuples(st.floats(0.0, 100.0), shares, shares, shares)
overflows = st.sampled_from(["reject", "drop_oldest", "drop_lowest", "block"])
few = settings(max_examples=40)

WILD = st.one_of(
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.booleans(),
    st.sampled_from([None, "1", 1j, Decimal(1), Fraction(1, 3)]),
)
NAMES = st.sampled_from(["energy", "mood", "ticks", "soul", Odd("mood"), 5])


@pytest.fixture(scope="module")
def other(backend: str) -> Iterator[OtherBackend]:
    with OtherBackend(backend) as process:
        yield process


@few
@given(batches, vitals, overflows)
def test_results_and_state_are_equal_to_the_bit(other: OtherBackend, coming: Any, begins: Any, overflow: str) -> None:
    assert processing(coming, begins, overflow) == other(processing, coming, begins, overflow)


@few
@given(st.lists(st.lists(life_events, max_size=8), max_size=5), vitals)
def test_a_synchronous_loop_with_handlers_is_equal_to_the_bit(other: OtherBackend, ticks: Any, begins: Any) -> None:
    assert looping(ticks, begins) == other(looping, ticks, begins)


@pytest.mark.parametrize("strategy", ["priority", "deadline", "load_balancing"])
def test_both_backends_shed_the_same_events_at_the_same_nanosecond(other: OtherBackend, strategy: str) -> None:
    told = test_shedding.shedding(strategy)
    assert told == other(test_shedding.shedding, strategy)
    assert any(each["status"] == "SHED" for each in told[0])


@pytest.mark.parametrize("name", ["energy", "mood", "ticks", Odd("energy"), "nobody", 1])
@pytest.mark.parametrize("value", [1, 1.9, True, 101.0, -0.0, 10**30, 10**400, float("nan"), "1", None, Decimal("1.5")])
def test_a_field_is_set_or_refused_alike(other: OtherBackend, name: Any, value: Any) -> None:
    assert setting(name, value) == other(setting, name, value)


@given(st.lists(st.one_of(NAMES, st.dictionaries(NAMES, WILD, max_size=4)), max_size=6))
def test_reads_and_deltas_give_the_same_results(other: OtherBackend, calls: list[Any]) -> None:
    assert calling(calls) == other(calling, calls)


def test_an_exception_in_the_other_process_is_a_failure_here(other: OtherBackend) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        other(divmod, 1, 0)
    assert other(divmod, 7, 2) == (3, 1)
