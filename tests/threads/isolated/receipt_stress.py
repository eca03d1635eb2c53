"""Threads that track, change and cancel the same events beside the worker; print how many ended. Argument: the twin."""

import random
import threading

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, Priority, Status, ThreadSafeSelfState

PRODUCERS, EACH, PATIENCE = 4, 2_500, 90.0
SEEN = []


def handle(event, state):
    SEEN.append((event.metadata["key"], event.metadata["#"]))


def produce(engine, name, receipts):
    dice = random.Random(name)
    for number in range(EACH):
        key = (name, dice.randrange(5)) if dice.random() < 0.5 else None
        priority = dice.choice(list(Priority))
        event = Event("joy", 0.5, 0.0, {"key": key, "#": number}, urgency=dice.random(), priority=priority)
        receipts.append(engine.submit_tracked(event, key=key, delay=dice.choice([None, None, None, 0.001])))
        if dice.random() < 0.3:
            other = dice.choice(receipts)
            dice.choice([other.cancel, lambda other=other: other.boost(Priority.CRITICAL, 0.0)])()


def main():
    queue = AsyncEventQueue(PRODUCERS * EACH)
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": handle}, queue)
    receipts = [[] for _ in range(PRODUCERS)]
    threads = [
        threading.Thread(target=produce, args=(engine, name, receipts[name]), daemon=True) for name in range(PRODUCERS)
    ]
    with engine:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread hangs"
        results = [receipt.result(PATIENCE) for each in receipts for receipt in each]
    ledger = engine.ledger()
    assert ledger.balanced and ledger.accepted == len(results) == PRODUCERS * EACH, ledger
    assert sum(result.status is Status.PROCESSED for result in results) == len(SEEN) == ledger.ends[Status.PROCESSED]
    assert sum(result.status is Status.CANCELLED for result in results) == ledger.ends[Status.CANCELLED]
    print(len(results))


main()
