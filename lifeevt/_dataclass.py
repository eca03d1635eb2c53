"""dataclass, for frozen classes, with a cheaper declaration: see "The import" in docs/explanation/performance.md.

The standard decorator compiles six methods for each frozen class; that took a third of ``import lifeevt``. This one
compiles ``__init__`` alone, and all classes share the others. All else is as the standard decorator leaves it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


def _declare(*, frozen: bool, eq: bool = True, slots: bool = False) -> Callable[[type], type]:
    """Declare a frozen dataclass; methods of its own stay. No field may be ``kw_only``, ``init=False`` or inherited."""

    def declare(plain: type) -> type:
        own = vars(plain)
        declared: Any = dataclasses.dataclass(plain, init=False, repr=False, eq=False, slots=slots)
        parameters = declared.__dataclass_params__
        parameters.init, parameters.repr, parameters.eq, parameters.frozen = True, True, eq, frozen
        if "__init__" not in own:
            declared.__init__ = _compiled_init(declared)
        for name in ("__repr__", "__setattr__", "__delattr__", *(("__eq__", "__hash__") if eq else ())):
            if name not in own:
                setattr(declared, name, vars(_Shared)[name])
        return declared  # type: ignore[no-any-return]

    return declare


class _Shared:
    """The methods that are not compiled: each reads the fields of the class of ``self``."""

    @recursive_repr()
    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{type(self).__qualname__}({shown})"

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __setattr__(self, name: str, value: object) -> None:
        _refuse_change(self, name, "assign to")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _refuse_change(self, name, "delete")
        object.__delattr__(self, name)


def _values(instance: Any) -> tuple[object, ...]:
    return tuple([getattr(instance, each.name) for each in fields(instance) if each.compare])


def _refuse_change(instance: Any, name: str, verb: str) -> None:
    """Raise FrozenInstanceError unless the name is an attribute of its own of a plain subclass."""
    if "__dataclass_fields__" in vars(type(instance)) or name in instance.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot {verb} field {name!r}")


class _Factory:
    """The default of a parameter whose value a factory makes; only its text is used, by signatures."""

    def __repr__(self) -> str:
        return "<factory>"


def _compiled_init(declared: Any) -> Callable[..., None]:
    """Compile ``__init__`` in the namespace of the class, so that its annotations can be resolved there."""
    outer: dict[str, Any] = {"_set": object.__setattr__, "_factory": _Factory()}
    parameters, body = ["self"], []
    for each in fields(declared):
        parameter = value = each.name
        if each.default is not MISSING:
            outer[f"_default_{value}"] = each.default
            parameter += f"=_default_{value}"
        elif each.default_factory is not MISSING:
            outer[f"_make_{value}"] = each.default_factory
            parameter += "=_factory"
            value = f"_make_{value}() if {value} is _factory else {value}"
        parameters.append(parameter)
        body.append(f"_set(self, {each.name!r}, {value})")
    if hasattr(declared, "__post_init__"):
        body.append("self.__post_init__()")
    header = f"def make({', '.join(outer)}):\n def __init__({', '.join(parameters)}):\n  "
    made: dict[str, Any] = {}
    exec(header + "\n  ".join(body) + "\n return __init__", vars(sys.modules[declared.__module__]), made)
    compiled: Callable[..., None] = made["make"](**outer)
    compiled.__qualname__ = f"{declared.__qualname__}.__init__"
    compiled.__annotations__ = {**{each.name: each.type for each in fields(declared)}, "return": None}
    return compiled


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _declare
