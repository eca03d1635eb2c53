"""Find an order of the calls, each at one moment between its begin and its return, that explains all results.

After J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993): try every call that may come
first, compare with the specification, go on or go back. Two ways that lead to the same calls done and the same
contents have the same future, so each such pair is tried once (G. Lowe, "Testing for Linearizability", 2017). The
words and the code are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from linearizability.specification import Contents, Operation, answer


class Call(NamedTuple):
    """One operation of one thread: its result, and the times of its call and its return."""

    operation: Operation
    answer: Any
    called: int
    returned: int


def explanation(calls: Sequence[Call], contents: Contents) -> list[Call] | None:
    """An order that explains the calls, from these contents on, or None. Worst case O(2ⁿ · contents)."""
    return _explained(calls, (1 << len(calls)) - 1, contents, set())


def _explained(
    calls: Sequence[Call], left: int, contents: Contents, tried: set[tuple[int, Contents]]
) -> list[Call] | None:
    if not left:
        return []
    if (left, contents) in tried:
        return None
    tried.add((left, contents))
    waiting = [number for number in range(len(calls)) if left >> number & 1]
    first_return = min(calls[number].returned for number in waiting)
    for number in waiting:
        call = calls[number]
        if call.called > first_return:
            continue
        said, after = answer(call.operation, contents)
        if said == call.answer:
            rest = _explained(calls, left & ~(1 << number), after, tried)
            if rest is not None:
                return [call, *rest]
    return None


def overlapping(calls: Sequence[Call]) -> bool:
    """Whether any two calls were under way at one moment."""
    ordered = sorted(calls, key=lambda call: call.called)
    return any(later.called <= earlier.returned for earlier, later in pairwise(ordered))
