"""LiveObject: an object of the user's, kept in step with the cells that publish its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import attrgetter, ne
from typing import Any, Protocol

from ._contract import StateCells
from .errors import InvalidValue
from .field import Field, Value

__all__ = ["Absorbed", "LiveObject", "Merged", "Writer"]

Absorbed = tuple[int, tuple[float, ...] | None]
Merged = tuple[int, tuple[float, ...]]
Changes = dict[int, Any]  # by place, in the form in which the cells keep it


class Writer(Protocol):
    """What a turn's end asks of the cells, or of what stands before them."""

    def absorb(self, since: int, held: tuple[Any, ...], kept: tuple[float, ...], /) -> Absorbed:
        """Merge what differs between two tuples of all numbers."""

    def merge(self, since: int, places: Sequence[int], values: list[Any], bases: Sequence[float], /) -> Merged:
        """Merge numbers, and replace objects, at places."""


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

    def publish(self, writer: Writer, refused: dict[str, str]) -> int:
        """Publish in one step what the object holds that is not published, and return the version then.

        What a field does not take is not published but put back, and said in ``refused``. O(fields), and the
        size of the values.
        """
        try:
            seen = self._read_numbers(self.target)
        except Exception:  # of a getter: ask one by one
            seen = tuple(map(self._read, self._places))
        changes: Changes = {}
        if self._objects:
            for place, stored in enumerate(self._objects, self._count):
                self._judge(place, self._read(place), stored, changes, refused)
        if not changes:
            version, now = writer.absorb(self.version, seen, self._numbers)
            if now is not None:
                return self._absorbed(version, seen, now, refused)
        for place in self._differing(seen):
            self._judge(place, seen[place], self._numbers[place], changes, refused)
        return self._post(writer, changes, seen, refused) if changes else self.version

    def _differing(self, seen: Sequence[Any]) -> Sequence[int]:
        try:
            return list(compress(self._places, map(ne, seen, self._numbers)))
        except Exception:  # of a comparison: look at each
            return self._places

    def _absorbed(self, version: int, seen: Sequence[Any], now: tuple[float, ...], refused: dict[str, str]) -> int:
        self._numbers = now
        if version == self.version + 1:  # nobody wrote in between
            self.version = version
        if now is not seen:  # a reflex's were added
            for place in compress(self._places, map(ne, now, seen)):
                self._put_back(place, now[place], refused)
        return version or self.version

    def _judge(self, place: int, held: Any, stored: Any, changes: Changes, refused: dict[str, str]) -> None:
        """Note what is held as changed, or as refused and put it back."""
        if held is stored:
            return
        try:
            kept = self._renewed(place, held, stored)
        except InvalidValue as error:
            refused[self._names[place]] = str(error)
            self._put_back(place, stored, refused)
            return
        if kept is not stored:
            changes[place] = kept
        elif place < self._count and held != stored:  # cut or clamped to what is published already
            self._put_back(place, stored, refused)

    def _post(self, writer: Writer, changes: Changes, seen: Sequence[Any], refused: dict[str, str]) -> int:
        places, values = list(changes), list(changes.values())
        bases = [self._numbers[place] if place < self._count else 0.0 for place in places]
        version, now = writer.merge(self.version, places, values, bases)
        numbers = {place: number for place, number in zip(places, now, strict=True) if place < self._count}
        self._note({**changes, **numbers})
        if version == self.version + 1:  # nobody wrote in between
            self.version = version
        for place, number in numbers.items():
            if seen[place] != number:  # it was clamped, or added up
                self._put_back(place, number, refused)
        return version

    def _put_back(self, place: int, stored: Any, refused: dict[str, str]) -> None:
        try:
            self._set(place, stored)
        except InvalidValue as error:
            said = refused.get(self._names[place])
            refused[self._names[place]] = f"{said}, and {error}" if said else str(error)

    # --- from a write of the state through the object to the cells

    def write(self, stored: Changes, post: Callable[[Changes], Any]) -> Any:
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

    def number(self, place: int) -> float:
        """Return a number that the object and the cells had when they were last in step."""
        return self._numbers[place]

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

    def _note(self, stored: Changes) -> None:
        """Remember what is published."""
        numbers = list(self._numbers)
        for place, value in stored.items():
            if place < self._count:
                numbers[place] = value
            else:
                self._objects[place - self._count] = value
        self._numbers = tuple(numbers)


class _Unreadable:
    """What is seen of an attribute whose getter raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads these attributes of an object, in one call of C when there are several."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda target: tuple(getattr(target, name) for name in names)
