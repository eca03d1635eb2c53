"""Detached: events whose handlers are coroutines, running on an event loop while the worker goes on."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..errors import LifeEventError
from ..result import Status
from ..state import ThreadSafeSelfState
from .execution import Answer
from .handler import Handler

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

__all__ = ["Detached"]


class Detached:
    """Runs the stages of coroutine handlers on ``loop``, and hands each answer back once: ``finish(answer)``.

    ``finish`` is called on the loop's thread. A failure ends the event, not the loop. Thread-safe.
    """

    def __init__(self, state: ThreadSafeSelfState, finish: Callable[[Answer], None]) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._state, self._finish = state, finish
        self._lock = threading.Lock()
        self._running: dict[Answer, Future[None]] = {}

    def run(self, handler: Handler, answer: Answer) -> None:
        """Start the stages of an event; LifeEventError when there is no loop. Its context is the caller's."""
        import asyncio  # lazy: most users have no event loop

        if self.loop is None or self.loop.is_closed():
            raise LifeEventError("a coroutine needs an event loop: enter the engine by 'async with', or set its loop")
        with self._lock:  # the callback waits for its entry
            future = asyncio.run_coroutine_threadsafe(self._run_stages(handler, answer), self.loop)
            self._running[answer] = future
        future.add_done_callback(lambda future: self._ended(answer, future))

    def give_up(self) -> list[Answer]:
        """Cancel what runs, and return its answers, which nobody else will finish then."""
        with self._lock:
            given_up, self._running = self._running, {}
        for answer, future in given_up.items():
            future.cancel()
            answer.status, answer.error = Status.DEAD_LETTERED, f"{answer.stage}: the engine stopped"
        return list(given_up)

    def take(self, answer: Answer) -> bool:
        """Whether the answer is still to be finished; from then on it is not."""
        with self._lock:
            return self._running.pop(answer, None) is not None

    def _ended(self, answer: Answer, future: Future[None]) -> None:
        gone = future.cancelled()
        answer.failure = LifeEventError("its coroutine was cancelled") if gone else future.exception()
        self._finish(answer)

    async def _run_stages(self, handler: Handler, answer: Answer) -> None:
        event, state = answer.event, self._state
        answer.attempts, answer.status = 1, Status.PROCESSED
        if handler.meaning is not None:
            answer.stage = "meaning"
            answer.meaning = await _of(handler.meaning(event, state))
        if handler.decision is not None:
            answer.stage = "decision"
            answer.decision = await _of(handler.decision(event, answer.meaning, state))
        if handler.action is not None:
            answer.stage = "action"
            answer.action = await _of(handler.action(event, answer.decision, state))


async def _of(given: Any) -> Any:
    return await given if isinstance(given, Awaitable) else given
