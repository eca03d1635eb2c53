"""AdaptiveStrategy: weights, a time budget and batches that follow what is measured, within declared bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .load_balancing import LoadBalancingStrategy
from .strategy import ALL_LEVELS, OPEN, STRICT_NS, Gate, LevelLoad, Load, Strategy

__all__ = ["AdaptiveBounds", "AdaptiveStrategy", "Decision", "Settings", "decide", "replay"]

MS = 1_000_000
WHOLE = 1000  # shares are whole thousandths
KEPT = 4096


@dataclass(frozen=True)
class AdaptiveBounds:
    """Within what an AdaptiveStrategy may move, and when it does. Nanoseconds and thousandths, whole numbers.

    Pressed: ``late_high`` thousandths of what finished were late, or what waits would take ``backlog_ns``. Calm: at
    most ``late_low`` were, and what waits would take a quarter of that. Between the two nothing moves. It
    tightens at the first tick that is pressed, and loosens after ``calm_ticks`` calm ones in a row.
    """

    least_spread_ns: int = 50 * MS
    most_spread_ns: int = 1000 * MS
    patience_ns: int = 30_000 * MS
    least_share: int = 250
    most_batch: int = 8
    batch_ns: int = 4 * MS
    late_high: int = 100
    late_low: int = 10
    backlog_ns: int = 50 * MS
    calm_ticks: int = 10

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) is not int or not 0 < value < 2**50:
                raise ValueError(f"{name} is {value!r}; it must be a whole number above 0 and below 2**50")
        if not self.late_low < self.late_high <= WHOLE or self.least_share > WHOLE:
            raise ValueError("it must be late_low < late_high <= 1000, and least_share <= 1000")
        if self.least_spread_ns > self.most_spread_ns:
            raise ValueError("least_spread_ns is above most_spread_ns")


@dataclass(frozen=True)
class Settings:
    """What is moved, and what is remembered from tick to tick to move it.

    A level stands ``level * spread_ns`` behind its deadlines; what is late already ``late_offset_ns``. ``share``
    thousandths of a tick are for events below CRITICAL, ``batch`` of them may be taken at once. ``service_ns``
    is each level's smoothed service time of one event; ``calm`` and ``quiet`` count the ticks in a row that
    were calm, and that were punctual.
    """

    spread_ns: int = 0
    late_offset_ns: int = 0
    share: int = WHOLE
    batch: int = 1
    calm: int = 0
    quiet: int = 0
    service_ns: tuple[int, ...] = ()

    @property
    def moved(self) -> tuple[int, int, int, int]:
        """Spread, late offset, share and batch: what others see of it."""
        return self.spread_ns, self.late_offset_ns, self.share, self.batch


@dataclass(frozen=True)
class Decision:
    """One tick's: what was set, what was measured, what is set now, and why."""

    number: int
    before: Settings
    load: Load
    after: Settings
    reason: str

    @property
    def changed(self) -> bool:
        """Whether anything was moved."""
        return self.before.moved != self.after.moved

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, without loss."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Decision:
        """Return what :meth:`to_dict` wrote."""
        load = record["load"]
        levels = tuple(LevelLoad(**level) for level in load["levels"])
        before, after = (_settings(record[name]) for name in ("before", "after"))
        return cls(record["number"], before, Load(**{**load, "levels": levels}), after, record["reason"])


class AdaptiveStrategy(Strategy):
    """``adaptive``: by deadline while there is time; under pressure more and more by level, and the late ones later.

    At each tick it looks at what was late and at what waits. Under pressure it sets the levels further apart, lets
    what is late already stand ``patience_ns`` later, once, so that it does not make all others late too, and takes
    more events at once; when the loop's own ticks are late, it leaves more of them to the loop. When it is
    calm again, all of that goes back, step by step. CRITICAL is never postponed and never waits for a share.

    Every decision is a pure function of the one before, of the bounds and of what was measured, all in whole
    numbers: :func:`replay` makes the same ones from the record, to the bit.

    Starvation bound: no event that arrives at or after a + b + l * most_spread_ns + patience_ns is answered before
    one of level l with the budget b that arrived at a; CRITICAL events apart while a share is set. It holds
    whatever was decided meanwhile, as long as no budget is longer than ``patience_ns``.
    """

    name = "adaptive"

    def __init__(
        self, bounds: AdaptiveBounds | None = None, on_decision: Callable[[Decision], object] | None = None
    ) -> None:
        self.bounds = bounds or AdaptiveBounds()
        self.on_decision = on_decision
        self.decisions: deque[Decision] = deque(maxlen=KEPT)
        self._settings = Settings()
        self._number = 0
        self._balancing: LoadBalancingStrategy | None = None
        self._used: tuple[int, ...] = ()

    @property
    def settings(self) -> Settings:
        """What is set now."""
        return self._settings

    @property
    def offsets_ns(self) -> Sequence[int]:
        """The levels, each ``spread_ns`` behind the one above; CRITICAL before all while a share is set."""
        spread_ns = self._settings.spread_ns
        critical = 0 if self._settings.share == WHOLE else -STRICT_NS
        return (critical, *(level * spread_ns for level in range(1, ALL_LEVELS)))

    @property
    def late_offset_ns(self) -> int:
        """How much later what is late already stands, once."""
        return self._settings.late_offset_ns

    @property
    def paces(self) -> bool:
        """Whether a share is set."""
        return self._balancing is not None

    @property
    def batch(self) -> int:
        """How many events may be taken at once."""
        return self._settings.batch

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> Gate:
        """Return OPEN, or what the share leaves of this tick. O(levels)."""
        return OPEN if self._balancing is None else self._balancing.gate(now_ns, used_ns)

    def review(self, load: Load) -> None:
        """Decide for the next tick, and record it. O(levels)."""
        after, reason = decide(self.bounds, self._settings, load)
        decision = Decision(self._number, self._settings, load, after, reason)
        self._number += 1
        self._balance(after, load)
        self._settings = after
        self.decisions.append(decision)
        if self.on_decision is not None:
            self.on_decision(decision)

    def changes(self) -> list[Decision]:
        """Return the decisions that moved anything, oldest first; the last 4096 decisions are kept. O(kept)."""
        return [each for each in self.decisions if each.changed]

    def _balance(self, after: Settings, load: Load) -> None:
        if after.share == WHOLE:
            self._balancing = None
        elif self._balancing is None or after.share != self._settings.share:
            self._balancing = LoadBalancingStrategy(after.share / WHOLE)
        if self._balancing is not None:
            self._balancing.review(load)


