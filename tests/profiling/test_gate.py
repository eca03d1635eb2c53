"""The gate over instruction counts, on made-up numbers; nothing is counted here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gate

KEPT = {"push": 1000, "pop": 2000}


@pytest.mark.parametrize("now", [1000, 900, 1009, 1010])
def test_a_measure_may_shrink_or_grow_by_up_to_one_percent(now: int) -> None:
    assert gate.complaints(KEPT, KEPT | {"push": now}) == []


def test_a_measure_that_grew_by_two_percent_is_named_with_its_growth() -> None:
    assert gate.complaints(KEPT, KEPT | {"pop": 2040}) == ["pop: grew by 2.0%"]


def test_a_measure_that_is_missing_is_a_complaint() -> None:
    assert gate.complaints(KEPT, {"push": 1000}) == ["pop: is not counted any more"]


def test_a_new_measure_is_shown_and_no_complaint() -> None:
    counted = KEPT | {"read": 7}
    assert gate.complaints(KEPT, counted) == []
    assert "new" in gate.table(KEPT, counted)


def test_the_table_shows_both_counts_and_ends_with_the_complaints() -> None:
    _, push, pop, complaint = gate.table(KEPT, {"push": 900, "pop": 2200}).splitlines()
    assert push.split() == ["push", "1000", "900", "-10.0%"]
    assert pop.split() == ["pop", "2000", "2200", "+10.0%"]
    assert complaint == "pop: grew by 10.0%"


@pytest.mark.parametrize("other", [{"python": "2.7"}, {"machine": "pdp11"}])
def test_counts_of_another_python_or_machine_cannot_be_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    other: dict[str, str],
) -> None:  # fmt: skip
    here = {"python": gate.instructions.python_version(), "machine": gate.instructions.platform.machine()}
    assert gate.unlike(here) is None
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(here | other | {"instructions": KEPT}), encoding="utf-8")
    monkeypatch.setattr(gate.instructions, "what_is_missing", lambda: None)
    monkeypatch.setattr("sys.argv", ["gate.py", "--kept", str(kept)])
    with pytest.raises(SystemExit) as stopped:
        gate.main()
    assert stopped.value.code == gate.CANNOT_COUNT
    assert next(iter(other.values())) in capsys.readouterr().err


@pytest.mark.parametrize(("pops", "status"), [(2019, 0), (2021, 1)])
def test_the_exit_status_tells_growth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pops: int, status: int
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(gate.instructions.record([KEPT])), encoding="utf-8")
    monkeypatch.setattr(gate.instructions, "what_is_missing", lambda: None)
    monkeypatch.setattr(gate.instructions, "counts", lambda *_: KEPT | {"pop": pops})
    monkeypatch.setattr("sys.argv", ["gate.py", "--kept", str(kept)])
    with pytest.raises(SystemExit) as stopped:
        gate.main()
    assert stopped.value.code == status


def test_without_valgrind_nothing_can_be_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(gate.instructions.record([KEPT])), encoding="utf-8")
    monkeypatch.setattr(gate.instructions.shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["gate.py", "--kept", str(kept)])
    with pytest.raises(SystemExit) as stopped:
        gate.main()
    assert stopped.value.code == gate.CANNOT_COUNT
