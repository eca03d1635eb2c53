"""LifeState: Life's SelfState, unchanged, for several threads, by the names that Life's code uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

from .. import Field, ThreadSafeSelfState, Value
from ..serialization import is_number
from ..state import DeltaReport
from .detached import WriteThroughDict, WriteThroughList, detached, written_through

__all__ = ["PUBLISHED", "LifeState", "wrap_state"]

PUBLISHED: Mapping[str, Field] = MappingProxyType({
    "energy": Field(100.0, low=0.0, high=100.0, on_set="clamp"),
    "integrity": Field(1.0, low=0.0, high=1.0, on_set="clamp"),
    "stability": Field(1.0, low=0.0, high=1.0, on_set="clamp"),
    **{name: Field(0.0) for name in ("fatigue", "tension", "age", "subjective_time")},
    "ticks": Field(0, integer=True),
    "last_event_intensity": Field(0.0),
    "last_significance": Field(0.0),
})  # fmt: skip


class LifeState(ThreadSafeSelfState):
    """A ThreadSafeSelfState over a SelfState that also answers to every name of the SelfState. Made by ``wrap_state``.

    * A published number is read without waiting: as it was after the last turn.
    * Any other attribute is read in a short turn, as a copy. Changes of a list or dict that was read so reach
      the object, each in a turn; what lies deeper is a copy.
    * An assignment and a method of the object's run in a turn, with the object's own rules and errors.
    * In a ``turn`` the object itself is there, bare: that is for whatever needs several steps.

    Inside a turn of the same thread all of these act on the object at once.
    """

    @property
    def target(self) -> Any:
        """The object itself: for a turn, and for what nobody else touches."""
        return self.__dict__["_target"]

    def apply_delta(  # type: ignore[override]
        self, delta: Mapping[str, float], *, report: bool = False, reason: str | None = None, event: Any = None
    ) -> int | DeltaReport:
        """Let the object add the numbers by its own rules; return the version, or a report of what changed.

        Life's rules: unknown names are passed over, TypeError for what is no number after the ones before it.
        """
        with self._bare(reason or "apply_delta", event) as live:
            before: dict[str, Any] = {name: getattr(live, name, None) for name in delta} if report else {}
            live.apply_delta(dict(delta))
            after = {name: getattr(live, name, None) for name in before}
        if not report:
            return self.version
        moved = {name: after[name] - old for name, old in before.items() if is_number(old)}
        return DeltaReport(self.version, dict(delta), moved)

    def on_attribute(self, name: str, change: Callable[[Any], Any]) -> Any:
        """Call ``change`` with an attribute's own value in a turn: for the copies that write through."""
        with self._bare(name) as live:
            return change(getattr(live, name))

    def __getattr__(self, name: str) -> Any:
        target = self.__dict__.get("_target")
        if target is None or name.startswith("__"):
            raise AttributeError(name)
        if callable(getattr(type(target), name, None)):
            return partial(self._call, name)
        if name in self._index and not self._is_mine():
            return self[name]
        with self._bare(name) as live:
            return written_through(self, name, getattr(live, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or "_target" not in self.__dict__:
            super().__setattr__(name, value)
            return
        if isinstance(value, (WriteThroughList, WriteThroughDict)):
            if value.belongs_to(self, name):  # after += the object has it already
                return
            value = detached(value)
        with self._bare(name) as live:
            setattr(live, name, value)

    def _call(self, name: str, *given: Any, **named: Any) -> Any:
        with self._bare(name) as live:
            returned = getattr(live, name)(*given, **named)
            return self if returned is live else detached(returned)

    def _is_mine(self) -> bool:
        turns = self._turns
        return turns is not None and turns.gate.is_mine()

    @contextmanager
    def _bare(self, reason: str, event: Any = None) -> Iterator[Any]:
        """The object, in a turn, which may be the one that this thread has."""
        if self._is_mine():
            yield self.target
            return
        with self.turn(timeout=self.__dict__["_turn_timeout"], reason=reason, event=event) as live:
            yield live


def wrap_state(
    self_state: Any,
    publish: Mapping[str, Field | Value] | Iterable[str] | None = None,
    *,
    turn_timeout: float | None = None,
) -> LifeState:
    """Return Life's SelfState behind a state that several threads may use; a wrapped one is returned as it is.

    ``publish``: the fields that are read without waiting, each a small cost at every turn (None: ``PUBLISHED``, as
    far as the object has them). LockTimeout when a read or a write waits for a turn longer than ``turn_timeout``
    seconds. Whoever goes on writing the object itself, outside turns, races as before.
    """
    if isinstance(self_state, LifeState):
        return self_state
    if publish is None:
        publish = {name: field for name, field in PUBLISHED.items() if hasattr(self_state, name)}
    state = LifeState.wrap(self_state, publish, name="SelfState", turn_timeout=turn_timeout)
    state.__dict__["_turn_timeout"] = turn_timeout
    state.__dict__["_target"] = self_state
    assert isinstance(state, LifeState)
    return state
