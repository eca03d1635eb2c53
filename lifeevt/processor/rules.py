"""ReflexRules: the conditions, factors and patterns that all reflexes of a set share, and their CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass, field, replace
from os import PathLike
from types import MappingProxyType
from typing import Any

from .._backends import contract
from ..errors import InvalidReflex
from ..event import Row, load_table, read_table
from ..serialization import is_number

IGNORE = "ignore"  # the pattern that does nothing
OPERATORS = {"<": contract.BELOW, ">": contract.ABOVE, ">=": contract.AT_LEAST, "<=": contract.AT_MOST}
INPUTS = {  # of a condition, beside the state's fields
    "significance": contract.SIGNIFICANCE,
    "recall_max": contract.RECALL_MAX,
    "recall_mean": contract.RECALL_MEAN,
}
_STAGES = ("appraise", "respond", "decide", "act")
_COLUMNS = ("stage", "when", "outcome", "factor")


@dataclass(frozen=True)
class ReflexCondition:
    """A comparison of a field, ``significance``, ``recall_max`` or ``recall_mean`` with a number.

    Raises:
        InvalidReflex: the operator is none of ``<``, ``>``, ``<=`` and ``>=``, or the threshold is not finite.
    """

    source: str
    operator: str
    threshold: float

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InvalidReflex(f"{self.operator!r} is no comparison; choose {', '.join(OPERATORS)}")
        check_numbers("a condition", self.threshold)

    @classmethod
    def parse(cls, text: str) -> tuple[ReflexCondition, ...]:
        """Read conditions like ``energy < 30 and stability < 0.3``; the empty text has none."""
        return tuple(cls._parse_one(part) for part in text.split(" and ")) if text.strip() else ()

    @classmethod
    def _parse_one(cls, text: str) -> ReflexCondition:
        words = text.split()
        if len(words) != 3 or words[1] not in OPERATORS:
            raise InvalidReflex(f"{text!r} is no condition; write one like 'energy < 30'")
        return cls(words[0], words[1], parse_number(words[2]))


@dataclass(frozen=True)
class ReflexRule:
    """A ``factor``, or the name of the ``pattern`` to choose, that applies when all conditions hold."""

    when: tuple[ReflexCondition, ...] = ()
    factor: float = 1.0
    pattern: str = ""

    def __post_init__(self) -> None:
        check_numbers("a rule", self.factor)


@dataclass(frozen=True)
class ReflexPattern:
    """The effect of a decision: scale the impact by ``factor`` and add ``cost``; ``ignore`` does nothing."""

    name: str
    factor: float = 1.0
    cost: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", MappingProxyType(dict(self.cost)))
        check_numbers(f"pattern {self.name!r}", self.factor, *self.cost.values())
        if len(self.cost) > contract.MAX_IMPACTS:
            raise InvalidReflex(f"pattern {self.name!r} touches {len(self.cost)} of {contract.MAX_IMPACTS} fields")


@dataclass(frozen=True)
class ReflexRules:
    """The rules that all reflexes of a set share. Immutable.

    Every sensitizer that holds multiplies the significance. The first damper that holds scales the impact. The first
    decision that holds names the pattern.
    """

    sensitizers: tuple[ReflexRule, ...] = ()
    dampers: tuple[ReflexRule, ...] = ()
    decisions: tuple[ReflexRule, ...] = field(default_factory=lambda: (ReflexRule(pattern="absorb"),))
    patterns: tuple[ReflexPattern, ...] = field(default_factory=lambda: (ReflexPattern("absorb"),))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ReflexRules:
        """Read rules from a CSV file with the columns stage, when, outcome, factor.

        Raises:
            InvalidReflex: a row is wrong; names file and line.
            OSError: the file cannot be read.
        """
        return cls._of(load_table(path, *_COLUMNS, error=InvalidReflex))

    @classmethod
    def parse(cls, text: str, name: str) -> ReflexRules:
        """Read rules from the text of such a file; ``name`` stands in the errors."""
        return cls._of(read_table(text, name, *_COLUMNS, error=InvalidReflex))

    @classmethod
    def _of(cls, rows: list[Row]) -> ReflexRules:
        stages: dict[str, list[Any]] = {stage: [] for stage in _STAGES}
        for where, row in rows:
            stage, made = _stage_of(row, where)
            stages[stage].append(made)
        return cls(*(tuple(stages[stage]) for stage in _STAGES))

    def restricted_to(self, fields: AbstractSet[str]) -> ReflexRules:
        """Return the rules that can hold in a state with just ``fields``."""
        known = fields | INPUTS.keys()

        def keep(rules: Iterable[ReflexRule]) -> tuple[ReflexRule, ...]:
            return tuple(rule for rule in rules if all(each.source in known for each in rule.when))

        patterns = tuple(replace(each, cost=kept_fields(each.cost, fields)) for each in self.patterns)
        return ReflexRules(keep(self.sensitizers), keep(self.dampers), keep(self.decisions), patterns)


def kept_fields(amounts: Mapping[str, float], fields: AbstractSet[str]) -> dict[str, float]:
    """Return the amounts of these fields alone."""
    return {name: amount for name, amount in amounts.items() if name in fields}


def check_numbers(where: str, *numbers: Any) -> None:
    """Raise InvalidReflex, which names ``where``, unless all are finite."""
    for number in numbers:
        if not is_number(number):
            shown = number if isinstance(number, float) else type(number).__name__
            raise InvalidReflex(f"{where} holds {shown}; every number in it must be finite")


def parse_number(text: str) -> float:
    """Return the finite number that a cell of a table holds."""
    try:
        number = float(text)
    except ValueError:
        raise InvalidReflex(f"{text!r} is not a number") from None
    check_numbers("a table", number)
    return number


def _stage_of(row: dict[str, str], where: str) -> tuple[str, ReflexRule | ReflexPattern]:
    try:
        stage = row["stage"]
        if stage not in _STAGES:
            raise InvalidReflex(f"unknown stage {stage!r}; choose {', '.join(_STAGES)}")
        return stage, _pattern_of(row) if stage == "act" else _rule_of(row)
    except InvalidReflex as error:
        raise InvalidReflex(f"{where}: {error}") from None


def _rule_of(row: dict[str, str]) -> ReflexRule:
    factor = parse_number(row["factor"]) if row["factor"] else 1.0
    return ReflexRule(ReflexCondition.parse(row["when"]), factor, row["outcome"])


def _pattern_of(row: dict[str, str]) -> ReflexPattern:
    """Read an act row; its ``when`` holds the cost, like ``energy - 0.005``."""
    words = row["when"].split()
    if words and (len(words) != 3 or words[1] not in ("-", "+")):
        raise InvalidReflex(f"{row['when']!r} is no cost; write one like 'energy - 0.005'")
    cost = {words[0]: parse_number(words[1] + words[2])} if words else {}
    return ReflexPattern(row["outcome"], parse_number(row["factor"]), cost)
