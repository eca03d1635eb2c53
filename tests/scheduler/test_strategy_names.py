"""Strategies by name, by object and by entry point."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lifeevt import EventScheduler
from lifeevt.scheduler import DeadlineStrategy, Strategy, strategy_names
from lifeevt.scheduler.strategy import find_strategy

SHIPPED = ["adaptive", "deadline", "load_balancing", "priority"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a strategy that another package brings."""
    (tmp_path / "other_strategy.py").write_text(
        "from lifeevt.scheduler import Strategy\n"
        "class Other(Strategy):\n    name = 'other'\n    offsets_ns = (0, 5)\n"
        "def broken():\n    raise RuntimeError('the package is broken')\n",
        encoding="utf-8",
    )
    metadata = tmp_path / "other_strategy-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-strategy\nVersion: 1.0\n", encoding="utf-8")
    points = "[lifeevt.strategies]\nother = other_strategy:Other\nbroken = other_strategy:broken\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_strategy", raising=False)
    return "other"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_name_gives_a_strategy_of_its_own(name: str) -> None:
    found = find_strategy(name)
    assert found.name == name and found is not find_strategy(name)


def test_an_object_is_the_strategy_itself() -> None:
    mine = DeadlineStrategy()
    assert find_strategy(mine) is mine


def test_another_package_brings_a_strategy_by_entry_point(installed: str) -> None:
    scheduler = EventScheduler(installed)
    assert scheduler.statistics().strategy == "other"
    assert scheduler.strategy.offsets_ns == (0, 5)
    assert strategy_names() == sorted([*SHIPPED, "broken", "other"])


def test_an_unused_package_is_not_imported(installed: str) -> None:
    find_strategy("deadline")
    assert strategy_names() and "other_strategy" not in sys.modules


def test_an_error_of_a_package_propagates(installed: str) -> None:
    with pytest.raises(RuntimeError, match="the package is broken"):
        find_strategy("broken")


def test_an_unknown_name_is_refused_with_the_choice(installed: str) -> None:
    choice = "adaptive, broken, deadline, load_balancing, other, priority"
    with pytest.raises(ValueError, match=f"unknown strategy 'nope'; choose {choice}$"):
        find_strategy("nope")


@pytest.mark.parametrize("wrong", [None, 7, object()])
def test_something_else_than_a_strategy_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="a strategy is a name or an object with a name"):
        find_strategy(wrong)


def test_a_strategy_with_impossible_offsets_is_refused() -> None:
    class Far(Strategy):
        name = "far"
        offsets_ns = (2**63,)

    with pytest.raises(ValueError, match="must be within"):
        find_strategy(Far())
