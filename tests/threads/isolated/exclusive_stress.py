"""Exclusive access, writes, readers and a whole engine's reflexes on one wrapped object; print the count of operations.

Arguments: the twin, the scene. `planted` publishes over what reflexes wrote: a canary that must be seen.
"""

import os
import signal
import sys
import threading

from barrier import PATIENCE, together

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, Reflex, ThreadSafeSelfState

BACKEND, SCENE = sys.argv[1:]
BLOCKS, WRITES, EVENTS, READS, INTERRUPTS = 3_000, 2_000, 12_000, 20_000, 300


class Being:
    """Two numbers that are changed together, and one that only exclusive blocks change."""

    def __init__(self):
        self.left = self.right = 0.0
        self.blocks = 0
        self.log = []


class Overwriting:
    """Cells that overwrite concurrent changes instead of adding them up."""

    def __init__(self, cells):
        self._cells = cells

    def __getattr__(self, name):
        return getattr(self._cells, name)

    def absorb(self, since, *rest):
        return self._cells.absorb(2**62, *rest)


def wrapped():
    state = ThreadSafeSelfState.wrap(Being())
    if SCENE == "planted":
        state._wrapped.cells = Overwriting(state.cells)
    return state


def everything():
    """Each change adds 1 to both numbers: no snapshot may see them differ, and none may be lost."""
    state = wrapped()
    queue = AsyncEventQueue(EVENTS)
    engine = AsyncEventProcessor(state, [Reflex("hit", 1.0, {"left": 1.0, "right": 1.0})], None, queue)
    seen = []

    def work():
        for number in range(BLOCKS):
            with state.exclusive("blocks") as live:
                live.left += 1.0
                live.blocks += 1
                if number % 100 == 0:
                    live.log.append(number)
                    if SCENE == "planted":  # a reflex in the middle of a block, on either backend
                        engine.submit(Event("hit", 1.0))
                        assert engine.wait_idle(PATIENCE)
                live.right += 1.0

    def write():
        for _ in range(WRITES):
            state.apply_delta({"left": 1.0, "right": 1.0})

    def transact():
        for _ in range(WRITES // 10):
            state.transact(lambda t: t.apply_delta({"left": 1.0, "right": 1.0}), retries=10_000)

    def submit():
        for _ in range(EVENTS):
            engine.submit(Event("hit", 1.0))

    def read():
        version = 0
        for _ in range(READS):
            snapshot = state.snapshot()
            assert snapshot["left"] == snapshot["right"], "a snapshot is torn"
            assert snapshot.version >= version, "a version went back"
            version = snapshot.version
        seen.append(version)

    with engine:
        together(work, work, write, transact, submit, read, read)
        assert engine.wait_idle(PATIENCE)
    with state.exclusive() as live:
        expected = 2.0 * BLOCKS + WRITES + WRITES // 10 + EVENTS + (SCENE == "planted") * 2 * BLOCKS // 100
        assert live.left == live.right == state["left"], "object and state differ"
        assert state["left"] == expected, f"{expected - state['left']} changes were lost"
        assert state["blocks"] == 2 * BLOCKS and len(state["log"]) == 2 * BLOCKS // 100
    return 2 * BLOCKS + WRITES + EVENTS + 2 * READS


planted = everything


def interrupts():
    """Ctrl-C comes at any instant while the main thread works on the object: none leaves it taken."""
    state, stop, armed, blocks = wrapped(), threading.Event(), False, 0

    def interrupt():
        while not stop.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            stop.wait(0.0002)

    def handler(*_):
        nonlocal armed
        if armed:  # once, so that the check itself is not interrupted
            armed = False
            raise KeyboardInterrupt

    def work():
        nonlocal armed, blocks
        while True:
            armed = True
            with state.exclusive("main") as live:
                live.left += 1.0
                blocks += 1

    def others_write():
        other = threading.Thread(target=lambda: state.apply_delta({"right": 1.0}), daemon=True)
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive(), "the object was left taken"

    signal.signal(signal.SIGINT, handler)
    interrupting = threading.Thread(target=interrupt, daemon=True)
    interrupting.start()
    for _ in range(INTERRUPTS):
        try:
            work()
        except KeyboardInterrupt:
            others_write()
    stop.set()
    interrupting.join(PATIENCE)
    with state.exclusive() as live:  # which publishes what an interrupt left unpublished
        assert blocks <= live.left <= blocks + INTERRUPTS
    assert live.left == state["left"] and state["right"] == INTERRUPTS
    return blocks


print(globals()[SCENE]())
