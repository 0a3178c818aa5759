import errno
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from drivers.local import wire
from drivers.local.accounts import BadCredentials
from drivers.local.facts import Disk
from drivers.local.images import NotAnImage
from gateway.driver import (
    Deadline,
    DriverError,
    ErrorCode,
    Owner,
    SnapshotState,
    StoredKind,
    Visibility,
    VolumeState,
)
from gateway.representations.documents import rfc3339

ROW = Disk(
    seq=1,
    id="snap-1",
    kind="snapshot",
    state="available",
    state_reason=None,
    progress=100,
    name="n",
    description="d",
    metadata_json='{"k":"v"}',
    owner="alice",
    source_id="disk.img",
    source_stamp="1:2:3:4",
    size_bytes=4096,
    created_ms=1311890059123,
    completed_ms=1311890060000,
    updated_ms=None,
    revision=0,
    marker=None,
    marked_request=None,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def facts(size: int = 4096, blocks: int = 3) -> os.stat_result:
    # Past the ten numbers of the tuple come floats, nanoseconds, st_blksize and st_blocks.
    return os.stat_result((0o100600, 0, 0, 1, 0, 0, size, 0, 0, 0, *[0] * 6, 4096, blocks, 0))


def snapshot(row: Disk, stat: os.stat_result | None, **kw: Any) -> Any:
    given = {"volume_exists": True, "account": "alice", "visibility": Visibility.PRIVATE, **kw}
    return wire.snapshot(row, stat, **given)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.QUOTA),
        (errno.EDQUOT, ErrorCode.QUOTA),
        (errno.EFBIG, ErrorCode.INVALID),
        (errno.EACCES, ErrorCode.DENIED),
        (errno.EPERM, ErrorCode.DENIED),
        (errno.EROFS, ErrorCode.DENIED),
        (errno.ENOENT, ErrorCode.NOT_FOUND),
        (errno.EMFILE, ErrorCode.UNAVAILABLE),
        (errno.ENFILE, ErrorCode.UNAVAILABLE),
        (errno.EIO, ErrorCode.BACKEND),
        (errno.ESTALE, ErrorCode.BACKEND),
        (errno.EEXIST, ErrorCode.BACKEND),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if type(value) is int else str(value),
)
def test_an_os_error_goes_by_its_number(number: int, code: ErrorCode) -> None:
    error = wire.classify(OSError(number, "secret", "/srv/secret/disk.img"))
    assert error is not None
    assert (error.code, error.backend_code) == (code, errno.errorcode[number])
    assert "secret" not in error.message


def test_an_os_error_without_a_number_is_the_backends() -> None:
    error = wire.classify(OSError("what?"))
    assert error is not None
    assert (error.code, error.backend_code) == (ErrorCode.BACKEND, None)


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, connect_args={"timeout": 0})
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def full(path: Path) -> None:
    run(
        f"sqlite:///{path}",
        "PRAGMA max_page_count = 2",
        "CREATE TABLE t (secret)",
        "INSERT INTO t VALUES (zeroblob(100000))",
    )


def busy(path: Path) -> None:
    other = sqlite3.connect(path)
    try:
        other.execute("BEGIN EXCLUSIVE")
        run(f"sqlite:///{path}", "CREATE TABLE t (secret)")
    finally:
        other.close()


def not_there(path: Path) -> None:
    run(f"sqlite:///{path / 'none' / 'secret'}", "SELECT 1")


def not_unique(path: Path) -> None:
    insert = "INSERT INTO t VALUES ('secret')"
    run(f"sqlite:///{path}", "CREATE TABLE t (a UNIQUE)", insert, insert)


def no_database(path: Path) -> None:
    path.write_bytes(b"secret " * 1000)
    run(f"sqlite:///{path}", "SELECT * FROM t")


@pytest.mark.parametrize(
    ("fail", "code", "word"),
    [
        (full, ErrorCode.QUOTA, "SQLITE_FULL"),
        (busy, ErrorCode.UNAVAILABLE, "SQLITE_BUSY"),
        (not_there, ErrorCode.UNAVAILABLE, "SQLITE_CANTOPEN"),
        (not_unique, ErrorCode.BACKEND, "SQLITE_CONSTRAINT_UNIQUE"),
        (no_database, ErrorCode.BACKEND, "SQLITE_NOTADB"),
    ],
)
def test_a_database_error_goes_by_its_word(
    tmp_path: Path, fail: Callable[[Path], None], code: ErrorCode, word: str
) -> None:
    with pytest.raises(sa.exc.DBAPIError) as caught:
        fail(tmp_path / "db")
    error = wire.classify(caught.value)
    assert error is not None
    assert (error.code, error.backend_code) == (code, word)
    assert "secret" not in error.message


class ServerError(Exception):
    """What a driver of PostgreSQL raises."""

    sqlstate = "57P01"


@pytest.mark.parametrize(
    ("exc", "code", "word"),
    [
        (sa.exc.OperationalError("s", None, ServerError()), ErrorCode.UNAVAILABLE, "57P01"),
        (sa.exc.TimeoutError("pool"), ErrorCode.UNAVAILABLE, None),
        (sa.exc.ProgrammingError("s", None, ServerError()), ErrorCode.BACKEND, "57P01"),
        (sa.exc.InvalidRequestError("closed"), ErrorCode.BACKEND, None),
    ],
)
def test_a_server_that_is_away_is_unavailable(
    exc: Exception, code: ErrorCode, word: str | None
) -> None:
    error = wire.classify(exc)
    assert error is not None
    assert (error.code, error.backend_code) == (code, word)


