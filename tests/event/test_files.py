"""Event types as data: the keys of a TOML file, and the errors of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifeevt import Event, EventType, EventTypes, Priority, RateLimit
from lifeevt.errors import InvalidConfiguration

MS = 1_000_000

WHOLE = """
[levels]
BACKGROUND = 6

[types.collision]
level = "critical"
budget_ms = 5

[types."sensor_*"]
level = "HIGH"
budget_ms = 0.5
ttl_ms = 100
overflow = "coalesce"
coalesce = "last"
rate = { count = 1000, seconds = 0.5, burst = 10 }
source_rate = { count = 10 }

[types."*"]
level = "background"
budget_ms = 1000
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "types.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_holds_all_fields_of_a_type(tmp_path: Path) -> None:
    types = EventTypes.load(written(tmp_path, WHOLE))
    assert types.resolve(Event("collision")) == EventType("collision", Priority.CRITICAL, 5 * MS)
    assert types.resolve(Event("sensor_left")) == EventType(
        "sensor", Priority.HIGH, MS // 2, 100 * MS, "coalesce", "last", RateLimit(1000, 0.5, 10), RateLimit(10)
    )
    assert types.default == EventType("*", Priority(6), 1000 * MS)
    assert types.levels["BACKGROUND"] == types.lowest == 6


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[types.x]\nlevel = 'LOW'", r"types\.toml: types\.x\.budget_ms is missing"),
        ("[types.x]\nbudget_ms = 0", r"types\.toml: types\.x\.budget_ms is 0; it must be a number of milliseconds"),
        ("[types.x]\nbudget_ms = true", r"types\.x\.budget_ms is True"),
        ("[types.x]\nbudget_ms = 'x'", r"types\.x\.budget_ms is 'x'"),
        ("[types.x]\nbudget_ms = nan", r"types\.x\.budget_ms is nan"),
        ("[types.x]\nbudget_ms = 1\nttl_ms = -1", r"types\.x\.ttl_ms is -1"),
        ("[types.x]\nbudget_ms = 1\nlevel = 'URGENT'",
         r"types\.x\.level is 'URGENT'; choose CRITICAL, HIGH, NORMAL, LOW$"),
        ("[levels]\nDEEP = 5\n[types.x]\nbudget_ms = 1\nlevel = 3", r"level is 3; choose CRITICAL, .*LOW, DEEP$"),
        ("[levels]\nDEEP = 16", r"types\.toml: levels\.DEEP is 16; it must be a whole number from 0 to 15"),
        ("[types.x]\nbudget_ms = 1\noverflow = 'explode'",
         r"types\.x: .*overflow is 'explode'; choose reject, drop_oldest, drop_lowest, coalesce, block"),
        ("[types.x]\nbudget_ms = 1\ncoalesce = 'all'", r"types\.x: .*coalesce is 'all'; choose last, first, merge"),
        ("[types.x]\nbudget_ms = 1\nspeed = 9", r"types\.x: unknown key 'speed'; choose level, budget_ms, ttl_ms"),
        ("[types.x]\nbudget_ms = 1\nrate = 9", r"types\.x\.rate is 9; it must be a table of count, seconds, burst"),
        ("[types.x]\nbudget_ms = 1\nrate = {seconds = 1}", r"types\.x\.rate\.count is missing"),
        ("[types.x]\nbudget_ms = 1\nrate = {count = 0}", r"types\.x\.rate: count is 0; it must be"),
        ("[types.x]\nbudget_ms = 1\nrate = {count = 1, seconds = 'x'}", r"types\.x\.rate\.seconds is 'x'"),
        ("[types.x]\nbudget_ms = 1\nsource_rate = {count = 1, b = 1}", r"source_rate: unknown key 'b'"),
        ("types = 3", r"types\.toml: types is 3; it must be a table"),
        ("[types]\nx = 3", r"types\.x is 3; it must be a table"),
        ("[typos.x]", r"types\.toml: unknown key 'typos'; choose levels, types"),
        ("[types.x\n", r"types\.toml: .*line 1"),
        ("[types.x]\nbudget_ms = 1\n[types.'x_*']\nbudget_ms = 1", "is in the table twice"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_file_key_and_choice(text: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=error):
        EventTypes.load(written(tmp_path, text))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "types.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidConfiguration, match="is not UTF-8"):
        EventTypes.load(path)


def test_without_a_reader_of_toml_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("lifeevt.event.files.import_module", missing)
    says = r"needs Python 3\.11, or the package tomli; a CSV file needs neither"
    with pytest.raises(InvalidConfiguration, match=says):
        EventTypes.load(written(tmp_path, WHOLE))


@pytest.mark.parametrize(
    ("given", "plain"),
    [({}, True), ({"ttl_ns": 1}, False), ({"overflow": "block"}, False), ({"coalesce": "last"}, False),
     ({"rate_limit": RateLimit(1)}, False), ({"source_limit": RateLimit(1)}, False)],
)  # fmt: skip
def test_a_type_tells_whether_level_and_budget_are_its_only_fields(given: dict[str, Any], plain: bool) -> None:
    assert EventType("x", Priority.LOW, 1, **given).is_plain is plain


@pytest.mark.parametrize(
    ("given", "error"),
    [({"ttl_ns": 0}, "the ttl 0 ns"), ({"overflow": "no"}, "overflow is 'no'; choose reject"),
     ({"coalesce": "no"}, "coalesce is 'no'; choose last, first, merge")],
)  # fmt: skip
def test_a_type_with_a_wrong_rule_is_refused(given: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidConfiguration, match=error):
        EventType("x", Priority.LOW, 1, **given)
