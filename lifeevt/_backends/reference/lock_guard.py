"""StayFront, the reference: none. ``Stay`` itself is the specification."""

from __future__ import annotations


class StayFront:
    """The ends of a stay in a gate. ``Stay`` stands behind it and says what they do."""
