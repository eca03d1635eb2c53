"""Native, reference and a simple model agree at every step, errors and bits included."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from parity.lockstep import HeapModel, agree, cells_machine, exact, heap_machine, histogram_machine, reflex_machine
from parity.reactor_lockstep import reactor_machine, type_table_machine

from lifeevt._backends.contract import MAX_LEVELS, NO_END
from strategies import INT64_MAX, INT64_MIN, POLICIES, cell_blocks, int64s, numbers, reflex_tables

pytestmark = pytest.mark.native

MACHINES: dict[str, Callable[..., type[RuleBasedStateMachine]]] = {
    "heap": lambda *cores: heap_machine(*(core.EventHeap for core in cores)),
    "cells": lambda *cores: cells_machine(*(core.StateCells for core in cores)),
    "histogram": lambda *cores: histogram_machine(*(core.Histogram for core in cores)),
    "reflex": reflex_machine,
    "type_table": lambda *cores: type_table_machine(*(core.TypeTable for core in cores)),
    "reactor": reactor_machine,
}


@pytest.fixture(scope="module")
def twins() -> tuple[ModuleType, ModuleType]:
    return import_module("lifeevt._core"), import_module("lifeevt._backends.reference")


@pytest.mark.parametrize("machine", MACHINES)
def test_the_twins_walk_in_lockstep(twins: tuple[ModuleType, ModuleType], machine: str) -> None:
    budget = settings(max_examples=150, stateful_step_count=30)
    run_state_machine_as_test(MACHINES[machine](*twins), settings=budget)  # type: ignore[no-untyped-call]


class RandomCalls:
    """One stream of random calls for all heaps. Keys mostly ascend, so that most entries are part of a run."""

    def __init__(self, heaps: list[Any], seed: int) -> None:
        self.heaps, self.dice = heaps, random.Random(seed)
        self.tickets: list[list[Any]] = []  # of each tracked event, one a heap
        self.now = 0

    def step(self) -> None:
        self.now += 1
        self.dice.choices(
            [self.offer, self.offer_tracked, self.pop, self.change_one, self.pause, self.shift, self.postpone],
            [30, 30, 25, 30, 2, 1, 1],
        )[0]()

    def key(self) -> int:
        return self.now + self.dice.choice([0, 0, 0, 0, 5, -5, -300, 300, 10**6])

    def offer(self) -> None:
        offer = self.key(), self.dice.randrange(4), self.now, self.now, self.dice.choice(POLICIES)
        agree(self.heaps, lambda heap: heap.offer(*offer))

    def offer_tracked(self) -> None:
        offer = self.key(), self.dice.randrange(4), self.now, self.now, self.dice.choice(POLICIES)
        type_id, held = self.dice.randrange(3), self.dice.random() < 0.1
        said = [heap.offer_tracked(*offer, type_id, 0.5, held) for heap in self.heaps]
        agree(said, lambda each: each[0])
        if said[0][1] is not None:
            self.tickets.append([ticket for _, ticket in said])

    def pop(self) -> None:
        level, end = self.dice.choice([1, 2, MAX_LEVELS, MAX_LEVELS]), self.dice.choice([NO_END, 0, 3])
        agree(self.heaps, lambda heap: heap.pop_above(level, end))

    def change_one(self) -> None:
        if not self.tickets:
            return
        place = self.dice.randrange(len(self.tickets))
        each = list(zip(self.heaps, self.tickets[place], strict=True))
        how, key, level, type_id = self.dice.random(), self.key(), self.dice.randrange(4), self.dice.randrange(3)
        if how < 0.4:
            del self.tickets[place]
            agree(each, lambda one: one[0].withdraw(one[1], 3))
        elif how < 0.8:
            agree(each, lambda one: one[0].replace(one[1], key, level, "new", type_id))
        else:
            agree(each, lambda one: one[0].bring_back(one[1]))

    def pause(self) -> None:
        level, type_id = self.dice.choice([None, 1, 3]), self.dice.choice([None, 1])
        paused = self.dice.random() < 0.5
        agree(self.heaps, lambda heap: heap.pause(level, type_id, paused))

    def shift(self) -> None:
        offsets = [self.dice.choice([0, 0, 40, -40, 2**62]) for _ in range(MAX_LEVELS)]
        agree(self.heaps, lambda heap: heap.shift(offsets))

    def postpone(self) -> None:
        before, by_ns = self.now - self.dice.randrange(300), self.dice.choice([40, 300, 700])
        level = self.dice.randrange(4)
        agree(self.heaps, lambda heap: heap.postpone(before, by_ns, level))


@pytest.mark.parametrize("seed", range(8))
def test_the_heaps_agree_on_a_long_stream(twins: tuple[ModuleType, ModuleType], seed: int) -> None:
    capacity = [3, 50, 300, 1000][seed % 4]
    heaps: list[Any] = [core.EventHeap(capacity) for core in twins] + [HeapModel(capacity)]
    calls = RandomCalls(heaps, seed)
    for number in range(3000):
        calls.step()
        if number % 20 == 0:
            agree(heaps, lambda heap: (heap.counts(), heap.depths()))
            assert agree(heaps[:2], lambda heap: heap.check()) is None


@settings(max_examples=300)
@given(st.data())
def test_random_tables_respond_to_random_events_alike_to_the_bit(
    twins: tuple[ModuleType, ModuleType], data: st.DataObject
) -> None:
    block = data.draw(cell_blocks())
    parts = data.draw(reflex_tables(len(block[0])))
    made = [(core.ReflexTable(*parts), core.StateCells(*block)) for core in twins]
    row = st.integers(0, len(parts[1]) - 1)
    intensity = st.floats(-1.0, 1.0)
    for event in data.draw(st.lists(st.tuples(row, intensity, numbers, numbers), min_size=1, max_size=10)):
        agree(made, partial(response_of, event))


def response_of(event: tuple[int, float, float, float], made: Any) -> Any:
    table, cells = made
    return table.respond(cells, *event), cells.read_all()


def test_the_comparison_sees_the_sign_of_zero_and_not_a_number() -> None:
    assert exact((0.0, [1.5])) != exact((-0.0, [1.5]))
    assert exact(float("nan")) == exact(float("nan"))


moments = st.tuples(
    st.integers(0, 2), st.sampled_from([0, 1, 40, 99, 100, 700]) | int64s,
    st.sampled_from([9, 10, 77, 1000]) | int64s, st.sampled_from([False, False, False, True]),
)  # fmt: skip
LONGEST_NS = 10**18


@given(st.sampled_from([10, 100, 101, LONGEST_NS - 11, LONGEST_NS]), st.lists(moments, max_size=200))
def test_the_twins_shed_at_the_same_nanosecond(
    twins: tuple[ModuleType, ModuleType], interval_ns: int, asked: list[tuple[int, int, int, bool]]
) -> None:
    codels = [core.CoDel(interval_ns, [0, 10, min(77, interval_ns), *[1] * 13]) for core in twins]
    now_ns = 0
    for level, step_ns, waited_ns, last in asked:
        now_ns = min(max(now_ns + step_ns, INT64_MIN), INT64_MAX)
        agree(codels, lambda one: (one.admits(level, now_ns, waited_ns, last), one.shedding()))  # noqa: B023
