"""What does it cost to put one event in and take the most urgent one out, at a steady depth?

Columns: AsyncEventQueue, ``queue.PriorityQueue`` and ``heapq`` under a Lock, both of tuples (key, number, event).
Ours reads the clock, ranks the event and keeps the ledger; a peer reads the clock and looks the budget of the type up,
so all of them have the same events in the same order. Each statement stands in the measured loop itself, with local
names and no function around it.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
import timeit
from collections.abc import Iterable
from typing import Any

from lifeevt import AsyncEventQueue, Event, EventTypes

from . import measure, workloads
from .bars import Bar
from .environment import BACKEND
from .loops import all_timed, timer

NAME = "queue"
PRIORITY_QUEUE, HEAPQ = "PriorityQueue", "heapq+Lock"
FACTORS = {100: (12, 5), 10_000: (12, 5), 1_000_000: (8, 5)}  # how much faster than each peer, by depth
DEEPEST_REFERENCE = 10_000  # filling the reference with a million events takes minutes
POOL = 1024

OURS = "waiting.put(waiting.get())"
BY_PRIORITY_QUEUE = """
_, _, event = waiting.get()
waiting.put((clock() + budgets[event.type], next(number), event))
"""
BY_HEAPQ = """
with lock:
    _, _, event = pop(waiting)
with lock:
    push(waiting, (clock() + budgets[event.type], next(number), event))
"""


def of_queue(depth: int) -> timeit.Timer:
    waiting = AsyncEventQueue(depth + 1, overflow="reject")
    waiting.put_many(incoming(depth))
    return timer(OURS, waiting=waiting)


def of_priority_queue(depth: int) -> timeit.Timer:
    waiting: queue.PriorityQueue[tuple[int, int, Event]] = queue.PriorityQueue(depth + 1)
    known = ranking()
    for entry in entries(depth, known):
        waiting.put(entry)
    return timer(BY_PRIORITY_QUEUE, waiting=waiting, **known)


def of_heapq(depth: int) -> timeit.Timer:
    known = ranking()
    waiting = list(entries(depth, known))
    heapq.heapify(waiting)
    return timer(
        BY_HEAPQ, waiting=waiting, lock=threading.Lock(), pop=heapq.heappop, push=heapq.heappush, **known
    )  # fmt: skip


def can_hold(depth: int) -> bool:
    """Whether the queue of this backend is filled within seconds."""
    return BACKEND == "native" or depth <= DEEPEST_REFERENCE


def incoming(depth: int) -> Iterable[Event]:
    return itertools.islice(itertools.cycle(workloads.events(POOL)), depth)


def ranking() -> dict[str, Any]:
    """The ranking of a peer's events."""
    types = EventTypes.life()
    budgets = {name: (types.named(name) or types.default).budget_ns for name in workloads.LIFE_MIX}
    return {"clock": time.monotonic_ns, "budgets": budgets, "number": itertools.count()}


def entries(depth: int, known: dict[str, Any]) -> Iterable[tuple[int, int, Event]]:
    clock, budgets, number = known["clock"], known["budgets"], known["number"]
    return ((clock() + budgets[event.type], next(number), event) for event in incoming(depth))


def columns(depth: int) -> dict[str, timeit.Timer]:
    made = {BACKEND: of_queue(depth)} if can_hold(depth) else {}
    return made | {PRIORITY_QUEUE: of_priority_queue(depth), HEAPQ: of_heapq(depth), measure.LOOP: timer("pass")}


def row(depth: int, pairs: int, rounds: int) -> measure.Row:
    samples = measure.in_turns(all_timed(columns(depth), pairs), rounds)
    bars = [Bar(peer, factor) for peer, factor in zip((PRIORITY_QUEUE, HEAPQ), FACTORS[depth], strict=True)]
    return measure.Row(f"put and get, depth {depth:,}", "ns a pair", BACKEND, samples, bars=bars)


def rows(effort: measure.Effort) -> list[measure.Row]:
    pairs, turns = (200, 2) if effort.quick else (20_000, 11)
    return [row(depth, pairs, effort.rounds or turns) for depth in ([100] if effort.quick else FACTORS)]
