"""Replays a program on a state in one thread, each client in a context of its own, and records the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from copy import deepcopy
from functools import partial
from types import SimpleNamespace
from typing import Any

from isolation.history import History, Look, Read, Transaction, Write, creation, frozen
from isolation.programs import Program

from lifeevt import (
    AsyncEventProcessor,
    ConflictError,
    Event,
    Field,
    ManualClock,
    Reflex,
    ThreadSafeSelfState,
    Value,
)

FIELDS: dict[str, Field | Value] = {
    "a": Field(0.0),
    "b": Value((), kind=tuple),
    "c": Field(0, integer=True),
    "d": Value([], kind=list),
    "e": Field(0.0),
}
ADDED_BITS = 40  # each added amount is another power of two; values set are multiples of a larger one
FIRST_SET = 1 << ADDED_BITS
TOP_BITS = (ADDED_BITS - 1, ADDED_BITS - 2)  # an even and an odd one


class Broken(Exception):
    """The error that a client's block raises where the program says ``fail``."""


class Client:
    """One client: its context, and the transaction that it is in."""

    def __init__(self) -> None:
        self.context = copy_context()
        self.started = 0  # the moment of its present step
        self.inside: Any = None
        self.record: Any = None


class Replayer:
    """A state, its clients, and the history that grows."""

    def __init__(self, state: Any, names: list[str], clients: int, isolation: str) -> None:
        self.state, self.names, self.isolation = state, names, isolation
        self.clients = [Client() for _ in range(clients)]
        self.visible = {name: frozen(state[name]) for name in names}
        self.history = History([creation(self.visible)], {name: [value] for name, value in self.visible.items()})
        self.known = set(self.visible.items())
        self.engine: AsyncEventProcessor | None = None
        self.moment = self.sets = self.adds = self.observed = 0

    def step(self, number: int, verb: str, field: int) -> None:
        """Run one step of a client, then observe the published values."""
        client = self.clients[number]
        client.started = self.now()
        client.context.run(getattr(self, verb), client, self.names[field])
        self.observe()

    def now(self) -> int:
        """Return a moment after all moments returned before."""
        self.moment += 1
        return self.moment

    def observe(self) -> None:
        """Note which values took effect; without a new version nothing did."""
        if self.state.version == self.observed:
            return
        seen = self.state.snapshot()
        self.observed = seen.version
        for name, value in seen.items():
            value = frozen(value)
            if value != self.visible[name]:
                self.visible[name] = value
                self._took_effect(name, value)

    def _took_effect(self, name: str, value: Any) -> None:
        if (name, value) not in self.known:
            self.known.add((name, value))
            self.history.order[name].append(value)

    # --- values: no two writes write the same one

    def fresh(self, name: str) -> Any:
        """Return a value that was never written to the field."""
        self.sets += 1
        kind = type(FIELDS[name].default)
        return kind([self.sets]) if kind in (tuple, list) else kind(self.sets * FIRST_SET)

    def moved(self, name: str, value: Any) -> Any:
        """The value with something of its own added to it."""
        if type(value) in (tuple, list):
            self.sets += 1
            return value + type(value)([self.sets])
        return value + self.amount()

    def amount(self) -> int:
        self.adds += 1
        assert self.adds <= ADDED_BITS
        return 1 << self.adds - 1

    # --- steps in a transaction

    def begin(self, client: Client, _: str) -> None:
        client.inside = self.state.transaction(isolation=self.isolation)
        entered = client.inside.__enter__()
        assert entered is client.inside
        client.record = self._opened(client, entered.version)

    def read(self, client: Client, name: str) -> None:
        client.record.operations.append(Read(name, taken(client.inside[name])))

    def look(self, client: Client, _: str) -> None:
        seen = dict(client.inside)
        client.record.operations.append(Look({name: taken(value) for name, value in seen.items()}))

    def look_back(self, client: Client, _: str) -> None:
        seen = client.inside.snapshot
        client.record.operations.append(Look({name: taken(seen[name]) for name in seen}, own=False))

    def write(self, client: Client, name: str) -> None:
        self._write(client, name, self.fresh(name))

    def modify(self, client: Client, name: str) -> None:
        value = client.inside[name]
        client.record.operations.append(Read(name, frozen(value)))
        self._write(client, name, self.moved(name, value))

    def add(self, client: Client, name: str) -> None:
        before = frozen(client.inside[name])
        if isinstance(before, tuple):
            self.modify(client, name)
            return
        amount = self.amount()
        client.inside.apply_delta({name: amount})
        client.record.operations += [Read(name, before), Write(name, before + amount)]

    def _write(self, client: Client, name: str, value: Any) -> None:
        client.inside[name] = value
        client.record.operations.append(Write(name, taken(value)))

    def commit(self, client: Client, _: str) -> None:
        if client.inside is None:
            return
        try:
            client.inside.__exit__(None, None, None)
        except ConflictError as error:
            self._closed(client, None, f"conflict over {sorted(error.fields)}")
        else:
            self._closed(client, client.inside.version, "committed")

    def fail(self, client: Client, _: str) -> None:
        error = Broken()
        assert not client.inside.__exit__(Broken, error, None), "a block's error was swallowed"
        self._closed(client, None, "failed")

    def roll_back(self, client: Client, _: str) -> None:
        client.inside.rollback()
        client.inside.__exit__(None, None, None)
        self._closed(client, None, "rolled back")

    # --- steps outside of one: each is a transaction of its own

    def fetch(self, client: Client, name: str) -> None:
        self._single(client, self.state.version, Read(name, taken(self.state[name])))

    def glance(self, client: Client, _: str) -> None:
        seen = self.state.snapshot()
        self._single(client, seen.version, Look({name: taken(seen[name]) for name in seen}))

    def assign(self, client: Client, name: str) -> None:
        value = self.fresh(name)
        self.state[name] = value
        self._single(client, self.state.version, Write(name, taken(value)))

    def store(self, client: Client, name: str) -> None:
        changes = {each: self.fresh(each) for each in dict.fromkeys([name, self.names[0]])}
        made = self.state.store(changes)
        self._single(client, made, *(Write(each, taken(value)) for each, value in changes.items()))

    def bump(self, client: Client, name: str) -> None:
        before = self.visible[name]
        if isinstance(before, tuple):
            self.fold(client, name)
            return
        amount = self.amount()
        made = self.state.increment(name, amount) if amount & 1 else self.state.apply_delta({name: amount})
        self._single(client, made, Read(name, before), Write(name, before + amount))

    def raise_to(self, client: Client, name: str) -> None:
        before, value = self.visible[name], self.fresh(name)
        if isinstance(before, tuple):
            self.fold(client, name)
            return
        self._single(client, self.state.update_max(name, value), Read(name, before), Write(name, value))

    def swap(self, client: Client, name: str) -> None:
        before, value = self.state[name], self.fresh(name)
        assert self.state.compare_and_set(name, value, value) is None
        made = self.state.compare_and_set(name, before, value)
        assert made is not None
        self._single(client, made, Read(name, taken(before)), Write(name, taken(value)))

    def fold(self, client: Client, name: str) -> None:
        steps: list[Read | Write] = []

        def changed(value: Any) -> Any:
            moved = self.moved(name, value)
            steps[:] = Read(name, frozen(value)), Write(name, frozen(moved))  # of the last attempt
            return moved

        made = self.state.update(changed, field=name)
        self._single(client, made, *steps)

    def react(self, client: Client, _: str) -> None:
        """Let an event's reflex add the same to every number, in one step and without Python."""
        amount, numbers = self.amount(), [name for name in self.names if isinstance(FIELDS[name], Field)]
        before = {name: self.visible[name] for name in numbers}
        if isinstance(self.state, ThreadSafeSelfState):
            self._process(amount, numbers)
            made = self.state.version
        else:
            made = self.state.apply_delta(dict.fromkeys(numbers, amount))
        steps = [(Read(name, value), Write(name, value + amount)) for name, value in before.items()]
        self._single(client, made, *(step for pair in steps for step in pair))

    def _process(self, amount: int, numbers: list[str]) -> None:
        """Process an event with a reflex that adds this power of two: the impact grows with the intensity's square."""
        if self.engine is None:
            reflexes = [Reflex(f"add{top}", 1.0, dict.fromkeys(numbers, 2.0**top)) for top in TOP_BITS]
            self.engine = AsyncEventProcessor(self.state, reflexes, clock=ManualClock())
        bit = amount.bit_length() - 1
        top = next(top for top in TOP_BITS if (top - bit) % 2 == 0)
        self.engine.submit(Event(f"add{top}", 2.0 ** ((bit - top) / 2), 0.0))
        assert self.engine.process_pending() == 1

    def rework(self, client: Client, name: str) -> None:
        """Look at all fields and write two, in one update."""
        steps: list[Look | Write] = []
        self._single(client, self.state.update(partial(self._reworked, name, steps)), *steps)

    def _reworked(self, name: str, steps: list[Look | Write], seen: Mapping[str, Any]) -> dict[str, Any]:
        values = {each: frozen(seen[each]) for each in self.names}
        changes = {each: self.fresh(each) for each in dict.fromkeys([name, self.names[-1]])}
        steps[:] = Look(values), *(Write(each, frozen(value)) for each, value in changes.items())  # of the last attempt
        return changes

    # --- the record

    def _opened(self, client: Client, began: int) -> Transaction:
        opened = Transaction(len(self.history.transactions), client.started, began)
        self.history.transactions.append(opened)
        return opened

    def _single(self, client: Client, version: int, *steps: Any) -> Transaction:
        wrote = any(type(step) is Write for step in steps)
        record = self._opened(client, version - wrote)  # a write that reads does so at the version just before its own
        record.operations.extend(steps)
        self._ended(record, version, "alone")
        return record

    def _closed(self, client: Client, version: int | None, why: str) -> None:
        record, client.inside, client.record = client.record, None, None
        self._ended(record, version, why)

    def _ended(self, record: Transaction, version: int | None, why: str) -> None:
        record.version, record.why, record.ended = version, why, self.now()
        if version is None:
            return
        self.observe()
        for name, value in record.finals().items():
            self._took_effect(name, value)  # an unobserved value took effect here, and was overwritten at once


class WrappedReplayer(Replayer):
    """Rewrites the wrapped object under exclusive access."""

    def rework(self, client: Client, name: str) -> None:
        steps: list[Look | Write] = []
        access = self.state.exclusive()
        with access as live:
            vars(live).update(self._reworked(name, steps, vars(live)))
        self._single(client, access.version, *steps)


def wrapped(fields: Mapping[str, Field | Value]) -> ThreadSafeSelfState:
    """A state over a plain object with these fields."""
    target = SimpleNamespace(**{name: deepcopy(field.default) for name, field in fields.items()})
    return ThreadSafeSelfState.wrap(target, fields)


def taken(value: Any) -> Any:
    """Return a frozen copy of the value, then change the list it came in: no other reader may see the change."""
    kept = frozen(value)
    if type(value) is list:
        value.append(-1)
    return kept


def replay(
    make: Callable[[Mapping[str, Any]], Any], program: Program, isolation: str, replayer_of: type[Replayer] = Replayer
) -> History:
    """Run the program on a new state and return its history."""
    names = list(FIELDS)[: program.fields]
    replayer = replayer_of(make({name: FIELDS[name] for name in names}), names, program.clients, isolation)
    for step in program.steps:
        replayer.step(*step)
    return replayer.history
