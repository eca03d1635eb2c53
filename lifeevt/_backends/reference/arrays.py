"""Events as arrays of numbers, the reference: three memoryviews, checked number by number."""

from __future__ import annotations

from typing import Any

from .type_table import TypeTable

EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0  # years 1 to 9999, as Event has it


def numbers_of(types: TypeTable, type_ids: Any, intensities: Any, timestamps: Any) -> list[tuple[int, float, float]]:
    """Return (type_id, intensity, timestamp) of each event; ValueError names the first invalid number.

    The buffers come from a user of ``submit_arrays``: they are validated here.
    """
    ids = _numbers(type_ids, "types", "il", 4)
    strengths = _numbers(intensities, "intensities", "d", 8)
    if len(strengths) != len(ids):
        raise ValueError("types and intensities differ in length")
    times = [0.0] * len(ids) if timestamps is None else _numbers(timestamps, "timestamps", "d", 8)
    if len(times) != len(ids):
        raise ValueError("types and timestamps differ in length")
    for position, numbers in enumerate(zip(ids, strengths, times, strict=True)):
        _check(types, position, *numbers)
    return list(zip(ids, strengths, times, strict=True))


def _numbers(source: Any, name: str, formats: str, size: int) -> list[Any]:
    view = memoryview(source)
    if not view.c_contiguous:
        raise ValueError(f"{name} must be a plain buffer")
    if view.ndim != 1 or view.itemsize != size or view.format not in tuple(formats):
        raise ValueError(f"{name} must be a one-dimensional buffer of {'32-bit integers' if size == 4 else 'doubles'}")
    return view.tolist()


def _check(types: TypeTable, position: int, type_id: int, intensity: float, timestamp: float) -> None:
    if not 0 <= type_id < len(types):
        raise ValueError(f"types[{position}] is {type_id}, which is no type")
    if not -1.0 <= intensity <= 1.0:
        raise ValueError(f"intensities[{position}] is {intensity}; it must lie in [-1, 1]")
    if not EARLIEST <= timestamp <= LATEST:
        raise ValueError(f"timestamps[{position}] is {timestamp}; it must lie in [{EARLIEST:g}, {LATEST:g}]")
