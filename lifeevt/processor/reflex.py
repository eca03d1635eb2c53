"""Reflex: a response declared as data, and the rules that weigh it; compiled to the twin's table.

significance = |intensity| * weight * every sensitizer that holds, at most 1
impact       = base * |intensity| * significance * the first damper that holds
pattern      = the first decision that holds; its factor scales the impact, its cost is added
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .._backends import ReflexTable, contract
from ..errors import InvalidReflex
from ..event import Row, load_table, read_table
from ..serialization import is_number
from ..state import Field

__all__ = ["Condition", "Pattern", "Reflex", "ReflexAnswer", "ReflexSet", "Rule", "Temperament"]

ANY_TYPE = "*"
IGNORE = "ignore"
_OPERATORS = {"<": contract.BELOW, ">": contract.ABOVE, ">=": contract.AT_LEAST, "<=": contract.AT_MOST}
_INPUTS = {
    "significance": contract.SIGNIFICANCE,
    "recall_max": contract.RECALL_MAX,
    "recall_mean": contract.RECALL_MEAN,
}
_STAGES = ("appraise", "respond", "decide", "act")
_RULE_COLUMNS = ("stage", "when", "outcome", "factor")
_REFLEX_COLUMNS = ("type", "weight")
_MEASURES = ("type", "weight", "gain")
Words = tuple[Any, Any, Any]  # meaning, decision, action


@dataclass(frozen=True)
class Reflex:
    """How one event type is answered: its appraisal ``weight`` and its base ``impact`` on fields.

    ``gain`` scales the impact on a field by another field's value. The type ``*`` answers what no
    other reflex does. InvalidReflex for numbers that are not finite. Immutable.
    """

    type: str
    weight: float = 1.0
    impact: Mapping[str, float] = field(default_factory=dict)
    gain: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.type:
            raise InvalidReflex("a reflex needs the name of an event type, or *")
        _freeze(self, "impact", "gain")
        _check(f"reflex {self.type!r}", self.weight, *self.impact.values())
        if len(self.impact) > contract.MAX_IMPACTS:
            raise InvalidReflex(f"reflex {self.type!r} touches {len(self.impact)} of {contract.MAX_IMPACTS} fields")


@dataclass(frozen=True)
class Condition:
    """A comparison of a field, ``significance``, ``recall_max`` or ``recall_mean`` with a number."""

    source: str
    operator: str
    threshold: float

    def __post_init__(self) -> None:
        if self.operator not in _OPERATORS:
            raise InvalidReflex(f"{self.operator!r} is no comparison; choose {', '.join(_OPERATORS)}")
        _check("a condition", self.threshold)

    @classmethod
    def parse(cls, text: str) -> tuple[Condition, ...]:
        """Read conditions like ``energy < 30 and stability < 0.3``; the empty text has none."""
        return tuple(cls._one(part) for part in text.split(" and ")) if text.strip() else ()

    @classmethod
    def _one(cls, text: str) -> Condition:
        words = text.split()
        if len(words) != 3 or words[1] not in _OPERATORS:
            raise InvalidReflex(f"{text!r} is no condition; write one like 'energy < 30'")
        return cls(words[0], words[1], _number(words[2]))


@dataclass(frozen=True)
class Rule:
    """When all conditions hold: a ``factor``, or the name of the ``pattern`` to choose."""

    when: tuple[Condition, ...] = ()
    factor: float = 1.0
    pattern: str = ""

    def __post_init__(self) -> None:
        _check("a rule", self.factor)


@dataclass(frozen=True)
class Pattern:
    """What a decision does: scale the impact by ``factor`` and add ``cost``; ``ignore`` does nothing."""

    name: str
    factor: float = 1.0
    cost: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, "cost")
        _check(f"pattern {self.name!r}", self.factor, *self.cost.values())
        if len(self.cost) > contract.MAX_IMPACTS:
            raise InvalidReflex(f"pattern {self.name!r} touches {len(self.cost)} of {contract.MAX_IMPACTS} fields")


@dataclass(frozen=True)
class Temperament:
    """The rules all reflexes share: see the module's three lines. Immutable."""

    sensitizers: tuple[Rule, ...] = ()
    dampers: tuple[Rule, ...] = ()
    decisions: tuple[Rule, ...] = field(default_factory=lambda: (Rule(pattern="absorb"),))
    patterns: tuple[Pattern, ...] = field(default_factory=lambda: (Pattern("absorb"),))

    @classmethod
    def load(cls, path: str | Path) -> Temperament:
        """Read rules from a CSV file with the columns stage, when, outcome, factor."""
        return cls._of(load_table(path, *_RULE_COLUMNS))

    @classmethod
    def _of(cls, rows: list[Row]) -> Temperament:
        stages: dict[str, list[Any]] = {stage: [] for stage in _STAGES}
        for where, row in rows:
            stage, made = _stage(row, where)
            stages[stage].append(made)
        return cls(*(tuple(stages[stage]) for stage in _STAGES))

    def restricted_to(self, fields: AbstractSet[str]) -> Temperament:
        """Return the rules that can hold in a state with just ``fields``."""
        known = fields | _INPUTS.keys()

        def keep(rules: Iterable[Rule]) -> tuple[Rule, ...]:
            return tuple(rule for rule in rules if all(each.source in known for each in rule.when))

        patterns = tuple(replace(each, cost=_only(each.cost, fields)) for each in self.patterns)
        return Temperament(keep(self.sensitizers), keep(self.dampers), keep(self.decisions), patterns)


