"""Do critical events stay quick at three times the service rate, and is every event counted?

Handlers: a handler of a known cost in plain Python processes every event. Reflexes: every event is a number, and is
processed from the table. The service rate is measured first, with events queued before the worker starts. Then, in
rounds and each with an engine of its own: a third of that rate, half NORMAL and half LOW (unloaded); three times that
rate, by the default strategy and by `priority` (3x); and the first load beside one source that sends LOW events at
three times that rate, of a type with a limit (flood). In each load 50 CRITICAL events a second come from a thread of
their own. For reflexes three times the rate is LOW alone: shed events are reported in Python, which slows their sender.

The queue drops the lowest, and holds 20 ms of work: less than the 40 ms by which the budgets of CRITICAL and NORMAL
differ. By deadline an event passes earlier ones by that much at most. In a queue of 200 ms, full of late events,
critical events wait, too, until CoDel keeps the wait short, and CoDel takes seconds to find the rate. These two loads
are shown for handlers, and not judged. One worker processes one event at a time, so a critical event waits for the
running handler: in a third of all cases when unloaded, nearly always at three times the rate. That moves the median by
half a handler, and hardly the 99th percentile. Times are the engine's own, from acceptance: a sender's wait for the
interpreter is not part of them. The notes give that wait, and the worker's wait for a core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from lifeevt import Priority

from . import measure
from .bars import AT_MOST, Bar
from .environment import BACKEND
from .overload_run import FLOOD, HANDLERS, REFLEXES, Load, Processing, Seen, observed, service_rate

NAME = "overload"
SECONDS = 10.0
UNLOADED, OVERLOADED, BY_PRIORITY, FLOODED = "unloaded", "3x", "3x by priority", "flood"
LONG_QUEUE, SHED_BY_DELAY = "3x, long queue", "3x, long, CoDel"
LONG_SECONDS = 0.2  # of work in the long queue
BLAMELESS = 1.2  # times the unloaded one
MAY_GROW_MB = 1.0
LEVELS = (Priority.CRITICAL, Priority.NORMAL, Priority.LOW)
SIXTH = 1.0 / 6.0  # of the service rate
LOADS = {
    HANDLERS.name: {
        UNLOADED: Load(SIXTH, SIXTH),
        OVERLOADED: Load(1.5, 1.5),
        BY_PRIORITY: Load(1.5, 1.5, strategy="priority"),
        FLOODED: Load(SIXTH, SIXTH, 3.0),
        LONG_QUEUE: Load(1.5, 1.5, work_seconds=LONG_SECONDS),
        SHED_BY_DELAY: Load(1.5, 1.5, work_seconds=LONG_SECONDS, sheds=True),
    },
    REFLEXES.name: {
        UNLOADED: Load(SIXTH, SIXTH),
        OVERLOADED: Load(0.0, 3.0),
        BY_PRIORITY: Load(0.0, 3.0, strategy="priority"),
        FLOODED: Load(SIXTH, SIXTH, 3.0),
    },
}
JUDGED = (OVERLOADED, BY_PRIORITY, FLOODED)


Found = dict[str, list[Seen]]  # by load
Figure = Callable[[Seen], float]


def column(load: str) -> str:
    return f"{BACKEND}, {load}"


def measured(processing: Processing, seconds: float, rounds: int) -> Found:
    """Let every load come once a round, starting with another one each time."""
    rate, loads = service_rate(processing), LOADS[processing.name]
    found: Found = {name: [] for name in loads}
    names = list(loads)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            found[name].append(observed(processing, loads[name], rate, seconds))
    return found


def row(case: str, unit: str, found: Found, figure: Figure, bars: Sequence[Bar] = ()) -> measure.Row:
    samples = {column(load): [figure(seen) for seen in each] for load, each in found.items()}
    return measure.Row(case, unit, next(iter(samples)), samples, bars=bars)


def as_unloaded(loads: Sequence[str]) -> list[Bar]:
    """These loads, against the engine unloaded."""
    return [Bar(column(UNLOADED), BLAMELESS, AT_MOST, ours=column(load)) for load in loads]


def each_at_most(found: Found, most: float) -> list[Bar]:
    return [Bar("", most, AT_MOST, ours=column(load)) for load in found]


def latency_rows(processing: Processing, found: Found) -> list[measure.Row]:
    """Of the critical events: wait and total; of the NORMAL ones of the blameless sources: total."""
    made = []
    for what in ("wait", "total"):
        for percent in (50, 99):
            bars = as_unloaded(JUDGED) if (what, percent) == ("total", 99) else []
            figure = partial(Seen.took_us, level=Priority.CRITICAL, what=what, percent=percent)
            made.append(row(f"{processing.name}, CRITICAL, {what}, p{percent}", "us", found, figure, bars))
    figure = partial(Seen.took_us, level=Priority.NORMAL, what="total", percent=99)
    made.append(row(f"{processing.name}, NORMAL, total, p99", "us", found, figure, as_unloaded([FLOODED])))
    return made


def lost_row(processing: Processing, found: Found, load: str) -> measure.Row:
    """The events refused, shed or limited, by level: no critical one, and none of a level before a lesser one."""
    names = {level: column(level.name) for level in LEVELS}
    samples = {name: [seen.lost_percent(level) for seen in found[load]] for level, name in names.items()}
    bars = [Bar("", 0.0, AT_MOST, ours=names[Priority.CRITICAL])]
    if load == FLOODED:
        samples[column("the flood")] = [seen.lost_percent(FLOOD) for seen in found[load]]
        bars += [Bar("", 0.0, AT_MOST, ours=names[level]) for level in LEVELS[1:]]
    else:
        bars.append(Bar(names[Priority.LOW], 1.0, AT_MOST, ours=names[Priority.NORMAL]))
    case, ours = f"{processing.name}, {load}, lost", next(iter(samples))
    return measure.Row(case, "percent of what came", ours, samples, bars=bars)


def notes(found: Found) -> dict[str, str]:
    """The events that came, those processed, and how late the critical ones were sent."""
    made = {}
    for load, each in found.items():
        came, processed = (median(kept) for kept in ([seen.came for seen in each], [seen.processed for seen in each]))
        rate, late_us = each[0].rate, median(seen.sent_late_us(99.0) for seen in each)
        made[column(load)] = (
            f"{came / rate:.2f} of the service rate of {rate:,.0f}/s came, {processed / rate:.2f} were processed; "
            f"critical events were sent {late_us:,.0f} us late, p99; the worker waited for a core "
            f"{median(seen.core_wait_percent for seen in each):.1f} % of the time"
        )
    return made


def rows_of(processing: Processing, found: Found) -> list[measure.Row]:
    made = latency_rows(processing, found)
    made += [lost_row(processing, found, load) for load in LOADS[processing.name] if load != UNLOADED]
    bars = each_at_most(found, MAY_GROW_MB)
    case, unit = f"{processing.name}, memory", "MB more than after a fifth"
    made.append(row(case, unit, found, lambda seen: seen.grown_mb, bars))
    bars = each_at_most(found, 0.0)
    made.append(row(f"{processing.name}, ledger", "events off", found, lambda seen: float(seen.unaccounted), bars))
    made[-1].notes = dict(notes(found))
    return made


def rows(effort: measure.Effort) -> list[measure.Row]:
    modes = (HANDLERS.cut(), REFLEXES.cut()) if effort.quick else (HANDLERS, REFLEXES)
    seconds = 0.1 if effort.quick else effort.seconds or SECONDS
    return [row for each in modes for row in rows_of(each, measured(each, seconds, effort.rounds or 1))]
