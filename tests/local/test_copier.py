import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from drivers.local import copier
from drivers.local.jobs import reason
from tests.local.stores import KIB, MIB


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An image with data, a hole, data and a hole."""
    path = tmp_path / "source"
    with path.open("wb") as file:
        file.write(os.urandom(100_001))
        file.seek(8 * MIB)
        file.write(os.urandom(100_001))
        file.truncate(20 * MIB + 17)
    return path


def run_copy(source: Path, target: Path, size: int | None = None, bytes_per_s: int = 0) -> int:
    """Copy in this process and return how often the copier paused."""
    pauses: list[float] = []
    size = source.stat().st_size if size is None else size
    with source.open("rb") as from_file, target.open("w+b") as to_file:
        copier.copy(
            from_file.fileno(),
            to_file.fileno(),
            size,
            bytes_per_s=bytes_per_s,
            pause=pauses.append,
        )
    return len(pauses)


def test_a_copy_has_the_same_bytes_and_holes(source: Path, tmp_path: Path) -> None:
    run_copy(source, tmp_path / "target")
    check_same(source, tmp_path / "target")


@pytest.mark.parametrize(
    "number", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP], ids=os.strerror
)
def test_a_copy_needs_no_help_of_the_kernel(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    run_copy(source, tmp_path / "target")
    check_same(source, tmp_path / "target")


def test_another_error_of_the_kernel_ends_the_copy(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(OSError, match="broken"):
        run_copy(source, tmp_path / "target")


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel copy", "read and write"])
def test_short_copies_are_carried_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: bool
) -> None:
    whole, pwrite = os.copy_file_range, os.pwrite

    def short(from_fd: int, to_fd: int, count: int, *offsets: int) -> int:
        if not kernel:
            raise OSError(errno.EXDEV, "across devices")
        return whole(from_fd, to_fd, min(count, 40_000), *offsets)

    monkeypatch.setattr(os, "copy_file_range", short)
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:40_000], at))
    assert run_copy(source, tmp_path / "target") >= 6
    check_same(source, tmp_path / "target")


def test_what_the_target_held_before_is_gone(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x" * 30 * MIB)
    with source.open("rb") as from_file, target.open("r+b") as to_file:
        fds = from_file.fileno(), to_file.fileno()
        copier.copy(*fds, source.stat().st_size, bytes_per_s=0, pause=lambda _: None)
    check_same(source, target)


def test_the_target_may_be_longer(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    run_copy(source, target, 21 * MIB)
    assert target.read_bytes() == source.read_bytes() + b"\0" * (MIB - 17)


def test_a_limit_makes_small_steps(source: Path, tmp_path: Path) -> None:
    assert run_copy(source, tmp_path / "target", bytes_per_s=100 * KIB) >= 8
    check_same(source, tmp_path / "target")


def test_a_source_that_ends_early_is_an_error(source: Path, tmp_path: Path) -> None:
    with source.open("rb") as from_file, (tmp_path / "target").open("w+b") as to_file:
        fds = from_file.fileno(), to_file.fileno()
        with pytest.raises(OSError, match="shorter"):
            copier.copy(
                *fds,
                source.stat().st_size,
                bytes_per_s=100 * KIB,
                pause=lambda _: os.truncate(source, 1000),
            )


def test_the_program_tells_its_progress_and_its_end(source: Path, tmp_path: Path) -> None:
    with source.open("rb") as from_file, (tmp_path / "target").open("w+b") as to_file:
        lines = run_program(from_file, to_file, source.stat().st_size)
    *progress, last = lines
    assert last == {"done": True}
    told = [line["progress"] for line in progress]
    assert told == sorted(told)
    assert told[-1] == 100
    check_same(source, tmp_path / "target")


def test_the_program_tells_what_failed(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    with source.open("rb") as from_file, (tmp_path / "target").open("rb") as read_only:
        lines = run_program(from_file, read_only, 10)
    assert lines == [{"errno": errno.EINVAL}]


def test_the_program_ends_when_its_server_is_gone(source: Path, tmp_path: Path) -> None:
    with source.open("rb") as from_file, (tmp_path / "target").open("w+b") as to_file:
        lines = run_program(from_file, to_file, source.stat().st_size, 4096, stdin=b"")
    assert {"done": True} not in lines


def test_the_program_says_nothing_when_nobody_listens_any_more(
    source: Path, tmp_path: Path
) -> None:
    with source.open("rb") as from_file, (tmp_path / "target").open("w+b") as to_file:
        command = program(from_file, to_file, source.stat().st_size)
        read_end, write_end = os.pipe()
        os.close(read_end)
        found = subprocess.run(
            command,
            stdin=subprocess.PIPE,
            stdout=write_end,
            stderr=subprocess.PIPE,
            pass_fds=[from_file.fileno(), to_file.fileno()],
            check=False,
        )
        os.close(write_end)
    assert (found.returncode, found.stderr) == (3, b"")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "larger than the file system or the process may write"),
        (errno.EIO, "could not be read or written"),
        (errno.ESTALE, "became shorter"),
        (errno.EPERM, "Operation not permitted"),
        (None, "the copy failed"),
    ],
)
def test_each_errno_becomes_a_reason_in_words(number: int | None, words: str) -> None:
    assert words in reason(number)


def run_program(
    source: BinaryIO,
    target: BinaryIO,
    size: int,
    bytes_per_s: int = 0,
    stdin: bytes | None = None,
) -> list[dict[str, int]]:
    """Run the copier as a process; its standard input stays open unless ``stdin`` is given."""
    with subprocess.Popen(
        program(source, target, size, bytes_per_s),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[source.fileno(), target.fileno()],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if stdin is not None:
            process.stdin.close()
        return [json.loads(line) for line in process.stdout]


def program(source: BinaryIO, target: BinaryIO, size: int, bytes_per_s: int = 0) -> list[str]:
    """Return the command that runs the copier."""
    numbers = (source.fileno(), target.fileno(), size, bytes_per_s)
    return [sys.executable, "-I", "-S", copier.__file__, *map(str, numbers)]


def check_same(source: Path, target: Path) -> None:
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks + 64
