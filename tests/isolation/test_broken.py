"""The search finds what is broken in each state that is broken on purpose, and takes none of it for something else."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from isolation.broken import CASES, Case
from isolation.checker import RULES, anomalies
from isolation.model import Model
from isolation.programs import Program, programs
from isolation.replayer import replay

pytestmark = pytest.mark.reference  # the broken states derive from the reference

BUDGET = 10_000  # as many as for the twins
AT_LEAST = 500  # enough to find anomalies that should not be there


class Found(Exception):
    """The search may end."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.state.__name__)
def test_the_search_finds_the_fault_and_nothing_else(case: Case) -> None:
    found: set[str] = set()
    histories = 0

    @settings(max_examples=BUDGET, phases=[Phase.generate])
    @given(programs)
    def search(program: Program) -> None:
        nonlocal histories
        histories += 1
        history = replay(case.state, case.change(program), case.isolation)
        found.update(anomaly.name for anomaly in anomalies(history))
        if histories >= AT_LEAST and case.must <= found:
            raise Found

    with pytest.raises(Found):
        search()
    assert found <= case.must | case.may
    assert histories <= BUDGET


def test_each_rule_finds_something_broken() -> None:
    assert set[str]().union(*(case.must for case in CASES)) == RULES.keys()
    assert all(case.state is not Model for case in CASES)


def test_a_broken_state_behaves_like_the_model_without_its_fault() -> None:
    """The correct model, the base of all broken states, shows no anomaly."""

    @settings(max_examples=AT_LEAST)
    @given(programs)
    def search(program: Program) -> None:
        assert anomalies(replay(Model, program, "serializable")) == []

    search()
