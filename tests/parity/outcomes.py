"""Small programs over the facade, each with an outcome in plain values, to compare the backends."""

from __future__ import annotations

from typing import Any

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    Field,
    Handler,
    ManualClock,
    Priority,
    RuntimeLoop,
    ThreadSafeSelfState,
    Tick,
)

Outcome = tuple[list[dict[str, Any]], list[str], int, str]
Given = tuple[str, float]  # an event's type and intensity


class Odd(str):
    """A name that is a str and more."""


def made(events: list[Given]) -> list[Event]:
    """The events, all of them of one instant."""
    return [Event(type, intensity, 0.0) for type, intensity in events]


def vitals() -> ThreadSafeSelfState:
    """A state with one field of each type."""
    return ThreadSafeSelfState(
        {
            "energy": Field(50.0, low=0.0, high=100.0),
            "mood": Field(0.0, low=-1.0, high=1.0),
            "ticks": Field(0, low=0, integer=True),
        }
    )


def setting(name: Any, value: Any) -> str:
    """The state after a field was set, or the error."""
    state = vitals()
    try:
        state[name] = value
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return repr(state.snapshot())


def calling(calls: list[Any]) -> tuple[list[str], tuple[int, ...]]:
    """The results or errors of reads (a name) and deltas (a mapping), the snapshot after each, and the counts."""
    state, said = vitals(), []
    for call in calls:
        try:
            said.append(repr(state.apply_delta(call) if isinstance(call, dict) else state[call]))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
        said.append(repr(state.snapshot()))
    statistics = state.statistics()
    return said, (statistics.version, statistics.reads, statistics.writes, statistics.conflicts)


def outcome_of(engine: AsyncEventProcessor) -> Outcome:
    """All that an engine did: results, the state to the bit, its version, the ledger and the statistics."""
    results = [result.to_dict() for result in engine.results()]
    snapshot = engine.state.snapshot()
    values = [f"{name} {float(value).hex()}" for name, value in snapshot.items()]
    return results, values, snapshot.version, repr((engine.ledger(), engine.scheduler.statistics()))


def life_of(begins: tuple[float, ...]) -> ThreadSafeSelfState:
    """Life's state with vitals of its own."""
    state = ThreadSafeSelfState.life()
    for name, value in zip(("energy", "stability", "integrity", "recovery_efficiency"), begins, strict=True):
        state[name] = value
    return state


def processing(batches: list[tuple[int, list[Given]]], begins: tuple[float, ...], overflow: str) -> Outcome:
    """Batches of events with pauses between them, processed in the caller's thread."""
    clock = ManualClock()
    queue = AsyncEventQueue(16, overflow, clock)
    engine = AsyncEventProcessor(life_of(begins), queue=queue, clock=clock)
    for number, (pause_ns, batch) in enumerate(batches):
        engine.submit_many(made(batch))
        clock.advance_ns(pause_ns)
        engine.process_pending(8 if number % 2 else None)
    engine.stop()
    return outcome_of(engine)


def looping(ticks: list[list[Given]], begins: tuple[float, ...]) -> Outcome:
    """A synchronous loop with a handler that changes the state and submits events of its own."""
    clock = _LeapingClock()

    def meaning(event: Event, state: ThreadSafeSelfState) -> float:
        clock.advance_ns(7)
        if event.intensity > 0.5:
            engine.submit(Event("noise", event.intensity / 2, 0.0, priority=Priority.CRITICAL))
        return state.apply_delta({"tension": event.intensity})

    engine = AsyncEventProcessor(life_of(begins), handlers={"social": Handler(meaning=meaning)}, clock=clock)
    todo = iter(ticks)

    def on_tick(tick: Tick) -> None:
        outcomes.extend(result.to_dict() for result in tick.results)
        engine.submit_many(made(next(todo, [])))

    outcomes: list[dict[str, Any]] = []
    statistics = RuntimeLoop(engine.state, engine, 0.05, on_tick, "sync", clock).run(len(ticks) + 1)
    left, values, version, accounts = outcome_of(engine)
    return outcomes + left, values, version, repr((accounts, statistics))


class _LeapingClock(ManualClock):
    """A clock that jumps to a deadline as soon as a thread waits for it: a loop without a second thread."""

    def wait(self, condition: Any, deadline_ns: int | None) -> None:
        assert deadline_ns is not None
        self.advance_ns(max(deadline_ns - self.now_ns(), 0))
