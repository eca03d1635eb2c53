"""LiveObject: an object of the user's, kept in step with the cells that publish its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import attrgetter, ne
from typing import Any

from .._backends import StateCells
from ..errors import InvalidValue
from .field import Field, Value

__all__ = ["Absorb", "Absorbed", "LiveObject"]

Absorbed = tuple[int, "tuple[float, ...] | None"]
# of a version since, the numbers that the object holds and held then; and, if any, places and values of objects
Absorb = Callable[..., Absorbed]
Refused = dict[str, str]  # by field, why


class LiveObject:
    """The object, what of it is published, and the ways between the two. Whoever calls has the object's turn.

    Reflexes write the cells at any time and wait for nobody. What they wrote is shown to the object before
    anything else is done with it; what both changed is added up.
    """

    def __init__(self, target: Any, fields: Mapping[str, Field | Value], cells: StateCells) -> None:
        self.target = target
        self.cells = cells
        self._names = tuple(fields)  # the numbers first, as in the cells
        self._fields: tuple[Any, ...] = tuple(fields.values())
        self._count = len(cells)
        self._places = range(self._count)
        self._read_numbers = _reader(self._names[: self._count])
        # what object and cells both had when they were last in step, which was at this version of the cells
        self.version, self._numbers, objects = cells.read_whole()
        self._objects = list(objects)
        for place, number in enumerate(self._numbers):
            if self._read(place) != number:  # it was clamped
                self._set(place, number)

    # --- from the cells to the object

    def pull(self) -> int:
        """Show the object what the cells have newer, and return their version.

        InvalidValue when it refuses a number; then what it holds instead is published. O(1), O(fields) when
        there is anything newer.
        """
        if self.cells.version != self.version:
            self._take_newer()
        return self.version

    def _take_newer(self) -> None:
        refused: list[str] = []
        version, numbers = self.cells.read_all()
        for place in compress(self._places, map(ne, numbers, self._numbers)):
            self._show(place, self._numbers[place], numbers[place], refused)
        self.version, self._numbers = version, numbers
        if refused:
            raise InvalidValue("; ".join(refused))

    def _show(self, place: int, before: float, now: float, refused: list[str]) -> None:
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
        """Return the sum of what came from the cells and what somebody set outside a turn, if that is a number."""
        try:
            moved: float = self._fields[place].moved(self._names[place], now, held - before)
        except (TypeError, InvalidValue):
            return now
        return moved

    # --- from the object to the cells

    def publish(self, absorb: Absorb, refused: Refused) -> int:
        """Let ``absorb`` publish in one step what the object holds that is not published; return the version then.

        What a field does not take is not published but put back, and said in ``refused``. O(fields), and the
        size of the values.
        """
        try:
            held = self._read_numbers(self.target)
        except Exception:  # of a getter: ask one by one
            held = tuple(map(self._read, self._places))
        changes = self._changed_objects(refused) if self._objects else {}
        objects = (list(changes), list(changes.values())) if changes else ()
        version, now = absorb(self.version, held, self._numbers, *objects)
        if now is None:  # some are not as their fields take them
            version, now = absorb(self.version, self._taken(held, refused), self._numbers, *objects)
        return self._published(version, held, now, changes, refused)

    def _changed_objects(self, refused: Refused) -> dict[int, Any]:
        changes = {}
        for place, stored in enumerate(self._objects, self._count):
            kept = self._judged(place, self._read(place), stored, refused)
            if kept is not stored:
                changes[place] = kept
        return changes

    def _taken(self, held: Sequence[Any], refused: Refused) -> tuple[float, ...]:
        """Return the numbers as their fields take them, and what is published for those that are refused."""
        each = zip(self._places, held, self._numbers, strict=True)
        return tuple(self._judged(place, number, stored, refused) for place, number, stored in each)

    def _judged(self, place: int, held: Any, stored: Any, refused: Refused) -> Any:
        """Return what is held in the form to store it in; ``stored`` itself if that is equal, or if it is refused."""
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
        """Remember what is published, and set what is another number than the object holds."""
        if changes:
            for place, kept in changes.items():
                self._objects[place - self._count] = kept
        self._numbers = now
        if version == self.version + 1:  # nobody wrote in between
            self.version = version
        if now is not held:
            for place, number in enumerate(now):
                if held[place] is not number and not _same_number(held[place], number):
                    self._put_back(place, number, refused)
        return version or self.version

    def _put_back(self, place: int, stored: Any, refused: Refused) -> None:
        try:
            self._set(place, stored)
        except InvalidValue as error:
            said = refused.get(self._names[place])
            refused[self._names[place]] = f"{said}, and {error}" if said else str(error)

    # --- from a write of the state through the object to the cells

    def write(self, stored: dict[int, Any], post: Callable[[dict[int, Any]], Any]) -> Any:
        """Set attributes, ``post`` what the object made of them (mostly the same), and return what that returns.

        When the object refuses one (InvalidValue), or ``post`` raises or returns None, the object has what it had.
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
                self._restore(before)
        if posted is not None:
            self._note(held)
        return posted

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers that the object and the cells had when they were last in step."""
        return self._numbers

    def _restore(self, before: list[tuple[int, Any]]) -> None:
        for place, held in reversed(before):
            with suppress(Exception):  # who refuses what it held keeps what it has, and the next turn publishes that
                setattr(self.target, self._names[place], held)

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
        """Set what a reader would get; InvalidValue when the object refuses it."""
        value = self._fields[place].shown(stored)
        try:
            setattr(self.target, self._names[place], value)
        except Exception as error:  # of the object's setter
            raise InvalidValue(f"{self._names[place]}: the object refused {value!r}: {error}") from error

    def _note(self, stored: dict[int, Any]) -> None:
        """Remember what is published."""
        numbers = list(self._numbers)
        for place, value in stored.items():
            if place < self._count:
                numbers[place] = value
            else:
                self._objects[place - self._count] = value
        self._numbers = tuple(numbers)


def _same_number(held: Any, number: float) -> bool:
    return isinstance(held, (int, float)) and held == number


class _Unreadable:
    """What is seen of an attribute whose getter raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads these attributes of an object, in one call of C when there are several."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda target: tuple(getattr(target, name) for name in names)
