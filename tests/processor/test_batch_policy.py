"""Batches: by size, by window, never past a deadline, never before a more urgent event."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt.processor.batches import NEVER, Batch, BatchPolicy

MS = 1_000_000


def batch_of(size: int = 3, window: float = 0.01) -> Batch[str]:
    return Batch(BatchPolicy(size, window))


def test_a_full_batch_is_due_at_once() -> None:
    batch = batch_of()
    for number in range(3):
        assert not batch.is_full()
        batch.add(str(number), 10**9, 2, 7)
    assert batch.is_full() and batch.due_ns() == 7 and batch.take() == ["0", "1", "2"]


def test_an_incomplete_one_is_due_a_window_after_its_first_event() -> None:
    batch = batch_of()
    batch.add("a", 10**9, 2, 5 * MS)
    batch.add("b", 10**9, 2, 14 * MS)
    assert batch.due_ns() == 15 * MS


def test_it_waits_past_no_deadline_of_its_events() -> None:
    batch = batch_of()
    batch.add("a", 10**9, 2, 0)
    batch.add("b", 3 * MS, 2, MS)
    assert batch.due_ns() == 3 * MS


def test_before_a_deadline_it_leaves_the_time_that_the_last_one_took() -> None:
    batch = batch_of()
    batch.service_ns = 2 * MS
    batch.add("a", 10 * MS, 2, 0)
    assert batch.due_ns() == 8 * MS
    batch.add("b", 10**9, 2, 0)
    assert batch.due_ns() == 8 * MS
    batch.service_ns = 10**9
    assert batch.due_ns() == 0


def test_an_event_that_is_late_already_makes_it_due_now() -> None:
    batch = batch_of()
    batch.add("a", 5, 2, MS)
    assert batch.due_ns() == MS


def test_without_a_window_it_takes_the_present_events() -> None:
    batch = batch_of(window=0.0)
    batch.add("a", 10**9, 2, 7)
    assert batch.due_ns() == 7


def test_a_strategy_may_lower_the_batch_size() -> None:
    batch = batch_of()
    batch.add("a", 10**9, 2, 7)
    assert (batch.due_ns(most=1), batch.due_ns(most=2)) == (7, 7 + 10 * MS)
    assert batch.is_full(most=1) and not batch.is_full(most=2)
    assert batch.is_full(most=0)  # one is always allowed


def test_a_batch_is_placed_by_its_most_urgent_event() -> None:
    batch, strict = batch_of(), [1000 * level for level in range(16)]
    assert (batch.place(strict), batch.level) == (NEVER, 16)
    batch.add("a", 100, 2, 0)
    batch.add("b", 50, 3, 0)
    batch.add("c", 120, 2, 0)
    assert batch.level == 2
    assert (batch.place([0] * 16), batch.place(strict)) == (50, 2100)


def test_a_taken_batch_is_empty_and_begins_anew() -> None:
    batch = batch_of()
    batch.add("a", 5, 0, 0)
    batch.take()
    assert (len(batch), batch.due_ns(), batch.level, batch.is_full()) == (0, NEVER, 16, False)
    batch.add("b", 10**9, 3, 10 * MS)
    assert (batch.due_ns(), batch.level) == (20 * MS, 3)


def test_a_full_batch_takes_no_more() -> None:
    batch = batch_of(size=1)
    batch.add("a", 0, 0, 0)
    with pytest.raises(ValueError, match="holds its 1 events"):
        batch.add("b", 0, 0, 0)


came = st.tuples(st.integers(0, 20), st.integers(0, 3), st.integers(0, 40))


@given(st.lists(came, max_size=40), st.integers(1, 5), st.integers(0, 15))
def test_no_event_waits_longer_than_window_and_deadline_allow_and_the_order_is_kept(
    events: list[tuple[int, int, int]], size: int, window: int
) -> None:
    """A caller that checks at every nanosecond processes each batch in time, whole and in order."""
    batch: Batch[tuple[int, int, int]] = Batch(BatchPolicy(size, window / 1e9))
    coming, given_out, now = list(events), list[tuple[int, int, int]](), 0
    moment = sum(pause for pause, _, _ in events) + 100
    clock = 0
    for now in range(moment):
        while coming and clock + coming[0][0] <= now and len(batch) < size:
            clock = now
            _, level, budget = coming.pop(0)
            batch.add((len(given_out) + len(batch), now, now + budget), now + budget, level, now)
        if batch.due_ns() <= now:
            taken = batch.take()
            assert 1 <= len(taken) <= size
            assert all(now - came_ns <= window and (now <= key or now == came_ns) for _, came_ns, key in taken)
            given_out += taken
    assert [number for number, _, _ in given_out] == list(range(len(events))) and not coming


@pytest.mark.parametrize(
    ("given", "error"),
    [((0,), "size of a batch is 0"), ((1.5,), "is 1.5"), ((True,), "is True"), ((65_537,), "65537"),
     ((1, -0.1), "window_seconds is -0.1"), ((1, float("nan")), "window_seconds is nan"), ((1, 1e7), "window_seconds")],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(given: tuple[Any, ...], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        BatchPolicy(*given)
