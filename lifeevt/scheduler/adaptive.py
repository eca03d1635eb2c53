"""AdaptiveStrategy: offsets, a time budget and batches that follow the measured load, within declared bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._backends.contract import MAX_LEVELS
from .load_balancing import LoadBalancingStrategy
from .strategy import OPEN, STRICT_NS, LevelSample, LoadSample, StartGate, Strategy

__all__ = ["AdaptiveBounds", "AdaptiveDecision", "AdaptiveSettings", "AdaptiveStrategy", "decide", "replay"]

MS = 1_000_000  # nanoseconds
WHOLE = 1000  # shares are whole thousandths
KEPT = 4096  # decisions


@dataclass(frozen=True)
class AdaptiveBounds:
    """The bounds of an AdaptiveStrategy, and its thresholds. Nanoseconds and thousandths, whole numbers. Immutable.

    A tick is pressed when ``late_high`` thousandths of the finished events were late, or the waiting ones would take
    ``backlog_ns``. It is calm when at most ``late_low`` were late, and the waiting ones would take a quarter of that.
    The strategy tightens at the first pressed tick, and loosens after ``calm_ticks`` calm ones in a row; between the
    two it changes nothing.

    Raises:
        ValueError: a number is not whole, not above 0 or too large, or two of them contradict each other.
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
class AdaptiveSettings:
    """The settings of an AdaptiveStrategy, and its memory from tick to tick. Immutable.

    A level stands ``level * spread_ns`` behind its deadlines; an event that is late already stands ``late_offset_ns``
    further back. ``share`` thousandths of a tick are for events below CRITICAL; ``batch`` of them may be taken at once.
    ``service_ns`` is each level's smoothed service time of one event. ``calm`` and ``quiet`` count the calm and the
    punctual ticks in a row.
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
        """Spread, late offset, share and batch: the part that acts on events."""
        return self.spread_ns, self.late_offset_ns, self.share, self.batch


@dataclass(frozen=True)
class AdaptiveDecision:
    """The decision of one tick: settings before, measured load, settings after, and the reason. Immutable."""

    number: int
    before: AdaptiveSettings
    load: LoadSample
    after: AdaptiveSettings
    reason: str

    @property
    def changed(self) -> bool:
        """Whether the decision changed a setting that acts on events."""
        return self.before.moved != self.after.moved

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain JSON values, without loss."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> AdaptiveDecision:
        """Return the decision that :meth:`to_dict` wrote."""
        load = record["load"]
        levels = tuple(LevelSample(**level) for level in load["levels"])
        before, after = (_settings(record[name]) for name in ("before", "after"))
        return cls(record["number"], before, LoadSample(**{**load, "levels": levels}), after, record["reason"])


class AdaptiveStrategy(Strategy):
    """``adaptive``: by deadline while there is time; under pressure more and more by level, and late events later.

    At each tick the strategy reads how many events were late and how many wait. Under pressure it sets the levels
    further apart, moves events that are late already back by ``patience_ns``, once, lest they make all others late,
    too, and takes more events at once. When the loop's own ticks are late, it leaves a larger share of them to the
    loop. In calm it takes all of that back, step by step. CRITICAL is never moved back and never waits for a share.

    Every decision is a pure function of the previous one, of the bounds and of the measured load, all in whole numbers:
    :func:`replay` repeats the decisions from the record, to the bit. ``settings`` are the present ones, ``decisions``
    the last 4096; ``on_decision`` is called with each, at the tick.

    Starvation bound: no event that arrives at or after a + b + l * most_spread_ns + patience_ns is processed before
    one of level l with the budget b that arrived at a; CRITICAL events apart while a share is set. The bound holds for
    all decisions, as long as no budget is longer than ``patience_ns``.
    """

    name = "adaptive"

    def __init__(
        self, bounds: AdaptiveBounds | None = None, on_decision: Callable[[AdaptiveDecision], object] | None = None
    ) -> None:
        self.bounds = bounds or AdaptiveBounds()
        self.on_decision = on_decision
        self.decisions: deque[AdaptiveDecision] = deque(maxlen=KEPT)
        self.settings = AdaptiveSettings()
        self._number = 0
        self._balancing: LoadBalancingStrategy | None = None

    @property
    def offsets_ns(self) -> Sequence[int]:
        """The levels, each ``spread_ns`` behind the one above; CRITICAL before all while a share is set."""
        spread_ns = self.settings.spread_ns
        critical = 0 if self.settings.share == WHOLE else -STRICT_NS
        return (critical, *(level * spread_ns for level in range(1, MAX_LEVELS)))

    @property
    def late_offset_ns(self) -> int:
        """The distance by which late events are moved back, once."""
        return self.settings.late_offset_ns

    @property
    def throttles(self) -> bool:
        """Whether a share is set."""
        return self._balancing is not None

    @property
    def batch(self) -> int:
        """The number of events that may be taken at once."""
        return self.settings.batch

    def gate(self, now_ns: int, used_ns: Sequence[int]) -> StartGate:
        """Return OPEN, or the gate that the share leaves of this tick. O(levels)."""
        return OPEN if self._balancing is None else self._balancing.gate(now_ns, used_ns)

    def on_tick(self, load: LoadSample) -> None:
        """Decide for the next tick, and record it. O(levels)."""
        after, reason = decide(self.bounds, self.settings, load)
        decision = AdaptiveDecision(self._number, self.settings, load, after, reason)
        self._number += 1
        if after.share == WHOLE:
            self._balancing = None
        elif self._balancing is None or after.share != self.settings.share:
            self._balancing = LoadBalancingStrategy(after.share / WHOLE)
        if self._balancing is not None:
            self._balancing.on_tick(load)
        self.settings = after
        self.decisions.append(decision)
        if self.on_decision is not None:
            self.on_decision(decision)

    def changes(self) -> list[AdaptiveDecision]:
        """Return the kept decisions that changed a setting, oldest first. O(kept)."""
        return [each for each in self.decisions if each.changed]


def decide(bounds: AdaptiveBounds, before: AdaptiveSettings, load: LoadSample) -> tuple[AdaptiveSettings, str]:
    """Return the settings after a tick with this load, and the reason. A pure function of whole numbers. O(levels)."""
    measured = replace(before, service_ns=_smoothed(before.service_ns, load.levels))
    finished = sum(level.finished for level in load.levels)
    late = WHOLE * sum(level.late for level in load.levels) // max(finished, 1)
    backlog_ns = sum(level.depth * each for level, each in zip(load.levels, measured.service_ns, strict=True))
    shared, why = _share(bounds, measured, load)
    if late >= bounds.late_high or backlog_ns >= bounds.backlog_ns:
        return _tightened(bounds, shared), f"pressed: {late} of 1000 late, {backlog_ns} ns wait{why}"
    if late > bounds.late_low or 4 * backlog_ns > bounds.backlog_ns:
        return replace(shared, calm=0), f"between: {late} of 1000 late, {backlog_ns} ns wait{why}"
    if shared.calm + 1 < bounds.calm_ticks:
        return replace(shared, calm=shared.calm + 1), f"calm{why}"
    return _loosened(bounds, shared), f"calm for {bounds.calm_ticks} ticks{why}"


def replay(bounds: AdaptiveBounds, record: Iterable[AdaptiveDecision]) -> list[AdaptiveDecision]:
    """Return the decisions that these bounds give for the recorded loads, from the first one's settings on."""
    found: list[AdaptiveDecision] = []
    for each in record:
        before = found[-1].after if found else each.before
        after, reason = decide(bounds, before, each.load)
        found.append(AdaptiveDecision(each.number, before, each.load, after, reason))
    return found


