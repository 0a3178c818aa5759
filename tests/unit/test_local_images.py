import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers.local import images
from drivers.local.images import ImageFolder, NotAnImage, is_safe_name, settled_stamp, stamp


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("disk.img", True),
        ("a", True),
        ("a..b", True),
        ("disk image (1).qcow2", True),
        ("ä\U0001f4be", True),
        ("-rf", True),
        ("x" * 200, True),
        ("ä" * 100, True),
        ("", False),
        (".", False),
        ("..", False),
        (".hidden", False),
        (".snapgate-snap-1.partial", False),
        ("a/b", False),
        ("/etc/passwd", False),
        ("../snapshots/x", False),
        ("a\0", False),
        ("a\n", False),
        ("\x1b[2J", False),
        ("a\u202eb", False),
        ("\ud800", False),
        ("x" * 201, False),
        ("ä" * 101, False),
    ],
)
def test_a_safe_name_is_visible_printable_and_no_path(name: str, expected: bool) -> None:
    assert is_safe_name(name) is expected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(b"content")
    # Old enough for the file clock to have moved on since.
    os.utime(path, ns=(0, 1_000_000_000))
    return path


@pytest.fixture
def fd(file: Path) -> Iterator[int]:
    found = os.open(file, os.O_RDONLY)
    yield found
    os.close(found)


def test_a_stamp_stays_while_nobody_writes(fd: int) -> None:
    assert stamp(fd) == stamp(fd) == settled_stamp(fd)


def test_a_stamp_changes_with_content_size_and_file(file: Path, fd: int, tmp_path: Path) -> None:
    stamps = {stamp(fd)}
    file.write_bytes(b"CONTENT")
    stamps.add(stamp(fd))
    with file.open("ab") as more:
        more.truncate(1000)
    stamps.add(stamp(fd))
    other = tmp_path / "other"
    other.write_bytes(b"content")
    os.utime(other, ns=(0, 1_000_000_000))
    with other.open("rb") as opened:
        stamps.add(stamp(opened.fileno()))
    assert len(stamps) == 4


@pytest.mark.parametrize("_", range(5))
def test_a_settled_stamp_changes_with_any_later_write(file: Path, fd: int, _: int) -> None:
    file.write_bytes(b"first..")
    before = settled_stamp(fd)
    file.write_bytes(b"second.")
    assert stamp(fd) != before


def test_a_file_of_this_very_moment_is_waited_for(
    file: Path, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [2.0]
    os.utime(file, ns=(0, 1_999_000_000))

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(images, "time", SimpleNamespace(time=lambda: now[0], sleep=sleep))
    assert settled_stamp(fd) == stamp(fd)
    assert now[0] - 1.999 > 0.01, "a tick of the file clock has not passed since the write"


def test_a_file_from_the_future_holds_nobody_up(
    file: Path, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(file, ns=(0, 10**19 // 2))
    monkeypatch.setattr("drivers.local.images.time.sleep", lambda _: pytest.fail("it slept"))
    assert settled_stamp(fd) == stamp(fd)


def test_only_regular_files_of_safe_names_are_images(tmp_path: Path) -> None:
    folder = ImageFolder(tmp_path / "volumes")
    (folder.path / "b.img").write_bytes(b"b")
    (folder.path / "a.img").write_bytes(b"a")
    (folder.path / ".hidden").write_bytes(b"")
    (folder.path / "folder").mkdir()
    (folder.path / "link").symlink_to(folder.path / "a.img")
    os.mkfifo(folder.path / "fifo")
    assert folder.ids() == ["a.img", "b.img"]
    for name in ("folder", "link", "fifo", ".hidden", "../volumes/a.img", "\ud800"):
        assert folder.stat(name) is None
        with pytest.raises(NotAnImage):
            folder.open(name)
    assert folder.stat("missing") is None
    with pytest.raises(FileNotFoundError):
        folder.open("missing")