@pytest.mark.parametrize(
    ("exc", "code", "message"),
    [
        (wire.NoSuchDisk("no volume 'x'"), ErrorCode.NOT_FOUND, "no volume 'x'"),
        (wire.WrongState("it is creating"), ErrorCode.CONFLICT, "it is creating"),
        (NotAnImage("x"), ErrorCode.NOT_FOUND, "x"),
        (BadCredentials(), ErrorCode.UNAUTHENTICATED, "wrong account name or password"),
    ],
)
def test_the_drivers_own_exceptions_are_known(
    exc: Exception, code: ErrorCode, message: str
) -> None:
    error = wire.classify(exc)
    assert error is not None
    assert error.code is code
    assert message in error.message


def test_a_bad_field_is_named() -> None:
    error = wire.classify(wire.BadRequest("size_bytes", "at least 5"))
    assert error is not None
    assert (error.code, error.fields) == (ErrorCode.INVALID, {"size_bytes": "at least 5"})


@pytest.mark.parametrize(
    "exc",
    [
        ValueError(),
        KeyError("x"),
        AssertionError(),
        DriverError(ErrorCode.QUOTA, ""),
        Deadline(1).error(),
    ],
)
def test_a_bug_is_not_explained_away(exc: Exception) -> None:
    assert wire.classify(exc) is None


def test_a_row_and_its_file_make_a_snapshot() -> None:
    found = snapshot(ROW, facts(blocks=3))
    assert (found.id, found.name, found.description) == ("snap-1", "n", "d")
    assert (found.state, found.native_state, found.ready) == ("available", "available", True)
    assert (found.state_reason, found.progress) == (None, 100)
    assert rfc3339(found.created) == "2011-07-28T21:54:19.123Z"
    assert rfc3339(found.completed) == "2011-07-28T21:54:20Z"
    assert found.updated is None
    assert (found.volume_id, found.volume_exists) == ("disk.img", True)
    assert (found.size_bytes, found.stored_bytes) == (4096, 3 * 512)
    assert found.stored_kind is StoredKind.FULL
    assert found.metadata == {"k": "v"}
    assert (found.owner, found.visibility) == (Owner("alice", is_self=True), Visibility.PRIVATE)


def test_a_snapshot_without_its_file_is_an_error_and_not_ready() -> None:
    found = snapshot(ROW, None)
    assert (found.state, found.ready) == (SnapshotState.ERROR, False)
    assert "missing" in found.state_reason
    assert (found.stored_bytes, found.stored_kind) == (None, None)


@pytest.mark.parametrize("state", ["creating", "deleting", "error"])
def test_a_snapshot_in_another_state_keeps_it(state: str) -> None:
    row = ROW._replace(state=state, state_reason="why", progress=40)
    for stat in (None, facts()):
        found = snapshot(row, stat)
        assert (found.state, found.native_state, found.ready) == (state, state, False)
        assert (found.state_reason, found.progress) == ("why", 40)


def test_metadata_of_one_snapshot_is_not_anothers() -> None:
    empty = [snapshot(ROW._replace(metadata_json="{}"), None) for _ in range(2)]
    assert [found.metadata for found in empty] == [{}, {}]


@pytest.mark.parametrize(("owner", "is_self"), [("alice", True), ("bob", False)])
def test_the_owner_is_told_apart_from_the_caller(owner: str, is_self: bool) -> None:
    assert snapshot(ROW._replace(owner=owner), None).owner == Owner(owner, is_self=is_self)
    assert snapshot(ROW._replace(owner=None), None).owner is None


@given(st.integers(0, 4_102_444_800_000))
def test_times_are_exact_to_the_millisecond(milliseconds: int) -> None:
    found = snapshot(ROW._replace(created_ms=milliseconds), None).created
    assert found.tzinfo is UTC
    assert found == EPOCH + timedelta(milliseconds=milliseconds)


def test_a_volume_put_there_by_hand_has_a_file_and_nothing_else() -> None:
    found = wire.volume("disk.img", None, facts(size=5, blocks=8), account="alice")
    assert (found.id, found.state, found.native_state) == ("disk.img", "available", "available")
    assert (found.size_bytes, found.stored_bytes) == (5, 4096)
    assert (found.name, found.created, found.owner, found.snapshot_id) == (None, None, None, None)


def test_a_volume_made_here_has_its_row_and_the_size_of_its_file() -> None:
    row = ROW._replace(id="vol-1", kind="volume", source_id="snap-9")
    found = wire.volume("vol-1", row, facts(size=5), account="bob")
    assert (found.name, found.description, found.snapshot_id) == ("n", "d", "snap-9")
    assert (found.size_bytes, found.owner) == (5, Owner("alice", is_self=False))


def test_a_volume_still_being_made_has_the_size_that_it_will_have() -> None:
    row = ROW._replace(id="vol-1", kind="volume", state="creating", progress=10)
    found = wire.volume("vol-1", row, None, account="alice")
    assert (found.state, found.progress) == (VolumeState.CREATING, 10)
    assert (found.size_bytes, found.stored_bytes) == (4096, None)
