"""An engine with nothing to do, and how often the kernel switched to its worker meanwhile. Argument: the twin.

Prints the voluntary and involuntary switches of the worker's thread over a short wait.
"""

import sys
import threading

from lifeevt import AsyncEventProcessor, Event, ThreadSafeSelfState

SECONDS = 0.2


def switches(thread):
    with open(f"/proc/self/task/{thread}/status") as lines:
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def main():
    engine = AsyncEventProcessor(ThreadSafeSelfState.life())
    with engine:
        if sys.argv[2:] == ["after"]:
            engine.submit_many([Event("shock", 0.5)] * 100)
            assert engine.wait_idle(30.0)
        if sys.argv[2:] == ["timed"]:  # something to come, something paused, and something that has come
            engine.submit_tracked(Event("idle", 0.1), delay=3600.0)
            engine.submit_every(Event("idle", 0.1), 3600.0)
            engine.submit_tracked(Event("idle", 0.1), delay=0.001).result(30.0)
            engine.pause(type="noise")
            engine.submit(Event("noise", 0.1))
        worker = next(each for each in threading.enumerate() if each.name == "lifeevt-worker").native_id
        asleep(worker)
        before = switches(worker)
        threading.Event().wait(SECONDS)
        print(switches(worker) - before)
        engine.stop(drain=False)


def asleep(worker):
    """Wait until it has found nothing to do: the last of its switches is behind it."""
    seen = -1
    while seen != switches(worker):
        seen = switches(worker)
        threading.Event().wait(0.05)


main()
