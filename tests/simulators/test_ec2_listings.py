"""The EC2 simulator's listings: scope, filters and pages, judged by stock boto3."""

from typing import Any

import pytest

from tests.simulators.conftest import Connect
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Region, Snapshot
from tests.simulators.judge import by, ids, refusal

STRANGER = "999999999999"
NO_SNAPSHOT = "snap-0123456789abcdef0"


@pytest.fixture
def four(region: Region) -> dict[str, Snapshot]:
    """One snapshot of each scope."""
    return {
        "own": region.add_snapshot(),
        "shared": region.add_snapshot(owner_id=STRANGER, shared_with={ACCOUNT_ID}),
        "public": region.add_snapshot(owner_id="amazon-id", owner_alias="amazon", public=True),
        "secret": region.add_snapshot(owner_id=STRANGER),
    }


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"own", "shared", "public"}),
        ({"OwnerIds": ["self"]}, {"own"}),
        ({"OwnerIds": [ACCOUNT_ID]}, {"own"}),
        ({"OwnerIds": [STRANGER]}, {"shared"}),
        ({"OwnerIds": ["amazon", "self"]}, {"own", "public"}),
        ({"RestorableByUserIds": ["self"]}, {"own", "shared"}),
        ({"RestorableByUserIds": ["all"]}, {"public"}),
        ({"RestorableByUserIds": ["all"], "OwnerIds": ["self"]}, set()),
        ({"RestorableByUserIds": [STRANGER]}, set()),
    ],
)
def test_the_scope_is_what_the_account_may_restore(
    client: Any, four: dict[str, Snapshot], parameters: Any, expected: set[str]
) -> None:
    found = ids(client.describe_snapshots(**parameters))
    assert {name for name, one in four.items() if one.id in found} == expected


def test_one_asks_whom_one_shares_with(client: Any, four: dict[str, Snapshot]) -> None:
    four["own"].shared_with = {STRANGER}
    found = ids(client.describe_snapshots(RestorableByUserIds=[STRANGER]))
    assert found == [four["own"].id]


def test_one_unknown_id_fails_the_whole_call(client: Any, four: dict[str, Snapshot]) -> None:
    given = [four["own"].id, NO_SNAPSHOT]
    answer = refusal(client.describe_snapshots, SnapshotIds=given)
    assert answer == ("InvalidSnapshot.NotFound", 400)
    found = client.describe_snapshots(Filters=by("snapshot-id", *given))
    assert ids(found) == [four["own"].id]


def test_an_id_without_permission_is_left_out(client: Any, four: dict[str, Snapshot]) -> None:
    given = [four["own"].id, four["secret"].id]
    assert ids(client.describe_snapshots(SnapshotIds=given)) == [four["own"].id]


@pytest.mark.parametrize("size", [0, 4, 1001])
def test_a_page_has_from_5_to_1000(client: Any, size: int) -> None:
    invalid = ("InvalidParameterValue", 400)
    assert refusal(client.describe_snapshots, MaxResults=size) == invalid
    assert refusal(client.describe_volumes, MaxResults=size) == invalid


def test_ids_and_a_page_size_do_not_go_together(client: Any, four: dict[str, Snapshot]) -> None:
    answer = refusal(client.describe_snapshots, SnapshotIds=[four["own"].id], MaxResults=5)
    assert answer == ("InvalidParameterCombination", 400)


@pytest.mark.parametrize("count", [0, 5, 12])
def test_the_pages_are_the_whole(client: Any, region: Region, count: int) -> None:
    for _ in range(count):
        region.add_snapshot()
    pages = client.get_paginator("describe_snapshots").paginate(MaxResults=5)
    assert [one for page in pages for one in ids(page)] == ids(client.describe_snapshots())


def test_a_deletion_meanwhile_loses_nothing(client: Any, region: Region) -> None:
    made = sorted(region.add_snapshot().id for _ in range(8))
    first = client.describe_snapshots(MaxResults=5)
    for doomed in (made[0], made[4], made[5]):
        client.delete_snapshot(SnapshotId=doomed)
    second = client.describe_snapshots(MaxResults=5, NextToken=first["NextToken"])
    assert ids(first) + ids(second) == [*made[:5], *made[6:]]
    assert "NextToken" not in second


@pytest.mark.parametrize("token", ["", "garbage", "c25hcA==", "ä"])
def test_a_token_that_is_none_is_refused(client: Any, token: str) -> None:
    answer = refusal(client.describe_snapshots, MaxResults=5, NextToken=token)
    assert answer == ("InvalidParameterValue", 400)


