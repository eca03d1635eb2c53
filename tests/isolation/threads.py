"""Replays a program on a state with a real thread for each client, and records the history.

The replayer does not observe the state: the versions that the commits return give the order of the values.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from threading import Lock
from time import perf_counter_ns
from typing import Any

from isolation.history import History, Read, Transaction, Write
from isolation.programs import Program, Step
from isolation.replayer import FIELDS, Client, Replayer, WrappedReplayer, taken
from linearizability.scheduler import ThreadScheduler


class ThreadedReplayer(Replayer):
    """A replayer for many threads at once; each client belongs to one thread."""

    def __init__(self, *arguments: Any) -> None:
        self.lock = Lock()
        self.added: list[tuple[Transaction, str, int]] = []
        super().__init__(*arguments)

    def now(self) -> int:
        return perf_counter_ns()

    def observe(self) -> None:
        return

    def fresh(self, name: str) -> Any:
        with self.lock:
            return super().fresh(name)

    def amount(self) -> int:
        with self.lock:
            return super().amount()

    def moved(self, name: str, value: Any) -> Any:
        return value + self.fresh(name) if type(value) in (tuple, list) else value + self.amount()

    # --- steps whose version or value before is unknown from outside

    def fetch(self, client: Client, name: str) -> None:
        seen = taken(self.state[name])
        self._single(client, 0, Read(name, seen)).began = None  # the read has no version

    def assign(self, client: Client, name: str) -> None:
        value = self.fresh(name)
        made = self.state.store({name: value})
        self._single(client, made, Write(name, taken(value)))

    def bump(self, client: Client, name: str) -> None:
        if type(FIELDS[name].default) in (tuple, list):
            self.fold(client, name)
            return
        amount = self.amount()
        made = self.state.increment(name, amount) if amount & 1 else self.state.apply_delta({name: amount})
        self.added.append((self._single(client, made), name, amount))

    def raise_to(self, client: Client, name: str) -> None:
        self.fold(client, name)

    def react(self, client: Client, name: str) -> None:
        self.bump(client, name)

    def swap(self, client: Client, name: str) -> None:
        before, value = self.state[name], self.fresh(name)
        made = self.state.compare_and_set(name, before, value)
        if made is not None:
            self._single(client, made, Read(name, taken(before)), Write(name, taken(value)))

    # --- the record

    def _opened(self, client: Client, began: int) -> Transaction:
        with self.lock:
            return super()._opened(client, began)

    def _took_effect(self, name: str, value: Any) -> None:
        return

    def finished(self) -> History:
        """Return the history; its last transaction reads the final snapshot."""
        self.step(0, "glance", 0)
        sums = {id(record): (name, amount) for record, name, amount in self.added}
        present = dict(self.visible)
        for record in sorted(self.history.transactions[1:], key=lambda each: each.version or 0):
            if id(record) in sums:
                name, amount = sums[id(record)]
                record.began = record.version - 1
                record.operations += [Read(name, present[name]), Write(name, present[name] + amount)]
            for name, value in record.finals().items() if record.committed else ():
                present[name] = value
                self.history.order[name].append(value)
        return self.history


class WrappedThreadedReplayer(ThreadedReplayer):
    """A replayer on a wrapped object, which it rewrites under exclusive access."""

    rework = WrappedReplayer.rework


def replay_in_threads(
    scheduler: ThreadScheduler,
    make: Callable[[Mapping[str, Any]], Any],
    program: Program,
    isolation: str,
    dice: random.Random | None,
    replayer_of: type[ThreadedReplayer] = ThreadedReplayer,
) -> History:
    """Run each client's steps in a thread of its own, scheduled by dice, on a new state; return the history."""
    names = list(FIELDS)[: program.fields]
    replayer = replayer_of(make({name: FIELDS[name] for name in names}), names, program.clients, isolation)
    each = [[step for step in program.steps if step.client == number] for number in range(program.clients)]
    scheduler.round([_job(replayer, steps) for steps in each], dice)
    return replayer.finished()


def _job(replayer: ThreadedReplayer, steps: list[Step]) -> Callable[[], None]:
    def run() -> None:
        for step in steps:
            replayer.step(*step)

    return run
