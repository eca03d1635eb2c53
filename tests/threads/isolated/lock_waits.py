"""Run the interpreter while a thread waits for the lock. A process of its own: it may freeze.

Arguments: the twin, the scene.
"""

import signal
import sys
import threading
from importlib import import_module

MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
STEPS = 200_000


def waits(lock, acquire, release):
    """Print what happened: the main thread computes while the other waits, then lets it in."""
    asked, entered = threading.Event(), threading.Event()

    def enter():
        asked.set()
        acquire()
        entered.set()
        release()

    lock.acquire_write()
    thread = threading.Thread(target=enter)
    thread.start()
    asked.wait()
    steps = sum(1 for _ in range(STEPS))
    assert steps == STEPS and not entered.is_set()
    print("ran")
    lock.release_write()
    thread.join()
    print("entered" if entered.is_set() else "kept out")


def interrupted(lock, acquire):
    """Print whether Ctrl-C ends a wait of the main thread and leaves the lock as it was."""
    held, done = threading.Event(), threading.Event()

    def hold():
        lock.acquire_write()
        held.set()
        done.wait()
        lock.release_write()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        acquire()
    except KeyboardInterrupt:
        print("interrupted")
    done.set()
    holder.join()
    lock.acquire_write(0)
    lock.release_write()
    print("usable")


def exits(lock, acquire):
    """Leave the interpreter while a daemon thread waits for the lock."""
    lock.acquire_write()
    asked = threading.Event()
    threading.Thread(target=lambda: (asked.set(), acquire()), daemon=True).start()
    asked.wait()
    print("leaving")


def main():
    lock = import_module(MODULES[sys.argv[1]]).RWLock()
    party, what = sys.argv[2].split("_")
    mode = "read" if party == "reader" else "write"
    acquire, release = getattr(lock, f"acquire_{mode}"), getattr(lock, f"release_{mode}")
    if what == "waits":
        waits(lock, acquire, release)
    elif what == "exits":
        exits(lock, acquire)
    else:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        interrupted(lock, acquire)


main()
