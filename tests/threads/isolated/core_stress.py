"""Threads on one object of a twin; print how many operations there were. Arguments: the twin, the scene."""

import sys
import threading
from importlib import import_module

from barrier import PATIENCE, together

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
core = import_module(MODULES[sys.argv[1]])
PRODUCERS, CONSUMERS, EACH = 4, 3, 3_000
REJECT, DROP_OLDEST, DROP_LOWEST = 0, 1, 2


def balanced(heap):
    accepted, _, queued, running, ends, high_water = heap.counts()
    assert accepted == queued + running + sum(ends), heap.counts()
    assert queued <= high_water <= heap.capacity


def heap_producers_and_consumers():
    heap, done = core.EventHeap(PRODUCERS * EACH), threading.Semaphore(0)
    taken = [[] for _ in range(CONSUMERS)]

    def produce(number):
        for item in range(EACH):
            heap.offer(item % 7, item % 4, 0, (number, item), REJECT)
        for _ in range(CONSUMERS):
            done.release()

    def consume(mine):
        while True:
            finished = done.acquire(blocking=False) and not done.release() and done._value >= PRODUCERS * CONSUMERS
            entry = heap.pop()
            if entry is not None:
                mine.append(entry)
                heap.finish(0)
            elif finished:
                return

    together(
        *[lambda number=number: produce(number) for number in range(PRODUCERS)],
        *[lambda mine=mine: consume(mine) for mine in taken],
    )
    found = [entry[0] for mine in taken for entry in mine]
    assert sorted(found) == [(number, item) for number in range(PRODUCERS) for item in range(EACH)]
    assert sorted(entry[4] for mine in taken for entry in mine) == list(range(PRODUCERS * EACH))
    assert heap.counts()[:4] == (PRODUCERS * EACH, 0, 0, 0) and heap.counts()[4][0] == PRODUCERS * EACH
    heap.check()
    return 3 * PRODUCERS * EACH


def heap_sheds_under_pressure():
    heap, shed, taken = core.EventHeap(16), [[] for _ in range(PRODUCERS)], []
    refused = [0] * PRODUCERS

    def produce(number):
        for item in range(EACH):
            verdict = heap.offer(item % 5, item % 4, 0, (number, item), DROP_OLDEST if item % 2 else DROP_LOWEST)
            if isinstance(verdict, tuple):
                assert verdict[2] >= item % 4, "a more important event was shed"
                shed[number].append(verdict[0])
            else:
                refused[number] += verdict.name == "REFUSED"

    def consume():
        for _ in range(EACH):
            taken.extend(entry[0] for entry in heap.drain(2, 3))
            balanced(heap)

    together(*[lambda number=number: produce(number) for number in range(PRODUCERS)], consume, consume, consume)
    taken.extend(entry[0] for entry in heap.drain(16, 3))
    ended = taken + [payload for mine in shed for payload in mine]
    assert len(ended) == len(set(ended)) == PRODUCERS * EACH - sum(refused) == heap.counts()[0]
    heap.check()
    return (PRODUCERS + 2 * CONSUMERS) * EACH


def heap_batches_stay_together():
    heap, size, batches = core.EventHeap(10**6), 5, 1_200

    def produce(number):
        for batch in range(batches):
            heap.offer_many([(0, 0, 0, (number, batch, item)) for item in range(size)], REJECT)

    together(*[lambda number=number: produce(number) for number in range(PRODUCERS)])
    order = [entry[0] for entry in heap.drain(10**6, 0)]
    assert len(order) == PRODUCERS * batches * size
    for first in range(0, len(order), size):
        assert order[first : first + size] == [(*order[first][:2], item) for item in range(size)], "a batch was split"
    return PRODUCERS * batches * size


def heap_counts_balance_at_every_instant():
    heap, stop = core.EventHeap(64), threading.Event()

    def work():
        for item in range(EACH):
            heap.offer(item, item % 4, 0, None, DROP_OLDEST)
            if heap.pop() is not None:
                heap.finish(item % 16)

    def watch():
        while not stop.is_set():
            balanced(heap)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        together(work, work, work, work)
    finally:
        stop.set()
        watcher.join(PATIENCE)
    balanced(heap)
    return 2 * PRODUCERS * EACH


def cells_sum_exactly():
    cells, each = core.StateCells([0.0, 0.0], [-1e9] * 2, [1e9] * 2, [False, True]), 5_000

    def add():
        for _ in range(each):
            cells.add([0, 1], [0.5, 1.0])

    together(add, add, add, add)
    assert cells.read_all() == (4 * each, (2.0 * each, 4.0 * each))
    assert cells.counts()[1] == 4 * each
    return 4 * each


