"""Each race of the contract's section 11: there on a bare state, with two threads, and gone behind the wrapped one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCRIPT = "life/isolated/races.py"
RACES = ("lost_updates", "broken_sorts", "mixed_scratch", "changed_readings", "vanished_events")
STEPS_BARE, STEPS = 40_000, 5_000

pytestmark = pytest.mark.timeout(300)  # seconds: bounded by the scripts' own


@pytest.mark.parametrize("race", RACES)
def test_threads_on_the_bare_being_race(isolated: Callable[..., str], race: str) -> None:
    assert int(isolated(SCRIPT, race, "bare", str(STEPS_BARE), timeout=250.0)) > 0


@pytest.mark.parametrize("race", RACES)
def test_threads_behind_the_wrapped_state_do_not(isolated: Callable[..., str], race: str, backend: str) -> None:
    assert int(isolated(SCRIPT, race, backend, str(STEPS), timeout=250.0)) == 0
