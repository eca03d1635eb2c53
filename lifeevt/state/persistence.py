"""Saving the fields of one version of a state to a file, as JSON without loss, and loading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SerializationError, StateFileError, UnknownField
from ..serialization import exact_json, parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from .checksummed_file import FileContent

__all__ = ["Hooks", "RestoreReport", "load_fields", "save_fields"]

Hooks = Mapping[str, Callable[[Any], Any]]  # by field, a function from its value to JSON, or back

KIND = "lifeevt-state"


@dataclass(frozen=True)
class RestoreReport:
    """The origin of a loaded state: the file, and the version and the wall time, in seconds, of its saving.

    ``problem`` is None, or the reason why the file itself was not used but the one before it.
    """

    path: Path
    version: int
    saved_at_seconds: float
    problem: str | None


def save_fields(
    path: str | os.PathLike[str], fields: Mapping[str, Any], version: int, wall_seconds: float, encode: Hooks | None
) -> None:
    """Write the fields of one version; errors as ``ThreadSafeSelfState.save``."""
    from .checksummed_file import ChecksummedFile  # lazy: most programs save no state

    hooks = checked_hooks(encode, fields)
    encoded = {name: hooks[name](value) if name in hooks else value for name, value in fields.items()}
    content = exact_json({"version": version, "saved_at_seconds": wall_seconds, "fields": encoded}, "state")
    ChecksummedFile(path, KIND).write(content)


def load_fields(path: str | os.PathLike[str], decode: Hooks) -> tuple[dict[str, Any], RestoreReport]:
    """Return the fields of a file and their origin; errors as ``ThreadSafeSelfState.load``."""
    from .checksummed_file import ChecksummedFile

    found = ChecksummedFile(path, KIND).read()
    fields, report = _content(found)
    return {name: decode[name](value) if name in decode else value for name, value in fields.items()}, report


def checked_hooks(hooks: Hooks | None, fields: Mapping[str, Any]) -> Hooks:
    """Return the hooks, or none; UnknownField for a hook of an unknown field."""
    for name in hooks or ():
        if name not in fields:
            raise UnknownField(f"a hook is given for the field {name!r}, which the state does not have")
    return hooks or {}


def _content(found: FileContent) -> tuple[dict[str, Any], RestoreReport]:
    """Return the fields and the report of a content; StateFileError for one that no state wrote."""
    try:
        content = parse_json(found.content, str(found.path))
        report = RestoreReport(found.path, content["version"], content["saved_at_seconds"], found.problem)
        return dict(content["fields"]), report
    except (SerializationError, KeyError, TypeError, ValueError) as error:
        raise StateFileError(f"{found.path} does not hold a state: {error}") from None
