"""Uncopyable: what holds a lock stays where it is."""

from __future__ import annotations

from typing import NoReturn


class Uncopyable:
    """An object that can be neither copied nor pickled: a copy would share its lock and its counts."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")
