"""WrappedObject: your object beside the cells that publish its fields; declared_fields: the fields it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import attrgetter, ne
from typing import Any

from .._backends import StateCells
from ..errors import InvalidValue, UnknownField
from ..locks import FairLock
from ..serialization import is_number
from .field import Field, FieldLayout, Value

Absorbed = tuple[int, "tuple[float, ...] | None"]
# given the version of the last step, the object's numbers now and then; and places and values of objects, if any
Absorb = Callable[..., Absorbed]
_ABSENT = object()
Refused = dict[str, str]  # by field, the reason


class WrappedObject:
    """An object and the cells that publish its fields, kept equal. Every caller holds the object's lock.

    Reflexes write the cells at any time, without the lock. Newer published values are copied into the object before
    anything else is done with it. A number that changed in both gets the sum of the changes.
    """

    def __init__(self, target: Any, name: str, layout: FieldLayout, cells: StateCells, measured: bool) -> None:
        self.target = target
        self.cells = cells
        self.lock = FairLock(name, measured=measured)
        self._names = layout.names
        self._fields: tuple[Any, ...] = tuple(map(layout.fields.__getitem__, layout.names))
        self._count = len(cells)
        self._places = range(self._count)
        self._read_numbers = _reader(self._names[: self._count])
        # The values that object and cells had when they were last equal, at this version of the cells.
        self.version, self.numbers, objects = cells.read_whole()
        self._objects = list(objects)
        for place, number in enumerate(self.numbers):
            if self._read(place) != number:  # it was clamped
                self._set(place, number)

    # --- from the cells to the object

    def pull(self) -> int:
        """Copy newer published numbers into the object, and return the version of the cells.

        InvalidValue when the object refuses a number; then its own value is published instead. O(1), or O(fields)
        when there are newer numbers.
        """
        if self.cells.version == self.version:
            return self.version
        refused: list[str] = []
        version, numbers = self.cells.read_all()
        for place in compress(self._places, map(ne, numbers, self.numbers)):
            self._copy_newer(place, self.numbers[place], numbers[place], refused)
        self.version, self.numbers = version, numbers
        if refused:
            raise InvalidValue("; ".join(refused))
        return version

    def _copy_newer(self, place: int, before: float, now: float, refused: list[str]) -> None:
        held = self._read(place)
        if held == now:
            return
        try:
            self._set(place, now if held == before else self._added_up(place, now, held, before))
        except InvalidValue as error:
            refused.append(str(error))
            with suppress(InvalidValue):
                self.cells.write(place, self._fields[place].kept(self._names[place], held))

    def _added_up(self, place: int, now: float, held: Any, before: float) -> float:
        """Return the published number plus a change that was made to the object without the lock."""
        try:
            moved: float = self._fields[place].moved(self._names[place], now, held - before)
        except (TypeError, InvalidValue):
            return now
        return moved

    # --- from the object to the cells

    def publish(self, absorb: Absorb, refused: Refused) -> int:
        """Publish the object's changes in one step by ``absorb``, and return the version then.

        A value that its field does not take is not published. The object gets the published one back, and ``refused``
        the reason. O(fields), and the size of the values.
        """
        try:
            held = self._read_numbers(self.target)
        except Exception:  # of a getter: read one by one
            held = tuple(map(self._read, self._places))
        changes = self._changed_objects(refused) if self._objects else {}
        objects = (list(changes), list(changes.values())) if changes else ()
        version, now = absorb(self.version, held, self.numbers, *objects)
        if now is None:  # some numbers do not have the form in which their fields store them
            version, now = absorb(self.version, self._stored(held, refused), self.numbers, *objects)
        return self._published(version, held, now, changes, refused)

    def _changed_objects(self, refused: Refused) -> dict[int, Any]:
        changes = {}
        for place, stored in enumerate(self._objects, self._count):
            kept = self._accepted(place, self._read(place), stored, refused)
            if kept is not stored:
                changes[place] = kept
        return changes

    def _stored(self, held: Sequence[Any], refused: Refused) -> tuple[float, ...]:
        """Return the numbers as their fields store them; the published number in place of a refused one."""
        each = zip(self._places, held, self.numbers, strict=True)
        return tuple(self._accepted(place, number, stored, refused) for place, number, stored in each)

    def _accepted(self, place: int, held: Any, stored: Any, refused: Refused) -> Any:
        """Return a held value as its field stores it; ``stored`` itself if that is equal, or if it is refused."""
        if held is stored:
            return stored
        try:
            return self._renewed(place, held, stored)
        except InvalidValue as error:
            refused[self._names[place]] = str(error)
            if place >= self._count:
                self._put_back(place, stored, refused)
            return stored

    def _published(
        self, version: int, held: Sequence[Any], now: Any, changes: Mapping[int, Any], refused: Refused
    ) -> int:
        """Keep the published values, and set the attributes whose published numbers differ."""
        if changes:
            for place, kept in changes.items():
                self._objects[place - self._count] = kept
        self.numbers = now
        if version == self.version + 1:  # no other write came between
            self.version = version
        if now is not held:
            for place, (was, number) in enumerate(zip(held, now, strict=True)):
                if was is not number and not (isinstance(was, (int, float)) and was == number):
                    self._put_back(place, number, refused)
        return version or self.version

    def _put_back(self, place: int, stored: Any, refused: Refused) -> None:
        try:
            self._set(place, stored)
        except InvalidValue as error:
            before = refused.get(self._names[place])
            refused[self._names[place]] = f"{before}, and {error}" if before else str(error)

    # --- from a write through the object to the cells

    def write(self, stored: dict[int, Any], post: Callable[[dict[int, Any]], Any]) -> Any:
        """Set attributes, call ``post`` with the values that the object then holds, and return its result.

        If the object refuses one (InvalidValue), or ``post`` raises or returns None, the attributes are restored.
        """
        before: list[tuple[int, Any]] = []
        posted = None
        try:
            for place, value in stored.items():
                before.append((place, self._held(place)))
                self._set(place, value)
            held = {place: self._renewed(place, self._held(place), value) for place, value in stored.items()}
            posted = post(held)
        finally:
            if posted is None:
                for place, old in reversed(before):
                    with suppress(Exception):  # an object that refuses its old value keeps the new one, published next
                        setattr(self.target, self._names[place], old)
        if posted is not None:
            self._note(held)
        return posted

    # --- single attributes

    def _read(self, place: int) -> Any:
        try:
            return getattr(self.target, self._names[place])
        except Exception as error:  # of the object's getter
            return _Unreadable(error)

    def _held(self, place: int) -> Any:
        return self._readable(place, self._read(place))

    def _readable(self, place: int, held: Any) -> Any:
        if type(held) is _Unreadable:
            raise InvalidValue(f"{self._names[place]} cannot be read: {held.error}")
        return held

    def _renewed(self, place: int, held: Any, stored: Any) -> Any:
        return self._fields[place].renewed(self._names[place], self._readable(place, held), stored)

    def _set(self, place: int, stored: Any) -> None:
        """Set an attribute to a stored value, as readers see it; InvalidValue when the object refuses it."""
        value = self._fields[place].shown(stored)
        try:
            setattr(self.target, self._names[place], value)
        except Exception as error:  # of the object's setter
            raise InvalidValue(f"{self._names[place]}: the object refused {value!r}: {error}") from error

    def _note(self, stored: dict[int, Any]) -> None:
        """Keep the published values."""
        numbers = list(self.numbers)
        for place, value in stored.items():
            if place < self._count:
                numbers[place] = value
            else:
                self._objects[place - self._count] = value
        self.numbers = tuple(numbers)


def declared_fields(
    target: object, fields: Mapping[str, Field | Value] | Iterable[str] | None
) -> dict[str, Field | Value]:
    """Return the declarations of an object's fields, with the present values as defaults. O(size of the values).

    Raises:
        UnknownField: a named attribute is not there.
        InvalidValue: a field is neither a name nor a declaration, or does not take its present value.
    """
    if fields is None:
        fields = _own_names(target)
    if isinstance(fields, Mapping):
        return {name: _with_default(name, declared, _held(target, name)) for name, declared in fields.items()}
    if isinstance(fields, str):
        raise InvalidValue(f"fields is the string {fields!r}; give a mapping, or several names")
    return {name: _guessed(name, _held(target, name)) for name in fields}


def _own_names(target: object) -> list[str]:
    """Return the public names that the object itself declares; InvalidValue for none."""
    if dataclasses.is_dataclass(target):
        names: Iterable[str] = [field.name for field in dataclasses.fields(target)]
    else:
        model = getattr(type(target), "model_fields", None)  # pydantic's
        names = model if isinstance(model, Mapping) else getattr(target, "__dict__", ())
    found = [name for name in names if not name.startswith("_")]
    if not found:
        raise InvalidValue(f"a {type(target).__name__} does not say which fields it has; name them")
    return found


def _held(target: object, name: str) -> Any:
    held = getattr(target, str(name), _ABSENT)
    if held is _ABSENT:
        raise UnknownField(f"a {type(target).__name__} has no attribute {name!r}")
    return held


def _with_default(name: str, declared: Any, held: Any) -> Field | Value:
    if not isinstance(declared, (Field, Value)):
        raise InvalidValue(f"field {name!r} must be a Field or a Value, not a {type(declared).__name__}")
    kept = declared.kept(name, held)
    return dataclasses.replace(declared, default=kept if isinstance(declared, Field) else held)


def _guessed(name: str, held: Any) -> Field | Value:
    if not is_number(held):
        return _with_default(name, Value(), held)
    return Field(held, integer=isinstance(held, int))


class _Unreadable:
    """Stands for an attribute, since its getter raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that reads these attributes of an object; several are read in one call of C."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda target: tuple(getattr(target, name) for name in names)
