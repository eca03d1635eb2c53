"""Reflex: a response declared as data, and CompiledReflexes: a set of them in the backend's form.

significance = |intensity| * weight * every sensitizer that holds, at most 1
impact       = base * |intensity| * significance * the first damper that holds
pattern      = the first decision that holds; its factor scales the impact, its cost is added
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from os import PathLike
from types import MappingProxyType
from typing import Any

from .._backends import ReflexTable, contract
from ..errors import InvalidReflex
from ..event import load_table, read_table
from ..state import Field
from .rules import IGNORE, INPUTS, OPERATORS, ReflexRule, ReflexRules, check_numbers, kept_fields, parse_number

ANY_TYPE = "*"
_COLUMNS = ("type", "weight")
_MEASURES = ("type", "weight", "gain")  # columns that are no field
StageValues = tuple[Any, Any, Any]  # meaning, decision, action


@dataclass(frozen=True)
class Reflex:
    """The response to one event type: its appraisal ``weight`` and its base ``impact`` on fields. Immutable.

    ``gain`` multiplies the impact on a field by another field's value. The type ``*`` stands for every type without a
    reflex of its own.

    Raises:
        InvalidReflex: a number is not finite, or more than 16 fields are touched.
    """

    type: str
    weight: float = 1.0
    impact: Mapping[str, float] = field(default_factory=dict)
    gain: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.type:
            raise InvalidReflex("a reflex needs the name of an event type, or *")
        object.__setattr__(self, "impact", MappingProxyType(dict(self.impact)))
        object.__setattr__(self, "gain", MappingProxyType(dict(self.gain)))
        check_numbers(f"reflex {self.type!r}", self.weight, *self.impact.values())
        if len(self.impact) > contract.MAX_IMPACTS:
            raise InvalidReflex(f"reflex {self.type!r} touches {len(self.impact)} of {contract.MAX_IMPACTS} fields")
        if len(self.gain) > contract.MAX_IMPACTS:
            raise InvalidReflex(f"reflex {self.type!r} has {len(self.gain)} of {contract.MAX_IMPACTS} gains")


@dataclass(frozen=True)
class ReflexResponse:
    """The effect of a reflex on the state: ``pattern`` is None when the event had no significance."""

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


class ReflexSet:
    """Reflexes by event type and the rules that they share. Immutable.

    A reflex is found by the exact name of a type, else under ``*``.

    Raises:
        InvalidReflex: a type has two reflexes.
    """

    def __init__(self, reflexes: Iterable[Reflex] = (), rules: ReflexRules | None = None) -> None:
        self.reflexes = tuple(reflexes)
        self.rules = rules or ReflexRules()
        self._row = {reflex.type: row for row, reflex in enumerate(self.reflexes)}
        if len(self._row) != len(self.reflexes):
            raise InvalidReflex("an event type has two reflexes")

    @classmethod
    def life(cls) -> ReflexSet:
        """Return Life's reflexes: the numbers and rules of its meaning, decision and action engines."""
        return _life()

    @classmethod
    def load(cls, path: str | PathLike[str], rules: ReflexRules | None = None) -> ReflexSet:
        """Read reflexes from a CSV file: type, weight, one column a field, and gain (``a*b``).

        Raises:
            InvalidReflex: a row is wrong; names file and line.
            OSError: the file cannot be read.
        """
        rows = load_table(path, *_COLUMNS, error=InvalidReflex)
        return cls((_reflex_of(row, where) for where, row in rows), rules)

    def row(self, event_type: str) -> int | None:
        """Return the number of the reflex for ``event_type``, or None. O(1)."""
        return self._row.get(event_type, self._row.get(ANY_TYPE))

    def restricted_to(self, fields: Iterable[str]) -> ReflexSet:
        """Return these reflexes and rules without the parts that need other fields than ``fields``."""
        known = set(fields)
        kept = []
        for each in self.reflexes:
            gain = {target: source for target, source in each.gain.items() if {target, source} <= known}
            kept.append(replace(each, impact=kept_fields(each.impact, known), gain=gain))
        return ReflexSet(kept, self.rules.restricted_to(known))

    def compile(self, fields: Sequence[str] | Mapping[str, Field]) -> CompiledReflexes:
        """Build the backend's table for a state with ``fields``, by name or with their declarations.

        Raises:
            InvalidReflex: a field is missing; or, with declarations, a reflex has an impact on a field that rejects
                deltas.
        """
        return CompiledReflexes(self, fields)


