"""ChecksummedFile: one JSON value under a checksum, in a file that no crash can spoil, with the one before it."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ..errors import StateFileError, StateFileMissing

__all__ = ["ChecksummedFile", "FileContent"]

FORMAT_VERSION = 1
_WHOLE = '{{"format":"{kind}","format_version":{version},"sha256":"{digest}","content":{content}}}\n'
_HEAD = re.compile(rb'\{"format":"([^"]*)","format_version":(\d+),"sha256":"([0-9a-f]{64})","content":')
_TAIL = b"}\n"


class _Unfit(Exception):
    """A file does not hold what it should; the text says what is wrong."""


@dataclass(frozen=True)
class FileContent:
    """What was read: from which file, and what was wrong with the one that should have held it (None: nothing)."""

    path: Path
    content: str
    problem: str | None


class ChecksummedFile:
    """A file of one ``kind`` that is either whole or known not to be; a symbolic link is followed and stays.

    Any thread and any process may read and write it at any time: nobody waits for another, and the last to
    end wins. Blocks for the disk.
    """

    def __init__(self, path: str | os.PathLike[str], kind: str) -> None:
        self.path = Path(os.path.realpath(path))
        self.previous = self.path.with_name(f"{self.path.name}.previous")
        self._kind = kind

    def write(self, content: str) -> None:
        """Replace the content (one line of ASCII JSON) and keep what was there, if it is whole, as ``previous``.

        After a return it is on the disk; after a crash at any step the old or the new one is read. OSError
        when the folder or the disk refuses, StateFileError when the path is no regular file. O(size).
        """
        mode = self._mode()
        with self._draft() as (draft, name):
            if mode is not None:
                os.fchmod(draft, mode)
            _fill(draft, self._with_checksum(content))
            self._keep_previous()
            os.rename(name, self.path)
        self._sync_folder()

    def read(self) -> FileContent:
        """Return the content, or the previous one when the file is not whole. O(size).

        StateFileError when neither is whole, StateFileMissing when there is neither, OSError when reading
        is not allowed.
        """
        problems: list[str] = []
        for path in (self.path, self.previous):
            try:
                return FileContent(path, self._opened(path), "; ".join(problems) or None)
            except _Unfit as problem:
                problems.append(f"{path} {problem}")
        missing = not (self.path.exists() or self.previous.exists())
        raise (StateFileMissing if missing else StateFileError)("; ".join(problems))

    def _with_checksum(self, content: str) -> bytes:
        digest = _checksum(content.encode("ascii"))
        whole = _WHOLE.format(kind=self._kind, version=FORMAT_VERSION, digest=digest, content=content)
        return whole.encode("ascii")

    def _opened(self, path: Path) -> str:
        data = _data(path)
        head = _HEAD.match(data)
        if head is None or head[1] != self._kind.encode():
            raise _Unfit(f"is not a {self._kind} file" if data else "is empty")
        if int(head[2]) != FORMAT_VERSION:
            raise _Unfit(f"has format version {int(head[2])}; this reads version {FORMAT_VERSION}")
        content = data[head.end() : -len(_TAIL)]
        if not data.endswith(_TAIL) or _checksum(content).encode() != head[3]:
            raise _Unfit("is torn or altered: its checksum does not fit")
        return content.decode("ascii")

    def _mode(self) -> int | None:
        """Return the permissions of the file that is there, so that the next one has them too."""
        try:
            found = os.stat(self.path).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found):
            raise StateFileError(f"{self.path} is not a regular file")
        return stat.S_IMODE(found)

    @contextmanager
    def _draft(self) -> Iterator[tuple[int, Path]]:
        """Lend a file beside the path that nobody else writes in, and remove it if it was not renamed."""
        draft, name = self._open_draft()
        try:
            yield draft, name
        except BaseException:
            if _is_ours(draft, name):
                os.unlink(name)
            raise
        finally:
            os.close(draft)

    def _open_draft(self) -> tuple[int, Path]:
        """Take the first that no living writer has: what a killed one left is used again, not left lying."""
        for number in count():
            name = self.path.with_name(f"{self.path.name}.tmp{number or ''}")
            draft = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            if _is_ours(draft, name):
                break
            os.close(draft)
        return draft, name

    def _keep_previous(self) -> None:
        """Let ``previous`` name what the path names; a file that is not whole never takes a whole one's place."""
        try:
            self._opened(self.path)
        except _Unfit:
            return
        with suppress(FileNotFoundError):
            os.unlink(self.previous)
        with suppress(FileNotFoundError, FileExistsError):  # another writer was faster: what it left is whole
            self._link_previous()

    def _link_previous(self) -> None:
        try:
            os.link(self.path, self.previous)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError:  # a file system without hard links: for a moment only the previous one is there
            os.rename(self.path, self.previous)

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_ours(draft: int, name: Path) -> bool:
    """Lock the open file without waiting; False if another has it, or has renamed it since it was opened."""
    try:
        fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(draft), os.stat(name))
    except (BlockingIOError, FileNotFoundError):
        return False


def _fill(draft: int, data: bytes) -> None:
    os.ftruncate(draft, 0)
    left = memoryview(data)
    while left:
        left = left[os.write(draft, left) :]
    os.fsync(draft)


def _data(path: Path) -> bytes:
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe does not make us wait
    except FileNotFoundError:
        raise _Unfit("is missing") from None
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise _Unfit("is not a regular file")
        with open(source, "rb", closefd=False) as file:
            return file.read()
    except OSError as error:
        raise _Unfit(f"cannot be read: {error.strerror}") from error
    finally:
        os.close(source)


def _checksum(content: bytes) -> str:
    from hashlib import sha256  # lazy: most programs save no state

    return sha256(content).hexdigest()
