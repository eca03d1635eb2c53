"""Repeat one scene and print how many Python objects, C bytes and references to a payload it gained.

Arguments: the twin, the scene. C memory is what malloc has in use, as glibc counts it.
"""

import ctypes
import gc
import sys
from array import array
from importlib import import_module
from typing import ClassVar

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
ROUNDS, REPEATED, WARM = 5, 2_000, 2
PAYLOAD = object()
KEPT = []
libc = ctypes.CDLL(None)


COUNT = ctypes.c_size_t if hasattr(libc, "mallinfo2") else ctypes.c_int  # glibc before 2.33 has mallinfo, with ints
NAMES = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"]


class MallInfo(ctypes.Structure):
    _fields_: ClassVar = [(name, COUNT) for name in NAMES]


mallinfo = libc.mallinfo2 if hasattr(libc, "mallinfo2") else libc.mallinfo
mallinfo.restype = MallInfo


def refused(error, call, *arguments):
    try:
        call(*arguments)
    except error:
        return
    raise AssertionError(f"{call} took {arguments}")


class Owner:
    """An object for reference cycles."""


def cells_of(count=8):
    return core.StateCells([1.0] * count, [0.0] * count, [9.0] * count, [False] * count)


def parts(**changes):
    made = {
        "fields": 8,
        "rows": [(1.0, [(0, 1.0), (1, -1.0)], [(0, 1)])] * 9,
        "sensitizers": [([(0, 0, 5.0), (1, 1, 0.0)], 1.5)] * 9,
        "dampers": [([(2, 2, 5.0)], 0.5)] * 9,
        "decisions": [([(-1, 0, 0.5)], 0), ([], 1)],
        "patterns": [(True, 1.0, []), (False, 0.5, [(3, 1.0)])],
    }
    return {**made, **changes}


HEAP, LOCK, CELLS = core.EventHeap(64), core.RWLock(), cells_of()
TABLE, HISTOGRAM = core.ReflexTable(**parts()), core.Histogram()


def heap_made_and_dropped():
    core.EventHeap(1_000_000)


def heap_dropped_full():
    heap = core.EventHeap(200)
    heap.offer_many([(number, 0, 0, PAYLOAD) for number in range(200)], 0)


def heap_in_a_cycle():
    heap, owner = core.EventHeap(2), Owner()
    owner.heap = heap
    heap.offer(0, 0, 0, owner, 0)


def heap_offers_and_pops():
    for number in range(8):
        HEAP.offer(number, 0, number, PAYLOAD, 0)
    HEAP.pop(), HEAP.finish(0), HEAP.pop_above(9, 1), HEAP.pop_above(0)
    HEAP.counts(), HEAP.depths(), HEAP.check()
    HEAP.drain(100, 3)


def heap_sheds():
    for number in range(80):
        HEAP.offer(number, 3, number, PAYLOAD, 1)
        HEAP.offer(number, 0, number, PAYLOAD, 2)
    HEAP.drain(100, 3)


def heap_batches():
    HEAP.offer_many([(number, number % 4, 0, PAYLOAD) for number in range(100)], 2)
    HEAP.drain(100, 3)


def heap_refusals():
    refused(ValueError, core.EventHeap, 0)
    refused(TypeError, HEAP.offer, "1", 0, 0, PAYLOAD, 0)
    refused(IndexError, HEAP.offer, 1, 99, 0, PAYLOAD, 0)
    refused(OverflowError, HEAP.offer, 2**63, 0, 0, PAYLOAD, 0)
    refused(IndexError, HEAP.offer_many, [(0, 0, 0, PAYLOAD)] * 50 + [(0, 99, 0, PAYLOAD)], 0)
    refused(ValueError, HEAP.offer_many, [(0, 0, 0, PAYLOAD), (0, 0)], 0)
    refused(ValueError, HEAP.finish, 0)
    refused(IndexError, HEAP.drain, 1, 99)


def lock_used():
    core.RWLock()
    LOCK.acquire_read(), LOCK.release_read(), LOCK.acquire_write(5), LOCK.release_write()


def lock_refusals():
    LOCK.acquire_read()
    refused(RuntimeError, LOCK.acquire_write)
    LOCK.release_read()
    refused(RuntimeError, LOCK.release_read)
    refused(TypeError, LOCK.acquire_read, "1")


def cells_used():
    cells_of(500)
    CELLS.write(0, 2.5), CELLS.add([0, 1] * 40, [0.5, -0.5] * 40), CELLS.read(1), CELLS.read_all(), CELLS.counts()


def cells_refusals():
    refused(ValueError, core.StateCells, [1.0], [0.0], [9.0], [])
    refused(ValueError, core.StateCells, [1.0] * 500 + [99.0], [0.0] * 501, [9.0] * 501, [False] * 501)
    refused(IndexError, CELLS.read, 99)
    refused(ValueError, CELLS.write, 0, 99.5)
    refused(IndexError, CELLS.add, [0] * 40 + [99], [0.5] * 41)
    refused(ValueError, CELLS.add, [0] * 41, [0.5] * 40 + [float("nan")])


def table_used():
    core.ReflexTable(**parts())
    TABLE.respond(CELLS, 0, 0.25), TABLE.respond(CELLS, 1, -1.0, 0.5, 0.5)


