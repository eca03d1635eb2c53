"""Long random walks: a heap and a simple model take thousands of random steps together, in phases.

The walks of Hypothesis are short, and shrink. Some errors need many steps of one kind first: a run longer than its
first chunk, a compaction that is half done, hundreds of tombstones between live entries. So a phase draws a weight for
each kind of step and keeps it for a while.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from parity.lockstep import HeapModel, agree

from lifeevt._backends.contract import DROP_LOWEST, DROP_OLDEST, MAX_LEVELS, REJECT

BUDGETS = (10, 80, 500, 2_000)  # by level; the keys of one level mostly ascend, and so make a run
SHED, CANCELLED, DELIVERED = 2, 3, 5
POLICIES = (REJECT, DROP_OLDEST, DROP_LOWEST)
LONGEST_PHASE = 60
MANY = (1, 1, 3, 20, 90)  # steps of one kind in a row


class RandomWalk:
    """One heap beside one model; the seed decides every step."""

    def __init__(self, heap: Any, capacity: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.heap, self.model = heap, HeapModel(capacity)
        self.tickets: list[tuple[Any, Any]] = []  # the heap's and the model's, of each tracked event
        self.now = 0
        self.policy = REJECT
        self.steps: list[Callable[[], None]] = [
            self.offer, self.offer, self.offer_late, self.pop, self.pop, self.withdraw, self.withdraw,
            self.withdraw_newest, self.replace, self.hold, self.bring_back, self.pause, self.postpone, self.shift,
            self.drain,
        ]  # fmt: skip

    def go(self, phases: int) -> None:
        """Walk; raise AssertionError where the two differ or the heap fails its check."""
        for _ in range(phases):
            weights = [self.chance.random() ** 6 for _ in self.steps]
            self.policy = self.chance.choice(POLICIES)
            for _ in range(self.chance.randint(1, LONGEST_PHASE)):
                (step,) = self.chance.choices(self.steps, weights)
                for _ in range(1 if step in (self.shift, self.pause, self.drain) else self.chance.choice(MANY)):
                    step()
                self.compare()

    def compare(self) -> None:
        assert self.heap.check() is None
        assert self.heap.counts() == self.model.counts()
        assert self.heap.depths() == self.model.depths()

    def both(self, ask: Callable[[Any], Any]) -> Any:
        return agree([self.heap, self.model], ask)

    # --- steps

    def offer(self) -> None:
        self.now += self.chance.choice((0, 1, 1, 5))
        self._offer(self._level(), late=0)

    def offer_late(self) -> None:
        self._offer(self._level(), late=self.chance.randint(-300, 300))

    def hold(self) -> None:
        self._offer(self._level(), late=0, held=True)

    def pop(self) -> None:
        self.both(lambda heap: heap.pop(DELIVERED))

    def withdraw(self) -> None:
        self._with_ticket(lambda heap, ticket: heap.withdraw(ticket, CANCELLED))

    def withdraw_newest(self) -> None:
        self._with_ticket(lambda heap, ticket: heap.withdraw(ticket, CANCELLED), newest=True)

    def replace(self) -> None:
        key, level = self.now + self.chance.randint(-500, 2_000), self._level()
        self._with_ticket(lambda heap, ticket: heap.replace(ticket, key, level, "new", -1))

    def bring_back(self) -> None:
        self._with_ticket(lambda heap, ticket: heap.bring_back(ticket))

    def pause(self) -> None:
        level, paused = self.chance.choice((0, 1, 2, 3, MAX_LEVELS)), self.chance.random() < 0.4
        self.both(lambda heap: heap.pause(level, None, paused))

    def postpone(self) -> None:
        before, by_ns, level = self.now + self.chance.randint(-200, 400), self.chance.randint(1, 50), self._level()
        self.both(lambda heap: heap.postpone(before, by_ns, level))

    def shift(self) -> None:
        offsets = [self.chance.choice((0, 0, 100, -100)) for _ in range(MAX_LEVELS)]
        self.both(lambda heap: heap.shift(offsets))

    def drain(self) -> None:
        limit = self.chance.randint(0, 30)
        self.both(lambda heap: heap.drain(limit, DELIVERED))

    # --- parts

    def _level(self) -> int:
        return self.chance.choices(range(len(BUDGETS)), (1, 2, 8, 8))[0]

    def _offer(self, level: int, late: int, held: bool = False) -> None:
        offer = self.now + BUDGETS[level] + late, level, self.now, "old", self.policy, -1, 0.5, held
        said, expected = self.heap.offer_tracked(*offer), self.model.offer_tracked(*offer)
        assert said[0] == expected[0]
        if said[1] is not None:
            self.tickets.append((said[1], expected[1]))

    def _with_ticket(self, ask: Callable[[Any, Any], Any], newest: bool = False) -> None:
        if not self.tickets:
            return
        recent = len(self.tickets) - 1 - int(self.chance.random() ** 2 * min(len(self.tickets), 400))
        ours, models = self.tickets[-1 if newest else recent]
        if newest:
            self.tickets.pop()
        self.both(lambda heap: ask(heap, ours if heap is self.heap else models))
