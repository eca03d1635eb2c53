"""The summary of a run: its documented keys, its figures, and its text."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pytest
from cli.processes import EVENT, LINES
from typer.testing import Result

from lifeevt import Priority, Status
from lifeevt.cli.summary import budgets_ms, milliseconds, number, share, summary_text, version_number

Summary = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command.md"
SPREAD = {"min", "mean", "p50", "p95", "p99", "max"}


def documented(heading: str) -> set[str]:
    text = PAGE.read_text(encoding="utf-8").split(heading, 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([\w.<>\[\]]+)` \|", text, flags=re.MULTILINE))


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Yield the keys of a summary as the page writes them: levels, fields and list items by one name."""
    if path:
        yield path
    if isinstance(value, list):
        yield from (key for item in value for key in keys(item, f"{path}[]"))
    elif isinstance(value, dict) and set(value) != SPREAD and not path.endswith(">.baseline"):
        name = {"levels": "<level>", "state": "<field>"}.get(path)
        yield from (key for each in value for key in keys(value[each], f"{path}.{name or each}".lstrip(".")))


def leaves(found: set[str]) -> set[str]:
    """Leave out the keys of groups; the page has no line for them."""
    groups = {"playback", "ledger", "ledger.ends", "queue", "levels", "levels.<level>", "ticks", "state"}
    return {key for key in found if key not in groups and not key.endswith(("budget_ms", "reports[]"))}


def test_the_page_lists_the_keys_of_a_summary(summary: Summary, recording: Write, backend: str) -> None:
    found = summary(recording(*LINES, "no event"), "--virtual", "--backend", backend)
    assert leaves(set(keys(found))) == documented("### The summary as JSON")


def test_the_page_lists_the_keys_of_info(invoke: Callable[..., Result]) -> None:
    found = json.loads(invoke("info", "--json").stdout)
    assert set(found) == documented("## lifeevt info")


def test_a_synchronous_run_has_the_same_keys(summary: Summary, recording: Write) -> None:
    path = recording()
    sync, plain = summary(path, "--virtual", "--sync"), summary(path, "--virtual")
    assert sync.keys() == plain.keys()
    assert sync["levels"]["high"].keys() == plain["levels"]["high"].keys()
    assert sync["baseline"] is sync["levels"]["high"]["baseline"] is None


def test_the_baseline_equals_a_run_of_the_synchronous_loop(summary: Summary, backend: str) -> None:
    beside = summary("--virtual", "--backend", backend)
    itself = summary("--virtual", "--backend", backend, "--sync")
    for name, level in beside["levels"].items():
        own = itself["levels"][name]
        assert level["baseline"] == {key: own[key] for key in level["baseline"]}
    assert beside["baseline"]["ticks"] == itself["ticks"]["count"]
    assert beside["baseline"]["processed"] == 2000


def test_the_baseline_has_the_same_full_queue(summary: Summary, recording: Write) -> None:
    found = summary(recording(*LINES * 5), "--virtual", "--rate", 100, "--capacity", 4, "--overflow", "reject")
    assert (found["ledger"]["refused"], found["baseline"]["refused"]) == (0, 16)
    assert "its full queue lost 0 shed and 16 refused of 20 events" in summary_text(found)


def test_events_late_for_their_budget_are_counted(summary: Summary, recording: Write) -> None:
    found = summary(recording(*LINES[:1], json.dumps(EVENT | {"timestamp": 0.995})), "--virtual", "--sync")
    level = found["levels"]["critical"]
    assert (level["events"], level["late"], level["within_budget"]) == (2, 1, 0.5)
    assert level["latency_ms"]["max"] == 1000.0
    assert level["latency_ms"]["min"] == 5.0


def test_a_figure_without_measurements_is_null(summary: Summary, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    found = summary(tmp_path / "empty", "--virtual")
    assert found["levels"]["low"]["within_budget"] is None
    assert set(found["levels"]["low"]["latency_ms"].values()) == {None}
    assert summary_text(found)


def test_the_final_state_is_exact(summary: Summary, recording: Write, backend: str) -> None:
    found = summary(recording(*LINES), "--virtual", "--backend", backend, "--tick", 0.1)
    assert found["state"]["age"] == reduce(add, [0.1] * 30)  # since 3.12, sum() compensates its rounding
    assert found["state"]["energy"] not in (100.0, round(found["state"]["energy"], 6))


def test_the_text_has_the_main_figures_and_fits_a_terminal(summary: Summary, backend: str) -> None:
    found = summary("--virtual", "--backend", backend)
    text = summary_text(found)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    for said in ("2,000 played", "balanced: yes", f"{backend} backend", "synchronous loop *", "own work not counted"):
        assert said in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line[:4].isupper()}
    assert list(rows) == [level.name for level in Priority]
    assert rows["CRITICAL"][:3] == ["CRITICAL", "432", "10"]
    assert len(rows["CRITICAL"]) == 13


def test_the_text_names_errors_and_bad_lines(summary: Summary, recording: Write) -> None:
    bad = ["no event"] * 7
    found = summary(recording(LINES[1], LINES[0], *bad), "--virtual", "--ticks", 1)
    found |= {"error": "the device failed", "results_overwritten": 3}
    found["ledger"] |= {"in_flight": 2, "balanced": False}
    text = summary_text(found)
    assert "1 timestamps went back" in text
    assert "7 lines are no event" in text and "and 2 more" in text
    assert "error: the device failed" in text
    assert "3 results were overwritten" in text
    assert "2 in flight" in text and "balanced: NO" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.0004, "0.000"), (0.0421, "0.042"), (0.9996, "1.00"), (9.994, "9.99"), (9.996, "10.0"),
     (99.96, "100"), (250.4, "250"), (12_345.6, "12346")],
)  # fmt: skip
def test_a_time_has_three_significant_digits(value: float | None, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0%"), (1.0, "100%"), (0.99999, "99.9%"), (0.00001, "0.1%"), (0.5, "50.0%")],
)
def test_a_share_is_whole_only_when_it_is_exact(value: float | None, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1234, "1,234"), (93.4559, "93.46"), (0.99263, "0.9926")])
def test_a_field_shows_four_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_budgets_span_the_types_of_a_level() -> None:
    assert budgets_ms() == {
        Priority.CRITICAL: (10.0, 10.0),
        Priority.HIGH: (10.0, 50.0),
        Priority.NORMAL: (50.0, 200.0),
        Priority.LOW: (200.0, 200.0),
    }


def test_every_end_has_a_line_on_the_page() -> None:
    assert {f"ledger.ends.{end.name.lower()}" for end in Status} <= documented("### The summary as JSON")


def test_a_bare_source_folder_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert version_number() == "not installed"
