"""Threads around one engine; print how many operations there were. Arguments: the twin, the scene."""

import itertools
import re
import struct
import sys
import threading
import time
from array import array

from barrier import PATIENCE, together

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    BatchPolicy,
    EngineStopped,
    Event,
    Field,
    Handler,
    Reflex,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.scheduler import CoDel

BACKEND = sys.argv[1]
PRODUCERS, SINGLE, BATCHES, BATCH = 4, 1_500, 60, 70
PER_PRODUCER = SINGLE + BATCHES * BATCH
EVENTS = PRODUCERS * PER_PRODUCER
RECORD = 352  # bytes; the sequence comes first, the status at 56


def engine_of(handlers=None, capacity=512, results=2 * EVENTS, overflow="drop_oldest", codel=None):
    state = ThreadSafeSelfState({"hits": Field(0.0), "calm": Field(1.0, 0.0, 1.0)})
    queue = AsyncEventQueue(capacity, overflow)
    reflexes = [Reflex("hit", 1.0, {"hits": 1.0})]
    return AsyncEventProcessor(state, reflexes, handlers, queue, codel=codel, result_capacity=results)


class Load:
    """Producers of objects and of arrays, a reader of results and buffers, a watcher of the ledger."""

    def __init__(self, engine, names=("hit", "noise", "joy"), running=40):
        self.engine, self.names, self.running, self.looks = engine, names, running, 0
        self.left, self.lock = PRODUCERS, threading.Lock()
        self.sequences, self.ends = [], dict.fromkeys(Status, 0)
        self.codes = array("i", [engine.type_id(names[place % len(names)]) for place in range(BATCH)])
        self.strengths = array("d", [1.0] * BATCH)

    def produce(self, submit_again=lambda submit: submit()):
        events = [Event(name, 1.0, 0.0) for name in self.names]
        for number in range(max(SINGLE, BATCHES)):
            if number < SINGLE:
                submit_again(lambda number=number: self.engine.submit(events[number % len(events)]))
            if number < BATCHES:
                submit_again(lambda: self.engine.submit_arrays(self.codes, self.strengths))
        with self.lock:
            self.left -= 1

    def read(self):
        while self.left or self.engine.ledger().in_flight:
            self.take(40)
        self.take(None)

    def take(self, limit):
        for result in self.engine.results(limit):
            self.sequences.append(result.sequence)
            self.ends[result.status] += 1
        for place in range(0, len(block := memoryview(self.engine.results_buffer(limit)).tobytes()), RECORD):
            self.sequences.append(struct.unpack_from("=Q", block, place)[0])
            self.ends[Status(struct.unpack_from("=i", block, place + 56)[0])] += 1

    def watch(self):
        while self.left:
            ledger = self.engine.ledger()
            assert ledger.balanced, ledger
            assert ledger.queued <= self.engine.queue.capacity and ledger.running <= self.running
            assert self.engine.statistics().ledger.balanced
            self.looks += 1

    def threads(self, **more):
        return [*[lambda: self.produce(**more)] * PRODUCERS, self.read, self.watch]

    def settle(self):
        """Everything accepted has ended once, and has one result."""
        assert self.engine.wait_idle(PATIENCE)
        self.take(None)
        ledger = self.engine.ledger()
        assert ledger.balanced and ledger.in_flight == 0, ledger
        assert self.engine.statistics().results_overwritten == 0
        assert sorted(self.sequences) == list(range(ledger.accepted)), "a result was lost, doubled or made up"
        assert self.ends == dict(ledger.ends), (self.ends, ledger.ends)
        self.engine.queue.heap.check()
        return ledger


def everything():
    engine = engine_of()
    load = Load(engine)
    with engine:
        together(*load.threads())
        ledger = load.settle()
        assert ledger.accepted + ledger.refused == EVENTS
        assert engine.state["hits"] == engine.state.version == ledger.ends[Status.PROCESSED]
    return EVENTS + load.looks


def handlers_beside_reflexes():
    seen = []
    engine = engine_of({"joy": lambda event, state: seen.append(state["hits"])})
    load = Load(engine)
    with engine:
        together(*load.threads())
        ledger = load.settle()
    assert seen == sorted(seen), "a handler saw an older state than the one before it"
    assert engine.state["hits"] + len(seen) == ledger.ends[Status.PROCESSED]
    assert len(seen) == engine.statistics().gil_wait.count
    return EVENTS + load.looks


