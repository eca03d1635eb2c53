"""Measure the waits for one contended lock. Arguments: the twin, the scene, how many seconds.

Prints the number of entries and the 99th percentile of the waits that the scene measures, in milliseconds.
"""

import random
import sys
import threading
import time
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
PATIENCE = 60.0
STAY_SECONDS = 0.0002


class Contention:
    """Threads around one lock until the time is over."""

    def __init__(self, seconds):
        self.lock, self.over = core.RWLock(), threading.Event()
        self.seconds, self.entered, self.errors = seconds, [], []

    def stay(self, mode, seconds):
        """Take the lock, hold it, release it; return the wait in nanoseconds."""
        asked_ns = time.monotonic_ns()
        getattr(self.lock, f"acquire_{mode}")()
        waited_ns = time.monotonic_ns() - asked_ns
        if seconds:
            threading.Event().wait(seconds)  # releases the interpreter, as input and output do
        getattr(self.lock, f"release_{mode}")()
        self.entered.append(mode)
        return waited_ns

    def run(self, *behaviours):
        threads = [threading.Thread(target=self._repeat, args=(each,), daemon=True) for each in behaviours]
        for thread in threads:
            thread.start()
        threading.Event().wait(self.seconds)
        self.over.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread hangs"
        if self.errors:
            raise self.errors[0]
        assert self.lock.holders() == {} and self.lock.waiting() == (0, 0)

    def _repeat(self, behaviour):
        try:
            while not self.over.is_set():
                behaviour()
        except BaseException as error:
            self.errors.append(error)


def percentile_ms(waits_ns):
    return sorted(waits_ns)[int(0.99 * (len(waits_ns) - 1))] / 1e6 if waits_ns else 0.0


def one_among(contention, one, others, count):
    waits_ns = []

    def ask():
        waits_ns.append(contention.stay(one, 0))
        threading.Event().wait(STAY_SECONDS)

    contention.run(ask, *[lambda: contention.stay(others, STAY_SECONDS)] * count)
    return waits_ns


def writer_among_readers(contention):
    return one_among(contention, "write", "read", 8)


def reader_among_writers(contention):
    return one_among(contention, "read", "write", 4)


def sixty_four(contention):
    """Readers and writers, short and long holds, and some with a timeout."""

    def behave():
        mode = random.choice(("read", "read", "read", "write"))
        try:
            getattr(contention.lock, f"acquire_{mode}")(random.choice((None, None, 0, 1_000_000)))
        except TimeoutError:
            return
        if random.random() < 0.1:
            threading.Event().wait(STAY_SECONDS)
        getattr(contention.lock, f"release_{mode}")()
        contention.entered.append(mode)

    contention.run(*[behave] * 64)
    return []


def main():
    contention = Contention(float(sys.argv[3]))
    waits_ns = globals()[sys.argv[2]](contention)
    assert set(contention.entered) == {"read", "write"}, "readers or writers never entered"
    print(len(contention.entered), f"{percentile_ms(waits_ns):.3f}")


main()
