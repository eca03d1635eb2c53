"""A process with the other backend, which calls functions of ours with the same arguments.

As a script, it is that process: pickled (function, arguments) come in, pickled ("returned", value) or ("raised", text)
go out. A function is found by its name, so it stands in a module that both processes can import.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

TESTS = Path(__file__).parents[1]
OTHER = {"native": "reference", "reference": "native"}
Value = TypeVar("Value")


class OtherBackend:
    """Calls functions on the backend that this process does not have; a context manager."""

    def __init__(self, backend: str) -> None:
        path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "LIFEEVT_BACKEND": OTHER[backend], "PYTHONPATH": path}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__], env=environment, cwd=TESTS,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, function: Callable[..., Value], *arguments: Any) -> Value:
        """Return what ``function`` returns over there; an exception there is a failure here."""
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((function, arguments), self._process.stdin)
        self._process.stdin.flush()
        outcome, value = pickle.load(self._process.stdout)
        assert outcome == "returned", value
        returned: Value = value
        return returned

    def __enter__(self) -> OtherBackend:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Run calls until standard input ends."""
    calls, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            function, arguments = pickle.load(calls)
        except EOFError:
            return
        try:
            answer = "returned", function(*arguments)
        except Exception:
            answer = "raised", traceback.format_exc()
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    serve()
