"""ReflexTable, the reference: rules as records, looked at in order."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TypeVar

from ..contract import (
    ABOVE,
    AT_LEAST,
    AT_MOST,
    BELOW,
    NO_CAUSE,
    NO_PATTERN,
    SIGNIFICANCE,
    ChoiceRule,
    FactorRule,
    Outcome,
    Pattern,
    Row,
)
from .cells import StateCells, Writing
from .uncopyable import Uncopyable

Rule = TypeVar("Rule", FactorRule, ChoiceRule)
COMPARISONS = {BELOW: operator.lt, ABOVE: operator.gt, AT_LEAST: operator.ge, AT_MOST: operator.le}


class ReflexTable(Uncopyable):
    """Responses as numbers: appraise, decide and apply, in one atomic step on the cells.

    All matching ``sensitizers`` multiply the significance, the first matching damper multiplies the impacts, and the
    first matching decision chooses one of the ``patterns``. The shape of the rules is Life's.
    """

    def __init__(
        self,
        fields: int,
        rows: Sequence[Row],
        sensitizers: Sequence[FactorRule],
        dampers: Sequence[FactorRule],
        decisions: Sequence[ChoiceRule],
        patterns: Sequence[Pattern],
    ) -> None:
        self._fields = fields
        self._rows = [Row(*row) for row in rows]
        self._sensitizers = [FactorRule(*rule) for rule in sensitizers]
        self._dampers = [FactorRule(*rule) for rule in dampers]
        self._decisions = [ChoiceRule(*rule) for rule in decisions]
        self._patterns = [Pattern(*pattern) for pattern in patterns]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def respond(
        self,
        cells: StateCells,
        row: int,
        intensity: float,
        recall_max: float = 0.0,
        recall_mean: float = 0.0,
        cause: int = NO_CAUSE,
    ) -> Outcome:
        """Respond to one event and return the outcome.

        ``recall_max`` and ``recall_mean`` summarise remembered significances. The pattern is NO_PATTERN, and nothing is
        written, when the significance is 0 or no decision matches. ``cause`` goes into the change log of the cells.
        """
        reflex, strength = self._rows[row], abs(intensity)
        with Writing(cells):
            # The inputs of conditions. SIGNIFICANCE, RECALL_MAX and RECALL_MEAN are -1, -2 and -3, so they count from
            # the end. During the appraisal the significance is 0.
            inputs = [*cells._values, recall_mean, recall_max, 0.0]
            significance = inputs[SIGNIFICANCE] = self._appraise(strength * reflex.weight, inputs)
            damper = _first_of(self._dampers, inputs)
            scale = 1.0 if damper is None else damper.factor
            impacts = []
            for _, amount in reflex.impacts:
                impacts.append(amount * strength * significance * scale)
            decision = _first_of(self._decisions, inputs) if significance > 0.0 else None
            chosen = NO_PATTERN if decision is None else decision.pattern
            before = version = cells._version
            applied = [0.0] * len(impacts)
            if chosen != NO_PATTERN and not self._patterns[chosen].ignores:
                applied = self._apply(cells, reflex, self._patterns[chosen], impacts, cause)
                version = cells._written()
        return Outcome(significance, chosen, tuple(impacts), tuple(applied), before, version)

    def _appraise(self, significance: float, inputs: list[float]) -> float:
        """Let every sensitizer that matches multiply the significance; keep it in [0, 1]."""
        for rule in self._sensitizers:
            if _holds(rule, inputs):
                significance *= rule.factor
        if significance > 1.0:
            return 1.0
        return significance if significance >= 0.0 else 0.0  # NaN, of a user's huge numbers, is nothing

    def _apply(
        self, cells: StateCells, row: Row, pattern: Pattern, impacts: Sequence[float], cause: int
    ) -> list[float]:
        """Add the impacts times the factor of the pattern, then take its costs; return the amounts, without bounds.

        Each amount is multiplied by the fields that its own gains from, as they are before the event.
        """
        applied = []
        for (field, _), impact in zip(row.impacts, impacts, strict=True):
            amount = impact * pattern.factor
            for target, source in row.gains:
                if target == field:
                    amount *= cells._values[source]
            # A user's huge numbers overflow, and infinity times zero is NaN.
            applied.append(amount if math.isfinite(amount) else 0.0)
        for (field, _), amount in zip(row.impacts, applied, strict=True):
            cells._add(field, amount, cause)
        for field, amount in pattern.costs:
            cells._add(field, -amount, cause)
        return applied


def _first_of(rules: Sequence[Rule], inputs: list[float]) -> Rule | None:
    """Return the first rule that matches."""
    for rule in rules:
        if _holds(rule, inputs):
            return rule
    return None


def _holds(rule: FactorRule | ChoiceRule, inputs: list[float]) -> bool:
    for source, comparison, threshold in rule.conditions:  # noqa: SIM110 (a generator would be one more frame)
        if not COMPARISONS[comparison](inputs[source], threshold):
            return False
    return True
