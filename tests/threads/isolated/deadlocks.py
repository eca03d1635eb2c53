"""Threads that take several locks each; print how often they held them all, and how often a deadlock was raised.

Arguments: the twin, the scene. In any order circles must be found, or it hangs; by rank there are none to find.
"""

import random
import sys
import threading
from contextlib import ExitStack

from lifeevt import DeadlockError
from lifeevt.locks import FairLock, InstrumentedLock, ReadWriteLock

BACKEND, SCENE = sys.argv[1:3]
EACH, THREADS, PATIENCE = 80, 8, 90.0
shared = [ReadWriteLock(f"shared {number}") for number in range(3)]
mine = InstrumentedLock(threading.Lock(), "mine")
fair = FairLock("fair")
ENTRIES = [*[lock.read for lock in shared], *[lock.write for lock in shared], lambda: mine, lambda: fair.acquire("us")]
OF_LOCK = [0, 1, 2, 0, 1, 2, 3, 4]  # which lock an entry is of


def chosen(random_one):
    """Three entries into three locks."""
    entries = random_one.sample(range(len(ENTRIES)), 5)
    first_of_lock = list({OF_LOCK[entry]: entry for entry in entries}.values())[:3]
    return sorted(first_of_lock, key=OF_LOCK.__getitem__) if SCENE == "by_rank" else first_of_lock


def work(number, taken, deadlocks):
    random_one = random.Random(number)
    while len(taken) < THREADS * EACH:
        entries = chosen(random_one)
        try:
            with ExitStack() as stack:
                for entry in entries:
                    stack.enter_context(ENTRIES[entry]())
                    if random_one.random() < 0.2:
                        threading.Event().wait(0.0001)
                taken.append(number)
        except DeadlockError as error:
            assert len(error.cycle) >= 2 and len(error.stacks) >= 1, error
            deadlocks.append(error)


def main():
    sys.setswitchinterval(1e-5)
    taken, deadlocks, errors = [], [], []

    def run(number):
        try:
            work(number, taken, deadlocks)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert errors or not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    assert all(not lock.holders() for lock in [*shared, mine, fair])
    print(len(taken), len(deadlocks))


main()
