"""Receipt: the outcome of one put, and the handle to change or cancel the event and to wait for its result."""

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
from .async_waiting import wake

if TYPE_CHECKING:
    from .tracker import Tracker

__all__ = ["Admission", "Receipt", "Tracked"]

Merge = Callable[[Event, Event], Event]


class Admission(Enum):
    """The outcome of a put."""

    ACCEPTED = "accepted"
    """It is queued."""
    COALESCED = "coalesced"
    """Another event of its key runs in its stead."""
    DEFERRED = "deferred"
    """It arrives later."""
    REFUSED = "refused"
    """There was no room, or it came too often; ``reason`` tells which."""


class Receipt:
    """One tracked event. True unless it was refused. Thread-safe.

    ``admission`` is the outcome of the put, ``reason`` the reason of a refusal. ``event`` is the event that will run or
    ran, also after ``replace`` and coalescing. ``key`` is its key. From ``expires_ns`` of the clock on it does not run.
    """

    __slots__ = (
        "_result", "_tracker", "_waiting", "admission", "coalesce", "context", "depth", "event", "expires_ns", "key",
        "may_come", "reason", "ticket",
    )  # fmt: skip

    def __init__(
        self, tracker: Tracker, event: Event, key: Hashable, coalesce: str | Merge | None, expires_ns: int | None,
        depth: int,
    ) -> None:  # fmt: skip
        self._tracker = tracker
        self.event, self.key, self.coalesce, self.expires_ns, self.depth = event, key, coalesce, expires_ns, depth
        self.admission, self.reason = Admission.REFUSED, ""
        self.context: Context = copy_context()  # the submitter's, for the handler
        self.may_come: bool | None = None  # by the rate limits, once they were asked
        self.ticket: Ticket | None = None  # while it is queued
        self._result: EventProcessingResult | None = None
        self._waiting: list[Callable[[], None]] | None = []

    def __bool__(self) -> bool:
        return self.admission is not Admission.REFUSED

    def __repr__(self) -> str:
        return f"Receipt({self.admission.value}, {self.event!r})"

    @property
    def predicted_wait_seconds(self) -> float:
        """The wait if all events queued before it go first, at the mean service time so far. O(levels)."""
        return self.depth * self._tracker.settlement.mean_service_ns() / NS_PER_SECOND

    # --- changes

    def cancel(self) -> bool:
        """Remove the event; it ends as CANCELLED. False when it has started or ended. Does not block. O(log n)."""
        return self._tracker.cancel(self)

    def replace(self, event: Event) -> bool:
        """Put another event in its place, or at an earlier one if that is more urgent.

        False when it has started or ended. Does not block. O(log n).

        Raises:
            InvalidEvent: ``event`` is no Event.
            QueueClosed: the queue is closed.
        """
        return self._tracker.replace(self, event)

    def boost(self, priority: Priority | None = None, within: float | None = None) -> bool:
        """Give it a more important level, or make it due ``within`` seconds; never less urgent.

        False when it has started or ended, or arrives later. Does not block. O(log n).
        """
        return self._tracker.boost(self, priority, None if within is None else round(within * NS_PER_SECOND))

    # --- result

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._result is not None

    def result(self, timeout: float | None = None) -> EventProcessingResult:
        """Wait until it has ended, for at most ``timeout`` real seconds, and return its result.

        Raises:
            ResultTimeout: it has not ended in time.
            QueueFull: it was refused.
            LifeEventError: the call is made in a handler of its own engine, which would wait for itself.
        """
        if self._result is None:
            self._tracker.settlement.refuse_to_wait()
            ended = threading.Event()
            if self.when_done(ended.set):
                ended.wait(timeout)
        return self._outcome(timeout)

    def __await__(self) -> Generator[Any, None, EventProcessingResult]:
        import asyncio  # lazy: most users have no event loop

        future = asyncio.get_running_loop().create_future()
        if self.when_done(lambda: wake(future)):
            yield from future
        return self._outcome(None)

    def when_done(self, call: Callable[[], None]) -> bool:
        """Call ``call()`` once the event has ended, in the thread that ends it, or now. False when it was refused."""
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
        """Return whether its time is over."""
        return self.expires_ns is not None and now_ns >= self.expires_ns

    def _outcome(self, timeout: float | None) -> EventProcessingResult:
        if self._result is not None:
            return self._result
        raise ResultTimeout(f"{self.event!r} has not ended within {timeout} s") if self else QueueFull(self.reason)


class Tracked:
    """The payload of a tracked event in the heap: the event that would run now, and its receipt."""

    __slots__ = ("event", "receipt")

    def __init__(self, event: Event, receipt: Receipt) -> None:
        self.event, self.receipt = event, receipt


_SETTLING = threading.Lock()  # of all receipts; held for some assignments, never for a call
fork.renew_locks(sys.modules[__name__], "_SETTLING")
