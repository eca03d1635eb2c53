"""A correct state in plain Python: each field keeps all its versions.

It is slow and simple. The twins must leave the same histories, and the broken states derive from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from isolation.history import frozen

from lifeevt import ConflictError


def handed(value: Any) -> Any:
    """Return a value that callers may change: lists are copied."""
    return list(value) if type(value) is list else value


class View(dict[str, Any]):
    """All fields at one version."""

    def __init__(self, version: int, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.version = version


class Model:
    """The state."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.version = 0
        self.versions = {name: [(0, handed(field.default))] for name, field in fields.items()}
        self.open: list[ModelTransaction] = []

    def at(self, name: str, version: int) -> Any:
        """The field as it was at that version."""
        return handed(next(value for made, value in reversed(self.versions[name]) if made <= version))

    def changed(self, name: str) -> int:
        """The version that wrote the field last."""
        return self.versions[name][-1][0]

    def store(self, changes: Mapping[str, Any]) -> int:
        self.version += 1
        for name, value in changes.items():
            self.versions[name].append((self.version, handed(value)))
        return self.version

    def __getitem__(self, name: str) -> Any:
        return self.at(name, self.version)

    def __setitem__(self, name: str, value: Any) -> None:
        self.store({name: value})

    def apply_delta(self, delta: Mapping[str, float]) -> int:
        return self.store({name: self[name] + amount for name, amount in delta.items()})

    def increment(self, name: str, amount: float = 1) -> int:
        return self.apply_delta({name: amount})

    def compare_and_set(self, name: str, expected: Any, value: Any) -> int | None:
        return self.store({name: value}) if self[name] == expected else None

    def update_max(self, name: str, value: Any) -> int:
        return self.store({name: value}) if value > self[name] else self.version

    def update_min(self, name: str, value: Any) -> int:
        return self.store({name: value}) if value < self[name] else self.version

    def update(self, function: Callable[[Any], Any], field: str | None = None) -> int:
        return self.store(function(self.snapshot()) if field is None else {field: function(self[field])})

    def snapshot(self) -> View:
        return self.view(self.version)

    def view(self, version: int) -> View:
        """All fields as they were at that version."""
        return View(version, {name: self.at(name, version) for name in self.versions})

    def transaction(self, isolation: str = "snapshot") -> ModelTransaction:
        return ModelTransaction(self, isolation)

    # hooks that the broken states override

    def read(self, reader: ModelTransaction, name: str) -> Any:
        """Return a field that the transaction did not write, as it sees it."""
        return self.at(name, reader.began)

    def look(self, reader: ModelTransaction) -> View:
        """Return all fields as a transaction sees them at once."""
        return View(reader.began, {name: self.read(reader, name) for name in self.versions})

    def wrote(self, writer: ModelTransaction, name: str, value: Any) -> None:
        """A transaction wrote, and is still open."""

    def refused(self, writer: ModelTransaction) -> tuple[str, ...]:
        """Return the fields that keep a transaction from committing: written after it began."""
        watched = {**writer.seen, **writer.writes} if writer.isolation == "serializable" else writer.writes
        return tuple(name for name in watched if self.changed(name) > writer.began)

    def publish(self, writer: ModelTransaction) -> int:
        """Publish a transaction's writes."""
        return self.store(writer.writes)

    def abandon(self, writer: ModelTransaction) -> None:
        """A transaction ended without an effect."""


class ModelTransaction(MutableMapping[str, Any]):
    """One snapshot to read, private writes, one commit."""

    def __init__(self, state: Model, isolation: str) -> None:
        self.state, self.isolation = state, isolation
        self.writes: dict[str, Any] = {}
        self.drafts: dict[str, list[Any]] = {}  # all that was written, in its order
        self.seen: dict[str, None] = {}
        self.began = self.version = 0

    def __enter__(self) -> ModelTransaction:
        self.began = self.version = self.state.version
        self.state.open.append(self)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self not in self.state.open:
            return
        conflicts = () if kind or not self.writes else self.state.refused(self)
        if kind or conflicts:
            self.rollback()
        else:
            self.state.open.remove(self)
            self.version = self.state.publish(self) if self.writes else self.began
        if conflicts:
            raise ConflictError(conflicts, self.began, self.state.version)

    def rollback(self) -> None:
        self.state.open.remove(self)
        self.state.abandon(self)

    @property
    def snapshot(self) -> View:
        self.seen.update(dict.fromkeys(self.state.versions))
        return self.state.look(self)

    def __getitem__(self, name: str) -> Any:
        if name in self.writes:
            return handed(self.writes[name])
        self.seen[name] = None
        return self.state.read(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.writes[name] = handed(value)
        self.drafts.setdefault(name, []).append(frozen(value))
        self.state.wrote(self, name, self.writes[name])

    def apply_delta(self, delta: Mapping[str, float]) -> None:
        for name, amount in delta.items():
            self[name] += amount

    def __delitem__(self, name: str) -> None:
        raise TypeError("fields stay")

    def __iter__(self) -> Iterator[str]:
        return iter(self.state.versions)

    def __len__(self) -> int:
        return len(self.state.versions)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__
