"""Markers in a local store: the database itself takes one of each, in old tables too."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drivers.local.wire import MarkerTaken, classify
from gateway.driver import ErrorCode, Marker
from tests.local.stores import Local, opened

MARKER = Marker("0" * 32, "1" * 32)
MAKES: dict[str, Callable[[Local], Any]] = {
    "snapshot": lambda local: local.snapshot("disk.img", marker=MARKER),
    "clone": lambda local: local.clone(local.whole_snapshot("disk.img").id, marker=MARKER),
    "volume": lambda local: local.make_volume(4096, marker=MARKER),
}


@pytest.mark.parametrize("what", MAKES)
def test_the_database_takes_one_of_a_marker_and_nothing_is_left_of_another(
    local: Local, what: str
) -> None:
    local.put("disk.img")
    first = MAKES[what](local)
    assert first.created_by == MARKER
    local.end_copies()
    before = local.files(), local.files("volumes")
    again = MAKES["snapshot" if what == "snapshot" else "volume"]
    with pytest.raises(MarkerTaken) as caught:
        again(local)
    error = classify(caught.value)
    assert error is not None
    assert error.code is ErrorCode.KEY_REUSED
    assert (local.files(), local.files("volumes")) == before
    assert not local.open_images()


def test_things_without_a_marker_are_as_many_as_one_likes(local: Local) -> None:
    local.put("disk.img")
    made = [local.snapshot("disk.img").id for _ in range(3)]
    assert len(set(made)) == 3


def test_a_table_of_an_earlier_version_gets_what_it_lacks(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as local:
        local.put("disk.img")
        old = local.whole_snapshot("disk.img").id
    with closing(sqlite3.connect(tmp_path / "store" / "snapgate.db")) as database:
        database.execute("DROP INDEX disks_by_marker")
        for column in ("marker", "marked_request"):
            database.execute(f"ALTER TABLE disks DROP COLUMN {column}")
        database.commit()
    for _ in range(2):
        with opened(tmp_path / "store") as local:
            assert local.get(old).created_by is None
    with opened(tmp_path / "store") as local:
        assert local.snapshot("disk.img", marker=MARKER).created_by == MARKER
        with pytest.raises(MarkerTaken):
            local.snapshot("disk.img", marker=MARKER)
