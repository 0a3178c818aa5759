"""Descriptions, metadata, tags and permissions: what a PUT of everything keeps and changes."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, ErrorCode, Query, Visibility
from tests.cloudsigma.simulated.tools import changes, ids, listed, refused, update
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import OTHER_ID, Drive, Snapshot

OLD = {"description": "before", "a": "1", "b": "2"}


@pytest.fixture(params=["local", "remote"])
def one(request: pytest.FixtureRequest) -> Any:
    """A snapshot of each kind in turn."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("change", "meta"),
    [
        ({"name": "new"}, OLD),
        ({"description": "after"}, {**OLD, "description": "after"}),
        ({"description": None}, {"a": "1", "b": "2"}),
        ({"description": ""}, {"a": "1", "b": "2"}),
        ({"set": {"a": "9", "c": "3"}}, {**OLD, "a": "9", "c": "3"}),
        ({"remove": ["a", "x"]}, {"description": "before", "b": "2"}),
        ({"remove": ["a"], "set": {"a": "9"}}, {**OLD, "a": "9"}),
        ({"remove": ["a"], "set": {"c": ""}}, {"description": "before", "b": "2", "c": ""}),
        ({"set": {"c": "3"}, "replace": True}, {"description": "before", "c": "3"}),
        ({"set": {}, "replace": True}, {"description": "before"}),
        ({"set": {}, "replace": True, "description": None}, {}),
        ({"remove": ["description"]}, OLD),
        ({"name": "x", "description": "y", "set": {"a": "é,\\"}},
         {**OLD, "description": "y", "a": "é,\\"}),
    ],
)  # fmt: skip
def test_a_change_changes_that_and_nothing_else(
    cloud: CloudSigma, account: Account, one: Snapshot, change: Any, meta: dict[str, str]
) -> None:
    tag = cloud.add_tag("blue", one)
    name = change.get("name", one.name)
    changed = account.update_snapshot(one.uuid, update(**change))
    assert one.meta == meta
    assert (one.name, one.tags) == (name, [tag.uuid])
    metadata = {key: value for key, value in meta.items() if key != "description"}
    assert (changed.name, changed.metadata) == (name, metadata)
    assert changed.description == meta.get("description")
    assert changed == account.get_snapshot(one.uuid)


@pytest.mark.parametrize("put_resets", [(), ("meta",), ("meta", "name", "tags")])
def test_all_of_a_snapshot_is_sent_back(
    cloud: CloudSigma, account: Account, one: Snapshot, put_resets: tuple[str, ...]
) -> None:
    cloud.settings.put_resets = frozenset(put_resets)
    tags = [cloud.add_tag(name, one).uuid for name in ("blue", "red")]
    account.update_snapshot(one.uuid, update(set={"k": "v"}))
    (sent,) = (found.json for found in cloud.asked("PUT *"))
    assert [tag["uuid"] for tag in sent["tags"]] == tags == one.tags
    assert (sent["drive"]["uuid"], sent["name"]) == (one.drive, one.name)
    assert one.meta == {**OLD, "k": "v"}


def test_one_key_is_removed_and_read(account: Account, one: Snapshot) -> None:
    assert account.get_metadata_value(one.uuid, "a") == "1"
    account.delete_metadata_key(one.uuid, "a")
    assert one.meta == {"description": "before", "b": "2"}
    for key in ("a", "description"):
        error = refused(account.delete_metadata_key, one.uuid, key)
        assert (error.code, key in error.message) == (ErrorCode.NOT_FOUND, True)


def test_the_key_of_the_description_is_refused_by_name(
    cloud: CloudSigma, account: Account, one: Snapshot, drive: Drive
) -> None:
    meta = {"description": "x"}
    for call, given in (
        (account.create_snapshot, (CreateSnapshot(drive.uuid, metadata=meta),)),
        (account.create_snapshot, (CreateSnapshot(drive.uuid, None, "d", meta, "ZRH"),)),
        (account.update_snapshot, (one.uuid, update(set=meta))),
        (account.update_snapshot, (one.uuid, update(set=meta, replace=True))),
    ):
        error = refused(call, *given)
        assert (error.code, list(error.fields)) == ("invalid", ["metadata[description]"])
    assert not changes(cloud)


