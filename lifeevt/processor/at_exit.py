"""What runs when the process ends: engines whose worker an exiting interpreter would freeze midway are stopped."""

from __future__ import annotations

import atexit
import logging
import weakref
from typing import Protocol

from ..errors import StopTimeout

__all__ = ["EXIT_SECONDS", "forget", "stop"]

logger = logging.getLogger("lifeevt")
EXIT_SECONDS = 2.0  # how long a finishing interpreter waits for each


class Stoppable(Protocol):
    """What can be stopped."""

    def stop(self, drain: bool = True, timeout: float | None = None) -> int:
        """Stop, and return how many events were cancelled."""


_started: weakref.WeakSet[Stoppable] = weakref.WeakSet()


def stop(engine: Stoppable) -> None:
    """Stop ``engine`` when the process ends, without draining; it is not kept alive for that."""
    _started.add(engine)


def forget(engine: Stoppable) -> None:
    """Leave ``engine`` alone when the process ends."""
    _started.discard(engine)


@atexit.register
def _stop_started() -> None:
    for engine in list(_started):
        try:
            engine.stop(drain=False, timeout=EXIT_SECONDS)
        except StopTimeout as error:
            logger.warning("%s", error)