class CompiledReflexes:
    """A reflex set in the backend's form, for states with one list of fields. Thread-safe.

    ``row`` is that of the set. ``table`` applies reflexes by their row, without Python. ``namers`` has for each row a
    function that makes the stage values of an outcome.
    """

    def __init__(self, source: ReflexSet, fields: Sequence[str] | Mapping[str, Field]) -> None:
        self.row = source.row
        declared = fields if isinstance(fields, Mapping) else {}
        self._rejecting = {name for name, field in declared.items() if field.on_delta == "reject"}
        self._place = {name: index for index, name in enumerate(fields)}
        self._patterns = [pattern.name for pattern in source.rules.patterns]
        self._targets = [tuple(reflex.impact) for reflex in source.reflexes]
        choices: dict[int, tuple[str | None, bool]] = {contract.NO_PATTERN: (None, True)}
        choices |= {place: (name, name == IGNORE) for place, name in enumerate(self._patterns)}
        self.namers = [_namer(targets, choices) for targets in self._targets]
        rules = source.rules
        self.table = ReflexTable(
            len(self._place),
            [self._reflex_row(reflex) for reflex in source.reflexes],
            [contract.FactorRule(self._conditions(rule), float(rule.factor)) for rule in rules.sensitizers],
            [contract.FactorRule(self._conditions(rule), float(rule.factor)) for rule in rules.dampers],
            [contract.ChoiceRule(self._conditions(rule), self._choice(rule)) for rule in rules.decisions],
            [contract.Pattern(each.name == IGNORE, float(each.factor), self._amounts(each.cost, -1.0))
             for each in rules.patterns],
        )  # fmt: skip

    def respond(
        self, cells: Any, row: int, intensity: float, recall_max: float = 0.0, recall_mean: float = 0.0
    ) -> ReflexResponse:
        """Apply one reflex to a state's cells, in one atomic step. O(rules + impacts)."""
        if len(cells) != len(self._place):
            raise ValueError(f"the table is for {len(self._place)} cells, the state has {len(cells)}")
        outcome = self.table.respond(cells, row, intensity, recall_max, recall_mean)
        significance, choice, impacts, applied, before, after = outcome
        targets = self._targets[row]
        pattern = None if choice == contract.NO_PATTERN else self._patterns[choice]
        impact, deltas = dict(zip(targets, impacts, strict=True)), dict(zip(targets, applied, strict=True))
        return ReflexResponse(significance, pattern, impact, deltas, before, after)

    def _reflex_row(self, reflex: Reflex) -> contract.Row:
        gains = [(self._field(target), self._field(source)) for target, source in reflex.gain.items()]
        return contract.Row(float(reflex.weight), self._amounts(reflex.impact, 1.0), gains)

    def _amounts(self, amounts: Mapping[str, float], sign: float) -> list[tuple[int, float]]:
        if refused := self._rejecting.intersection(amounts):
            raise InvalidReflex(f"a reflex changes {min(refused)!r}, which rejects deltas that leave its bounds")
        return [(self._field(name), sign * float(amount)) for name, amount in amounts.items()]

    def _conditions(self, rule: ReflexRule) -> list[contract.Condition]:
        return [contract.Condition(self._input(each.source), OPERATORS[each.operator], float(each.threshold))
                for each in rule.when]  # fmt: skip

    def _choice(self, rule: ReflexRule) -> int:
        if rule.pattern not in self._patterns:
            raise InvalidReflex(f"a decision chooses {rule.pattern!r}, which is no pattern")
        return self._patterns.index(rule.pattern)

    def _input(self, name: str) -> int:
        return INPUTS[name] if name in INPUTS else self._field(name)

    def _field(self, name: str) -> int:
        if name not in self._place:
            raise InvalidReflex(f"a reflex or rule names {name!r}, which the state does not have")
        return self._place[name]


def _namer(
    targets: tuple[str, ...], choices: Mapping[int, tuple[str | None, bool]]
) -> Callable[[contract.Outcome], StageValues]:
    """Return a function from an outcome to its stage values; ``choices``: each pattern's name, and whether it ignores.

    ``targets`` are the fields of the reflex.
    """
    if len(targets) == 3:
        return _namer_of_three(targets, choices)

    def stage_values(outcome: contract.Outcome) -> StageValues:
        significance, choice, impacts, applied, _, _ = outcome
        pattern, ignored = choices[choice]
        meaning = {"significance": significance, "impact": dict(zip(targets, impacts, strict=True))}
        return meaning, pattern, None if ignored else dict(zip(targets, applied, strict=True))

    return stage_values


def _namer_of_three(
    targets: tuple[str, ...], choices: Mapping[int, tuple[str | None, bool]]
) -> Callable[[contract.Outcome], StageValues]:
    """Return a namer for three fields, the number of Life's reflexes. It takes half the time of the general one."""
    first, second, third = targets

    def stage_values(outcome: contract.Outcome) -> StageValues:
        significance, choice, (one, two, three), applied, _, _ = outcome
        pattern, ignored = choices[choice]
        meaning = {"significance": significance, "impact": {first: one, second: two, third: three}}
        if ignored:
            return meaning, pattern, None
        one, two, three = applied
        return meaning, pattern, {first: one, second: two, third: three}

    return stage_values


def _reflex_of(row: dict[str, str], where: str) -> Reflex:
    try:
        impact = {name: parse_number(text or "0") for name, text in row.items() if name not in _MEASURES}
        gain = dict(pair.split("*") for pair in row.get("gain", "").split())
        return Reflex(row["type"], parse_number(row["weight"]), impact, gain)
    except (KeyError, ValueError) as error:
        raise InvalidReflex(f"{where}: {error}") from None


@cache
def _life() -> ReflexSet:
    from importlib.resources import files  # lazy: it imports much of the standard library

    folder = files("lifeevt").joinpath("processor")
    rules = folder.joinpath("reflex_rules.csv").read_text(encoding="utf-8")
    table = folder.joinpath("reflexes.csv").read_text(encoding="utf-8")
    rows = read_table(table, "reflexes.csv", *_COLUMNS, error=InvalidReflex)
    return ReflexSet((_reflex_of(row, where) for where, row in rows), ReflexRules.parse(rules, "reflex_rules.csv"))
