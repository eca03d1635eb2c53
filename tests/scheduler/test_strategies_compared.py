"""Strategies compared: deterministic, and with the figures of the documents."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "profiling" / "strategies.py"
FIXED = ("deadline", "priority", "load_balancing 0.5", "load_balancing 0.9")


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    specification = importlib.util.spec_from_file_location("compared_strategies", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found: dict[str, Any] = module.measured(8.0)
    return found


@pytest.mark.parametrize("load", ["bursty", "overloaded"])
def test_adaptive_processes_more_in_time_than_any_fixed_strategy(compared: dict[str, Any], load: str) -> None:
    rows = compared[load]
    assert all(rows["adaptive"]["within"] > rows[name]["within"] for name in FIXED)


def test_on_a_steady_load_it_loses_little(compared: dict[str, Any]) -> None:
    rows = compared["steady"]
    assert max(rows[name]["within"] for name in FIXED) - rows["adaptive"]["within"] <= 0.002


def test_critical_events_are_in_time_at_any_load(compared: dict[str, Any]) -> None:
    assert all(rows["adaptive"]["CRITICAL"] >= 0.999 for rows in compared.values())


def test_the_script_prints_a_row_for_each(compared: dict[str, Any]) -> None:
    command = [sys.executable, str(SCRIPT), "--seconds", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    for load, rows in compared.items():
        for strategy, row in rows.items():
            line = next(line for line in done.stdout.splitlines() if line.split("|")[1:3] == _cells(load, strategy))
            assert f"{100 * row['within']:6.2f}%" in line, "the same figures in another process"


def _cells(load: str, strategy: str) -> list[str]:
    return [f" {load:<10} ", f" {strategy:<18} "]


@pytest.mark.parametrize("page", ["docs/explanation/scheduling.md"])
def test_the_document_shows_the_kept_figures(page: str) -> None:
    kept = (ROOT / "profiling" / "results" / "strategies.md").read_text(encoding="utf-8")
    assert kept in (ROOT / page).read_text(encoding="utf-8")
