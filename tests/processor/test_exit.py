"""The end of the process: an engine that was not closed delays it for a bounded time."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from actors import PATIENCE

import lifeevt
from lifeevt import AsyncEventProcessor, ThreadSafeSelfState

HOME = str(Path(lifeevt.__file__).parent.parent)
PREAMBLE = """
import signal, sys, threading
from lifeevt import AsyncEventProcessor, Event, ThreadSafeSelfState
def engine_of(handlers=None):
    return AsyncEventProcessor(ThreadSafeSelfState.life(), handlers=handlers)
engine = None
"""


def process(code: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PREAMBLE + code],
        env={**os.environ, "PYTHONPATH": path}, cwd=Path(__file__).parent,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ending(code: str) -> tuple[int, str, str]:
    with process(code) as run:
        try:
            out, err = run.communicate(timeout=PATIENCE)
        finally:
            run.kill()
    return run.returncode, out, err


@pytest.mark.parametrize("ends", ["", "sys.exit(0)", "del engine"])
def test_a_process_that_forgets_to_close_ends_cleanly(ends: str) -> None:
    code = f"engine = engine_of(); engine.start(); engine.submit(Event('shock', 0.5)); {ends}"
    assert ending(code) == (0, "", "")


@pytest.mark.parametrize(
    "busy",
    [
        "",  # asleep, with unread results
        "codes = array('i', [engine.type_id('shock')]) * 200_000; strengths = array('d', [0.5]) * 200_000\n"
        "engine.submit_arrays(codes, strengths)",  # in the midst of it
        "engine.submit_many([Event('joy', 0.5)] * 1000)",  # on its way to the interpreter, again and again
        "hold = engine.queue, engine.results_buffer(), engine.type_id('shock'); engine.submit(Event('shock', 0.5))",
    ],
)
def test_a_process_ends_in_every_phase_of_its_worker(busy: str) -> None:
    code = (
        "from array import array; from lifeevt import AsyncEventQueue\n"
        "engine = AsyncEventProcessor(ThreadSafeSelfState.life(), handlers={'joy': lambda *_: None},\n"
        "    queue=AsyncEventQueue(300_000))\n"
        f"engine.start(); engine.submit(Event('shock', 0.5)); engine.wait_idle()\n{busy}\n"
    )
    assert ending(code) == (0, "", "")


def test_a_process_ends_although_a_handler_does_not() -> None:
    code = (
        "inside = threading.Event()\n"
        "def stuck(*_): inside.set(); threading.Event().wait()\n"
        "engine = engine_of({'joy': stuck}); engine.start(); engine.submit(Event('joy', 0.5)); inside.wait()\n"
    )
    status, out, err = ending(code)
    assert (status, out) == (0, "")
    assert "a handler still runs after 2.0 s" in err


def test_a_terminated_process_ends_cleanly() -> None:
    code = (
        "import os; told, tell = os.pipe(); os.set_blocking(tell, False)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.set_wakeup_fd(tell)\n"
        "engine = engine_of(); engine.start(); print('ready', flush=True)\n"
        "while True: os.read(told, 1)\n"  # signal.pause() would miss a signal just before it
    )
    with process(code) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            run.send_signal(signal.SIGTERM)
            _, err = run.communicate(timeout=PATIENCE)
        finally:
            run.kill()
    assert (run.returncode, err) == (0, "")


def test_nothing_holds_an_engine_that_was_closed() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState({}))
    engine.start()
    engine.stop()
    engine.start()
    engine.close()
    kept = weakref.ref(engine)
    del engine
    gc.collect()
    assert kept() is None