@dataclass(frozen=True)
class ReflexAnswer:
    """What a reflex did to the state: ``pattern`` is None when the event meant nothing."""

    significance: float
    pattern: str | None
    impact: Mapping[str, float]
    applied: Mapping[str, float]
    version_before: int
    version: int

    @property
    def ignored(self) -> bool:
        """Whether the event changed nothing."""
        return self.pattern is None or self.pattern == IGNORE

    @property
    def words(self) -> Words:
        """Meaning, decision and action, as a result shows them."""
        meaning = {"significance": self.significance, "impact": dict(self.impact)}
        return meaning, self.pattern, None if self.ignored else dict(self.applied)


class ReflexSet:
    """Reflexes by event type and the temperament they share. Immutable, safe from any thread.

    A type is found by its exact name, else under ``*``. InvalidReflex for a type given twice.
    """

    def __init__(self, reflexes: Iterable[Reflex] = (), temperament: Temperament | None = None) -> None:
        self.reflexes = tuple(reflexes)
        self.temperament = temperament or Temperament()
        self._row = {reflex.type: row for row, reflex in enumerate(self.reflexes)}
        if len(self._row) != len(self.reflexes):
            raise InvalidReflex("an event type has two reflexes")

    @classmethod
    def life(cls) -> ReflexSet:
        """Return Life's reflexes: the numbers and rules of its meaning, decision and action engines."""
        return _life()

    @classmethod
    def load(cls, path: str | Path, temperament: Temperament | None = None) -> ReflexSet:
        """Read reflexes from a CSV file: type, weight, one column a field, and gain (``a*b``)."""
        return cls((_reflex(row, where) for where, row in load_table(path, *_REFLEX_COLUMNS)), temperament)

    def row(self, event_type: str) -> int | None:
        """Return the number of the reflex that answers ``event_type``, or None. O(1)."""
        return self._row.get(event_type, self._row.get(ANY_TYPE))

    def restricted_to(self, fields: Iterable[str]) -> ReflexSet:
        """Return the part of these reflexes that a state with just ``fields`` can carry out."""
        known = set(fields)
        kept = (
            replace(each, impact=_only(each.impact, known), gain=_gains(each.gain, known)) for each in self.reflexes
        )
        return ReflexSet(kept, self.temperament.restricted_to(known))

    def compile(
        self, fields: Sequence[str] | Mapping[str, Field]
    ) -> CompiledReflexes:
        """Turn this into the twin's table for a state with ``fields``; InvalidReflex if it lacks one.

        Given their declarations, InvalidReflex too for an impact on a field that rejects deltas: a reflex
        has nobody to tell.
        """
        return CompiledReflexes(self, fields)


