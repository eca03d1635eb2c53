"""The classes that lifeevt declares with its own ``dataclass`` are as those of the standard one."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from lifeevt import _dataclass


def declared(dataclass: Any) -> dict[str, type]:
    """The same classes, declared with a decorator."""

    @dataclass(frozen=True)
    class Point:
        """Has defaults of both kinds, and a field that does not count."""

        x: float
        y: float = 2.0
        names: list[str] = dataclasses.field(default_factory=list)
        note: str = dataclasses.field(default="", compare=False)

    @dataclass(frozen=True)
    class Positive:
        """Checks its field."""

        value: int

        def __post_init__(self) -> None:
            if self.value <= 0:
                raise ValueError("not above 0")

    @dataclass(frozen=True, eq=False)
    class Same:
        """Is equal to itself alone."""

        value: int

    @dataclass(frozen=True, slots=True)
    class Slotted:
        """Has no dictionary."""

        value: int
        other: Any = None

    @dataclass(frozen=True)
    class Own:
        """Has methods of its own."""

        value: int
        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "mine"

    return {"Point": Point, "Positive": Positive, "Same": Same, "Slotted": Slotted, "Own": Own}


OURS, STANDARD = declared(_dataclass.dataclass), declared(dataclasses.dataclass)
NAMES = tuple(OURS)
Made = Callable[[dict[str, Any]], object]


for name, kind in OURS.items():
    kind.__qualname__ = f"OURS_{name}"
    globals()[kind.__qualname__] = kind


def outcome(call: Made, classes: dict[str, Any]) -> object:
    """What a call returns or raises, without the name that the classes of one side have."""
    try:
        found = call(classes)
    except Exception as error:
        found = (type(error), str(error))
    return str(found).replace("OURS_", "").replace("declared.<locals>.", "")


CALLS: dict[str, Made] = {
    "repr": lambda of: of["Point"](1.0, names=["a"]),
    "repr within itself": lambda of: (lambda point: (point.names.append(point), repr(point))[1])(of["Point"](1.0)),
    "equal": lambda of: of["Point"](1.0, note="a") == of["Point"](1.0, note="b"),
    "not equal": lambda of: of["Point"](1.0) == of["Point"](1.5),
    "another class": lambda of: of["Positive"](1) == of["Slotted"](1),
    "hash": lambda of: hash(of["Positive"](3)) == hash((3,)),
    "hash of a list": lambda of: hash(of["Point"](1.0)),
    "no hash": lambda of: hash(of["Own"](1)),
    "own repr": lambda of: of["Own"](1),
    "identity": lambda of: (of["Same"](1) == of["Same"](1), hash(of["Same"](1)) == 0),
    "assignment": lambda of: setattr(of["Point"](1.0), "x", 2.0),
    "assignment of another name": lambda of: setattr(of["Point"](1.0), "z", 2.0),
    "assignment to a slot": lambda of: setattr(of["Slotted"](1), "value", 2),
    "deletion": lambda of: delattr(of["Point"](1.0), "x"),
    "deletion of another name": lambda of: delattr(of["Point"](1.0), "z"),
    "a missing argument": lambda of: of["Point"](),
    "an unknown argument": lambda of: of["Point"](1.0, z=2),
    "a check": lambda of: of["Positive"](0),
    "replace": lambda of: dataclasses.replace(of["Point"](1.0), y=5.0),
    "asdict": lambda of: dataclasses.asdict(of["Point"](1.0)),
    "a factory for each": lambda of: of["Point"](1.0).names is of["Point"](1.0).names,
    "no dictionary": lambda of: of["Slotted"](1).__dict__,
    "fields": lambda of: [(each.name, each.type, each.compare) for each in dataclasses.fields(of["Point"])],
    "match": lambda of: [of[name].__match_args__ for name in NAMES],
    "parameters": lambda of: [of[name].__dataclass_params__ for name in ("Point", "Positive", "Same", "Slotted")],
    "signatures": lambda of: [inspect.signature(of[name]) for name in NAMES],
    "hints": lambda of: typing.get_type_hints(of["Positive"].__init__),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_class_is_as_a_standard_one(call: Made) -> None:
    assert outcome(call, OURS) == outcome(call, STANDARD)


def test_the_same_not_a_number_is_equal_as_it_is_in_tuples() -> None:
    """In every version of Python; the standard classes changed with 3.13."""
    nan = float("nan")
    assert OURS["Slotted"](nan) == OURS["Slotted"](nan)
    assert OURS["Slotted"](nan) != OURS["Slotted"](float("nan"))


@pytest.mark.parametrize("name", ["Point", "Positive"])
def test_pickles_and_copies_are_equal(name: str) -> None:
    made = OURS[name](3)
    assert pickle.loads(pickle.dumps(made)) == copy.copy(made) == copy.deepcopy(made) == made


def test_a_plain_subclass_has_attributes_of_its_own_and_frozen_fields() -> None:
    class Plain(OURS["Positive"]):  # type: ignore[misc]
        pass

    made = Plain(1)
    made.label = "a"
    del made.label
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'value'"):
        made.value = 2
    assert made != OURS["Positive"](1)


def test_a_standard_frozen_dataclass_can_inherit_and_an_unfrozen_one_cannot() -> None:
    class Inherits(OURS["Positive"]):  # type: ignore[misc]
        other: int = 2

    assert repr(dataclasses.dataclass(frozen=True)(Inherits)(1)).endswith("Inherits(value=1, other=2)")
    with pytest.raises(TypeError, match="non-frozen"):
        dataclasses.dataclass(Inherits)
