"""The sequential meaning of each atomic operation: old contents in, result and new contents out.

Contents are (version, number, bounded number, value); they never change, so a search can go back to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

NAMES = ("x", "n", "v")  # a float without bounds, a whole number within them, any value
LOW, HIGH = 0, 9
Values = tuple[Any, ...]
Contents = tuple[int, Values]
Answer = tuple[Any, Contents]


class Operation(NamedTuple):
    """One call, as data."""

    verb: str
    name: str = ""
    value: Any = None
    other: Any = None


def answer(operation: Operation, contents: Contents) -> Answer:
    """Return the operation's result and the new contents. O(1)."""
    return MEANINGS[operation.verb](operation, *contents)


def twice(value: Any) -> Any:
    """The function for `update` of one field: it commutes with no other operation."""
    return (*value, len(value)) if isinstance(value, tuple) else (value * 2 + 1) % (HIGH + 1)


def crossed(values: Any) -> dict[str, Any]:
    """The function for `update` of all fields."""
    return {"x": float(values["n"]), "n": int(values["x"]) % (HIGH + 1)}


def _read(operation: Operation, version: int, values: Values) -> Answer:
    return values[NAMES.index(operation.name)], (version, values)


def _snapshot(operation: Operation, version: int, values: Values) -> Answer:
    return (version, *values), (version, values)


def _put(version: int, values: Values, changes: dict[str, Any]) -> Contents:
    return version + 1, tuple(changes.get(name, value) for name, value in zip(NAMES, values, strict=True))


def _set(operation: Operation, version: int, values: Values) -> Answer:
    return None, _put(version, values, {operation.name: operation.value})


def _store(operation: Operation, version: int, values: Values) -> Answer:
    return version + 1, _put(version, values, operation.value)


def _add(operation: Operation, version: int, values: Values) -> Answer:
    moved = {name: values[NAMES.index(name)] + amount for name, amount in operation.value.items()}
    if "n" in moved:
        moved["n"] = min(max(moved["n"], LOW), HIGH)
    return version + 1, _put(version, values, moved)


def _increment(operation: Operation, version: int, values: Values) -> Answer:
    return _add(Operation("add", value={operation.name: operation.value}), version, values)


def _compare_and_set(operation: Operation, version: int, values: Values) -> Answer:
    if values[NAMES.index(operation.name)] != operation.value:
        return None, (version, values)
    return version + 1, _put(version, values, {operation.name: operation.other})


def _reach(operation: Operation, version: int, values: Values) -> Answer:
    present = values[NAMES.index(operation.name)]
    reached = (max if operation.verb == "update_max" else min)(present, operation.value)
    made = (version, values) if reached == present else _put(version, values, {operation.name: reached})
    return made[0], made


def _update(operation: Operation, version: int, values: Values) -> Answer:
    return version + 1, _put(version, values, {operation.name: twice(values[NAMES.index(operation.name)])})


def _update_all(operation: Operation, version: int, values: Values) -> Answer:
    return version + 1, _put(version, values, crossed(dict(zip(NAMES, values, strict=True))))


def _transact(operation: Operation, version: int, values: Values) -> Answer:
    return values, _put(version, values, {"x": float(values[1])})


MEANINGS: dict[str, Callable[[Operation, int, Values], Answer]] = {
    "read": _read,
    "snapshot": _snapshot,
    "set": _set,
    "store": _store,
    "apply_delta": _add,
    "increment": _increment,
    "compare_and_set": _compare_and_set,
    "update_min": _reach,
    "update_max": _reach,
    "update": _update,
    "update_all": _update_all,
    "transact": _transact,
}


def ask(state: Any, operation: Operation) -> Any:
    """Run the operation on a real state; return its result in the same form."""
    return CALLS[operation.verb](state, operation)


def _set_it(state: Any, operation: Operation) -> None:
    state[operation.name] = operation.value


def _look(state: Any, _: Operation) -> Any:
    seen = state.snapshot()
    return seen.version, *(seen[name] for name in NAMES)


def _copy_n(transaction: Any) -> Any:
    seen = tuple(transaction[name] for name in NAMES)
    transaction["x"] = float(seen[1])
    return seen


CALLS: dict[str, Callable[[Any, Operation], Any]] = {
    "read": lambda state, asked: state[asked.name],
    "snapshot": _look,
    "set": _set_it,
    "store": lambda state, asked: state.store(asked.value),
    "apply_delta": lambda state, asked: state.apply_delta(asked.value),
    "increment": lambda state, asked: state.increment(asked.name, asked.value),
    "compare_and_set": lambda state, asked: state.compare_and_set(asked.name, asked.value, asked.other),
    "update_min": lambda state, asked: state.update_min(asked.name, asked.value),
    "update_max": lambda state, asked: state.update_max(asked.name, asked.value),
    "update": lambda state, asked: state.update(twice, field=asked.name),
    "update_all": lambda state, _: state.update(crossed),
    "transact": lambda state, _: state.transact(_copy_n, isolation="serializable"),
}