def _tightened(bounds: AdaptiveBounds, now: AdaptiveSettings) -> AdaptiveSettings:
    spread_ns = min(max(bounds.least_spread_ns, 4 * now.spread_ns), bounds.most_spread_ns)
    longest = max(now.service_ns[1:], default=0)
    fits = bounds.batch_ns // max(longest, 1)  # events that come meanwhile wait for the whole batch
    batch = max(min(2 * now.batch, bounds.most_batch, fits), 1)
    return replace(now, spread_ns=spread_ns, late_offset_ns=bounds.patience_ns, batch=batch, calm=0)


def _loosened(bounds: AdaptiveBounds, now: AdaptiveSettings) -> AdaptiveSettings:
    spread_ns = now.spread_ns // 4 if now.spread_ns > bounds.least_spread_ns else 0
    late_offset_ns = now.late_offset_ns if spread_ns else 0
    return replace(now, spread_ns=spread_ns, late_offset_ns=late_offset_ns, batch=max(now.batch // 2, 1), calm=0)


def _share(bounds: AdaptiveBounds, now: AdaptiveSettings, load: LoadSample) -> tuple[AdaptiveSettings, str]:
    """Leave more of a tick to the loop when the loop is late; take it back after punctual ticks."""
    if 8 * load.tick_late_ns > load.interval_ns:
        return replace(now, share=max(now.share // 2, bounds.least_share), quiet=0), "; the tick was late"
    if now.share == WHOLE or 32 * load.tick_late_ns > load.interval_ns:
        return replace(now, quiet=0), ""
    if now.quiet + 1 < bounds.calm_ticks:
        return replace(now, quiet=now.quiet + 1), ""
    return replace(now, share=min(now.share + WHOLE // 8, WHOLE), quiet=0), "; the ticks were punctual"


def _smoothed(before: tuple[int, ...], levels: tuple[LevelSample, ...]) -> tuple[int, ...]:
    """Return each level's service time of one event: seven eighths the old value, one the new."""
    known = before + (0,) * (len(levels) - len(before))
    return tuple(map(_smoother, known, levels))


def _smoother(known: int, level: LevelSample) -> int:
    if not level.finished:
        return known
    mean = level.service_ns // level.finished
    return (7 * known + mean) // 8 if known else mean


def _settings(record: Mapping[str, Any]) -> AdaptiveSettings:
    return AdaptiveSettings(**{**record, "service_ns": tuple(record["service_ns"])})
