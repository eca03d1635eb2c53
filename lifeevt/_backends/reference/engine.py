"""EngineFront, the reference: none. ``AsyncEventProcessor`` itself is the specification."""

from __future__ import annotations


class EngineFront:
    """The hot call of an engine. ``AsyncEventProcessor`` stands behind it and answers what it does not."""