def table_refusals():
    for name in ("rows", "sensitizers", "dampers", "decisions", "patterns"):
        refused((TypeError, ValueError), core.ReflexTable, *parts(**{name: parts()[name] + [None]}).values())
    refused(IndexError, core.ReflexTable, *parts(decisions=[([], 7)]).values())
    refused(IndexError, TABLE.respond, CELLS, 99, 1.0)
    refused(TypeError, TABLE.respond, CELLS, 0, "1")
    refused(TypeError, TABLE.respond, None, 0, 1.0)


def histogram_used():
    core.Histogram()
    HISTOGRAM.record(12_345), HISTOGRAM.percentile(99.0), HISTOGRAM.buckets(), HISTOGRAM.total
    refused(TypeError, HISTOGRAM.percentile, "1")


def worker(results=64):
    """A heap, its type table and a reactor over both: it processes type_id 0, and type_id 1 needs Python."""
    heap, type_table = core.EventHeap(64), core.TypeTable()
    for needs_python in (False, True):
        type_table.set_reflex(type_table.add(str(needs_python), 0, 5), 0, needs_python)
    accounts = [core.Account(), core.Account()]
    return heap, type_table, core.Reactor(heap, type_table, TABLE, CELLS, accounts, results, True)


EVENTS, KINDS, REACTOR = worker()
FULL_RING, _, SMALL = worker(results=2)
TYPES, STRENGTHS = array("i", [0, 1] * 20), array("d", [0.5] * 40)
SUBMITTER = core.Submitter(EVENTS, KINDS)


def fill(heap, type_id=0, count=40):
    for number in range(count):
        heap.offer(number, 0, 0, PAYLOAD, 0, type_id, 0.5)


def reactor_made_and_dropped():
    heap, _, reactor = worker()
    fill(heap)
    reactor.run_pending(20)


def reactor_processes():
    fill(EVENTS)
    REACTOR.run_pending(99)
    REACTOR.take(7), REACTOR.take(None), REACTOR.counts()


def reactor_overwrites():
    fill(FULL_RING)
    SMALL.run_pending(99)
    SMALL.put(PAYLOAD, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, False)


def reactor_in_a_cycle():
    heap, _, reactor = worker()
    owner = Owner()
    owner.reactor = reactor
    fill(heap, count=2), heap.offer(0, 0, 0, owner, 0, 0, 0.5)
    reactor.run_pending(2)


def tasks():
    fill(EVENTS, type_id=1, count=3)
    for _ in range(3):
        task = REACTOR.run_pending(9)[1]
        REACTOR.put(task[0], 0, 0, 1, 0, 0.5, 0, 0, 0, 0, 0, True)
    REACTOR.take(None)


def stages():
    heap, _, reactor = worker()
    reactor.set_helpers(PAYLOAD, None, None, lambda *given: given, None)
    reactor.set_stages(1, lambda *given: given, lambda *given: 1 // 0, None, False)
    fill(heap, type_id=1, count=3)
    reactor.run_pending(9), reactor.take(2)


def numbers():
    EVENTS.offer_numbers(KINDS, TYPES, STRENGTHS, STRENGTHS, 5, 1)
    SUBMITTER.submit(0, 0.5)
    EVENTS.offer_many([(0, 0, 0, PAYLOAD)] * 40, 1, [(0, 0.5)] * 40)
    EVENTS.drain(100, 3)
    refused(ValueError, EVENTS.offer_numbers, KINDS, TYPES, TYPES, None, 5, 1)
    refused(ValueError, EVENTS.offer_numbers, KINDS, TYPES, STRENGTHS, STRENGTHS[:1], 5, 1)
    refused(TypeError, EVENTS.offer_numbers, KINDS, TYPES, None, None, 5, 1)


def buffers():
    fill(EVENTS)
    REACTOR.run_pending(99)
    view = memoryview(REACTOR.take_buffer(5))
    view.tobytes(), REACTOR.take_buffer(None), REACTOR.take_buffer(None)


def worker_refusals():
    refused(ValueError, core.Reactor, EVENTS, KINDS, TABLE, CELLS, [core.Account()], 5, True)
    refused(ValueError, core.Reactor, core.EventHeap(1), KINDS, TABLE, CELLS, [], 5, True)
    refused(TypeError, core.Reactor, core.EventHeap(1), None, TABLE, CELLS, [core.Account()], 5, True)
    refused(ValueError, REACTOR.put, PAYLOAD, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, True)
    refused(IndexError, REACTOR.put, PAYLOAD, 0, 0, 0, 99, 0.0, 0, 0, 0, 0, 0, False)
    refused(TypeError, REACTOR.run_pending, None)
    refused(IndexError, KINDS.set_reflex, 9, 0, True)
    refused(ValueError, SUBMITTER.submit, 9, 0.5)


def planted_object():
    KEPT.append([])


def planted_block():
    libc.malloc(64)


def planted_reference():
    KEPT.append(PAYLOAD)


def measured():
    gc.collect()
    return sys.getallocatedblocks(), mallinfo().uordblks + mallinfo().hblkhd, sys.getrefcount(PAYLOAD)


def main():
    scene = globals()[sys.argv[2]]
    before = None
    for finished in range(WARM + ROUNDS):
        if finished == WARM:
            before = measured()
        for _ in range(REPEATED):
            scene()
    print(*(after - start for after, start in zip(measured(), before, strict=True)))


main()
