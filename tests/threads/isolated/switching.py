"""Producers bring events while strategies are switched and ticks move what waits: nothing is lost."""

from __future__ import annotations

import random
import sys
import threading

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, Field, ThreadSafeSelfState

PRODUCERS, EVENTS, TICK_NS = 3, 1500, 10_000_000
STRATEGIES = ["deadline", "priority", "load_balancing", "adaptive"]


def main(backend: str, handled: str) -> None:
    queue = AsyncEventQueue(PRODUCERS * EVENTS, "reject")
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    handlers = {"idle": lambda event, state: None} if handled == "handled" else None
    engine = AsyncEventProcessor(state, [], handlers, queue=queue, result_capacity=PRODUCERS * EVENTS)
    start = threading.Barrier(PRODUCERS + 1)

    def produce(seed: int) -> None:
        dice = random.Random(seed)
        start.wait()
        for _ in range(EVENTS):
            engine.submit(Event(dice.choice(["shock", "noise", "idle", "social"]), urgency=dice.random()))

    producers = [threading.Thread(target=produce, args=(seed,)) for seed in range(PRODUCERS)]
    with engine:
        for producer in producers:
            producer.start()
        start.wait()
        while any(producer.is_alive() for producer in producers):
            engine.scheduler.set_strategy(random.choice(STRATEGIES))
            engine.scheduler.tick(engine.clock.now_ns(), TICK_NS)
        assert engine.wait_idle(60.0)
    queue.heap.check()
    ledger = engine.ledger()
    assert ledger.balanced and ledger.accepted == len(engine.results()) == PRODUCERS * EVENTS
    print("whole")


if __name__ == "__main__":
    main(*sys.argv[1:])
