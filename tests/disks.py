"""A disk that loses what was not synced: `os` with the power cut, or an error, at one call.

Put in place of a module's ``os``. Names are kept apart from files, as POSIX does: a file's bytes are safe after
its own fsync, a name after its folder's; of what was not synced a crash keeps any part.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

Names = dict[str, "File"]
STEPS = {"open", "ftruncate", "fchmod", "write", "fsync", "unlink", "link", "rename"}


class PowerCut(BaseException):
    """From here on nothing happens any more, no clean-up either."""


class File:
    """The content that the disk surely holds of a file (None: nothing yet), and the contents that it may hold."""

    def __init__(self, safe: bytes | None) -> None:
        self.safe = safe
        self.written = safe

    def after_a_cut(self) -> list[bytes]:
        written = self.written or b""
        return [written] if self.safe == written else [b"", written[: len(written) // 2], bytes(len(written)), written]


class Disk:
    """Behaves as ``os``; ``at`` is the number of the step at which ``error`` is raised instead (0: the first)."""

    def __init__(self, folder: Path, at: int = -1, error: BaseException | None = None) -> None:
        self._at, self._error, self.steps = at, error, 0
        self._dead = False
        self._files: dict[int, File] = {}
        self._safe: Names = {path.name: self._file(path) for path in folder.iterdir()}
        self._loose: list[Callable[[Names], Any]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name in STEPS:
            return self._step(name, found)
        return self._alive(found) if callable(found) and name not in ("close", "fspath") else found

    def crashes(self) -> Iterator[dict[str, bytes]]:
        """Every folder that may be found after a cut now: any part of the loose names, any state of loose files."""
        for kept in product([False, True], repeat=len(self._loose)):
            names = dict(self._safe)
            for change, keep in zip(self._loose, kept, strict=True):
                if keep:
                    change(names)
            for contents in product(*(file.after_a_cut() for file in names.values())):
                yield dict(zip(names, contents, strict=True))

    def _alive(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._dead:
                raise PowerCut
            return function(*arguments, **options)

        return call

    def _step(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            number, self.steps = self.steps, self.steps + 1
            if number == self._at and self._error is not None:
                self._dead = isinstance(self._error, PowerCut)
                raise self._error
            return getattr(self, f"_{name}", lambda do, *given: do(*given))(function, *arguments)

        return self._alive(call)

    def _file(self, path: Path | int) -> File:
        return self._files.setdefault(os.stat(path).st_ino, File(None if isinstance(path, int) else path.read_bytes()))

    def _open(self, do: Any, path: Path, flags: int, *mode: int) -> int:
        there = path.exists()
        descriptor: int = do(path, flags, *mode)
        if not there:
            file = self._file(descriptor)
            self._loose.append(lambda names: names.update({path.name: file}))
        return descriptor

    def _write(self, do: Any, descriptor: int, data: Any) -> int:
        written: int = do(descriptor, bytes(data)[: max(1, len(data) // 2)])  # as much as it likes
        file = self._file(descriptor)
        file.written = (file.written or b"") + bytes(data)[:written]
        return written

    def _ftruncate(self, do: Any, descriptor: int, length: int) -> None:
        do(descriptor, length)
        self._file(descriptor).written = b""

    def _fsync(self, do: Any, descriptor: int) -> None:
        do(descriptor)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._file(descriptor).safe = self._file(descriptor).written
            return
        for change in self._loose:
            change(self._safe)
        self._loose = []

    def _unlink(self, do: Any, path: Path) -> None:
        do(path)
        self._loose.append(lambda names: names.pop(path.name, None))

    def _link(self, do: Any, source: Path, target: Path) -> None:
        do(source, target)
        file = self._file(target)
        self._loose.append(lambda names: names.update({target.name: file}))

    def _rename(self, do: Any, source: Path, target: Path) -> None:
        do(source, target)
        file = self._file(target)
        self._loose.append(lambda names: (names.pop(source.name, None), names.update({target.name: file})))