def test_a_token_is_good_for_its_region_only(client: Any, connect: Connect, region: Region) -> None:
    for _ in range(6):
        region.add_snapshot()
    token = client.describe_snapshots(MaxResults=5)["NextToken"]
    there = connect("us-east-1")
    assert refusal(there.describe_snapshots, NextToken=token)[0] == "InvalidParameterValue"


def test_pages_may_be_short_before_the_end(
    simulator: Simulator, client: Any, region: Region
) -> None:
    simulator.settings.short_pages = True
    made = sorted(region.add_snapshot().id for _ in range(11))
    pages = list(
        client.get_paginator("describe_snapshots").paginate(
            MaxResults=5, Filters=by("snapshot-id", made[-1])
        )
    )
    assert [ids(page) for page in pages] == [[], [], [made[-1]]]


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("description", "daily", {"description": "Daily"}),
        ("encrypted", "false", {"encrypted": True}),
        ("owner-alias", "amazon", {"owner_alias": None}),
        ("owner-id", ACCOUNT_ID, {"owner_id": STRANGER, "public": True}),
        ("progress", "100%", {"progress": 80}),
        ("start-time", "2024-01-31T12:00:00.000Z", {}),
        ("status", "completed", {"state": "error"}),
        ("storage-tier", "standard", {"storage_tier": "archive"}),
        ("tag:Name", "n", {"tags": {"Name": "m"}}),
        ("tag-key", "Name", {"tags": {"name": "n"}}),
        ("transfer-type", "standard", {"transfer_type": "time-based"}),
        ("volume-id", "vol-0aaaaaaaaaaaaaaaa", {"volume_id": "vol-0bbbbbbbbbbbbbbbb"}),
        ("volume-size", "8", {"volume_size": 80}),
    ],
)
def test_each_filter_tells_one_from_another(
    client: Any, region: Region, name: str, value: str, other: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {
        "description": "daily",
        "owner_alias": "amazon",
        "tags": {"Name": "n"},
        "volume_id": "vol-0aaaaaaaaaaaaaaaa",
    }
    one = region.add_snapshot(**fields)
    one.start_time = one.start_time.replace(
        year=2024, month=1, day=31, hour=12, minute=0, second=0, microsecond=0
    )
    region.add_snapshot(**{**fields, **other})
    assert ids(client.describe_snapshots(Filters=by(name, value))) == [one.id]


def test_values_are_alternatives_and_filters_conditions(client: Any, region: Region) -> None:
    one = region.add_snapshot(volume_size=1, tags={"a": "x"})
    two = region.add_snapshot(volume_size=2, tags={"a": "x"})
    region.add_snapshot(volume_size=3, tags={"a": "x"})
    region.add_snapshot(volume_size=1, tags={"a": "y"})
    filters = by("volume-size", "1", "2") + by("tag:a", "x")
    assert set(ids(client.describe_snapshots(Filters=filters))) == {one.id, two.id}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("a*c", {"ac", "abc", "a*c", "a\nc"}),
        ("a?c", {"ac", "abc", "a*c", "a\nc"}),
        ("a\\*c", {"a*c"}),
        ("a\\?c", set()),
        ("A*", set()),
        ("*", {"ac", "abc", "a*c", "a\nc", "b\\", ".*"}),
        ("b\\\\", {"b\\"}),
        ("b\\", {"b\\"}),
        (".*", {".*"}),
        ("", set()),
    ],
)
def test_values_have_wildcards(
    client: Any, region: Region, pattern: str, matches: set[str]
) -> None:
    for text in ("ac", "abc", "a*c", "a\nc", "b\\", ".*"):
        region.add_snapshot(tags={"Name": text}, description=text)
    for name in ("tag:Name", "description"):
        found = client.describe_snapshots(Filters=by(name, pattern))["Snapshots"]
        assert {one["Description"] for one in found} == matches


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        (by("colour", "red"), "InvalidParameterValue"),
        (by("tag:", "red"), "InvalidParameterValue"),
        (by("Status", "completed"), "InvalidParameterValue"),
        (by("status"), "MissingParameter"),
        (by("status", *["completed"] * 201), "FilterLimitExceeded"),
    ],
)
def test_bad_filters_are_refused(client: Any, filters: Any, code: str) -> None:
    assert refusal(client.describe_snapshots, Filters=filters) == (code, 400)


def test_200_filter_values_are_allowed(client: Any) -> None:
    filters = by("snapshot-id", *["snap-0123456789abcdef0"] * 200)
    assert ids(client.describe_snapshots(Filters=filters)) == []
