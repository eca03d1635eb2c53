"""ProcessorBase, the reference: the call by which an event enters an engine."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...event import Event


class ProcessorBase:
    """The call by which an event enters an engine. ``AsyncEventProcessor`` is the rest of it.

    The native base queues a plain event from C and leaves every other to ``_submit_slowly``, as the reference does
    with all.
    """

    def submit(self, event: Event) -> bool:
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        return self._submit_slowly(event)

    def _attach(self, queue: object) -> None:
        """Tell the fast path which queue to fill; the reference has no fast path."""

    def _use_fast_path(self, accepts: bool) -> None:
        """Let the fast path accept events, or leave that to the slow one."""

    @abstractmethod
    def _submit_slowly(self, event: Event) -> bool:
        """Do what ``submit`` says, for every event, queue and engine."""
