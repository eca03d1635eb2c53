"""Count the Python frames that one reflex event enters, from ``submit`` to ``results``.

    LIFEEVT_BACKEND=reference python profiling/frames.py [events]

A frame is a "call" of ``sys.setprofile``: a function, a comprehension or a step of a generator; calls of C are none.
Each event is submitted, processed and read by itself. tests/_backends/test_frames.py holds the count.
"""

from __future__ import annotations

import platform
import sys
from types import FrameType
from typing import Any

from lifeevt import AsyncEventProcessor, Event, Field, Reflex, ThreadSafeSelfState, backend

EVENTS = 1000


def frames_per_event(events: int = EVENTS) -> float:
    """Return how many frames one reflex event enters, on average."""
    state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=100.0)})
    engine = AsyncEventProcessor(state, [Reflex("shock", 1.0, {"energy": -1.5})])
    made, entered = [Event("shock", 0.5) for _ in range(events)], 0

    def count(frame: FrameType, what: str, _: Any) -> None:
        nonlocal entered
        entered += what == "call"

    engine.submit(made[0])  # the first event of a type is looked up by its name
    engine.process_pending()
    engine.results()
    sys.setprofile(count)
    try:
        for event in made:
            engine.submit(event)
            engine.process_pending()
            engine.results()
    finally:
        sys.setprofile(None)
    return entered / events


if __name__ == "__main__":
    found = frames_per_event(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
    print(f"{found:.1f} frames an event; {backend}, Python {platform.python_version()}, {platform.machine()}")
