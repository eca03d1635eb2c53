"""Objects that the collector ends in the middle of a call of the heap, and that use the heap themselves.

Arguments: the twin, the seconds until a hang is given up. A heap with a lock that
is held while the collector may run would hang.
"""

import faulthandler
import gc
import sys
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
heap = core.EventHeap(100_000)
mourned = []


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        mourned.append(heap.offer(1, 0, 0, "epitaph", 0))


faulthandler.dump_traceback_later(float(sys.argv[2]), exit=True)
for number in range(3_000):
    gc.set_threshold(3 + number % 17)  # the collector runs often, and each time at another moment
    Cycle()
    kept = [[] for _ in range(number % 13)]  # shifts the moment at which it runs
    heap.offer(number % 5, number % 4, 0, [number], 1)
    heap.offer_many([(number % 5, 0, 0, [number])] * 2, 0)
    heap.depths(), heap.counts()
    if heap.pop() is not None:
        heap.finish(0)
gc.collect()
accepted, _, queued, running, ends, _ = heap.counts()
assert len(mourned) == 3_000
assert accepted == 12_000 == queued + running + sum(ends)
heap.check()
print("balanced")
