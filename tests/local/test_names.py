import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL, Structure, byref, c_int, c_uint32, get_errno
from pathlib import Path

import pytest

from gateway.driver import ErrorCode, VolumeState
from tests.local.stores import Local, refused

GOOD_NAMES = [
    "disk.img",
    "with spaces and (brackets).raw",
    "-rf",
    "größe-データ-диск.img",
    "\U0001d518nicode-😀.img",
    "a..b",
    "%2e%2e",
    "quote's\"; DROP TABLE disks; --",
    "back\\slash",
    "n" * 200,
    "é" * 100,
]
BAD_NAMES = [
    ".hidden",
    "..",
    ".",
    "",
    "n" * 201,
    "é" * 101,
    "two\nlines",
    "tab\t",
    "escape\x1b[31m",
    "right-to-left\u202e.img",
    "../disk.img",
    "sub/disk.img",
    "/etc/passwd",
    ".snapgate-x.partial",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_file_put_there_by_hand_is_a_volume(local: Local, name: str) -> None:
    local.put(name, b"by hand")
    (listed,) = local.volumes()
    assert listed == local.get_volume(name)
    assert (listed.id, listed.state, listed.size_bytes) == (name, VolumeState.AVAILABLE, 7)
    assert listed.stored_bytes == local.volume_file(name).stat().st_blocks * 512
    assert (listed.created, listed.owner) == (None, None)
    found = local.whole_snapshot(name)
    assert local.snapshot_file(found.id).read_bytes() == b"by hand"
    assert (found.volume_id, found.volume_exists) == (name, True)
    local.delete_volume(name)
    assert local.files("volumes") == []


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_an_unsafe_name_is_no_volume(local: Local, name: str) -> None:
    outside = local.path / "disk.img"
    outside.write_bytes(b"outside")
    (local.path / "volumes" / "sub").mkdir()
    (local.path / "volumes" / "sub" / "disk.img").write_bytes(b"inside")
    path = local.path / "volumes" / name
    is_plain = "/" not in name and name not in {"", ".", ".."}
    if is_plain:
        path.write_bytes(b"by hand")
    assert local.volumes() == []
    with refused(ErrorCode.NOT_FOUND):
        local.get_volume(name)
    with refused(ErrorCode.NOT_FOUND):
        local.snapshot(name)
    with refused(ErrorCode.NOT_FOUND):
        local.delete_volume(name)
    assert outside.exists()
    assert path.exists() or not is_plain
    assert local.files() == []


def test_a_file_whose_name_is_not_utf8_is_no_volume(local: Local) -> None:
    # Only the list needs to know: the core lets no such id through to a driver.
    local.put(os.fsdecode(b"not-utf8-\xff"))
    assert local.volumes() == []


def _make_link(path: Path) -> None:
    target = path.parent.parent / "target"
    target.write_bytes(b"secret")
    path.symlink_to(target)


def _make_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _make_link_to_a_volume(path: Path) -> None:
    (path.parent.parent / "elsewhere").write_bytes(b"volume")
    path.symlink_to(path.parent.parent / "elsewhere")


def _make_socket(path: Path) -> None:
    short = Path(tempfile.mkdtemp()) / "socket"  # a socket's path has 108 bytes at the most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short))
    short.rename(path)
    short.parent.rmdir()


@pytest.mark.parametrize(
    "make",
    [_make_link, _make_dangling_link, _make_link_to_a_volume, Path.mkdir, os.mkfifo, _make_socket],
    ids=["link", "dangling link", "link to an image", "folder", "FIFO", "socket"],
)
def test_what_is_no_regular_file_is_no_volume(local: Local, make: Callable[[Path], None]) -> None:
    path = local.path / "volumes" / "odd.img"
    make(path)
    assert local.volumes() == []
    with refused(ErrorCode.NOT_FOUND):
        local.get_volume("odd.img")
    with refused(ErrorCode.NOT_FOUND):
        local.snapshot("odd.img")
    with refused(ErrorCode.NOT_FOUND):
        local.delete_volume("odd.img")
    assert path.is_symlink() or path.exists()
    assert local.files() == []


def test_a_missing_volume_is_not_found(local: Local) -> None:
    with refused(ErrorCode.NOT_FOUND, "no volume 'nothing.img'"):
        local.snapshot("nothing.img")


@pytest.mark.parametrize("snapshot_id", ["nothing", "../snapgate.db", "", "a\nb"])
def test_an_unknown_snapshot_is_not_found(local: Local, snapshot_id: str) -> None:
    for call in (local.get, local.delete, local.clone):
        with refused(ErrorCode.NOT_FOUND):
            call(snapshot_id)


def test_a_volumes_id_is_no_snapshots_id(local: Local) -> None:
    volume = local.make_volume(4)
    found = local.whole_snapshot(volume.id)
    for call in (local.get, local.delete, local.clone):
        with refused(ErrorCode.NOT_FOUND):
            call(volume.id)
    for refuse in (local.get_volume, local.delete_volume, local.snapshot):
        with refused(ErrorCode.NOT_FOUND):
            refuse(found.id)
    assert local.get(found.id).ready


def test_an_unreadable_volume_is_refused_and_leaves_nothing(local: Local) -> None:
    volume = local.put("disk.img")
    local.volume_file(volume).chmod(0)
    with without_root_powers(), refused(ErrorCode.DENIED, "may not read"):
        local.snapshot(volume)
    assert local.files() == []
    assert local.snapshots() == []
    assert local.get_volume(volume).state is VolumeState.AVAILABLE


class _Header(Structure):
    _fields_ = (("version", c_uint32), ("pid", c_int))


class _Powers(Structure):
    _fields_ = (("effective", c_uint32), ("permitted", c_uint32), ("inheritable", c_uint32))


@contextmanager
def without_root_powers() -> Iterator[None]:
    """Let file modes count for this thread even if it is root's (capset(2))."""
    libc = CDLL(None, use_errno=True)
    header = _Header(0x20080522, 0)
    powers = (_Powers * 2)()
    assert libc.capget(byref(header), powers) == 0, get_errno()
    before = powers[0].effective
    powers[0].effective = before & ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(byref(header), powers) == 0, get_errno()
    try:
        yield
    finally:
        powers[0].effective = before
        assert libc.capset(byref(header), powers) == 0, get_errno()


def test_a_file_named_as_a_snapshot_is_a_volume_of_its_own(local: Local) -> None:
    made = local.whole_snapshot(local.put("disk.img"))
    local.delete_volume(local.put(made.id, b"by hand"))
    assert local.get(made.id) == made
    with refused(ErrorCode.NOT_FOUND):
        local.delete_volume(made.id)
    volume = local.make_volume(5)
    with refused(ErrorCode.NOT_FOUND):
        local.delete(volume.id)
    assert local.get_volume(volume.id) == volume
