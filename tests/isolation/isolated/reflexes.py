"""Transactions of two threads beside a worker, with reflexes on the same fields. Prints how many of each there were.

Arguments: the twin, how many transactions, how many events. Each reflex takes 1 from two fields, each transaction adds
1 to both: a reader that sees them differ saw half of a change.
"""

import sys
import threading
from array import array

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Field, Reflex, ThreadSafeSelfState

PATIENCE_SECONDS = 90.0
BURST = 50
RETRIES = 100_000


def main(backend, transactions, events):
    sys.setswitchinterval(1e-5)
    state = ThreadSafeSelfState({"energy": Field(0.0), "mood": Field(0.0)})
    reflexes = [Reflex("hit", 1.0, {"energy": -1.0, "mood": -1.0})]
    queue = AsyncEventQueue(events + 1)
    start, seen = threading.Barrier(3), []

    def add(transaction):
        values = transaction["energy"], transaction["mood"]
        transaction["energy"], transaction["mood"] = values[0] + 1.0, values[1] + 1.0
        return values

    def change():
        start.wait(PATIENCE_SECONDS)
        for _ in range(transactions // 2):
            seen.append(state.transact(add, RETRIES))
            looked = state.snapshot()
            seen.append((looked["energy"], looked["mood"]))

    with AsyncEventProcessor(state, reflexes, queue=queue) as engine:
        threads = [threading.Thread(target=change, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        start.wait(PATIENCE_SECONDS)
        codes = array("i", [engine.type_id("hit")] * BURST)
        for _ in range(events // BURST):
            engine.submit_arrays(codes, array("d", [1.0]) * BURST)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert engine.wait_idle(PATIENCE_SECONDS)
    assert all(one == other for one, other in seen), "half of a reflex was seen"
    one_hit = (transactions - state["energy"]) / events
    assert state["energy"] == state["mood"] and one_hit == expected_hit(backend), one_hit
    print(transactions, events)


def expected_hit(backend):
    """Return how much one event takes when it runs alone."""
    state = ThreadSafeSelfState({"energy": Field(0.0)})
    with AsyncEventProcessor(state, [Reflex("hit", 1.0, {"energy": -1.0})]) as engine:
        engine.submit_arrays(array("i", [engine.type_id("hit")]), array("d", [1.0]))
        assert engine.wait_idle(PATIENCE_SECONDS)
    return -state["energy"]


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