class CompiledReflexes:
    """A reflex set in the twin's form, for states with one list of fields. Thread-safe."""

    def __init__(
        self, source: ReflexSet, fields: Sequence[str] | Mapping[str, Field]
    ) -> None:
        self._source = source
        declared = fields if isinstance(fields, Mapping) else {}
        self._rejecting = {name for name, field in declared.items() if field.on_delta == "reject"}
        self._place = {name: index for index, name in enumerate(fields)}
        self._names = [pattern.name for pattern in source.temperament.patterns]
        self._targets = [tuple(reflex.impact) for reflex in source.reflexes]
        choices: dict[int, tuple[str | None, bool]] = {contract.NO_PATTERN: (None, True)}
        choices |= {place: (name, name == IGNORE) for place, name in enumerate(self._names)}
        self._tellers = [_teller(targets, choices) for targets in self._targets]
        rules = source.temperament
        self._table = ReflexTable(
            len(self._place),
            [self._row(reflex) for reflex in source.reflexes],
            [(self._conditions(rule), rule.factor) for rule in rules.sensitizers],
            [(self._conditions(rule), rule.factor) for rule in rules.dampers],
            [(self._conditions(rule), self._choice(rule)) for rule in rules.decisions],
            [(each.name == IGNORE, each.factor, self._amounts(each.cost, -1.0)) for each in rules.patterns],
        )

    @property
    def table(self) -> ReflexTable:
        """The twin's table: for what answers events without Python."""
        return self._table

    def row(self, event_type: str) -> int | None:
        """Return the number of the reflex that answers ``event_type``, or None. O(1)."""
        return self._source.row(event_type)

    def respond(
        self, cells: Any, row: int, intensity: float, recall_max: float = 0.0, recall_mean: float = 0.0
    ) -> ReflexAnswer:
        """Answer one event on a state's cells, in one atomic step. O(rules + impacts)."""
        return self.answer(row, self._table.respond(cells, row, intensity, recall_max, recall_mean))

    def answer(self, row: int, outcome: contract.Outcome) -> ReflexAnswer:
        """Put the table's numbers into words. O(impacts)."""
        significance, choice, impacts, applied, before, after = outcome
        targets = self._targets[row]
        pattern = None if choice == contract.NO_PATTERN else self._names[choice]
        impact, deltas = dict(zip(targets, impacts, strict=True)), dict(zip(targets, applied, strict=True))
        return ReflexAnswer(significance, pattern, impact, deltas, before, after)

    def teller(self, row: int) -> Callable[[contract.Outcome], Words]:
        """Return what puts a row's outcomes into :attr:`ReflexAnswer.words`, with no answer made for it."""
        return self._tellers[row]

    def _row(self, reflex: Reflex) -> contract.Row:
        gains = [(self._field(target), self._field(source)) for target, source in reflex.gain.items()]
        return reflex.weight, self._amounts(reflex.impact, 1.0), gains

    def _amounts(self, amounts: Mapping[str, float], sign: float) -> list[tuple[int, float]]:
        if refused := self._rejecting.intersection(amounts):
            raise InvalidReflex(f"a reflex changes {min(refused)!r}, which rejects deltas that leave its bounds")
        return [(self._field(name), sign * amount) for name, amount in amounts.items()]

    def _conditions(self, rule: Rule) -> list[contract.Condition]:
        return [(self._input(each.source), _OPERATORS[each.operator], each.threshold) for each in rule.when]

    def _choice(self, rule: Rule) -> int:
        if rule.pattern not in self._names:
            raise InvalidReflex(f"a decision chooses {rule.pattern!r}, which is no pattern")
        return self._names.index(rule.pattern)

    def _input(self, name: str) -> int:
        return _INPUTS[name] if name in _INPUTS else self._field(name)

    def _field(self, name: str) -> int:
        if name not in self._place:
            raise InvalidReflex(f"a reflex or rule names {name!r}, which the state does not have")
        return self._place[name]


