"""How late do the ticks of a loop start, while events come ever faster?

A loop that ticks every 100 ms, fed with arrays of events every 10 ms; the asynchronous mode, whose worker answers
beside the loop, and the synchronous one, which answers inside the tick. Late: start of a tick minus its deadline.
"""

from __future__ import annotations

import threading
import time
from array import array

from .. import AsyncEventProcessor, AsyncEventQueue, RuntimeLoop, ThreadSafeSelfState
from . import environment, measure

NAME = "jitter"
TICK_SECONDS, BATCH_SECONDS = 0.1, 0.01
RATES = (0, 1_000, 10_000, 100_000)
MODES = ("async", "sync")
CAPACITY = 65_536
TYPES = ("noise", "decay", "recovery", "shock", "idle")


def jitter_us(mode: str, backend: str, rate: int, ticks: int) -> tuple[float, float]:
    """How late 99 of 100 ticks are at most, and how long they work."""
    state, queue = ThreadSafeSelfState.life(backend=backend), AsyncEventQueue(CAPACITY, backend=backend)
    engine = AsyncEventProcessor(state, queue=queue, backend=backend)
    over = threading.Event()
    feeder = threading.Thread(target=feed, args=(engine, rate, over))
    loop = RuntimeLoop(state, engine, TICK_SECONDS, lambda tick: tick.index, mode, backend=backend)
    feeder.start()
    try:
        loop.run(ticks)
    finally:
        over.set()
        feeder.join()
        engine.close()
    seen = loop.statistics()
    return seen.jitter.p99_ns / 1000, seen.work.p99_ns / 1000


def feed(engine: AsyncEventProcessor, rate: int, over: threading.Event) -> None:
    """Put a batch of numbers into the queue at absolute times, until told that it is over."""
    count = round(rate * BATCH_SECONDS)
    codes = array("i", [engine.type_code(TYPES[place % len(TYPES)]) for place in range(count)])
    intensities = array("d", [0.3] * count)
    started, batch = time.monotonic(), 0
    while not over.wait(max(started + batch * BATCH_SECONDS - time.monotonic(), 0.0)):
        batch += 1
        if count:
            engine.queue.put_arrays(codes, intensities)


def rate_rows(backend: str, rate: int, ticks: int, rounds: int) -> list[measure.Row]:
    seen: dict[str, list[tuple[float, float]]] = {mode: [] for mode in MODES}
    for turn in range(rounds):
        for mode in MODES if turn % 2 == 0 else MODES[::-1]:
            seen[mode].append(jitter_us(mode, backend, rate, ticks))
    return [
        measure.Row(f"{rate:,} events/s, {backend}, {what}", "us, p99", "async",
                    {mode: [each[place] for each in pairs] for mode, pairs in seen.items()})
        for place, what in enumerate(("start of a tick after its deadline", "work of a tick"))
    ]  # fmt: skip


def rows(quick: bool, rounds: int | None) -> list[measure.Row]:
    backend = next(iter(environment.twins()))
    ticks, turns = (2, 1) if quick else (30, rounds or 2)
    return [row for rate in RATES[: 2 if quick else None] for row in rate_rows(backend, rate, ticks, turns)]


if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
