"""ChecksummedFile: whole or known not to be, after every failure of the disk, the process or the bytes."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from actors import together
from disks import Disk, PowerCut
from hypothesis import given, strategies as st

from lifeevt.errors import StateFileError, StateFileMissing
from lifeevt.state import checksummed_file
from lifeevt.state.checksummed_file import ChecksummedFile

KIND = "being"
OLD, NEW = '{"n":1}', '{"n":2,"text":"longer than the one before it"}'
CONTENTS = st.dictionaries(st.text(), st.integers()).map(repr).map(ascii)


def sealed(folder: Path, *contents: str) -> ChecksummedFile:
    """A file that was written with each content in turn."""
    file = ChecksummedFile(folder / "state", KIND)
    for content in contents:
        file.write(content)
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def outcome(file: ChecksummedFile) -> str | None:
    """The content that is read, or None without a whole file."""
    try:
        return file.read().content
    except StateFileError:
        return None


def test_a_written_content_is_read(tmp_path: Path) -> None:
    read = sealed(tmp_path, OLD).read()
    assert (read.content, read.path, read.problem) == (OLD, tmp_path / "state", None)


@given(content=CONTENTS)
def test_any_line_of_text_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    assert sealed(tmp_path_factory.mktemp("any"), content).read().content == content


def test_only_the_previous_file_is_kept(tmp_path: Path) -> None:
    sealed(tmp_path, OLD, "0", NEW)
    assert names(tmp_path) == ["state", "state.previous"]
    (tmp_path / "state").unlink()
    assert sealed(tmp_path).read().content == "0"


def test_the_file_is_one_json_value(tmp_path: Path) -> None:
    sealed(tmp_path, OLD)
    text = (tmp_path / "state").read_text()
    assert text.startswith('{"format":"being","format_version":1,"sha256":"')
    assert text.endswith(f'"content":{OLD}}}\n')


# --- files that are not whole


def spoiled(folder: Path, data: bytes) -> ChecksummedFile:
    """A file with these bytes, and a whole one before it."""
    file = sealed(folder, OLD, NEW)
    file.path.write_bytes(data)
    return file


def test_no_shorter_file_passes_for_a_whole_one(tmp_path: Path) -> None:
    whole = sealed(tmp_path, OLD, NEW).path.read_bytes()
    for length in range(len(whole)):
        read = spoiled(tmp_path, whole[:length]).read()
        assert (read.content, read.path.name) == (OLD, "state.previous")
        assert read.problem is not None


def test_no_flipped_bit_passes(tmp_path: Path) -> None:
    file = sealed(tmp_path, OLD, NEW)
    whole = file.path.read_bytes()
    for place in range(8 * len(whole)):
        altered = bytearray(whole)
        altered[place // 8] ^= 1 << place % 8
        file.path.write_bytes(altered)
        assert file.read().content == OLD, f"bit {place}"


@given(noise=st.binary(min_size=1), start=st.integers(0, 200), length=st.integers(0, 200))
def test_no_piece_put_in_place_of_another_passes(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, start: int, length: int
) -> None:
    file = sealed(tmp_path_factory.mktemp("noise"), OLD, NEW)
    whole = file.path.read_bytes()
    altered = whole[:start] + noise + whole[start + length :]
    file.path.write_bytes(altered)
    assert file.read().content == (NEW if altered == whole else OLD)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\0" * 300, "is not a being file"),
        (b'{"format":"poem","format_version":1,"sha256":"' + b"0" * 64 + b'","content":0}\n', "is not a being file"),
        (b'{"format":"being","format_version":2,"sha256":"' + b"0" * 64 + b'","content":0}\n', "has format version 2"),
        (b'{"format":"being","format_version":1,"sha256":"' + b"0" * 64 + b'","content":0}\n', "checksum does not fit"),
    ],
)
def test_the_problem_of_a_file_is_reported(tmp_path: Path, data: bytes, says: str) -> None:
    problem = spoiled(tmp_path, data).read().problem
    assert problem is not None
    assert says in problem
    assert str(tmp_path / "state") in problem


def test_a_missing_file_is_reported_and_the_previous_one_is_used(tmp_path: Path) -> None:
    file = sealed(tmp_path, OLD, NEW)
    file.path.unlink()
    assert file.read().problem == f"{tmp_path}/state is missing"


def test_two_bad_files_are_an_error_that_names_both(tmp_path: Path) -> None:
    file = spoiled(tmp_path, b"")
    file.previous.write_bytes(b"poem")
    with pytest.raises(StateFileError, match=r"state is empty; .*state.previous is not a being file") as raised:
        file.read()
    assert not isinstance(raised.value, FileNotFoundError)


def test_no_file_at_all_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(StateFileMissing):
        sealed(tmp_path).read()
    with pytest.raises(FileNotFoundError):
        sealed(tmp_path).read()


def test_a_bad_file_never_takes_the_place_of_a_whole_one_before_it(tmp_path: Path) -> None:
    file = spoiled(tmp_path, b"torn")
    file.write("3")
    file.path.unlink()
    assert file.read().content == OLD


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_only_a_regular_file_is_read_or_replaced(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "state")
    with pytest.raises(StateFileError, match="not a regular file"):
        sealed(tmp_path, OLD)
    with pytest.raises(StateFileError, match="not a regular file"):
        sealed(tmp_path).read()
    assert names(tmp_path) == ["state"]


# --- the disk


def failing_at(folder: Path, monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> Disk:
    """Write NEW over OLD on a disk that fails at one step."""
    folder.mkdir()
    file, disk = sealed(folder, "0", OLD), Disk(folder, step, error)
    with monkeypatch.context() as patch, suppress(PowerCut, OSError):
        patch.setattr(checksummed_file, "os", disk)
        file.write(NEW)
    return disk


def steps_of_a_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    folder.mkdir()
    file, disk = sealed(folder, "0", OLD), Disk(folder)
    with monkeypatch.context() as patch:
        patch.setattr(checksummed_file, "os", disk)
        file.write(NEW)
    return disk.steps


def restored(folder: Path, found: dict[str, bytes]) -> ChecksummedFile:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in found.items():
        (folder / name).write_bytes(data)
    return sealed(folder)


def test_after_a_power_cut_at_any_step_the_old_or_the_new_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, read, disks = steps_of_a_write(tmp_path / "whole", monkeypatch), set[str | None](), 0
    for step in range(steps):
        disk = failing_at(tmp_path / str(step), monkeypatch, step, PowerCut())
        for found in disk.crashes():
            file, disks = restored(tmp_path / "after", found), disks + 1
            read.add(outcome(file))
            file.write("3")
            assert outcome(file) == "3"
    assert read == {OLD, NEW}
    assert steps > 10
    assert disks > 100


def test_a_write_that_came_back_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, disk = sealed(tmp_path, "0", OLD), Disk(tmp_path)
    monkeypatch.setattr(checksummed_file, "os", disk)
    file.write(NEW)
    monkeypatch.undo()
    assert [outcome(restored(tmp_path, found)) for found in disk.crashes()] == [NEW]


def test_the_power_cuts_see_a_missing_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, disk = sealed(tmp_path, OLD), Disk(tmp_path)
    monkeypatch.setattr(checksummed_file, "os", disk)
    monkeypatch.setattr(disk, "_fsync", lambda do, descriptor: None)
    file.write(NEW)
    monkeypatch.undo()
    assert None in {outcome(restored(tmp_path, found)) for found in disk.crashes()}


def test_simulated_power_cuts_detect_a_torn_file_kept_as_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = set[str | None]()
    for step in range(20):
        file, disk = spoiled(tmp_path, b"torn"), Disk(tmp_path, step, PowerCut())
        with monkeypatch.context() as patch, suppress(PowerCut):
            patch.setattr(checksummed_file, "os", disk)
            patch.setattr(ChecksummedFile, "_opened", lambda *_: "")  # all is well, it believes
            file.write(NEW)
        read |= {outcome(restored(tmp_path, found)) for found in disk.crashes()}
    assert None in read


def test_an_error_at_any_step_leaves_a_whole_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of_a_write(tmp_path / "whole", monkeypatch)
    for step in range(steps):
        folder = tmp_path / str(step)
        failing_at(folder, monkeypatch, step, OSError(errno.ENOSPC, "No space left on device"))
        assert outcome(sealed(folder)) in (OLD, NEW)
        assert set(names(folder)) <= {"state", "state.previous"}


def test_without_hard_links_the_previous_file_is_kept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, disk = sealed(tmp_path, OLD), Disk(tmp_path)
    monkeypatch.setattr(checksummed_file, "os", disk)
    monkeypatch.setattr(disk, "_link", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EPERM, "no links")))
    file.write(NEW)
    assert (outcome(file), names(tmp_path)) == (NEW, ["state", "state.previous"])
    file.path.unlink()
    assert outcome(file) == OLD


# --- other writers, links and permissions


def test_a_draft_of_a_killed_writer_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "state.tmp").write_bytes(b"half of a state, longer than the whole one will be" * 9)
    file = sealed(tmp_path, OLD)
    assert (outcome(file), names(tmp_path)) == (OLD, ["state"])


def test_a_writer_inside_another_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a signal handler that saves while its own thread is saving."""
    file, fill = sealed(tmp_path, OLD), checksummed_file._fill

    def interrupted(draft: int, data: bytes) -> None:
        monkeypatch.setattr(checksummed_file, "_fill", fill)
        file.write("3")
        fill(draft, data)

    monkeypatch.setattr(checksummed_file, "_fill", interrupted)
    file.write(NEW)
    assert (outcome(file), names(tmp_path)) == (NEW, ["state", "state.previous"])