def test_a_key_has_32_characters(
    cloud: CloudSigma, account: Account, one: Snapshot, drive: Drive
) -> None:
    for key in ("k" * 33, "é" * 33):
        for call, given in (
            (account.create_snapshot, (CreateSnapshot(drive.uuid, metadata={key: "v"}),)),
            (account.update_snapshot, (one.uuid, update(set={key: "v"}))),
        ):
            error = refused(call, *given)
            assert (error.code, "32" in error.message) == (ErrorCode.INVALID, True)
    assert not cloud.requests
    for key in ("k" * 32, "é" * 32):
        assert account.update_snapshot(one.uuid, update(set={key: "v"})).metadata[key] == "v"


def test_a_hundred_pairs_are_possible(cloud: CloudSigma, account: Account, one: Snapshot) -> None:
    pairs = {f"k{n}": "v" for n in range(100)}
    assert account.update_snapshot(one.uuid, update(set=pairs, replace=True)).metadata == pairs
    cloud.requests.clear()
    error = refused(account.update_snapshot, one.uuid, update(set={"more": "v"}))
    assert (error.code, list(error.fields)) == ("invalid", ["metadata"])
    assert not changes(cloud)


def test_what_is_no_string_stays_as_it_is(
    cloud: CloudSigma, account: Account, one: Snapshot
) -> None:
    cloud.settings.keeps_other_meta_values = True
    other: dict[str, Any] = {"n": 5, "f": 1.5, "t": True, "l": [1], "d": {"x": 1}, "z": None}
    one.meta = {**other, "a": "1"}
    assert account.get_snapshot(one.uuid).metadata["n"] == "5"
    account.update_snapshot(one.uuid, update(name="x", description="y", set={"a": "2"}))
    assert one.meta == {**other, "a": "2", "description": "y"}
    account.update_snapshot(one.uuid, update(set={"n": "6"}, remove=["f"]))
    del other["f"]
    assert one.meta == {**other, "n": "6", "a": "2", "description": "y"}


def test_null_is_not_shown_as_pythons_word(
    cloud: CloudSigma, account: Account, one: Snapshot
) -> None:
    cloud.settings.keeps_other_meta_values = True
    one.meta = {"description": None, "k": None}  # type: ignore[dict-item]
    found = account.get_snapshot(one.uuid)
    assert found.description is None
    assert found.metadata.get("k") != "None"


def test_a_description_that_is_no_string_stays_as_it_is(
    cloud: CloudSigma, account: Account, one: Snapshot
) -> None:
    cloud.settings.keeps_other_meta_values = True
    given: dict[str, Any] = {"description": 5}
    one.meta = dict(given)
    account.update_snapshot(one.uuid, update(name="x"))
    assert one.meta == given


def test_a_name_may_be_taken_away(account: Account, one: Snapshot) -> None:
    for name in (None, ""):
        assert account.update_snapshot(one.uuid, update(name=name)).name is None
        assert account.get_snapshot(one.uuid).name is None
        one.name = "again"


def test_grantees_give_the_visibility(account: Account, one: Snapshot) -> None:
    assert account.get_snapshot(one.uuid).visibility is Visibility.PRIVATE
    one.grants = {OTHER_ID: ["LIST"]}
    assert account.get_snapshot(one.uuid).visibility is Visibility.SHARED
    account.update_snapshot(one.uuid, update(name="x"))
    assert one.grants == {OTHER_ID: ["LIST"]}


LACKS = ("grantees", "permissions", "owner", "tags", "name", "allocated_size", "timestamp",
         "drive", "drive_meta", "last_state_change", "resource_uri", "runtime", "jobs",
         "remote_snapshots", "size")  # fmt: skip


@pytest.mark.parametrize("lacks", LACKS)
def test_rows_of_older_releases_lack_fields(
    cloud: CloudSigma, account: Account, one: Snapshot, lacks: str
) -> None:
    cloud.settings.lacks = frozenset({lacks})
    found = account.get_snapshot(one.uuid)
    assert (found.id, found.ready) == (one.uuid, True)
    if lacks == "grantees":
        assert found.visibility is Visibility.UNKNOWN
    if lacks == "owner":
        assert found.owner is None
    assert listed(account) == {one.uuid}
    assert ids(account.list_volumes(Query())) == [one.drive]
    assert account.get_volume(one.drive).id == one.drive