def decide(bounds: AdaptiveBounds, before: Settings, load: Load) -> tuple[Settings, str]:
    """Return what to set after such a tick, and why. A pure function of whole numbers. O(levels)."""
    measured = replace(before, service_ns=_smoothed(before.service_ns, load.levels))
    late, backlog_ns = _late(load.levels), _backlog_ns(measured.service_ns, load.levels)
    shared, why = _share(bounds, measured, load)
    if late >= bounds.late_high or backlog_ns >= bounds.backlog_ns:
        return _tightened(bounds, shared), f"pressed: {late} of 1000 late, {backlog_ns} ns wait{why}"
    if late > bounds.late_low or 4 * backlog_ns > bounds.backlog_ns:
        return replace(shared, calm=0), f"between: {late} of 1000 late, {backlog_ns} ns wait{why}"
    if shared.calm + 1 < bounds.calm_ticks:
        return replace(shared, calm=shared.calm + 1), f"calm{why}"
    return _loosened(bounds, shared), f"calm for {bounds.calm_ticks} ticks{why}"


def replay(bounds: AdaptiveBounds, record: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that these bounds give for what was measured, from the first one's settings on."""
    found: list[Decision] = []
    for each in record:
        before = found[-1].after if found else each.before
        after, reason = decide(bounds, before, each.load)
        found.append(Decision(each.number, before, each.load, after, reason))
    return found


def _tightened(bounds: AdaptiveBounds, now: Settings) -> Settings:
    spread_ns = min(max(bounds.least_spread_ns, 4 * now.spread_ns), bounds.most_spread_ns)
    longest = max(now.service_ns[1:], default=0)
    fits = bounds.batch_ns // max(longest, 1)  # a batch holds up whoever comes meanwhile
    batch = max(min(2 * now.batch, bounds.most_batch, fits), 1)
    return replace(now, spread_ns=spread_ns, late_offset_ns=bounds.patience_ns, batch=batch, calm=0)


def _loosened(bounds: AdaptiveBounds, now: Settings) -> Settings:
    spread_ns = now.spread_ns // 4 if now.spread_ns > bounds.least_spread_ns else 0
    late_offset_ns = now.late_offset_ns if spread_ns else 0
    return replace(now, spread_ns=spread_ns, late_offset_ns=late_offset_ns, batch=max(now.batch // 2, 1), calm=0)


def _share(bounds: AdaptiveBounds, now: Settings, load: Load) -> tuple[Settings, str]:
    """Leave more of a tick to the loop when that is late, and take it back when it has been punctual."""
    if 8 * load.tick_late_ns > load.interval_ns:
        return replace(now, share=max(now.share // 2, bounds.least_share), quiet=0), "; the tick was late"
    if now.share == WHOLE or 32 * load.tick_late_ns > load.interval_ns:
        return replace(now, quiet=0), ""
    if now.quiet + 1 < bounds.calm_ticks:
        return replace(now, quiet=now.quiet + 1), ""
    return replace(now, share=min(now.share + WHOLE // 8, WHOLE), quiet=0), "; the ticks were punctual"


def _smoothed(before: tuple[int, ...], levels: tuple[LevelLoad, ...]) -> tuple[int, ...]:
    """The service time of one event by level: seven eighths as before, one as now."""
    known = before + (0,) * (len(levels) - len(before))
    return tuple(map(_smoother, known, levels))


def _smoother(known: int, level: LevelLoad) -> int:
    if not level.finished:
        return known
    mean = level.service_ns // level.finished
    return (7 * known + mean) // 8 if known else mean


def _late(levels: tuple[LevelLoad, ...]) -> int:
    finished = sum(level.finished for level in levels)
    return WHOLE * sum(level.late for level in levels) // finished if finished else 0


def _backlog_ns(service_ns: tuple[int, ...], levels: tuple[LevelLoad, ...]) -> int:
    return sum(level.depth * each for level, each in zip(levels, service_ns, strict=True))


def _settings(record: Mapping[str, Any]) -> Settings:
    return Settings(**{**record, "service_ns": tuple(record["service_ns"])})
