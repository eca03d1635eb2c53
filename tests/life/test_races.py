"""Each race of section 11 of the contract: two threads have it on a bare state, and not on a wrapped one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCRIPT = "life/isolated/races.py"
RACES = ("lost_updates", "broken_sorts", "mixed_scratch", "changed_readings", "vanished_events")
STEPS_BARE, STEPS = 40_000, 5_000

pytestmark = pytest.mark.timeout(300)  # seconds: bounded by the scripts' own


@pytest.mark.parametrize("race", RACES)
def test_threads_race_on_a_bare_state(isolated: Callable[..., str], race: str) -> None:
    assert int(isolated(SCRIPT, race, "bare", str(STEPS_BARE), timeout=250.0)) > 0


@pytest.mark.parametrize("race", RACES)
def test_threads_do_not_race_on_a_wrapped_state(isolated: Callable[..., str], race: str, backend: str) -> None:
    assert int(isolated(SCRIPT, race, backend, str(STEPS), timeout=250.0)) == 0
