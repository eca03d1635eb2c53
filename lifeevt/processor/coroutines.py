"""CoroutineRunner: runs the stages of a coroutine handler on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..errors import LifeEventError
from ..result import Status
from ..state import ThreadSafeSelfState
from .handler import Handler
from .stages import Execution, stage_calls

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future


class CoroutineRunner:
    """Runs coroutine stages on ``loop``, and then calls ``finish(execution)`` in the loop's thread. Thread-safe."""

    def __init__(self, state: ThreadSafeSelfState, finish: Callable[[Execution], None]) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._state, self._finish = state, finish
        self._lock = threading.Lock()
        self._running: dict[Execution, Future[None]] = {}

    def run(self, handler: Handler, execution: Execution) -> None:
        """Start the stages of an event in a copy of the caller's context; LifeEventError when there is no loop."""
        import asyncio  # lazy: most users have no event loop

        if self.loop is None or self.loop.is_closed():
            raise LifeEventError("a coroutine needs an event loop: enter the engine by 'async with', or set its loop")
        with self._lock:  # the callback waits for its entry
            future = asyncio.run_coroutine_threadsafe(self._run_stages(handler, execution), self.loop)
            self._running[execution] = future
        future.add_done_callback(lambda future: self._ended(execution, future))

    def give_up(self) -> list[Execution]:
        """Cancel the running coroutines, and return their executions for the caller to finish."""
        with self._lock:
            given_up, self._running = self._running, {}
        for execution, future in given_up.items():
            future.cancel()
            execution.status, execution.error = Status.DEAD_LETTERED, f"{execution.stage}: the engine stopped"
        return list(given_up)

    def take(self, execution: Execution) -> bool:
        """Claim an execution, so that it is finished once; return False if it was claimed before."""
        with self._lock:
            return self._running.pop(execution, None) is not None

    def _ended(self, execution: Execution, future: Future[None]) -> None:
        gone = future.cancelled()
        execution.failure = LifeEventError("its coroutine was cancelled") if gone else future.exception()
        self._finish(execution)

    async def _run_stages(self, handler: Handler, execution: Execution) -> None:
        for stage, given in stage_calls(handler, execution):
            value = stage(*given, self._state)
            execution.keep(await value if isinstance(value, Awaitable) else value)
