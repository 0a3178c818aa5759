import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drivers.local import selections
from drivers.local.driver import LocalDriver
from drivers.local.images import ImageFolder
from drivers.local.store import Store
from gateway.driver import (
    UNSET,
    DriverError,
    ErrorCode,
    Filter,
    MetadataChange,
    Query,
    UpdateSnapshot,
)
from tests.local.stores import Local, deadline, load_options, opened, refused


def at_once(calls: Sequence[Callable[[], Any]]) -> list[DriverError | None]:
    """Make all calls at one moment, each in a thread; return what each was refused with."""
    start = threading.Barrier(len(calls))
    outcomes: list[DriverError | None] = [None] * len(calls)
    bugs: list[Exception] = []

    def run(number: int) -> None:
        start.wait(30)
        try:
            calls[number]()
        except Exception as exc:  # noqa: BLE001 - handed on to the test
            found = LocalDriver.classify(exc)
            outcomes[number] = found
            if found is None:
                bugs.append(exc)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bugs == []
    return outcomes


def update(local: Local, snapshot_id: str, change: UpdateSnapshot) -> None:
    local.driver.update_snapshot(snapshot_id, change, deadline=deadline())


def test_concurrent_changes_of_metadata_all_count(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img"), metadata={"kept": "yes", "n3": "old"})

    def merge(number: int) -> None:
        for step in range(5):
            change = MetadataChange(set={f"n{number}": str(step)})
            update(local, found.id, UpdateSnapshot(metadata=change))

    assert at_once([partial(merge, n) for n in range(8)]) == [None] * 8
    assert local.get(found.id).metadata == {"kept": "yes", **{f"n{n}": "4" for n in range(8)}}


def test_concurrent_changes_of_two_processes_all_count(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img"))
    with opened(local.path) as other:
        changes = [
            partial(update, (local, other)[number % 2], found.id, UpdateSnapshot(metadata=change))
            for number in range(8)
            for change in [MetadataChange(set={str(number): "x"})]
        ]
        assert at_once(changes) == [None] * 8
        assert other.get(found.id) == local.get(found.id)
    assert set(local.get(found.id).metadata) == {str(n) for n in range(8)}


def test_an_update_changes_what_it_names_and_nothing_else(local: Local) -> None:
    found = local.whole_snapshot(
        local.put("disk.img"), name="n", description="d", metadata={"a": "1", "b": "2"}
    )
    update(local, found.id, UpdateSnapshot(name="new"))
    update(local, found.id, UpdateSnapshot(description=None))
    removal = MetadataChange(set={"c": "3"}, remove=frozenset({"a", "absent"}))
    update(local, found.id, UpdateSnapshot(name=UNSET, metadata=removal))
    shown = local.get(found.id)
    assert (shown.name, shown.description, shown.metadata) == ("new", None, {"b": "2", "c": "3"})
    assert shown.updated is not None
    assert found.created is not None
    assert shown.updated >= found.created
    replacement = MetadataChange(set={"x": "y"}, replace=True)
    update(local, found.id, UpdateSnapshot(metadata=replacement))
    assert local.get(found.id).metadata == {"x": "y"}
    with refused(ErrorCode.NOT_FOUND):
        update(local, "snap-0", UpdateSnapshot(name="new"))


def test_a_snapshot_can_be_changed_while_it_is_creating(slow: Local) -> None:
    found = slow.snapshot(slow.put("disk.img", b"x" * 64 * 1024))
    update(slow, found.id, UpdateSnapshot(name="early"))
    shown = slow.settled(found.id)
    assert (shown.name, shown.ready) == ("early", True)


def test_of_concurrent_deletes_exactly_one_wins(local: Local) -> None:
    volume = local.put("disk.img")
    with opened(local.path) as other:
        for _ in range(10):
            found = local.whole_snapshot(volume)
            deletes = [partial(s.delete, found.id) for s in [local, other] * 4]
            outcomes = at_once(deletes)
            assert outcomes.count(None) == 1
            losers = {outcome.code for outcome in outcomes if outcome is not None}
            assert losers <= {ErrorCode.NOT_FOUND, ErrorCode.CONFLICT}
            assert other.snapshots() == []
    assert local.files() == []


def test_concurrent_creates_make_one_snapshot_each(local: Local) -> None:
    volume = local.put("disk.img", b"content")
    with opened(local.path) as other:
        creates = [partial(s.whole_snapshot, volume) for s in [local, other] * 4]
        assert at_once(creates) == [None] * 8
        made = other.snapshots()
    assert len(made) == 8
    assert all(found.ready for found in made)
    assert local.files() == sorted(found.id for found in made)


def test_a_new_store_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    options = load_options(tmp_path / "store")
    made: list[Store] = []
    assert at_once([lambda: made.append(LocalDriver.share(options))] * 8) == [None] * 8
    for store in made:
        assert store.facts.number(selections.count("snapshot", Query())) == 0
        store.close()


def test_pages_hold_every_snapshot_that_is_there_throughout_exactly_once(local: Local) -> None:
    volume = local.put("disk.img")
    kept, doomed = [], []
    for _ in range(6):
        kept.append(local.whole_snapshot(volume).id)
        doomed.append(local.whole_snapshot(volume).id)
    seen: list[str] = []
    cursor = None
    while True:
        page = local.driver.list_snapshots(Query(), page_size=1, cursor=cursor, deadline=deadline())
        seen += [found.id for found in page.items]
        cursor = page.next_cursor
        if cursor is None or len(seen) > 100:
            break
        if doomed:  # those that were listed already and those that were not
            local.delete(doomed.pop(len(doomed) // 2))
            if len(doomed) % 2:
                local.whole_snapshot(volume)
    assert [snapshot_id for snapshot_id in seen if snapshot_id in kept] == kept
    assert len(set(seen)) == len(seen)


def test_an_id_is_not_used_twice_and_the_newest_comes_last(local: Local) -> None:
    volume = local.put("disk.img")
    first, second = local.whole_snapshot(volume), local.whole_snapshot(volume)
    page = local.driver.list_snapshots(Query(), page_size=2, cursor=None, deadline=deadline())
    local.delete(second.id)
    third = local.whole_snapshot(volume)  # must not take the number of the one that is gone
    rest = local.driver.list_snapshots(
        Query(), page_size=2, cursor=page.next_cursor, deadline=deadline()
    )
    assert [found.id for found in rest.items] == [third.id]
    assert [found.id for found in local.snapshots(page_size=1)] == [first.id, third.id]


def test_volumes_come_page_by_page_in_order(local: Local) -> None:
    names = sorted(["b", "a", "ä", "Z", "10", "9", local.make_volume(1).id])
    for name in names[:-1]:
        if not name.startswith("vol-"):
            local.put(name)
    local.put(names[-1])
    assert [v.id for v in local.volumes(page_size=1)] == names
    assert [v.id for v in local.volumes(page_size=3)] == names


@pytest.mark.parametrize("field", ["id", "name", "volume_id"])
def test_a_filter_finds_what_matches_exactly(local: Local, field: str) -> None:
    made = [local.whole_snapshot(local.put(f"{n}.img"), name=f"name {n}") for n in range(3)]
    for found in made:
        query = Query((Filter(field, getattr(found, field)),))
        assert local.snapshots(query) == [found]
    assert local.snapshots(Query((Filter(field, "name"),))) == []
    both = Query((Filter("name", "name 1"), Filter("volume_id", "2.img")))
    assert local.snapshots(both) == []


def test_a_volume_is_found_by_its_id(local: Local) -> None:
    local.put("one.img")
    two = local.get_volume(local.put("two.img"))
    page = local.driver.list_volumes(
        Query((Filter("id", "two.img"),)), page_size=5, cursor=None, deadline=deadline()
    )
    assert page.items == (two,)
    assert page.next_cursor is None


def test_a_volume_that_vanishes_while_it_is_listed_is_left_out(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.put("stays.img")
    monkeypatch.setattr(ImageFolder, "ids", lambda _: ["stays.img", "vanished.img"])
    assert [v.id for v in local.volumes()] == ["stays.img"]


def test_a_snapshot_deleted_while_it_is_shown_is_not_found(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its row is read, then it is deleted, then its file is looked for.
    found = local.whole_snapshot(local.put("disk.img"))
    stat = ImageFolder.stat

    def delete_first(folder: ImageFolder, image_id: str) -> object:
        monkeypatch.setattr(ImageFolder, "stat", stat)
        local.delete(found.id)
        return stat(folder, image_id)

    monkeypatch.setattr(ImageFolder, "stat", delete_first)
    with refused(ErrorCode.NOT_FOUND):
        local.get(found.id)
