"""Random programs for a few threads, and the recorded calls: arguments, result, begin and end."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from linearizability.scheduler import ThreadScheduler
from linearizability.specification import HIGH, NAMES, Contents, Operation
from linearizability.wing_gong import Call

MIN_THREADS, MAX_THREADS = 2, 4
MIN_OPERATIONS, MAX_OPERATIONS = 2, 4
NUMBERS = ("x", "n")
Ask = Callable[[Operation], Any]


def recorded(
    scheduler: ThreadScheduler, ask: Ask, programs: list[list[Operation]], dice: random.Random | None
) -> list[Call]:
    """Run each program in a thread of the scheduler, wait for all, and return their calls with the results."""
    calls: list[Call] = []
    scheduler.round([_job(ask, program, calls) for program in programs], dice)
    return calls


def _job(ask: Ask, program: list[Operation], calls: list[Call]) -> Callable[[], None]:
    def run() -> None:
        for operation in program:
            called = perf_counter_ns()
            said = ask(operation)
            calls.append(Call(operation, said, called, perf_counter_ns()))

    return run


def drawn_programs(dice: random.Random) -> list[list[Operation]]:
    """Draw a program for each of some threads. Few fields and few values, so that they meet."""
    threads = dice.randint(MIN_THREADS, MAX_THREADS)
    return [_drawn_program(dice) for _ in range(threads)]


def _drawn_program(dice: random.Random) -> list[Operation]:
    return [_drawn(dice) for _ in range(dice.randint(MIN_OPERATIONS, MAX_OPERATIONS))]


def drawn_contents(dice: random.Random) -> dict[str, Any]:
    """Draw the first contents of the fields."""
    return {name: drawn_value(name, dice) for name in NAMES}


def drawn_value(name: str, dice: random.Random) -> Any:
    """A value that the field takes: one of three."""
    number = dice.choice((0, 1, HIGH))
    return {"x": float(number), "n": number, "v": (number,)}[name]


def _drawn(dice: random.Random) -> Operation:
    verb = dice.choice(VERBS)
    if verb in ("snapshot", "update_all", "transact"):
        return Operation(verb)
    if verb in ("store", "apply_delta"):
        names = dice.sample(NUMBERS if verb == "apply_delta" else NAMES, dice.randint(1, 2))
        change = {name: drawn_value(name, dice) if verb == "store" else dice.choice((-2, 1, 3)) for name in names}
        return Operation(verb, value=change)
    name = dice.choice(NUMBERS if verb in ("increment", "update_min", "update_max") else NAMES)
    if verb in ("read", "update"):
        return Operation(verb, name)
    return Operation(verb, name, drawn_value(name, dice), drawn_value(name, dice))


VERBS = ("read", "read", "snapshot", "set", "store", "apply_delta", "increment", "increment", "compare_and_set")
VERBS += ("compare_and_set", "update_min", "update_max", "update", "update_all", "transact")


def start(version: int, values: dict[str, Any]) -> Contents:
    """The contents that a search begins with."""
    return version, tuple(values[name] for name in NAMES)
