"""Events as arrays of numbers, the reference: three memoryviews, checked number by number."""

from __future__ import annotations

from typing import Any

from .kinds import KindTable

EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0  # years 1 to 9999, as Event has it


def number_offers(
    kinds: KindTable, types: Any, intensities: Any, timestamps: Any
) -> list[tuple[int, float, float]]:
    """(kind, intensity, timestamp) of each event; ValueError for the first that is wrong."""
    if not isinstance(kinds, KindTable):
        raise TypeError(f"kinds are a KindTable, not a {type(kinds).__name__}")
    codes = _numbers(types, "types", "il", 4)
    strengths = _numbers(intensities, "intensities", "d", 8)
    if len(strengths) != len(codes):
        raise ValueError("types and intensities differ in length")
    times = [0.0] * len(codes) if timestamps is None else _numbers(timestamps, "timestamps", "d", 8)
    if len(times) != len(codes):
        raise ValueError("types and timestamps differ in length")
    for place, (kind, intensity, timestamp) in enumerate(zip(codes, strengths, times, strict=True)):
        _check(kinds, place, kind, intensity, timestamp, timestamps is not None)
    return list(zip(codes, strengths, times, strict=True))


def _numbers(source: Any, name: str, formats: str, size: int) -> list[Any]:
    view = memoryview(source)
    if not view.c_contiguous:
        raise ValueError(f"{name} must be a plain buffer")
    if view.ndim != 1 or view.itemsize != size or view.format not in tuple(formats):
        raise ValueError(f"{name} must be a one-dimensional buffer of {'32-bit integers' if size == 4 else 'doubles'}")
    return view.tolist()


def _check(kinds: KindTable, place: int, kind: int, intensity: float, timestamp: float, has_time: bool) -> None:
    if not 0 <= kind < len(kinds):
        raise ValueError(f"types[{place}] is {kind}, which is no kind")
    if not -1.0 <= intensity <= 1.0:
        raise ValueError(f"intensities[{place}] is {intensity}; it must lie in [-1, 1]")
    if has_time and not EARLIEST <= timestamp <= LATEST:
        raise ValueError(f"timestamps[{place}] is {timestamp}; it must lie in [{EARLIEST:g}, {LATEST:g}]")
