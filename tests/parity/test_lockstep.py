"""Native, reference and an obviously right model agree at every step, errors and bits included."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from parity.lockstep import HeapModel, agree, cells_machine, exact, heap_machine, histogram_machine, reflex_machine
from parity.reactor_lockstep import kinds_machine, stretch_machine
from strategies import POLICIES, cell_blocks, numbers, reflex_tables

from lifeevt._contract import MAX_LEVELS, NO_END

pytestmark = pytest.mark.native

MACHINES: dict[str, Callable[..., type[RuleBasedStateMachine]]] = {
    "heap": lambda *cores: heap_machine(*(core.EventHeap for core in cores)),
    "cells": lambda *cores: cells_machine(*(core.StateCells for core in cores)),
    "histogram": lambda *cores: histogram_machine(*(core.Histogram for core in cores)),
    "reflex": reflex_machine,
    "kinds": lambda *cores: kinds_machine(*(core.KindTable for core in cores)),
    "reactor": stretch_machine,
}


@pytest.fixture(scope="module")
def twins() -> tuple[ModuleType, ModuleType]:
    return import_module("lifeevt._core"), import_module("lifeevt._core_py")


@pytest.mark.parametrize("machine", MACHINES)
def test_the_twins_walk_in_lockstep(twins: tuple[ModuleType, ModuleType], machine: str) -> None:
    budget = settings(max_examples=150, stateful_step_count=30)
    run_state_machine_as_test(MACHINES[machine](*twins), settings=budget)  # type: ignore[no-untyped-call]


def step(heaps: list[Any], dice: random.Random, number: int) -> None:
    """One random call of every heap."""
    if dice.random() < 0.6:
        offer = dice.randrange(20), dice.randrange(4), number, number, dice.choice(POLICIES)
        agree(heaps, lambda heap: heap.offer(*offer))
    else:
        level, end = dice.randrange(MAX_LEVELS), dice.choice([NO_END, 0, 3])
        agree(heaps, lambda heap: heap.pop_above(level, end))


@pytest.mark.parametrize("seed", range(4))
def test_the_heaps_agree_on_a_long_stream(twins: tuple[ModuleType, ModuleType], seed: int) -> None:
    dice = random.Random(seed)
    capacity = [3, 50, 400, 2000][seed]
    heaps: list[Any] = [core.EventHeap(capacity) for core in twins] + [HeapModel(capacity)]
    for number in range(3000):
        step(heaps, dice, number)
        if number % 100 == 0:
            agree(heaps, lambda heap: (heap.counts(), heap.depths()))
            assert agree(heaps[:2], lambda heap: heap.check()) is None


@settings(max_examples=300)
@given(st.data())
def test_random_tables_answer_random_events_to_the_bit(
    twins: tuple[ModuleType, ModuleType], data: st.DataObject
) -> None:
    block = data.draw(cell_blocks())
    parts = data.draw(reflex_tables(len(block[0])))
    made = [(core.ReflexTable(*parts), core.StateCells(*block)) for core in twins]
    row = st.integers(0, len(parts[1]) - 1)
    intensity = st.floats(-1.0, 1.0)
    for event in data.draw(st.lists(st.tuples(row, intensity, numbers, numbers), min_size=1, max_size=10)):
        agree(made, partial(answered, event))


def answered(event: tuple[int, float, float, float], made: Any) -> Any:
    table, cells = made
    return table.respond(cells, *event), cells.read_all()


def test_the_comparison_sees_the_sign_of_zero_and_not_a_number() -> None:
    assert exact((0.0, [1.5])) != exact((-0.0, [1.5]))
    assert exact(float("nan")) == exact(float("nan"))
