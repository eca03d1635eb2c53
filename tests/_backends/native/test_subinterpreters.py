"""A subinterpreter gets a plain refusal of the native twin, and the reference twin works there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.native


def test_a_subinterpreter_is_refused_cleanly(isolated: Callable[..., str]) -> None:
    said = isolated("_backends/native/isolated/subinterpreter.py", "lifeevt._core").split("\n")
    assert said[0].startswith("ImportError:") and "interpreter" in said[0]
    assert said[1] == "the main interpreter still works"


def test_a_subinterpreter_may_use_the_reference_twin(isolated: Callable[..., str]) -> None:
    said = isolated("_backends/native/isolated/subinterpreter.py", "lifeevt._backends.reference").split("\n")
    assert said[:2] == ["imported", "the main interpreter still works"]
