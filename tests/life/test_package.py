"""The adapter's public names are in the reference, and the code of the guide runs."""

from __future__ import annotations

import contextlib
import io
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from life import double, engines

from lifeevt import life

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```py\n(.*?)^```", re.M | re.S)


@pytest.mark.parametrize("name", life.__all__)
def test_every_public_name_exists_and_is_in_the_reference(name: str) -> None:
    assert hasattr(life, name)
    assert re.search(rf"\b{name}\b", (DOCS / "reference/life.md").read_text(encoding="utf-8"))


def test_the_adapter_never_imports_life() -> None:
    for path in Path(life.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) src\b", path.read_text(encoding="utf-8"), re.M)


def test_the_steps_of_the_guide_run_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    stop = threading.Event()

    def save_snapshot(state: Any) -> None:
        saved.append(state.ticks)
        stop.set()

    known: dict[str, Any] = {
        "Event": double.Event, "SelfState": double.SelfState, "MemoryEntry": double.MemoryEntry,
        "MeaningEngine": engines.MeaningEngine, "decide_response": engines.decide_response,
        "execute_action": engines.execute_action, "activate_memory": engines.activate_memory,
        "register_action": lambda *given: given[-1].append(given), "pending_actions": [], "monitor": lambda state: None,
        "tick_interval": 0.001, "stop_event": stop, "save_snapshot": save_snapshot,
    }  # fmt: skip
    blocks = BLOCK.findall((DOCS / "how-to/migrate-life.md").read_text(encoding="utf-8"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            stop.clear()
            exec(block, known)
    assert len(blocks) == 6
    assert saved == [10, 20, 30]
    assert known["self_state"].recent_events == ["noise"]
    assert printed.getvalue().splitlines()[-2:] == ["0 events compared, 0 differences", "async 0 True"]
    assert known["do_POST"](b'{"type": "shock"}').status == 200
    assert known["do_GET"]("memory_limit=1").status == 200
