"""Threads that run the calls of a test one after another, so that the test decides their order.

``with Actor() as a: a.do(lock.acquire_read)`` runs the call in a's thread and waits for it;
``a.begin(...)`` starts one that may block and returns a Call to ask for its result later.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0  # seconds after which a call that has not come back counts as hung


class Call:
    """One call in an actor's thread."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments
        self._ended = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._function(*self._arguments)
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def result(self) -> Any:
        """Return or raise what the call did; AssertionError when it hangs."""
        assert self._ended.wait(PATIENCE), f"{self._function} did not come back"
        if self._error is not None:
            raise self._error
        return self._result


class Actor:
    """A thread of its own that runs the calls it is given, in order."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)  # a hung one must not hold up the exit

    def __enter__(self) -> Actor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)

    @property
    def ident(self) -> int:
        """The number of the actor's thread."""
        assert self._thread.ident is not None, "it does not run yet"
        return self._thread.ident

    def begin(self, function: Callable[..., Any], *arguments: Any) -> Call:
        call = Call(function, arguments)
        self._calls.put(call)
        return call

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self.begin(function, *arguments).result()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once the condition holds; let other threads run between two checks."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, "the condition did not come to hold"
        threading.Event().wait(0.001)


def together(*functions: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own from one start barrier; return the results in order."""
    start = threading.Barrier(len(functions))
    calls = [Call(lambda function=function: (start.wait(PATIENCE), function())[1], ()) for function in functions]
    threads = [threading.Thread(target=call.run, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    return [call.result() for call in calls]
