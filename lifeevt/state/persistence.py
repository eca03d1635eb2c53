"""The fields of a state, saved in a ChecksummedFile and loaded from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import SerializationError, StateFileError, UnknownField
from ..serialization import exact_json, parse_json
from .checksummed_file import ChecksummedFile
from .snapshot import RestoreReport

Hooks = Mapping[str, Callable[[Any], Any]]  # by field, a function from its value to JSON, or back

KIND = "lifeevt-state"


def save_fields(
    path: str | os.PathLike[str], fields: Mapping[str, Any], version: int, wall_seconds: float, encode: Hooks | None
) -> None:
    """Write the fields of one version; errors as ``ThreadSafeSelfState.save``."""
    hooks = checked_hooks(encode, fields)
    encoded = {name: hooks[name](value) if name in hooks else value for name, value in fields.items()}
    content = exact_json({"version": version, "saved_at_seconds": wall_seconds, "fields": encoded}, "state")
    ChecksummedFile(path, KIND).write(content)


def load_fields(path: str | os.PathLike[str], decode: Hooks) -> tuple[dict[str, Any], RestoreReport]:
    """Return the fields of a file and their origin; errors as ``ThreadSafeSelfState.load``."""
    found = ChecksummedFile(path, KIND).read()
    try:
        content = parse_json(found.content, str(found.path))
        report = RestoreReport(found.path, content["version"], content["saved_at_seconds"], found.problem)
        fields = dict(content["fields"])
    except (SerializationError, KeyError, TypeError, ValueError) as error:
        raise StateFileError(f"{found.path} does not hold a state: {error}") from None
    return {name: decode[name](value) if name in decode else value for name, value in fields.items()}, report


def checked_hooks(hooks: Hooks | None, fields: Mapping[str, Any]) -> Hooks:
    """Return the hooks, or none; UnknownField for a hook of an unknown field."""
    for name in hooks or ():
        if name not in fields:
            raise UnknownField(f"a hook is given for the field {name!r}, which the state does not have")
    return hooks or {}
