"""Uncopyable: the base of objects with a lock."""

from __future__ import annotations

from typing import NoReturn


class Uncopyable:
    """An object that can be neither copied nor pickled: a copy would share its lock and its counts."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")
