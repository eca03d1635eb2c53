"""ProcessorBase, the reference: the call by which an event enters an engine."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...event import Event


class ProcessorBase:
    """The call by which an event enters an engine; the base of ``AsyncEventProcessor``.

    The native base queues a plain event in C and leaves every other event to ``_submit_slowly``; the reference leaves
    all of them to it.
    """

    def submit(self, event: Event) -> bool:
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        return self._submit_slowly(event)

    def _attach(self, queue: object) -> None:
        """Give the fast path its queue; the reference has no fast path."""

    def _use_fast_path(self, accepts: bool) -> None:
        """Use the fast path, or do not."""

    @abstractmethod
    def _submit_slowly(self, event: Event) -> bool:
        """Submit any event to any queue."""
