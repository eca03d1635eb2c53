"""Tables in files: rows of CSV with their places, and event types from CSV or TOML."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from os import PathLike
from typing import Any

from .._backends.contract import MAX_LEVELS
from ..errors import InvalidConfiguration
from .event import Priority
from .event_type import EventType
from .rate_limit import RateLimit

__all__ = ["Row", "load_table", "load_types", "read_table", "read_types"]

NS_PER_MS = 1_000_000
COLUMNS = ("type", "priority", "budget_ms")
_KEYS = ("level", "budget_ms", "ttl_ms", "overflow", "coalesce", "rate", "source_rate")
_RATE_KEYS = ("count", "seconds", "burst")
Levels = dict[str, Priority]
Row = tuple[str, dict[str, str]]  # the place, for texts of errors, and the trimmed cells by column
Error = type[InvalidConfiguration]


# --- CSV


def load_table(path: str | PathLike[str], *columns: str, error: Error = InvalidConfiguration) -> list[Row]:
    """Read a UTF-8 file; see :func:`read_table`. OSError when it cannot be read."""
    return read_table(_text_of(path, error), str(path), *columns, error=error)


def _text_of(path: str | PathLike[str], error: Error = InvalidConfiguration) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as undecodable:
        raise error(f"{path} is not UTF-8: {undecodable.reason}") from None


def read_table(text: str, name: str, *columns: str, error: Error = InvalidConfiguration) -> list[Row]:
    """Return the rows of a CSV text; its first line names the columns, at least ``columns``.

    Raises:
        error: a column is missing, or a row has too many or too few cells; the text names the line.
    """
    import csv  # lazy: most programs read no table

    reader = csv.DictReader(text.splitlines())
    named = [column.strip() for column in reader.fieldnames or ()]
    for column in columns:
        if column not in named:
            raise error(f"{name}, line 1: the column {column!r} is missing")
    return [_row(row, f"{name}, line {line}", error) for line, row in enumerate(reader, 2)]


def _row(row: dict[str, str], where: str, error: Error) -> Row:
    if any(not isinstance(part, str) for part in (*row, *row.values())):
        raise error(f"{where}: the row does not have the columns of the first line")
    return where, {name.strip(): text.strip() for name, text in row.items()}


# --- event types


def load_types(path: str | PathLike[str]) -> tuple[list[EventType], Levels]:
    """Return the event types and the further levels of a file: TOML by its suffix, else CSV.

    Raises:
        InvalidConfiguration: an entry is wrong; names file and key, or line.
        OSError: the file cannot be read.
    """
    if os.path.splitext(path)[1].lower() == ".toml":
        return _types_of_toml(_load_toml(path), str(path))
    return [_type_of_row(row, where) for where, row in load_table(path, *COLUMNS)], {}


def read_types(text: str, name: str) -> list[EventType]:
    """Return the event types of a CSV table with the columns type, priority, budget_ms."""
    return [_type_of_row(row, where) for where, row in read_table(text, name, *COLUMNS)]


def _type_of_row(row: dict[str, str], where: str) -> EventType:
    try:
        priority = Priority.named(row["priority"])
        return EventType(row["type"], priority, round(float(row["budget_ms"]) * NS_PER_MS))
    except (KeyError, ValueError, OverflowError) as error:
        raise InvalidConfiguration(f"{where}: {error}") from None


def _load_toml(path: str | PathLike[str]) -> dict[str, Any]:
    toml = _toml_reader()
    try:
        found: dict[str, Any] = toml.loads(_text_of(path))
    except toml.TOMLDecodeError as error:
        raise InvalidConfiguration(f"{path}: {error}") from None
    return found


def _toml_reader() -> Any:
    for name in ("tomllib", "tomli"):  # the standard library's is new in Python 3.11
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise InvalidConfiguration("a TOML file needs Python 3.11, or the package tomli; a CSV file needs neither")


def _types_of_toml(document: Mapping[str, Any], where: str) -> tuple[list[EventType], Levels]:
    _check_keys(document, ("levels", "types"), where)
    levels = {name: _level(number, f"{where}: levels.{name}") for name, number in _entries(document, "levels", where)}
    types = _entries(document, "types", where)
    return [_type_of_table(name, row, levels, f"{where}: types.{name}") for name, row in types], levels


def _type_of_table(name: str, row: Any, levels: Levels, where: str) -> EventType:
    _check_keys(row, _KEYS, where)
    budget_ns = _span(row, "budget_ms", where)
    if budget_ns is None:
        raise InvalidConfiguration(f"{where}.budget_ms is missing; give milliseconds above 0")
    try:
        return EventType(
            name, _named_level(row, levels, where), budget_ns, _span(row, "ttl_ms", where),
            row.get("overflow"), row.get("coalesce"), _rate(row, "rate", where), _rate(row, "source_rate", where),
        )  # fmt: skip
    except InvalidConfiguration as error:
        raise InvalidConfiguration(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def _entries(document: Mapping[str, Any], key: str, where: str) -> Iterable[tuple[str, Any]]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise InvalidConfiguration(f"{where}: {key} is {found!r}; it must be a table")
    return found.items()


def _check_keys(row: Any, known: tuple[str, ...], where: str) -> None:
    if not isinstance(row, dict):
        raise InvalidConfiguration(f"{where} is {row!r}; it must be a table of {', '.join(known)}")
    for key in row:
        if key not in known:
            raise InvalidConfiguration(f"{where}: unknown key {key!r}; choose {', '.join(known)}")


def _level(number: Any, where: str) -> Priority:
    if type(number) is not int or not 0 <= number < MAX_LEVELS:
        raise InvalidConfiguration(f"{where} is {number!r}; it must be a whole number from 0 to {MAX_LEVELS - 1}")
    return Priority(number)


def _named_level(row: Mapping[str, Any], levels: Levels, where: str) -> Priority:
    given = row.get("level", "NORMAL")
    known = {**{each.name: each for each in Priority}, **levels}
    for name, level in known.items():
        if isinstance(given, str) and given.upper() == name.upper():
            return level
    raise InvalidConfiguration(f"{where}.level is {given!r}; choose {', '.join(known)}")


def _span(row: Mapping[str, Any], key: str, where: str) -> int | None:
    given: Any = row.get(key)
    if given is None:
        return None
    if type(given) not in (int, float) or not 0.0 < given < 2**62 / NS_PER_MS:
        raise InvalidConfiguration(f"{where}.{key} is {given!r}; it must be a number of milliseconds above 0")
    return max(round(float(given) * NS_PER_MS), 1)


def _rate(row: Mapping[str, Any], key: str, where: str) -> RateLimit | None:
    given = row.get(key)
    if given is None:
        return None
    _check_keys(given, _RATE_KEYS, f"{where}.{key}")
    if "count" not in given:
        raise InvalidConfiguration(f"{where}.{key}.count is missing; give a whole number of events")
    seconds = given.get("seconds", 1.0)
    if type(seconds) not in (int, float):
        raise InvalidConfiguration(f"{where}.{key}.seconds is {seconds!r}; it must be a number")
    try:
        return RateLimit(given["count"], float(seconds), given.get("burst"))
    except ValueError as error:
        raise InvalidConfiguration(f"{where}.{key}: {error}") from None
