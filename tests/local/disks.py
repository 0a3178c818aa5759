"""Small disks of their own for tests: tmpfs, Btrfs and XFS, where this machine can."""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# mkfs of Btrfs wants 109 MiB and of XFS 300 MiB; the file that stands for the disk is sparse.
_DISK_BYTES = 400 << 20


@contextlib.contextmanager
def tmpfs(where: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a tmpfs of this size, or skip the test."""
    where.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(where))
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@contextlib.contextmanager
def file_system(kind: str, folder: Path) -> Iterator[Path]:
    """Mount a new file system with reflinks from a file, or skip the test."""
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mkfs.{kind} is not installed")
    disk, where = folder / "disk", folder / "mounted"
    with disk.open("wb") as file:
        file.truncate(_DISK_BYTES)
    where.mkdir()
    _run(f"mkfs.{kind}", "-q", str(disk))
    _run("mount", "-o", "loop", str(disk), str(where))
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@contextlib.contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Let this process and those that it starts write no file larger than this (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _run(*command: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")