def cells_never_tear(cells=None):
    cells, each = cells or core.StateCells([500.0, 500.0], [-1e9] * 2, [1e9] * 2, [False] * 2), 5_000

    def move(amount):
        for _ in range(each):
            cells.add([0, 1], [amount, -amount])

    def watch():
        last = 0
        for _ in range(each):
            version, (left, right) = cells.read_all()
            assert left + right == 1000.0, "planted race: a torn state" if sys.argv[2].startswith("planted") else "torn"
            assert version >= last, "the version went back"
            last = version

    together(lambda: move(1.0), lambda: move(-3.0), watch, watch)
    return 4 * each


def cells_versions_are_unique():
    cells, each, seen = core.StateCells([0.0], [0.0], [1.0], [False]), 5_000, [[] for _ in range(4)]

    def write(mine):
        for item in range(each):
            mine.append(cells.write(0, item % 2) if item % 3 else cells.add([0], [1.0]))

    together(*[lambda mine=mine: write(mine) for mine in seen])
    assert sorted(version for mine in seen for version in mine) == list(range(1, 4 * each + 1))
    assert all(mine == sorted(mine) for mine in seen)
    return 4 * each


def lock_excludes():
    lock, each = core.RWLock(), 2_500
    readers, writers = [], []  # threads inside; appending is atomic
    most = []

    def read():
        for _ in range(each):
            lock.acquire_read()
            readers.append(1)
            assert not writers, "a reader beside a writer"
            most.append(len(readers))
            readers.pop()
            lock.release_read()

    def write():
        for _ in range(each):
            lock.acquire_write()
            writers.append(1)
            assert len(writers) == 1 and not readers, "a writer is not alone"
            writers.pop()
            lock.release_write()

    together(read, read, read, write, write)
    assert max(most) >= 1
    return 2 * 5 * each


def lock_lets_every_writer_in():
    """Readers come without a pause and overlap; a writer that starves would never end."""
    lock, stop, count = core.RWLock(), threading.Event(), [0]

    def read():
        while not stop.is_set():
            lock.acquire_read()
            count[0] += 1
            lock.release_read()

    def write():
        for _ in range(300):
            lock.acquire_write()
            lock.release_write()
        while count[0] < 25_000:
            lock.acquire_write(), lock.release_write()
        stop.set()

    together(read, read, read, write)
    return count[0]


def reflexes_sum_exactly():
    table = core.ReflexTable(2, [(1.0, [(0, 1.0), (1, -1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    cells, each = core.StateCells([0.0, 0.0], [-1e9] * 2, [1e9] * 2, [False] * 2), 5_000
    versions = [[] for _ in range(4)]

    def respond(mine):
        for _ in range(each):
            *_, before, after = table.respond(cells, 0, 1.0)
            assert after == before + 1
            mine.append(after)

    together(*[lambda mine=mine: respond(mine) for mine in versions])
    assert sorted(version for mine in versions for version in mine) == list(range(1, 4 * each + 1))
    assert cells.read_all() == (4 * each, (4.0 * each, -4.0 * each))
    return 4 * each


def histogram_counts_exactly():
    histogram, each = core.Histogram(), 6_000

    def record(number):
        for item in range(each):
            histogram.record(number * each + item)
            if item % 1000 == 0:
                histogram.percentile(99.0)

    together(*[lambda number=number: record(number) for number in range(4)])
    count = 4 * each
    assert (histogram.count, histogram.total) == (count, count * (count - 1) // 2)
    assert (histogram.minimum, histogram.maximum) == (0, count - 1)
    assert sum(number for _, number in histogram.buckets()) == count
    return count


class Unlocked:
    """A state without a lock: the scenes above must detect its faults."""

    def __init__(self):
        self.values, self.version = [500.0, 500.0], 0

    def add(self, indices, deltas):
        for index, delta in zip(indices, deltas, strict=True):
            self.values[index] = pause(self.values[index]) + delta
        self.version += 1

    def read_all(self):
        return self.version, (pause(self.values[0]), self.values[1])


def pause(value):
    """Be slow enough for another thread to come between."""
    for _ in range(50):
        value = value + 0.0
    return value


def planted_tear():
    return cells_never_tear(Unlocked())


def planted_loss():
    cells, each = Unlocked(), 5_000

    def add():
        for _ in range(each):
            cells.add([0], [1.0])

    together(add, add, add, add)
    assert cells.values[0] == 500.0 + 4 * each, "planted race: an update was lost"
    return 4 * each


sys.setswitchinterval(1e-5)  # many more places where threads change
print(globals()[sys.argv[2]]())