def _teller(
    targets: tuple[str, ...], choices: Mapping[int, tuple[str | None, bool]]
) -> Callable[[contract.Outcome], Words]:
    """Return what puts outcomes into words; ``choices``: each pattern's name, and whether it ignores."""
    labelled = _labeller(targets)

    def words(outcome: contract.Outcome) -> Words:
        significance, choice, impacts, applied, _, _ = outcome
        pattern, ignored = choices[choice]
        meaning = {"significance": significance, "impact": labelled(impacts)}
        return meaning, pattern, None if ignored else labelled(applied)

    return words


def _labeller(names: tuple[str, ...]) -> Callable[[Sequence[float]], dict[str, float]]:
    """Return what gives numbers these names; for three, as Life's reflexes have, in half of the time."""
    if len(names) != 3:
        return lambda numbers: dict(zip(names, numbers, strict=True))
    first, second, third = names

    def labelled(numbers: Sequence[float]) -> dict[str, float]:
        one, two, three = numbers
        return {first: one, second: two, third: three}

    return labelled


def _freeze(owner: Any, *names: str) -> None:
    for name in names:
        object.__setattr__(owner, name, MappingProxyType(dict(getattr(owner, name))))


def _check(where: str, *numbers: Any) -> None:
    for number in numbers:
        if not is_number(number):
            shown = number if isinstance(number, float) else type(number).__name__
            raise InvalidReflex(f"{where} holds {shown}; every number in it must be finite")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidReflex(f"{text!r} is not a number") from None
    _check("a table", number)
    return number


def _only(amounts: Mapping[str, float], fields: AbstractSet[str]) -> dict[str, float]:
    return {name: amount for name, amount in amounts.items() if name in fields}


def _gains(gain: Mapping[str, str], fields: AbstractSet[str]) -> dict[str, str]:
    return {target: source for target, source in gain.items() if {target, source} <= fields}


def _stage(row: dict[str, str], where: str) -> tuple[str, Rule | Pattern]:
    try:
        stage = row["stage"]
        if stage not in _STAGES:
            raise InvalidReflex(f"unknown stage {stage!r}; choose {', '.join(_STAGES)}")
        return stage, _pattern(row) if stage == "act" else _rule(row)
    except InvalidReflex as error:
        raise InvalidReflex(f"{where}: {error}") from None


def _rule(row: dict[str, str]) -> Rule:
    factor = _number(row["factor"]) if row["factor"] else 1.0
    return Rule(Condition.parse(row["when"]), factor, row["outcome"])


def _pattern(row: dict[str, str]) -> Pattern:
    """Read an act row; its ``when`` holds the cost, like ``energy - 0.005``."""
    words = row["when"].split()
    if words and (len(words) != 3 or words[1] not in ("-", "+")):
        raise InvalidReflex(f"{row['when']!r} is no cost; write one like 'energy - 0.005'")
    cost = {words[0]: _number(words[1] + words[2])} if words else {}
    return Pattern(row["outcome"], _number(row["factor"]), cost)


def _reflex(row: dict[str, str], where: str) -> Reflex:
    try:
        impact = {name: _number(text or "0") for name, text in row.items() if name not in _MEASURES}
        gain = dict(pair.split("*") for pair in row.get("gain", "").split())
        return Reflex(row["type"], _number(row["weight"]), impact, gain)
    except (KeyError, ValueError) as error:
        raise InvalidReflex(f"{where}: {error}") from None


@cache
def _life() -> ReflexSet:
    folder = files("lifeevt").joinpath("processor")
    rules = folder.joinpath("temperament.csv").read_text(encoding="utf-8")
    table = folder.joinpath("reflexes.csv").read_text(encoding="utf-8")
    reflexes = read_table(table, "reflexes.csv", *_REFLEX_COLUMNS)
    temperament = Temperament._of(read_table(rules, "temperament.csv", *_RULE_COLUMNS))
    return ReflexSet((_reflex(row, where) for where, row in reflexes), temperament)
