"""ChecksummedFile: JSON with a checksum in a file that survives crashes."""

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

FORMAT_VERSION = 1
_WHOLE = '{{"format":"{kind}","format_version":{version},"sha256":"{digest}","content":{content}}}\n'
_HEAD = re.compile(
    rb'\{"format":"(?P<kind>[^"]*)","format_version":(?P<version>\d+),"sha256":"(?P<digest>[0-9a-f]{64})","content":'
)
_TAIL = b"}\n"


class _Unfit(Exception):
    """A file does not hold a whole content; the text is the reason."""


@dataclass(frozen=True)
class FileContent:
    """A content, the file that held it, and the ``problem`` of the file before it in order (None: no problem)."""

    path: Path
    content: str
    problem: str | None


class ChecksummedFile:
    """A file of one ``kind`` whose checksum tells whether it is whole. A symbolic link is followed and kept.

    Any thread and any process may read and write it at any time. They do not wait for each other, and the last
    writer to end wins. Blocks for the disk.
    """

    def __init__(self, path: str | os.PathLike[str], kind: str) -> None:
        self.path = Path(os.path.realpath(path))
        self.previous = self.path.with_name(f"{self.path.name}.previous")
        self._kind = kind

    def write(self, content: str) -> None:
        """Replace the content, one line of ASCII JSON, and keep the one before, if it is whole, as ``previous``.

        After the return it is on the disk. After a crash at any step the old or the new content is read. O(size).

        Raises:
            OSError: the folder or the disk refuses.
            StateFileError: the path is no regular file.
        """
        digest = _checksum(content.encode("ascii"))
        whole = _WHOLE.format(kind=self._kind, version=FORMAT_VERSION, digest=digest, content=content)
        mode = self._mode()
        with self._draft() as (draft, name):
            if mode is not None:
                os.fchmod(draft, mode)
            _fill(draft, whole.encode("ascii"))
            self._keep_previous()
            os.rename(name, self.path)
        self._sync_folder()

    def read(self) -> FileContent:
        """Return the content, or the previous one when the file is not whole. O(size).

        Raises:
            StateFileError: neither file is whole.
            StateFileMissing: there is neither.
            OSError: reading is not allowed.
        """
        problems: list[str] = []
        for path in (self.path, self.previous):
            try:
                return FileContent(path, self._opened(path), "; ".join(problems) or None)
            except _Unfit as problem:
                problems.append(f"{path} {problem}")
        missing = not (self.path.exists() or self.previous.exists())
        raise (StateFileMissing if missing else StateFileError)("; ".join(problems))

    def _opened(self, path: Path) -> str:
        data = _data(path)
        head = _HEAD.match(data)
        if head is None or head["kind"] != self._kind.encode():
            raise _Unfit(f"is not a {self._kind} file" if data else "is empty")
        if int(head["version"]) != FORMAT_VERSION:
            raise _Unfit(f"has format version {int(head['version'])}; this reads version {FORMAT_VERSION}")
        content = data[head.end() : -len(_TAIL)]
        if not data.endswith(_TAIL) or _checksum(content).encode() != head["digest"]:
            raise _Unfit("is torn or altered: its checksum does not fit")
        return content.decode("ascii")

    def _mode(self) -> int | None:
        """Return the permissions of the present file, which the next one gets; None when there is no file."""
        try:
            found = os.stat(self.path).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found):
            raise StateFileError(f"{self.path} is not a regular file")
        return stat.S_IMODE(found)

    @contextmanager
    def _draft(self) -> Iterator[tuple[int, Path]]:
        """Yield a temporary file beside the path, locked against other writers; remove it after an error."""
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
        """Open the first temporary file that no living writer has locked; one of a killed writer is used again."""
        for number in count():
            name = self.path.with_name(f"{self.path.name}.tmp{number or ''}")
            draft = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            if _is_ours(draft, name):
                break
            os.close(draft)
        return draft, name

    def _keep_previous(self) -> None:
        """Link ``previous`` to the present file, unless that is not whole."""
        try:
            self._opened(self.path)
        except _Unfit:
            return
        with suppress(FileNotFoundError):
            os.unlink(self.previous)
        with suppress(FileNotFoundError, FileExistsError):  # another writer was faster, and its link is whole, too
            self._link_previous()

    def _link_previous(self) -> None:
        try:
            os.link(self.path, self.previous)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError:  # no hard links on this file system: for a moment there is only the previous file
            os.rename(self.path, self.previous)

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_ours(draft: int, name: Path) -> bool:
    """Lock the open file without waiting; False if another writer locked it, or renamed it meanwhile."""
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
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # returns at once for a pipe, too
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
