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
from .copying import WriteThroughDict, WriteThroughList, plain_copy, write_through_copy

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
    """A ThreadSafeSelfState over a SelfState, with all names of the SelfState. Made by ``wrap_state``.

    * A published number is read without waiting: its value at the end of the last exclusive access.
    * Any other attribute is copied, in a short exclusive access. A change of a copied list or dict changes the object,
      in an exclusive access each; containers inside it are plain copies.
    * Assignments and the object's methods run in exclusive access, with the object's own rules and errors.
    * For a sequence of steps take exclusive access yourself: its block has the object itself.

    In a thread that has exclusive access all of these act on the object directly.
    """

    @property
    def target(self) -> Any:
        """The object itself, for use in exclusive access, or for attributes that one thread alone uses."""
        return self.__dict__["_target"]

    def apply_delta(  # type: ignore[override]
        self, delta: Mapping[str, float], *, report: bool = False, reason: str | None = None, event: Any = None
    ) -> int | DeltaReport:
        """Call the object's own ``apply_delta``; return the version, or a report of the changes.

        Life's rules hold: unknown names are ignored; a field that is no number raises TypeError, after the names before
        it were applied.
        """
        with self._bare(reason or "apply_delta", event) as live:
            before: dict[str, Any] = {name: getattr(live, name, None) for name in delta} if report else {}
            live.apply_delta(dict(delta))
            after = {name: getattr(live, name, None) for name in before}
        if not report:
            return self.version
        applied = {name: after[name] - old for name, old in before.items() if is_number(old)}
        return DeltaReport(self.version, dict(delta), applied)

    def __getattr__(self, name: str) -> Any:
        target = self.__dict__.get("_target")
        if target is None or name.startswith("__"):
            raise AttributeError(name)
        if callable(getattr(type(target), name, None)):
            return partial(self._call, name)
        if name in self.fields and not self._is_mine():
            return self[name]
        with self._bare(name) as live:
            return write_through_copy(self._on_attribute, name, getattr(live, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or "_target" not in self.__dict__:
            super().__setattr__(name, value)
            return
        if isinstance(value, (WriteThroughList, WriteThroughDict)):
            if value.is_copy_of(self._on_attribute, name):  # of `state.memory += [...]`, which has changed the object
                return
            value = plain_copy(value)
        with self._bare(name) as live:
            setattr(live, name, value)

    def _call(self, name: str, *args: Any, **keywords: Any) -> Any:
        with self._bare(name) as live:
            returned = getattr(live, name)(*args, **keywords)
            return self if returned is live else plain_copy(returned)

    def _on_attribute(self, name: str, change: Callable[[Any], Any]) -> Any:
        """Call ``change`` with an attribute's own value, in exclusive access."""
        with self._bare(name) as live:
            return change(getattr(live, name))

    def _is_mine(self) -> bool:
        return self._wrapped is not None and self._wrapped.lock.is_mine()

    @contextmanager
    def _bare(self, reason: str, event: Any = None) -> Iterator[Any]:
        """Yield the object in exclusive access: the one that this thread has, or a new one."""
        if self._is_mine():
            yield self.target
            return
        with self.exclusive(timeout=self.__dict__["_exclusive_timeout"], reason=reason, event=event) as live:
            yield live


def wrap_state(
    self_state: Any,
    publish: Mapping[str, Field | Value] | Iterable[str] | None = None,
    *,
    exclusive_timeout: float | None = None,
) -> LifeState:
    """Wrap Life's SelfState for use by several threads; return a wrapped one unchanged.

    A thread that still writes the object outside exclusive access races as before.

    Args:
        self_state: the object.
        publish: the fields that are read without waiting, each at a small cost per exclusive access. None: those of
            ``PUBLISHED`` that the object has.
        exclusive_timeout: the seconds that a read or a write waits for exclusive access, before LockTimeout.
    """
    if isinstance(self_state, LifeState):
        return self_state
    if publish is None:
        publish = {name: field for name, field in PUBLISHED.items() if hasattr(self_state, name)}
    state = LifeState.wrap(self_state, publish, name="SelfState", exclusive_timeout=exclusive_timeout)
    state.__dict__["_exclusive_timeout"] = exclusive_timeout
    state.__dict__["_target"] = self_state
    assert isinstance(state, LifeState)
    return state
