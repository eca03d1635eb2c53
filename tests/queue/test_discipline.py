"""A custom rank function: the order of a queue, and the places that it refuses."""

from __future__ import annotations

import pytest

from lifeevt import AsyncEventQueue, Event


def test_a_rank_decides_the_order() -> None:
    queue = AsyncEventQueue(rank=lambda event, arrival_ns: (-int(event.timestamp), 2))
    queue.put_many([Event("joy", 0.5, float(number)) for number in (1, 3, 2)])
    assert [event.timestamp for event in queue.drain()] == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("place", [(2**63, 0), (-(2**63) - 1, 0), (0, -1), (0, 16)])
@pytest.mark.parametrize("call", ["put", "put_nowait", "put_tracked"])
def test_a_place_out_of_range_is_refused(call: str, place: tuple[int, int]) -> None:
    queue = AsyncEventQueue(rank=lambda event, arrival_ns: place)
    with pytest.raises(ValueError, match="rank gave the key"):
        getattr(queue, call)(Event("joy", 0.5))
    assert queue.ledger().accepted == 0


def test_a_place_is_two_whole_numbers() -> None:
    queue = AsyncEventQueue(rank=lambda event, arrival_ns: (0.5, 0))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError):
        queue.put(Event("joy", 0.5))
