"""Fork while an engine's worker runs, or public locks are held; the child works on. Arguments: twin, scene."""

import os
import signal
import sys
import threading
import traceback
import warnings

from lifeevt import (
    AsyncEventProcessor,
    BatchPolicy,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    Handler,
    Priority,
    RuntimeLoop,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.locks import FairLock, InstrumentedLock, ReadWriteLock

BACKEND, PATIENCE = sys.argv[1], 20


def engine():
    """The child's copy has stopped, its ledger balances, and it starts again when asked."""
    state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=1e9)})
    inside, done = threading.Event(), threading.Event()

    def act(event, state):
        inside.set()
        done.wait()
        state.apply_delta({"energy": 1.0})

    made = AsyncEventProcessor(state, reflexes=(), handlers={"slow": act}, switch_interval=1e-4)
    made.start()
    made.submit(Event("slow"))
    made.submit(Event("slow"))
    inside.wait()

    def use(in_child):
        done.set()
        if in_child:
            assert not made.running and made.ledger().balanced and made.ledger().ends[Status.CANCELLED] == 1
            assert sys.getswitchinterval() > 1e-3
            made.start()
        assert made.wait_idle(10.0)
        assert state["energy"] == (101.0 if in_child else 102.0)
        made.close()
        assert made.ledger().balanced

    return use


def engine_in_a_handler():
    """The worker itself forks: in the child it is the only thread, and ends its handler."""
    state = ThreadSafeSelfState({"energy": Field(0.0, low=0.0, high=9.0)})
    codes = []

    def act(event, state):
        child = os.fork()
        if child == 0:
            state.apply_delta({"energy": 1.0})
            os._exit(0 if state["energy"] == 1.0 else 1)
        codes.append(os.waitpid(child, 0)[1])

    with AsyncEventProcessor(state, reflexes=(), handlers={"fork": act}) as made:
        made.submit(Event("fork"))
        assert made.wait_idle(10.0)
    assert codes == [0]
    return lambda in_child: None


def engine_with_batches():
    """Events in a batch are cancelled in the child, and processed in the parent."""
    state = ThreadSafeSelfState({"energy": Field(0.0, low=0.0, high=1e9)})

    def act(events, _, state):
        state.apply_delta({"energy": len(events)})

    handler = Handler(action=act, batch=BatchPolicy(9, 99.0))
    types = EventTypes([EventType("log", Priority.NORMAL, 10**11)])
    made = AsyncEventProcessor(state, (), {"log": handler}, scheduler=EventScheduler(types=types))
    made.start()
    made.submit_many([Event("log")] * 3)
    while made.ledger().running < 3:
        threading.Event().wait(0.001)

    def use(in_child):
        if in_child:
            assert made.ledger().balanced and made.ledger().ends[Status.CANCELLED] == 3
            made.start()
        made.submit(Event("log"))
        assert made.wait_idle(10.0)
        assert state["energy"] == (1.0 if in_child else 4.0)
        made.close()
        assert made.ledger().balanced

    return use


def loop():
    state = ThreadSafeSelfState({"energy": Field(0.0, low=0.0, high=9.0)})
    ticks = threading.Semaphore(0)
    made = RuntimeLoop(state, tick_interval=0.001, on_tick=lambda tick: ticks.release())
    made.start()
    ticks.acquire()

    def use(in_child):
        if not in_child:
            made.stop()
        made.run(ticks=2)

    return use


def public_locks():
    """Held by others, and in this thread: in the child the first are free, the second as they were."""
    done, held = threading.Event(), threading.Semaphore(0)
    theirs = made_locks("theirs")
    ours = made_locks("ours")
    for lock, take in zip(theirs, takers(*theirs), strict=True):
        beside(lambda take=take: hold(take, held, done))
        held.acquire()
        beside(lambda take=take: hold(take, held, done))
        waits = lock.waiting if hasattr(lock, "waiting") else lambda: 1
        while not waits() or waits() == (0, 0):
            threading.Event().wait(0.001)
    entries = [take() for take in takers(*ours)]
    for entry in entries:
        entry.__enter__()

    def use(in_child):
        done.set()
        for entry in entries:
            entry.__exit__(None, None, None)
        for take in [*takers(*theirs), *takers(*ours)]:
            with take():
                pass
        assert all(not lock.holders() for lock in [*ours, *(theirs if in_child else ())])

    return use


def made_locks(name):
    return (
        ReadWriteLock(name), FairLock(name),
        InstrumentedLock(threading.Lock(), name), InstrumentedLock(threading.RLock(), name),
    )  # fmt: skip


def takers(shared, fair, *instrumented):
    return [shared.write, lambda: fair.acquire("fork"), *[lambda lock=lock: lock for lock in instrumented]]


def hold(take, held, done):
    with take():
        held.release()
        done.wait()


def beside(work):
    threading.Thread(target=work, daemon=True).start()


def main():
    scenes = (engine, engine_in_a_handler, engine_with_batches, loop, public_locks)
    use = {each.__name__: each for each in scenes}[sys.argv[2]]()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(PATIENCE)
            use(True)
            print("child", flush=True)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the child failed"
    use(False)
    print("parent")


warnings.simplefilter("ignore", DeprecationWarning)
main()
