"""Two threads on one being of Life's shape, bare or wrapped: prints how often something went wrong, as a number.

Arguments: the race; ``bare`` or a twin; how many steps each thread makes.
"""

import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors import together
from life.double import Event, EventQueue, MemoryEntry, SelfState
from life.engines import MeaningEngine, activate_memory, decide_response

from lifeevt import life

ROUNDS = 20  # of the bare ones, until one shows it
STEP = 2.0**-14  # exact in every sum here


class Bare:
    """Calls the object as Life's threads do today."""

    def __init__(self, target: Any) -> None:
        self.apply_delta, self.target = target.apply_delta, target

    def exclusive(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self.target

    def __exit__(self, *_: object) -> None: ...


def subject(wrapping: str) -> tuple[SelfState, Any]:
    target = SelfState()
    return target, Bare(target) if wrapping == "bare" else life.wrap_state(target)


def lost_updates(wrapping: str, steps: int) -> int:
    """A delta between an action's read and its write."""
    target, state = subject(wrapping)

    def deltas() -> None:
        for _ in range(steps):
            state.apply_delta({"energy": -STEP})

    def actions() -> None:
        for _ in range(steps):
            with state.exclusive() as live:
                live.update_energy(live.energy - STEP)

    together(deltas, actions)
    return round((target.energy - (100.0 - 2 * steps * STEP)) / STEP)


def broken_sorts(wrapping: str, steps: int) -> int:
    """Two threads append to a memory that sorts itself."""
    _, state = subject(wrapping)

    def appends() -> int:
        broken = 0
        for number in range(steps):
            try:
                with state.exclusive() as live:
                    live.memory.append(MemoryEntry("noise", 0.1, 0.0, weight=number % 7))
            except ValueError:
                broken += 1
        return broken

    return sum(together(appends, appends))


def mixed_scratch(wrapping: str, steps: int) -> int:
    """Two events use the same two fields of the state for their memories and patterns."""
    target, state = subject(wrapping)
    target.memory.extend([MemoryEntry("shock", 0.9, 0.0), MemoryEntry("calm", 0.1, 0.0)])
    meaning = MeaningEngine().process(Event("calm", 0.1, 0.0), target)

    def decides(event_type: str, expected: str) -> int:
        wrong = 0
        for _ in range(steps):
            with state.exclusive() as live:
                live.activated_memory = activate_memory(event_type, live.memory, live)
                live.last_pattern = decide_response(live, meaning)
                wrong += live.last_pattern != expected
        return wrong

    return sum(together(lambda: decides("shock", "dampen"), lambda: decides("calm", "absorb")))


def changed_readings(wrapping: str, steps: int) -> int:
    """One thread reads a status while another changes the state."""
    _, state = subject(wrapping)

    def lives() -> None:
        for _ in range(steps):
            with state.exclusive() as live:
                live.recent_events.append("noise")
                if len(live.recent_events) > 100:
                    del live.recent_events[:50]

    def reads() -> int:
        changed = 0
        for _ in range(steps // 10):
            status = state.target.get_safe_status_dict() if wrapping == "bare" else state.get_safe_status_dict()
            first = len(status["recent_events"])
            changed += sum(1 for _ in status["recent_events"]) != first
        return changed

    return together(lives, reads)[1]


def vanished_events(wrapping: str, steps: int) -> int:
    """A full queue is serialized while events come; count the events that it lost."""
    queue: Any = EventQueue() if wrapping == "bare" else life.EventQueue()
    first = [Event("noise", 0.1, float(number)) for number in range(100)]
    for event in first:
        queue.push(event)

    def pushes() -> None:
        for _ in range(steps):
            queue.push(Event("late", 0.1, 0.0))

    def looks() -> None:
        for _ in range(steps // 20):
            queue.to_dict()

    together(pushes, looks)
    return 100 - sum(event.type == "noise" for event in queue.pop_all())


RACES = {each.__name__: each for each in (lost_updates, broken_sorts, mixed_scratch, changed_readings, vanished_events)}

if __name__ == "__main__":
    logging.disable()
    sys.setswitchinterval(1e-6)
    race, subject_kind, number_of_steps = RACES[sys.argv[1]], sys.argv[2], int(sys.argv[3])
    found = 0
    for _ in range(ROUNDS if subject_kind == "bare" else 1):
        found = found or race(subject_kind, number_of_steps)
    print(found)