def test_many_writers_and_readers_never_see_a_file_that_is_not_whole(tmp_path: Path) -> None:
    file, read = sealed(tmp_path, "0"), set[str | None]()

    def write() -> None:
        for number in range(40):
            file.write(str(number))

    def look() -> None:
        for _ in range(200):
            read.add(file.read().content)

    together(write, write, write, look)
    assert read <= {str(number) for number in range(40)}
    assert names(tmp_path) == ["state", "state.previous"]


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "real" / "kept")
    file = sealed(tmp_path, OLD, NEW)
    assert (tmp_path / "state").is_symlink()
    assert names(tmp_path / "real") == ["kept", "kept.previous"]
    assert file.read().path == tmp_path / "real" / "kept"


def test_permissions_are_kept(tmp_path: Path) -> None:
    file = sealed(tmp_path, OLD)
    file.path.chmod(0o640)
    file.write(NEW)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ChecksummedFile(tmp_path / "nowhere" / "state", KIND).write(OLD)


@pytest.mark.parametrize("call", ["write", "read"])
def test_a_refusal_of_the_system_is_no_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Falling back to the one before would hide that the file may not be read."""
    file, disk = sealed(tmp_path, OLD, NEW), Disk(tmp_path, 0, PermissionError(errno.EACCES, "Permission denied"))
    monkeypatch.setattr(checksummed_file, "os", disk)
    with pytest.raises(PermissionError):
        file.write("3") if call == "write" else file.read()


def test_a_disk_that_cannot_read_is_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, tries = sealed(tmp_path, OLD, NEW), []

    def failing(*given: Any, **options: Any) -> Any:
        tries.append(given)
        if len(tries) == 1:
            raise OSError(errno.EIO, "Input/output error")
        return open(*given, **options)

    monkeypatch.setattr(checksummed_file, "open", failing, raising=False)
    read = file.read()
    assert read.content == OLD
    assert read.problem is not None and "Input/output error" in read.problem
