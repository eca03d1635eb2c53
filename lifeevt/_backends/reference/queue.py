"""QueueFront, the reference: none. ``AsyncEventQueue`` itself is the specification."""

from __future__ import annotations


class QueueFront:
    """The hot calls of a queue. ``AsyncEventQueue`` stands behind it and answers what it does not."""
