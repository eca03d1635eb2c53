"""States broken on purpose, each in one way, and the anomalies that a search must find in each.

One anomaly implies others: a reader of half of an effect (OTV, PMP, a lost update) shows a G-single, too. A read of
any version but the one at the begin breaks opacity. Where transactions miss each other's writes, some do so in pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from isolation.history import frozen
from isolation.model import Model, ModelTransaction, View
from isolation.programs import Program, blind

from lifeevt import ThreadSafeSelfState
from lifeevt.state import StateSnapshot


class ReadsTheLatest(Model):
    """Read committed: each read sees the current version."""

    def read(self, reader: ModelTransaction, name: str) -> Any:
        return self.at(name, self.version)


class LooksAtTheLatest(Model):
    """Single reads see the snapshot; a read of all fields sees the current version."""

    def look(self, reader: ModelTransaction) -> View:
        return self.view(self.version)


class ReadsOpenWrites(Model):
    """Dirty reads: a transaction sees the open writes of another one."""

    def read(self, reader: ModelTransaction, name: str) -> Any:
        others = [other.drafts[name][-1] for other in self.open if other is not reader and name in other.drafts]
        return _like(self.at(name, reader.began), others[-1]) if others else super().read(reader, name)


class RemembersTheAborted(Model):
    """Later transactions read an aborted write, until the field is written again."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.dead: dict[str, tuple[int, Any]] = {}

    def abandon(self, writer: ModelTransaction) -> None:
        self.dead.update({name: (self.version, value) for name, value in writer.writes.items()})

    def read(self, reader: ModelTransaction, name: str) -> Any:
        died, value = self.dead.get(name, (-1, None))
        return _like(value, frozen(value)) if died == reader.began else super().read(reader, name)


class PublishesDrafts(Model):
    """Readers get the first value that a transaction wrote into a field, not its last."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.drafts: dict[tuple[str, int], Any] = {}

    def publish(self, writer: ModelTransaction) -> int:
        made = super().publish(writer)
        self.drafts.update({(name, made): drafts[0] for name, drafts in writer.drafts.items()})
        return made

    def read(self, reader: ModelTransaction, name: str) -> Any:
        made = max(made for made, _ in self.versions[name] if made <= reader.began)
        seen = super().read(reader, name)
        return _like(seen, self.drafts.get((name, made), frozen(seen)))


class WritesAtOnce(Model):
    """Dirty writes: an open transaction writes into the state at once, over the writes of others."""

    def wrote(self, writer: ModelTransaction, name: str, value: Any) -> None:
        self.store({name: value})

    def refused(self, writer: ModelTransaction) -> tuple[str, ...]:
        return ()

    def publish(self, writer: ModelTransaction) -> int:
        return self.store({})


class PublishesPiecemeal(Model):
    """Of several fields that commit together the first is visible at once, the others three versions later."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.late: dict[str, tuple[int, Any]] = {}

    def store(self, changes: Any) -> int:
        for name, (due, value) in list(self.late.items()):
            if name in changes or due <= self.version:
                self.versions[name].append((self.version, value))
                del self.late[name]
        return super().store(changes)

    def publish(self, writer: ModelTransaction) -> int:
        first, *others = writer.writes
        made = self.store({first: writer.writes[first]})
        self.late.update({name: (made + 2, writer.writes[name]) for name in others})
        return made

    def read(self, reader: ModelTransaction, name: str) -> Any:
        return self.at(name, self.version)


class ValidatesNothing(Model):
    """The last committer wins."""

    def refused(self, writer: ModelTransaction) -> tuple[str, ...]:
        return ()


class ValidatesOneField(Model):
    """Validates only the first of the written fields."""

    def refused(self, writer: ModelTransaction) -> tuple[str, ...]:
        return super().refused(writer)[:1] if self.changed(next(iter(writer.writes))) > writer.began else ()


