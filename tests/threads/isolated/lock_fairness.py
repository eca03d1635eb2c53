"""How long one waits for a lock in a crowd. Arguments: the twin, the scene, how many seconds.

Prints how often somebody entered and the 99th percentile of the waits that the scene is about, in milliseconds.
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


class Crowd:
    """Threads around one lock until the time is over."""

    def __init__(self, seconds):
        self.lock, self.over = core.RWLock(), threading.Event()
        self.seconds, self.entered, self.errors = seconds, [], []

    def stay(self, mode, seconds):
        """Enter, stay, leave; return how long the way in took, in nanoseconds."""
        asked_ns = time.monotonic_ns()
        getattr(self.lock, f"acquire_{mode}")()
        waited_ns = time.monotonic_ns() - asked_ns
        if seconds:
            threading.Event().wait(seconds)  # lets the interpreter go, as a device or a file would
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


def one_among(crowd, one, others, count):
    waits_ns = []

    def ask():
        waits_ns.append(crowd.stay(one, 0))
        threading.Event().wait(STAY_SECONDS)

    crowd.run(ask, *[lambda: crowd.stay(others, STAY_SECONDS)] * count)
    return waits_ns


def writer_among_readers(crowd):
    return one_among(crowd, "write", "read", 8)


def reader_among_writers(crowd):
    return one_among(crowd, "read", "write", 4)


def sixty_four(crowd):
    """Readers, writers, short and long stays, and some that lose their patience."""

    def behave():
        mode = random.choice(("read", "read", "read", "write"))
        try:
            getattr(crowd.lock, f"acquire_{mode}")(random.choice((None, None, 0, 1_000_000)))
        except TimeoutError:
            return
        if random.random() < 0.1:
            threading.Event().wait(STAY_SECONDS)
        getattr(crowd.lock, f"release_{mode}")()
        crowd.entered.append(mode)

    crowd.run(*[behave] * 64)
    return []


def main():
    crowd = Crowd(float(sys.argv[3]))
    waits_ns = globals()[sys.argv[2]](crowd)
    assert set(crowd.entered) == {"read", "write"}, "somebody never got in"
    print(len(crowd.entered), f"{percentile_ms(waits_ns):.3f}")


main()
