"""RateWindow: how many a second, from a counter that is only looked at."""

from __future__ import annotations

from collections import deque

from ..clock import NS_PER_SECOND

__all__ = ["RateWindow"]

LOOKS = 64  # kept in a window


class RateWindow:
    """Events a second over the last ``seconds``, estimated from looks at a counter that only grows.

    The estimator: the counter's growth divided by the time between the newest look and the oldest one that is not
    older than the window, or else the one before it. Exact for that stretch, and it costs the events nothing; it
    knows nothing of what came since the newest look. Looks closer than a 64th of the window are left out. One
    thread at a time. O(1) amortised.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        if not 0.0 < seconds < 1e9:
            raise ValueError(f"seconds is {seconds}; it must be a positive number")
        self._window_ns = max(round(seconds * NS_PER_SECOND), LOOKS)
        self._looks: deque[tuple[int, int]] = deque()

    def look(self, now_ns: int, count: int) -> None:
        """Note what the counter says now."""
        if self._looks and now_ns - self._looks[-1][0] < self._window_ns // LOOKS:
            return
        self._looks.append((now_ns, count))
        while len(self._looks) > 2 and self._looks[1][0] <= now_ns - self._window_ns:
            self._looks.popleft()

    @property
    def per_second(self) -> float:
        """The estimate; 0 before the second look."""
        if len(self._looks) < 2:
            return 0.0
        (then_ns, before), (now_ns, count) = self._looks[0], self._looks[-1]
        return (count - before) * NS_PER_SECOND / (now_ns - then_ns)
