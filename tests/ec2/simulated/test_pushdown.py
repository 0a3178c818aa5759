"""What of a filter EC2 is asked for, and that the rest is applied afterwards."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import Filter, Query, SnapshotState
from tests.ec2.simulated.tools import filters, forms, ids, listed, values, where
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region

ID, VOLUME = "snap-0123456789abcdef0", "vol-0123456789abcdef0"


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        (Filter("id", ID), {"snapshot-id": [ID]}),
        (Filter("volume_id", VOLUME), {"volume-id": [VOLUME]}),
        (Filter("name", "daily"), {"tag:Name": ["daily"]}),
        (Filter("metadata", "prod", key="env"), {"tag:env": ["prod"]}),
        (Filter("metadata", "", key="a:b.c 1"), {"tag:a:b.c 1": [""]}),
        (Filter("state", "creating"), {"status": ["pending"]}),
        (Filter("state", "available"), {"status": ["completed"]}),
        (Filter("state", "archived"), {"status": ["completed"]}),
        (Filter("state", "error"), {"status": ["error"]}),
        (Filter("state", "busy"), {}),
        (Filter("state", "recycled"), {}),
        (Filter("state", "deleting"), {}),
        (Filter("state", "unknown"), {}),
        (Filter("owner", "self"), {}),
        (Filter("tier", "archive"), {}),
        (Filter("name", "50% *of* what?"), {"tag:Name": ["50% ?of? what?"]}),
        (Filter("name", r"a\b\*"), {"tag:Name": ["a?b??"]}),
        (Filter("id", "*"), {"snapshot-id": ["?"]}),
        (Filter("volume_id", "vol-?"), {"volume-id": ["vol-?"]}),
        (Filter("name", "naïve <&> 名前"), {"tag:Name": ["naïve <&> 名前"]}),
    ],
)
def test_each_filter_is_asked_of_ec2_as_far_as_it_can(
    simulator: Simulator, account: Account, condition: Filter, sent: dict[str, list[str]]
) -> None:
    assert ids(account.list_snapshots(Query((condition,)))) == []
    (form,) = forms(simulator, "DescribeSnapshots")
    assert filters(form) == sent
    assert values(form, "Owner") == (["self"] if condition.field == "owner" else [])


def test_all_filters_go_together(simulator: Simulator, account: Account, region: Region) -> None:
    both = region.add_snapshot(volume_id=VOLUME, tags={"Name": "n"}).id
    region.add_snapshot(volume_id=VOLUME)
    region.add_snapshot(tags={"Name": "n"})
    found = listed(account, volume_id=VOLUME, name="n", state="available", owner="self")
    assert found == {both}
    (form,) = forms(simulator, "DescribeSnapshots")
    assert filters(form) == {
        "volume-id": [VOLUME],
        "tag:Name": ["n"],
        "status": ["completed"],
    }


@pytest.mark.parametrize("name", ["*", "?", "a*", r"a\*", "\\", r"\\", "a?c", r"*\?", "[a-z]", "a"])
def test_names_with_wildcards_are_found_and_nothing_else_is(
    account: Account, region: Region, name: str
) -> None:
    for other in ("abc", "a", "b", "\\\\", "*", "?", r"a\*", "abcd", "A*"):
        if other != name:
            region.add_snapshot(tags={"Name": other})
    wanted = region.add_snapshot(tags={"Name": name}).id
    assert listed(account, name=name) == {wanted}


@pytest.mark.parametrize("text", ["", "x*", "?", "\\", "grün", "a&b=c", " spaced ", "line\nend"])
def test_metadata_is_compared_exactly(account: Account, region: Region, text: str) -> None:
    key = f"k{text}"
    wanted = region.add_snapshot(tags={key: text}).id
    region.add_snapshot(tags={key: text + "x"})
    region.add_snapshot(tags={"other": text})
    query = Query((Filter("metadata", text, key=key),))
    assert ids(account.list_snapshots(query)) == [wanted]


def everything(region: Region) -> dict[str, str]:
    """Put a snapshot of each state into the region."""
    fields: dict[str, dict[str, Any]] = {
        "creating": {"state": "pending"},
        "available": {},
        "archived": {"storage_tier": "archive"},
        "error": {"state": "error", "status_message": "no"},
        "recycled": {"state": "recoverable"},
        "busy": {"state": "recovering"},
        "unknown": {"state": "something-new"},
    }
    return {state: region.add_snapshot(**given).id for state, given in fields.items()}


@pytest.mark.parametrize("state", SnapshotState)
def test_a_state_shows_what_is_in_it_and_nothing_else(
    account: Account, region: Region, state: str
) -> None:
    made = everything(region)
    assert listed(account, state=state) == ({made[state]} if state in made else set())


def test_an_arbitrary_volume_of_a_copy_is_no_volume_to_filter_by(
    account: Account, region: Region
) -> None:
    region.add_snapshot(volume_id="vol-ffffffff")
    assert listed(account, volume_id="vol-ffffffff") == set()


def test_the_snapshots_of_a_volume_are_asked_for_by_volume(
    simulator: Simulator, account: Account, region: Region
) -> None:
    own = region.add_snapshot(volume_id=VOLUME).id
    region.add_snapshot()
    assert ids(account.snapshots_of(VOLUME)) == [own]
    assert filters(forms(simulator, "DescribeSnapshots")[0]) == {"volume-id": [VOLUME]}


@pytest.mark.parametrize(
    ("conditions", "sent"),
    [
        ({"id": VOLUME}, {"volume-id": [VOLUME]}),
        ({"name": "disk*"}, {"tag:Name": ["disk?"]}),
        ({"state": "available"}, {}),
    ],
)
def test_volumes_are_filtered_by_ec2_as_far_as_it_can(
    simulator: Simulator,
    account: Account,
    region: Region,
    conditions: dict[str, str],
    sent: dict[str, list[str]],
) -> None:
    wanted = region.add_volume(id=VOLUME, tags={"Name": "disk*"}).id
    region.add_volume(state="error", tags={"Name": "disks"})
    assert ids(account.list_volumes(where(**conditions))) == [wanted]
    (form,) = forms(simulator, "DescribeVolumes")
    assert filters(form) == sent