class ValidatesTransactionsAlone(Model):
    """A commit does not notice writes outside of transactions."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.committed: dict[str, int] = {}

    def publish(self, writer: ModelTransaction) -> int:
        made = super().publish(writer)
        self.committed.update(dict.fromkeys(writer.writes, made))
        return made

    def changed(self, name: str) -> int:
        return self.committed.get(name, 0)


class WritesEverythingBack(Model):
    """A commit writes its whole snapshot back, not only the changed fields."""

    def publish(self, writer: ModelTransaction) -> int:
        return self.store({**self.view(writer.began), **writer.writes})


class ForgetsWhatWasRead(Model):
    """Serializable in name: a commit validates only the written fields."""

    def refused(self, writer: ModelTransaction) -> tuple[str, ...]:
        return tuple(name for name in writer.writes if self.changed(name) > writer.began)


class ForgetsLooks(Model):
    """Serializable for single reads: a commit does not validate reads of all fields."""

    def look(self, reader: ModelTransaction) -> View:
        reader.seen.clear()
        return super().look(reader)


class BeginsInThePast(Model):
    """A transaction gets the version before the current one."""

    def transaction(self, isolation: str = "snapshot") -> ModelTransaction:
        return LateTransaction(self, isolation)


class LateTransaction(ModelTransaction):
    def __enter__(self) -> ModelTransaction:
        super().__enter__()
        self.began = self.version = max(0, self.began - 1)
        return self


class LeaksLists(Model):
    """Returns its own list instead of a copy."""

    def at(self, name: str, version: int) -> Any:
        return next(value for made, value in reversed(self.versions[name]) if made <= version)


class HidesOwnWrites(Model):
    """A transaction does not see its own writes."""

    def transaction(self, isolation: str = "snapshot") -> ModelTransaction:
        return BlindTransaction(self, isolation)


class BlindTransaction(ModelTransaction):
    def __getitem__(self, name: str) -> Any:
        self.seen[name] = None
        return self.state.read(self, name)


class CommitsWhatFailed(Model):
    """A block that raised, or was rolled back, is committed all the same."""

    def abandon(self, writer: ModelTransaction) -> None:
        self.store(writer.writes)


class WatchesNothing(ThreadSafeSelfState):
    """The real state, with commits that validate no field."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)

    def commit(self, since: int, watched: Any, changes: Any, reason: Any, event: Any) -> int:
        return super().commit(since, (), changes, reason, event)


class WatchesWritesAlone(WatchesNothing):
    """The real state, with commits that do not validate fields that were only read."""

    def commit(self, since: int, watched: Any, changes: Any, reason: Any, event: Any) -> int:
        written = [name for name in watched if name in changes]
        return ThreadSafeSelfState.commit(self, since, written, changes, reason, event)


class TearsSnapshots(WatchesNothing):
    """The real state, with snapshots that read field after field: only threads can come between."""

    commit = ThreadSafeSelfState.commit

    def snapshot(self) -> StateSnapshot:
        version = self.version
        return StateSnapshot(version, {name: self[name] for name in self})


class CommitsInParts(WatchesNothing):
    """The real state, with commits that write field after field: only threads can come between."""

    def commit(self, since: int, watched: Any, changes: Any, reason: Any, event: Any) -> int:
        for name, value in changes.items():
            made = ThreadSafeSelfState.commit(self, since, watched, {name: value}, reason, event)
            since, watched = made, ()
        return made


def _like(pattern: Any, value: Any) -> Any:
    """The value as the type that its field has: histories hold lists as tuples."""
    return type(pattern)(value) if isinstance(pattern, list) else value


class Case(NamedTuple):
    """A broken state, the isolation that it claims, the anomalies it must show, and those it may show as well."""

    state: type[Any]
    isolation: str
    must: set[str]
    may: set[str]
    change: Callable[[Program], Program] = lambda program: program


WRITE_SKEW = {"G2-item"}
SKEWED = {"G-single", "G2-item", "opacity"}
SNAPSHOT, SERIALIZABLE = "snapshot", "serializable"
CASES = [
    Case(WritesAtOnce, SERIALIZABLE, {"G0", "disorder"}, set(), blind),
    Case(RemembersTheAborted, SERIALIZABLE, {"G1a", "opacity"}, set()),
    Case(CommitsWhatFailed, SERIALIZABLE, {"G1a", "opacity"}, set()),
    Case(PublishesDrafts, SERIALIZABLE, {"G1b", "opacity"}, set()),
    Case(ReadsOpenWrites, SNAPSHOT, {"G1a", "G1b", "G1c", "opacity"}, {"OTV", "PMP", *SKEWED}),
    Case(PublishesPiecemeal, SNAPSHOT, {"OTV", *SKEWED}, {"PMP", "lost update"}),
    Case(LooksAtTheLatest, SERIALIZABLE, {"PMP", "G-single", "opacity"}, {"OTV", *SKEWED}),
    Case(ReadsTheLatest, SNAPSHOT, {"PMP", *SKEWED}, set()),
    Case(ValidatesNothing, SNAPSHOT, {"lost update", "G-single"}, WRITE_SKEW),
    Case(ValidatesOneField, SNAPSHOT, {"lost update", "G-single"}, WRITE_SKEW),
    Case(ValidatesTransactionsAlone, SNAPSHOT, {"lost update", "G-single"}, WRITE_SKEW),
    Case(WritesEverythingBack, SNAPSHOT, {"lost update", "G-single", "opacity"}, WRITE_SKEW),
    Case(ForgetsWhatWasRead, SERIALIZABLE, WRITE_SKEW, set()),
    Case(ForgetsLooks, SERIALIZABLE, WRITE_SKEW, set()),
    Case(WatchesNothing, SNAPSHOT, {"lost update", "G-single"}, WRITE_SKEW),
    Case(WatchesWritesAlone, SERIALIZABLE, WRITE_SKEW, set()),
    Case(BeginsInThePast, SERIALIZABLE, {"stale"}, set()),
    Case(LeaksLists, SERIALIZABLE, {"garbage", "opacity"}, set()),
    Case(HidesOwnWrites, SERIALIZABLE, {"internal"}, set()),
]
