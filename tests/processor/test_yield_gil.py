"""Giving the interpreter to a worker that waits for it, in the midst of a computation."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from lifeevt import AsyncEventProcessor, Event, Field, RuntimeLoop, ThreadSafeSelfState

LONG_SECONDS = 100.0  # longer than any test: a thread keeps the GIL until it yields
PATIENCE = 30.0


@pytest.fixture
def computing_thread_keeps_the_interpreter() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(LONG_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@pytest.mark.usefixtures("computing_thread_keeps_the_interpreter")
def test_a_long_tick_that_yields_the_gil_lets_handlers_run() -> None:
    handled: list[str] = []
    state = ThreadSafeSelfState({"energy": Field(100.0)})
    engine = AsyncEventProcessor(state, [], {"visitor": lambda event, _: handled.append(event.type)})
    loop = RuntimeLoop(state, processor=engine)
    with engine:
        engine.submit(Event("visitor"))
        until = time.monotonic() + PATIENCE
        while not handled and time.monotonic() < until:
            sum(range(1000))
            loop.yield_gil(PATIENCE)
        assert handled == ["visitor"]  # inside: closing would let the handler run in any case


def test_yield_gil_returns_false_when_no_event_waits() -> None:
    state = ThreadSafeSelfState({"energy": Field(100.0)})
    with AsyncEventProcessor(state, []) as engine:
        assert engine.wait_idle(PATIENCE)
        assert RuntimeLoop(state, processor=engine).yield_gil() is False
