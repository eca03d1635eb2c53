"""Which share of events does each strategy process within its budget, under recorded loads, on a simulated clock?

One server processes events in the order of a real heap with a real scheduler, so nothing here depends on
the machine: the same figures everywhere. The loads are made from seeds: types in Life's mix, a service time
for each, Poisson arrivals at a rate that is steady, comes in bursts, drifts, or is too high for ever.
`--keep` writes the table to results/strategies.md; `--seconds` shortens the loads.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benches.workloads import LIFE_MIX
from lifeevt import Event, EventScheduler, EventTypes, Priority
from lifeevt._backends import EventHeap
from lifeevt._backends.contract import NO_END, REJECT
from lifeevt.scheduler import AdaptiveStrategy, LoadBalancingStrategy, Strategy

MS, SECOND = 10**6, 10**9
SEEDS = (1, 2, 3)
TICK_NS = 50 * MS
HANDOVER_NS = MS // 20  # once a batch: the handover of the interpreter
SERVICE_MS = {"shock": 0.5, "decay": 0.3, "noise": 0.4, "recovery": 0.6, "memory_echo": 4.0}
OTHER_MS = 2.0  # all other types
LOADS: dict[str, Callable[[float], float]] = {  # the share of the server that is asked for, by the second
    "steady": lambda _: 0.85,
    "bursty": lambda second: 3.0 if second % 4 < 0.5 else 0.5,
    "drifting": lambda second: 0.9 + 0.5 * math.sin(math.tau * second / 30),
    "overloaded": lambda _: 1.5,
}
STRATEGIES: dict[str, Callable[[], str | Strategy]] = {
    "deadline": lambda: "deadline",
    "priority": lambda: "priority",
    "load_balancing 0.5": lambda: LoadBalancingStrategy(0.5, interval_seconds=TICK_NS / SECOND),
    "load_balancing 0.9": lambda: LoadBalancingStrategy(0.9, interval_seconds=TICK_NS / SECOND),
    "adaptive": AdaptiveStrategy,
}
Arrival = tuple[int, int, int, int]  # arrival, level, budget and service, in ns
COLUMNS = ("within", "CRITICAL", "HIGH", "NORMAL", "LOW")
KEPT = Path(__file__).parent / "results" / "strategies.md"


def service_ms(name: str) -> float:
    return SERVICE_MS.get(name, OTHER_MS)


def arrivals(rate: Callable[[float], float], seconds: float, seed: int) -> Iterator[Arrival]:
    dice, types = random.Random(seed), EventTypes.life()
    names, weights = list(LIFE_MIX), list(LIFE_MIX.values())
    mean_ms = sum(service_ms(name) * weight for name, weight in LIFE_MIX.items()) / sum(weights)
    now = 0
    while now < seconds * SECOND:
        now += int(dice.expovariate(rate(now / SECOND)) * mean_ms * MS) + 1
        name = dice.choices(names, weights)[0]
        kind = types.resolve(Event(name))
        yield now, int(kind.priority), kind.budget_ns, int(dice.uniform(0.5, 1.5) * service_ms(name) * MS)


class Server:
    """Processes one batch after the other, as its scheduler decides."""

    def __init__(self, strategy: str | Strategy, coming: list[Arrival]) -> None:
        self.scheduler = EventScheduler(strategy)
        self.heap = EventHeap(len(coming))
        self.scheduler.attach(self.heap)
        self.coming, self.next, self.now = coming, 0, 0
        self.tick = TICK_NS
        self.within, self.all, self.longest = [0] * 4, [0] * 4, [0] * 4

    def run(self) -> Server:
        while self.next < len(self.coming) or len(self.heap):
            self.take_in()
            self.process() or self.wait()
        return self

    def take_in(self) -> None:
        while self.next < len(self.coming) and self.coming[self.next][0] <= self.now:
            arrival, level, budget_ns, _ = self.coming[self.next]
            self.heap.offer(arrival + budget_ns, level, arrival, self.next, REJECT)
            self.next += 1
        while self.tick <= self.now:
            self.scheduler.tick(self.tick, TICK_NS)
            self.tick += TICK_NS

    def process(self) -> bool:
        gate = self.scheduler.gate(self.now)
        above = len(self.heap.depths()) if gate.admits(Priority.LOW) else gate.above
        batch = []
        while len(batch) < self.scheduler.strategy.batch and (entry := self.heap.pop_above(above, NO_END)):
            batch.append(entry)
        self.now += HANDOVER_NS * bool(batch)
        for entry in batch:
            self.serve(*self.coming[entry[0]])
        return bool(batch)

    def serve(self, arrival: int, level: int, budget_ns: int, service_ns: int) -> None:
        self.scheduler.accounts[level].record(budget_ns, self.now - arrival, service_ns)
        self.now += service_ns
        self.heap.finish(0)
        self.all[level] += 1
        self.within[level] += self.now - arrival <= budget_ns
        self.longest[level] = max(self.longest[level], self.now - arrival)

    def wait(self) -> None:
        until = [self.tick]
        if self.next < len(self.coming):
            until.append(self.coming[self.next][0])
        gate = self.scheduler.gate(self.now)
        if gate.until_ns is not None and len(self.heap):
            until.append(gate.until_ns)
        self.now = max(min(until), self.now + 1)


def measured(seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, rate in LOADS.items():
        recorded = [list(arrivals(rate, seconds, seed)) for seed in SEEDS]
        found[name] = {}
        for strategy, make in STRATEGIES.items():
            found[name][strategy] = shares([Server(make(), coming).run() for coming in recorded])
    return found


def shares(servers: list[Server]) -> dict[str, Any]:
    within = [sum(server.within[level] for server in servers) for level in range(4)]
    of_all = [sum(server.all[level] for server in servers) for level in range(4)]
    by_level = {
        level.name: round(within[level] / of_all[level], 4) if of_all[level] else None for level in Priority
    }
    longest = max(max(server.longest) for server in servers)
    return {"within": round(sum(within) / sum(of_all), 4), **by_level, "longest_seconds": round(longest / SECOND, 2)}


def table(found: dict[str, Any]) -> Iterator[str]:
    yield f"| {'load':<10} | {'strategy':<18} | all     | CRITICAL | HIGH    | NORMAL  | LOW     | longest |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, rows in found.items():
        for strategy, row in rows.items():
            cells = " | ".join(f"{100 * row[column]:6.2f}%" for column in COLUMNS)
            yield f"| {name:<10} | {strategy:<18} | {cells} | {row['longest_seconds']:5.1f} s |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    text = "\n".join(table(measured(given.seconds))) + "\n"
    print(text, end="")
    if given.keep:
        KEPT.write_text(text, encoding="utf-8")
