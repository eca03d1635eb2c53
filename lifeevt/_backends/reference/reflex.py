"""ReflexTable, the reference: rules as tuples, looked at in order."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import (
    ABOVE,
    AT_LEAST,
    AT_MOST,
    BELOW,
    MAX_IMPACTS,
    NO_CAUSE,
    NO_PATTERN,
    RECALL_MAX,
    RECALL_MEAN,
    SIGNIFICANCE,
    ChoiceRule,
    Condition,
    FactorRule,
    Outcome,
    Pattern,
    Row,
)
from .cells import StateCells, Writing
from .numbers import Rooted, checked_index, finite, int64, saturated


class ReflexTable(Rooted):
    """Responses as numbers: appraise, decide and apply, in one atomic step on the cells.

    The rules are Life's in shape; the numbers are the caller's. ``rows`` hold (weight, impacts,
    gains); ``sensitizers`` all multiply the significance, the first matching of ``dampers`` the
    impact, the first matching of ``decisions`` chooses one of ``patterns`` (ignores, factor, costs).
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
        self._fields = int64(fields)
        self._rows = [_checked_row(row, self._fields) for row in rows]
        self._sensitizers = [_checked_rule(rule, self._fields) for rule in sensitizers]
        self._dampers = [_checked_rule(rule, self._fields) for rule in dampers]
        self._patterns = [_checked_pattern(pattern, self._fields) for pattern in patterns]
        self._decisions = [
            (_checked_conditions(when, self._fields), checked_index(choice, len(self._patterns)))
            for when, choice in decisions
        ]

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
        """Answer one event: (significance, pattern, impacts, applied, version before, version after).

        ``recall_max`` and ``recall_mean`` summarise remembered significances. The pattern is
        NO_PATTERN, and nothing is written, when the significance is 0 or no decision matches. ``cause``
        is what the trail of the cells says of it.
        """
        row = checked_index(row, len(self._rows))
        if not isinstance(cells, StateCells):
            raise TypeError(f"a table responds on StateCells, not on a {type(cells).__name__}")
        numbers = [finite(intensity), finite(recall_max), finite(recall_mean)]
        if len(cells) != self._fields:
            raise ValueError(f"the table is for {self._fields} cells, the state has {len(cells)}")
        with Writing(cells, int64(cause)):
            return self._respond(cells, self._rows[row], *numbers)

    def _respond(self, cells: StateCells, row: Row, intensity: float, high: float, mean: float) -> Outcome:
        weight, bases, gains = row
        values = cells._values
        inputs = _Inputs(values, high, mean)
        inputs.significance = self._appraise(abs(intensity) * weight, inputs)
        scale = _first(self._dampers, inputs, 1.0)
        impacts = [base * abs(intensity) * inputs.significance * scale for _, base in bases]
        choice = int(_first(self._decisions, inputs, NO_PATTERN)) if inputs.significance > 0.0 else NO_PATTERN
        before = cells._version
        if choice == NO_PATTERN or self._patterns[choice][0]:
            return inputs.significance, choice, tuple(impacts), (0.0,) * len(impacts), before, before
        applied = self._scaled(impacts, self._patterns[choice][1], bases, gains, values)
        for (field, _), delta in zip(bases, applied, strict=True):
            cells._add(field, delta)
        for field, cost in self._patterns[choice][2]:
            cells._add(field, -cost)
        return inputs.significance, choice, tuple(impacts), tuple(applied), before, cells._written()

    def _appraise(self, significance: float, inputs: _Inputs) -> float:
        for conditions, factor in self._sensitizers:
            if all(inputs.hold(condition) for condition in conditions):
                significance *= factor
        if significance > 1.0:
            return 1.0
        return significance if significance >= 0.0 else 0.0  # NaN, of a user's huge numbers, is nothing

    def _scaled(
        self,
        impacts: list[float],
        factor: float,
        bases: Sequence[tuple[int, float]],
        gains: Sequence[tuple[int, int]],
        values: list[float],
    ) -> list[float]:
        applied = [impact * factor for impact in impacts]
        for field, gain in gains:
            for position, (target, _) in enumerate(bases):
                if target == field:
                    applied[position] *= values[gain]
        return [saturated(delta) for delta in applied]


class _Inputs:
    """What a condition may ask about: the fields, the significance, and what is remembered."""

    __slots__ = ("_mean", "_recalled", "_values", "significance")

    def __init__(self, values: list[float], recalled: float, mean: float) -> None:
        self._values, self._recalled, self._mean = values, recalled, mean
        self.significance = 0.0

    def hold(self, condition: Condition) -> bool:
        source, operator, threshold = condition
        value = self._value(source)
        if operator == BELOW:
            return value < threshold
        if operator == ABOVE:
            return value > threshold
        return value >= threshold if operator == AT_LEAST else value <= threshold

    def _value(self, source: int) -> float:
        if source >= 0:
            return self._values[source]
        if source == SIGNIFICANCE:
            return self.significance
        return self._recalled if source == RECALL_MAX else self._mean


def _first(rules: Sequence[tuple[Sequence[Condition], float]], inputs: _Inputs, otherwise: float) -> float:
    for conditions, outcome in rules:
        if all(inputs.hold(condition) for condition in conditions):
            return outcome
    return otherwise


def _checked_row(row: Row, fields: int) -> Row:
    weight, impacts, gains = row
    if len(gains) > MAX_IMPACTS:
        raise ValueError(f"{len(gains)} gains; one response may have at most {MAX_IMPACTS}")
    places = tuple((checked_index(target, fields), checked_index(source, fields)) for target, source in gains)
    return finite(weight), _checked_amounts(impacts, fields), places


def _checked_amounts(amounts: Sequence[tuple[int, float]], fields: int) -> tuple[tuple[int, float], ...]:
    if len(amounts) > MAX_IMPACTS:
        raise ValueError(f"{len(amounts)} fields; one response may touch at most {MAX_IMPACTS}")
    return tuple((checked_index(field, fields), finite(amount)) for field, amount in amounts)


def _checked_rule(rule: FactorRule, fields: int) -> FactorRule:
    conditions, factor = rule
    return _checked_conditions(conditions, fields), finite(factor)


def _checked_pattern(pattern: Pattern, fields: int) -> Pattern:
    ignores, factor, costs = pattern
    return bool(ignores), finite(factor), _checked_amounts(costs, fields)


def _checked_conditions(conditions: Sequence[Condition], fields: int) -> tuple[Condition, ...]:
    return tuple(_checked_condition(condition, fields) for condition in conditions)


def _checked_condition(condition: Condition, fields: int) -> Condition:
    given_source, given_operation, given_threshold = condition
    source, operation, threshold = int64(given_source), int64(given_operation), finite(given_threshold)
    if not RECALL_MEAN <= source < fields:
        raise IndexError(f"input {source} of {fields}")
    if not BELOW <= operation <= AT_MOST:
        raise ValueError(f"{operation} is no operator")
    return source, operation, threshold
