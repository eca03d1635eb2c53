"""Fixtures that run the command in a process of its own, or in this one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.processes import LINES, PATIENCE, environment, words
from typer.testing import CliRunner, Result


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start every process away from the root, where ``python -m`` would find the source tree first."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``command(*arguments, stdin="", **environment)`` as a process, without a terminal."""

    def run(*arguments: object, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words(*arguments), input=stdin, env=environment(**changes), capture_output=True, text=True, timeout=PATIENCE
        )

    return run


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Run ``invoke(*arguments, stdin=None)`` in this process."""
    from lifeevt.cli.app import app  # not above: the import chooses the backend, pytest reads this file before that

    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def summary(invoke: Callable[..., Result]) -> Callable[..., dict[str, Any]]:
    """Run ``lifeevt run --json`` with more arguments in this process; it must end with status 0."""

    def run(*arguments: object, stdin: str | bytes | None = None) -> dict[str, Any]:
        result = invoke("run", "--json", *arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of ``recording(*lines)``; four events, a second apart, when no line is given."""

    def write(*lines: str | bytes) -> Path:
        path = tmp_path / "recording.jsonl"
        encoded = (each if isinstance(each, bytes) else each.encode() for each in lines or LINES)
        path.write_bytes(b"".join(each + b"\n" for each in encoded))
        return path

    return write
