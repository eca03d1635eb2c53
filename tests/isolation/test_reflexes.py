"""A reflex commits like a transaction, although it runs without the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lifeevt import AsyncEventProcessor, ConflictError, Event, Field, ManualClock, Reflex, ThreadSafeSelfState

PATIENCE_SECONDS = 110.0
TRANSACTIONS, EVENTS = 4_000, 20_000


def being() -> AsyncEventProcessor:
    fields = {name: Field(50.0, 0.0, 100.0) for name in ("energy", "mood", "stress")}
    reflexes = [Reflex("hit", 1.0, {"energy": -10.0, "mood": -10.0})]
    return AsyncEventProcessor(
        ThreadSafeSelfState(fields), reflexes, clock=ManualClock())


def hit(engine: AsyncEventProcessor) -> None:
    engine.submit(Event("hit", 1.0, 0.0))
    assert engine.process_pending() == 1


def test_a_transaction_keeps_its_snapshot_when_a_reflex_writes() -> None:
    engine = being()
    with engine.state.transaction() as transaction:
        before = transaction["energy"]
        hit(engine)
        assert (transaction["energy"], transaction["mood"]) == (before, before)
        assert engine.state["energy"] < before
        transaction["stress"] = 1.0


def test_a_write_of_a_reflex_is_not_overwritten() -> None:
    engine = being()
    with pytest.raises(ConflictError) as refused, engine.state.transaction() as transaction:
        hit(engine)
        transaction["mood"] += 1.0
    assert refused.value.fields == ("mood",) and engine.state["mood"] < 50.0


def test_a_serializable_transaction_conflicts_with_a_reflex_on_a_field_that_it_read() -> None:
    engine = being()
    with pytest.raises(ConflictError) as refused, engine.state.transaction("serializable") as transaction:
        transaction["stress"] = transaction["energy"]
        hit(engine)
    assert refused.value.fields == ("energy",)


def test_transactions_beside_a_worker_lose_no_write_and_see_no_half_reflex(
    backend: str, isolated: Callable[..., str]
) -> None:
    counted = isolated(
        "isolation/isolated/reflexes.py", backend, str(TRANSACTIONS), str(EVENTS), timeout=PATIENCE_SECONDS
    )
    assert [int(number) for number in counted.split()] == [TRANSACTIONS, EVENTS]
