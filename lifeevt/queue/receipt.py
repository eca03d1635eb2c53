"""Receipt: a queue's answer to one event, and the handle to change it, cancel it and wait for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Hashable
from contextvars import Context, copy_context
from enum import Enum
from typing import TYPE_CHECKING, Any

from .._backends import fork
from .._backends.contract import Ticket
from ..clock import NS_PER_SECOND
from ..errors import QueueFull, ResultTimeout
from ..event import Event, Priority
from ..result import EventProcessingResult
from .timers import Timer

if TYPE_CHECKING:
    from .tracker import Tracker

__all__ = ["Admission", "Receipt", "Tracked"]

Merge = Callable[[Event, Event], Event]


class Admission(Enum):
    """The outcome of a put."""

    ACCEPTED = "accepted"
    """It is queued."""
    COALESCED = "coalesced"
    """Another event of its key stands for it."""
    DEFERRED = "deferred"
    """It comes at its time."""
    REFUSED = "refused"
    """There was no room, or it came too often; ``reason`` says which."""


class Receipt:
    """One tracked event. True unless it was refused. Thread-safe.

    ``admission`` says what became of it at the door, ``reason`` why it was refused. ``event`` is the one that will
    run, or has run: also after ``replace``, and after coalescing. ``key`` is its line, ``expires_ns`` the instant
    of the engine's clock at which it runs no more.
    """

    __slots__ = (
        "_result", "_tracker", "_waiting", "admission", "coalesce", "context", "depth", "event", "expires_ns", "key",
        "may_come", "reason", "ticket", "timer",
    )  # fmt: skip

    def __init__(
        self,
        tracker: Tracker,
        event: Event,
        key: Hashable,
        coalesce: str | Merge | None,
        expires_ns: int | None,
        depth: int,
    ) -> None:
        self._tracker = tracker
        self.event, self.key, self.coalesce, self.expires_ns, self.depth = event, key, coalesce, expires_ns, depth
        self.admission, self.reason = Admission.REFUSED, ""
        self.context: Context = copy_context()  # the submitter's, for the handler
        self.may_come: bool | None = None  # by the limits of its type, once they were asked
        self.ticket: Ticket | None = None  # while it is queued
        self.timer: Timer | None = None  # until it is due
        self._result: EventProcessingResult | None = None
        self._waiting: list[Callable[[], None]] | None = []

    def __bool__(self) -> bool:
        return self.admission is not Admission.REFUSED

    def __repr__(self) -> str:
        return f"Receipt({self.admission.value}, {self.event!r})"

    @property
    def predicted_wait_seconds(self) -> float:
        """How long it waits if all that was queued when it came goes first, and takes as long as ever. O(levels)."""
        return self._tracker.settlement.predict(self.depth)

    # --- while it waits

    def cancel(self) -> bool:
        """Take it out of the queue; False when it has started, or ended. It ends as cancelled, once. O(log n)."""
        return self._tracker.cancel(self)

    def replace(self, event: Event) -> bool:
        """Let another event run in its stead and in its place, or an earlier one, if that is more urgent.

        False when it has started, or ended. O(log n).
        """
        return self._tracker.replace(self, event)

    def boost(self, priority: Priority | None = None, within: float | None = None) -> bool:
        """Make it more urgent: of a more important level, or due ``within`` seconds; never less so.

        False when it has started, or ended, or is still to come. O(log n).
        """
        return self._tracker.boost(self, priority, None if within is None else round(within * NS_PER_SECOND))

    # --- what became of it

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._result is not None

    def result(self, timeout: float | None = None) -> EventProcessingResult:
        """Wait until it has ended, for at most ``timeout`` real seconds, and return what became of it.

        ResultTimeout when it has not; QueueFull when it was refused; LifeEventError in a handler of its own engine.
        """
        if self._result is None:
            self._tracker.settlement.refuse_to_wait()
            ended = threading.Event()
            if not self.when_done(ended.set) or not ended.wait(timeout):
                self._refuse(timeout)
        return self._ended()

    def __await__(self) -> Generator[Any, None, EventProcessingResult]:
        import asyncio  # lazy: most users have no event loop

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self.when_done(lambda: _wake(loop, future)):
            self._refuse(None)
        yield from future
        return self._ended()

    def when_done(self, call: Callable[[], None]) -> bool:
        """Call ``call()`` once the event has ended, in the thread that ends it; now if it has. False when refused."""
        with _SETTLING:
            waiting = self._waiting
            if waiting is not None and self:
                waiting.append(call)
        if waiting is None:
            call()
        return bool(self)

    def settle(self, result: EventProcessingResult) -> None:
        """Set the result and wake every waiter; only the first call counts."""
        with _SETTLING:
            if self._waiting is None:
                return
            self._result, waiting, self._waiting = result, self._waiting, None
        for call in waiting:
            call()

    def has_expired(self, now_ns: int) -> bool:
        """Whether it must not run any more."""
        return self.expires_ns is not None and now_ns >= self.expires_ns

    def _ended(self) -> EventProcessingResult:
        assert self._result is not None  # set before anybody is woken
        return self._result

    def _refuse(self, timeout: float | None) -> None:
        if not self:
            raise QueueFull(self.reason)
        if self._result is None:
            raise ResultTimeout(f"{self.event!r} has not ended within {timeout} s")


class Tracked:
    """What stands in the queue for a tracked event: the event of now, and its receipt."""

    __slots__ = ("event", "receipt")

    def __init__(self, event: Event, receipt: Receipt) -> None:
        self.event, self.receipt = event, receipt


_SETTLING = threading.Lock()  # for some assignments, never for a call
fork.renew_locks(sys.modules[__name__], "_SETTLING")


def _wake(loop: Any, future: Any) -> None:
    def wake() -> None:
        if not future.done():
            future.set_result(None)

    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:  # the loop has ended, and its waiters with it
        return
