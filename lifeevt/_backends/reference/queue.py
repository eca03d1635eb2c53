"""QueueBase, the reference: the calls by which events enter and leave a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...event import Event


class QueueBase:
    """The calls by which events enter and leave a queue; the base of ``AsyncEventQueue``.

    The native base serves plain calls in C: an event of a known type, the system's clock, no wait. It leaves every
    other call to the function with ``_slowly`` after its name; the reference leaves all of them to it.
    """

    _put_slowly: Callable[[Event, float | None], bool]
    _put_nowait_slowly: Callable[[Event], bool]
    _put_many_slowly: Callable[[list[Event]], int]
    _get_slowly: Callable[[float | None], Event]
    _get_nowait_slowly: Callable[[], Event]

    def put(self, event: Event, timeout: float | None = None) -> bool:
        """Queue an event; False when a dropping policy refused it. O(log n).

        Blocks under ``block`` only, for up to ``timeout`` seconds of the clock (None: the policy's, or no limit).

        Raises:
            QueueFull: ``reject`` or ``coalesce`` refused it, or there was no room in time.
            QueueClosed: the queue is closed.
            InvalidEvent: ``event`` is no Event.
        """
        return self._put_slowly(event, timeout)

    def put_nowait(self, event: Event) -> bool:
        """Queue an event without waiting; False when a dropping policy refused it. O(log n).

        Raises:
            QueueFull: another policy refused it.
            QueueClosed: the queue is closed.
            InvalidEvent: ``event`` is no Event.
        """
        return self._put_nowait_slowly(event)

    def put_many(self, events: Iterable[Event]) -> int:
        """Queue events in one atomic step, and return how many were accepted. Does not block. O(k log n).

        Events without room are refused or shed by the policy, which is no error.

        Raises:
            QueueClosed: the queue is closed.
            InvalidEvent: one of them is no Event; none is accepted.
        """
        return self._put_many_slowly(list(events))

    def get(self, timeout: float | None = None) -> Event:
        """Take the most urgent event; wait up to ``timeout`` seconds of the clock for one (None: no limit). O(log n).

        Raises:
            QueueEmpty: no event came in time.
            QueueClosed: the queue is closed and empty.
        """
        return self._get_slowly(timeout)

    def get_nowait(self) -> Event:
        """Take the most urgent event without waiting. O(log n).

        Raises:
            QueueEmpty: no event is queued.
            QueueClosed: the queue is closed and empty.
        """
        return self._get_nowait_slowly()

    def _attach(self, *_: object) -> None:
        """Give the fast path the parts of this queue; the reference has no fast path."""

    def _use_fast_path(self, puts: bool, gets: bool) -> None:
        """Let the fast path queue events and hand them out, or leave that to the slow one."""