def shedding():
    """Events that wait too long are shed, by the worker and with a handler; the others are processed."""
    seen = []
    engine = engine_of({"joy": lambda event, state: seen.append(state["hits"])}, codel=CoDel(1e-6, 2e-6))
    load = Load(engine)
    with engine:
        together(*load.threads())
        ledger = load.settle()
    levels = engine.scheduler.statistics().levels.values()
    assert engine.state["hits"] + len(seen) == ledger.ends[Status.PROCESSED]
    assert sum(level.unprocessed.get(Status.SHED, 0) for level in levels) == ledger.ends[Status.SHED]
    assert sum(level.shed_by_delay for level in levels) > 0
    return EVENTS + load.looks


def restarts(handlers=None, batched=()):
    """The engine stops and starts again all the time; a caller that finds it stopped tries again later."""
    engine = engine_of(handlers, overflow="drop_lowest", capacity=2 * EVENTS)
    load = Load(engine, running=100)
    stops, submits = [0], itertools.count(1)

    def submit_again(submit):
        if next(submits) % 200 == 0:  # or all would be in before the second stop
            pause(stops[0])
        while True:
            try:
                return submit()
            except EngineStopped:
                threading.Event().wait(0.0005)

    def pause(seen):
        while stops[0] == seen:
            threading.Event().wait(0.0005)

    def stop_and_start():
        while load.left:
            engine.stop(drain=bool(stops[0] % 2), timeout=PATIENCE)
            engine.start()
            stops[0] += 1

    engine.start()
    together(*load.threads(submit_again=submit_again), stop_and_start)
    ledger = load.settle()
    assert (ledger.accepted, ledger.refused) == (EVENTS, 0) and stops[0] >= 7, stops
    assert engine.state["hits"] == engine.state.version == ledger.ends[Status.PROCESSED] - sum(batched)
    engine.close()
    return EVENTS + load.looks


def batches():
    """The same, with handlers that are given several events at once."""
    taken = []

    def take(events, *_):
        taken.append(len(events))

    handlers = {"noise": Handler(take, batch=BatchPolicy(5)), "joy": Handler(take, batch=BatchPolicy(50, 0.002))}
    operations = restarts(handlers, taken)
    assert max(taken) > 1, "nothing came together"
    return operations


def waiters():
    """Putters wait for room and others for idleness; each is woken by what the worker does."""
    engine = engine_of(capacity=4, overflow="block")
    event = Event("hit", 1.0, 0.0)
    done = [0] * PRODUCERS

    def put(place):
        for number in range(4_000):
            assert engine.submit(event)
            if number % 100 == 0:
                assert engine.wait_idle(PATIENCE)
            done[place] += 1

    with engine:
        together(*[lambda place=place: put(place) for place in range(PRODUCERS)])
        assert engine.wait_idle(PATIENCE)
        assert engine.state["hits"] == sum(done) == engine.ledger().ends[Status.PROCESSED]
        assert engine.ledger().refused == 0
    return sum(done) + sum(done) // 100 + sum(done)


def while_a_thread_keeps_the_interpreter():
    """Reflexes process events during one call of C that never releases the interpreter."""
    count = 1_000_000
    engine = engine_of(capacity=count, results=1_000)
    codes, strengths = array("i", [engine.type_id("hit")] * count), array("d", [1.0] * count)
    assert engine.submit_arrays(codes, strengths) == count
    engine.start()
    while not engine.state.version:
        threading.Event().wait(0.0005)
    before, begun_ns = engine.state.version, time.monotonic_ns()
    sum(range(40_000_000))
    ended_ns, after = time.monotonic_ns(), engine.state.version
    assert after - before >= 20_000, (before, after)
    if after == count:  # all of it: then the last results lie inside the call
        engine.wait_idle(PATIENCE)
        assert all(begun_ns < result.finished_ns < ended_ns for result in engine.results())
    engine.close()
    return after - before


def planted_loss():
    engine = engine_of()
    load = Load(engine)
    take = engine.results
    engine.results = lambda limit=None: take(limit)[1:]
    with engine:
        together(*load.threads())
        try:
            load.settle()
        except AssertionError as error:
            raise AssertionError(f"planted race: {re.sub(chr(10), ' ', str(error))[:80]}") from None


print({each.__name__: each for each in (
    everything, handlers_beside_reflexes, shedding, restarts, batches, waiters,
    while_a_thread_keeps_the_interpreter,
    planted_loss,
)}[sys.argv[2]]())  # fmt: skip
