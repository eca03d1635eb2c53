"""A user's objects that change a list while they are converted to numbers, on both twins."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from parity.making import TABLE, made

from lifeevt import AsyncEventQueue, Event

pytestmark = pytest.mark.native


class Meddler:
    """A number that acts when it is looked at."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __index__(self) -> int:
        self._act()
        return 0

    def __float__(self) -> float:
        self._act()
        return 0.0


def test_a_number_that_raises_gives_its_own_error(core: ModuleType) -> None:
    def fail() -> None:
        raise LookupError("mine")

    cells = made(core, "StateCells")
    queue = AsyncEventQueue(rank=lambda event, arrival_ns: (Meddler(fail), 0))
    calls: list[Callable[[], object]] = [
        lambda: queue.put(Event("hit")),
        lambda: queue.put_many([Event("hit"), Event("hit")]),
        lambda: cells.write(0, Meddler(fail)),
        lambda: cells.add([0, 0], [1.0, Meddler(fail)]),
        lambda: core.ReflexTable(**TABLE | {"rows": [(1.0, [(0, Meddler(fail))], [])]}),
    ]
    for call in calls:
        with pytest.raises(LookupError, match="mine"):
            call()
    assert queue.ledger().accepted == 0 and cells.read_all() == (0, (1.0,))


def test_a_number_may_use_the_object_that_converts_it(core: ModuleType) -> None:
    def ranked(event: Event, arrival_ns: int) -> tuple[Any, int]:
        return (0, 0) if event.type == "inner" else (Meddler(lambda: queue.put(Event("inner"))), 0)

    queue, cells = AsyncEventQueue(rank=ranked), made(core, "StateCells")
    queue.put(Event("outer"))
    cells.add([0], [Meddler(lambda: cells.write(0, 5.0))])
    assert [event.type for event in queue.drain()] == ["inner", "outer"]
    assert cells.read(0) == 5.0


SHRINKING = ["offers_shrink", "values_shrink", "indices_shrink", "deltas_shrink"]
GROWING = [f"{part}_grow" for part in ("rows", "rules", "impacts", "gains", "costs", "conditions", "patterns")]


@pytest.mark.parametrize("scene", SHRINKING + GROWING)
def test_a_list_that_changes_while_it_is_read_breaks_nothing(
    backend: str, isolated: Callable[..., str], scene: str
) -> None:
    assert isolated("parity/isolated/meddling.py", backend, scene).strip() == "whole"
