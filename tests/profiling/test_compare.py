"""Two records of the benches are compared by their ratios, never by their times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import compare


def record(ours: str = "native", **ratios: float) -> dict[str, Any]:
    row = {"case": "read", "unit": "ns", "ours": ours, "ratio": ratios}
    return {"measures": {"state": [row]}}


def changed(old: dict[str, Any], *new: dict[str, Any]) -> dict[tuple[str, str], float]:
    found = compare.changes(compare.ratios(old), [compare.ratios(each) for each in new])
    return {change.place[2:]: pytest.approx(change.loss) for change in found}


def test_a_ratio_that_fell_is_a_loss_and_one_that_rose_none() -> None:
    assert changed(record(RLock=10.0, Queue=4.0), record(RLock=9.0, Queue=5.0)) == {
        ("native", "RLock"): 0.1, ("native", "Queue"): -0.25,
    }  # fmt: skip


def test_the_columns_of_another_backend_are_compared_with_their_own_record() -> None:
    old = record(reference=100.0, RLock=10.0)
    assert changed(old, record("reference", RLock=0.05)) == {("reference", "RLock"): 0.5}


def test_of_several_new_records_the_median_counts() -> None:
    new = [record(RLock=each) for each in (1.0, 10.0, 12.0)]
    assert changed(record(RLock=10.0), *new) == {("native", "RLock"): 0.0}


def test_the_loop_itself_and_figures_that_have_no_ratio_are_left_out() -> None:
    row = {"case": "read", "unit": "ns", "ours": "native", "ratio": {"(the loop itself)": 0.1, "a": None, "b": -1.0}}
    assert compare.ratios({"measures": {"state": [row]}}) == {}


@pytest.mark.parametrize(("now", "status"), [(9.6, 0), (9.4, 1)])
def test_the_exit_status_tells_a_loss_of_more_than_five_percent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, now: float, status: int
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(record(RLock=10.0)))
    new.write_text(json.dumps(record(RLock=now)))
    monkeypatch.setattr("sys.argv", ["compare.py", str(old), str(new)])
    with pytest.raises(SystemExit) as stopped:
        compare.main()
    assert stopped.value.code == status
    assert f"{status} of 1 ratios became worse" in capsys.readouterr().out
