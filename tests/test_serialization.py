"""JSON without loss: equal values on the way back, or an error with the path."""

from __future__ import annotations

import math
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given

from lifeevt import LifeEventError
from lifeevt.errors import SerializationError
from lifeevt.serialization import exact_json, parse_json, plain
from strategies import json_values


class Colour(str, Enum):
    RED = "red"


class Level(IntEnum):
    ONE = 1


def same(one: Any, other: Any) -> bool:
    """Equal in value, type and, for floats, sign and bits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one.hex() == other.hex()
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(json_values)
def test_serialized_values_come_back(value: Any) -> None:
    text = exact_json(value, "value")
    assert "\n" not in text
    assert same(parse_json(text, "value"), value)


@given(json_values)
def test_plain_values_are_equal_and_share_no_container(value: Any) -> None:
    copied = plain(value, "value")
    assert same(copied, value)
    assert copied is not value or not isinstance(value, (list, dict))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((1, 2), "value is a tuple"),
        ({1}, "value is a set"),
        (b"x", "value is a bytes"),
        (object(), "value is a object"),
        (Colour.RED, "value is a Colour"),
        (Level.ONE, "value is a Level"),
        (math.nan, "value is nan, which is not a JSON number"),
        (math.inf, "value is inf, which is not a JSON number"),
        ({"a": [0, (1,)]}, r"value\.a\[1\] is a tuple"),
        ({1: 2}, "value has the key 1; JSON keys are strings"),
        ({None: 2}, "value has the key None"),
        ({"a": {True: 2}}, r"value\.a has the key True"),
        ({Colour.RED: 1}, "value has the key"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_values_that_json_would_lose_are_refused_with_their_path(value: Any, message: str) -> None:
    with pytest.raises(SerializationError, match=message):
        exact_json(value, "value")


def test_any_mapping_comes_back_as_a_dict() -> None:
    assert plain(MappingProxyType({"a": MappingProxyType({})}), "value") == {"a": {}}


@pytest.mark.parametrize("text", ["", "{", "nope", '{"a": }', "[1,]", "NaN", "[Infinity]", "-Infinity"])
def test_a_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(SerializationError, match="line is not JSON: "):
        parse_json(text, "line")


@pytest.mark.parametrize("text", ["1e999", "-1e999", '{"a": [1e400]}'])
def test_a_number_too_large_for_a_float_is_refused(text: str) -> None:
    with pytest.raises(SerializationError, match="line is not JSON: "):
        parse_json(text, "line")


def test_a_whole_number_too_long_to_read_is_refused() -> None:
    with pytest.raises(SerializationError, match="line is not JSON: "):
        parse_json("1" * 5000, "line")


def test_a_whole_number_too_long_to_write_is_refused() -> None:
    with pytest.raises(SerializationError):
        exact_json(10**5000, "value")


def test_a_text_nested_too_deep_is_refused() -> None:
    with pytest.raises(SerializationError, match="line is not JSON: "):
        parse_json("[" * 100_000, "line")


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SerializationError):
        plain(loop, "value")


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}], ids=ascii)
def test_half_a_character_survives_a_file(value: Any) -> None:
    assert parse_json(exact_json(value, "value").encode("utf-8").decode("utf-8"), "value") == value


def test_the_error_is_a_value_error() -> None:
    assert issubclass(SerializationError, ValueError)
    assert issubclass(SerializationError, LifeEventError)
