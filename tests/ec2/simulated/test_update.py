"""Changes of name, description and metadata: merged, replaced, undone when half done."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import ErrorCode, MetadataChange, UpdateSnapshot
from tests.ec2.simulated.tools import FOREIGN, Connect, forms, refused, tags
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Snapshot

BEFORE = {"Name": "n", "a": "1", "b": "2"}
FIFTY = {f"old{n:02}": str(n) for n in range(50)}
OTHER_FIFTY = {f"new{n:02}": str(n) for n in range(50)}
Break = Callable[..., None]
FAULTS: dict[str, Break] = {
    "denied": lambda s, a, **kw: s.fail(a, "UnauthorizedOperation", 403, **kw),
    "throttled": lambda s, a, **kw: s.fail(a, "RequestLimitExceeded", 503, times=3, **kw),
    "failing": lambda s, a, **kw: s.fail(a, "InternalError", 500, times=3, **kw),
    "failing although done": lambda s, a, **kw: s.fail(
        a, "InternalError", 500, times=3, executed=True, **kw
    ),
    "cut": lambda s, a, **kw: s.cut(a, times=3, **kw),
    "cut in the answer": lambda s, a, **kw: s.cut(a, "middle", **kw),
    "garbled": lambda s, a, **kw: s.garble(a, **kw),
    "garbled and not done": lambda s, a, **kw: s.garble(a, executed=False, **kw),
    "a proxy's page": lambda s, a, **kw: s.garble(a, b"<html/>", executed=False, **kw),
}


@pytest.fixture
def snapshot(region: Region) -> Snapshot:
    return region.add_snapshot(tags=dict(BEFORE), description="native")


def change(account: Account, snapshot: Snapshot, **given: Any) -> Any:
    return account.update_snapshot(snapshot.id, UpdateSnapshot(**given))


def done(simulator: Simulator, action: str) -> int:
    """Count the calls of an action that were no dry runs."""
    return sum("DryRun" not in form for form in forms(simulator, action))


def replaced(**metadata: str) -> MetadataChange:
    return MetadataChange(metadata, replace=True)


@pytest.mark.parametrize(
    ("given", "after", "calls"),
    [
        ({"metadata": MetadataChange({"c": "3"})}, {**BEFORE, "c": "3"}, (1, 0)),
        ({"metadata": MetadataChange({"a": "9"})}, {**BEFORE, "a": "9"}, (1, 0)),
        ({"metadata": MetadataChange(remove=frozenset("a"))}, {"Name": "n", "b": "2"}, (0, 1)),
        ({"metadata": MetadataChange(remove=frozenset("z"))}, BEFORE, (0, 1)),
        ({"metadata": MetadataChange({"c": ""}, frozenset("ab"))}, {"Name": "n", "c": ""}, (1, 1)),
        ({"metadata": replaced(c="3")}, {"Name": "n", "c": "3"}, (1, 1)),
        ({"metadata": replaced()}, {"Name": "n"}, (0, 1)),
        ({"metadata": replaced(b="2")}, {"Name": "n", "b": "2"}, (1, 1)),
        ({"metadata": replaced(a="1", b="2")}, BEFORE, (1, 0)),
        ({"name": "m"}, {**BEFORE, "Name": "m"}, (1, 0)),
        ({"name": None}, {"a": "1", "b": "2"}, (0, 1)),
        ({"description": "d"}, {**BEFORE, "description": "d"}, (1, 0)),
        ({"description": "native"}, BEFORE, (0, 1)),
        ({"description": None}, {**BEFORE, "description": ""}, (1, 0)),
        (
            {"name": None, "description": "d", "metadata": replaced(c="3")},
            {"description": "d", "c": "3"},
            (1, 1),
        ),
    ],
)
def test_a_change_is_sent_in_as_few_calls_as_can_be(
    simulator: Simulator,
    account: Account,
    snapshot: Snapshot,
    *,
    given: Any,
    after: dict[str, str],
    calls: tuple[int, int],
) -> None:
    answer = change(account, snapshot, **given)
    assert snapshot.tags == after
    assert (done(simulator, "CreateTags"), done(simulator, "DeleteTags")) == calls
    found = account.get_snapshot(snapshot.id)
    assert found == answer
    own = {k: v for k, v in after.items() if k not in {"Name", "description"}}
    assert (found.name, found.metadata) == (after.get("Name"), own)
    assert found.description == (after.get("description", "native") or None)


def test_what_is_asked_for_is_sent_and_nothing_else(
    simulator: Simulator, account: Account, snapshot: Snapshot
) -> None:
    change(account, snapshot, metadata=replaced(a="1", b="9", c="3"))
    (form,) = forms(simulator, "CreateTags")
    assert tags(form, "Tag") == {"a": "1", "b": "9", "c": "3"}


def test_a_removed_key_is_removed_whatever_its_value_is(
    simulator: Simulator, account: Account, snapshot: Snapshot
) -> None:
    change(account, snapshot, metadata=MetadataChange(remove=frozenset("a")))
    (form,) = forms(simulator, "DeleteTags")
    assert form["Tag.1.Key"] == "a"
    assert "Tag.1.Value" not in form


def test_single_keys_are_read_set_and_removed(account: Account, snapshot: Snapshot) -> None:
    assert account.get_metadata_value(snapshot.id, "a") == "1"
    account.delete_metadata_key(snapshot.id, "a")
    assert snapshot.tags == {"Name": "n", "b": "2"}
    error = refused(account.delete_metadata_key, snapshot.id, "a")
    assert error.code is ErrorCode.NOT_FOUND


def test_fifty_tags_give_way_to_fifty_others(account: Account, snapshot: Snapshot) -> None:
    snapshot.tags = dict(FIFTY)
    assert change(account, snapshot, metadata=replaced(**OTHER_FIFTY)).metadata == OTHER_FIFTY
    assert snapshot.tags == OTHER_FIFTY


def test_fifty_is_the_most_with_name_and_description(
    simulator: Simulator, account: Account, snapshot: Snapshot
) -> None:
    error = refused(change, account, snapshot, metadata=replaced(**OTHER_FIFTY))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["metadata"])
    assert done(simulator, "CreateTags") + done(simulator, "DeleteTags") == 0


def test_the_tags_of_aws_survive_and_do_not_count(account: Account, snapshot: Snapshot) -> None:
    of_aws = {"aws:backup:source": "x", "aws:cloudformation:stack": "y"}
    snapshot.tags = {**of_aws, **FIFTY}
    answer = change(account, snapshot, metadata=replaced(**OTHER_FIFTY))
    assert snapshot.tags == {**of_aws, **OTHER_FIFTY} == answer.metadata
    change(account, snapshot, metadata=replaced())
    assert snapshot.tags == of_aws


@pytest.mark.parametrize("fault", FAULTS)
def test_a_permission_that_cannot_be_asked_for_stops_the_change_before_it_begins(
    simulator: Simulator, account: Account, snapshot: Snapshot, fault: str
) -> None:
    FAULTS[fault](simulator, "DeleteTags")
    refused(change, account, snapshot, metadata=replaced(a="9", c="3"), name="m")
    assert done(simulator, "CreateTags") == 0
    assert snapshot.tags == BEFORE


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after", [{"a": "9"}, {"a": "9", "c": "3"}])
def test_a_removal_that_fails_undoes_what_was_set(
    simulator: Simulator, account: Account, snapshot: Snapshot, fault: str, after: dict[str, str]
) -> None:
    FAULTS[fault](simulator, "DeleteTags", after=1)
    refused(change, account, snapshot, metadata=replaced(**after), name="m")
    assert done(simulator, "CreateTags") >= 1
    assert snapshot.tags == BEFORE


@pytest.mark.parametrize("fault", FAULTS)
def test_tags_that_cannot_be_set_leave_the_old_fifty(
    simulator: Simulator, account: Account, snapshot: Snapshot, fault: str
) -> None:
    snapshot.tags = dict(FIFTY)
    FAULTS[fault](simulator, "CreateTags", after=1)
    refused(change, account, snapshot, metadata=replaced(**OTHER_FIFTY))
    assert done(simulator, "DeleteTags") >= 1
    assert snapshot.tags == FIFTY


@pytest.mark.parametrize("denied", ["CreateTags", "DeleteTags"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, {"a": "9"}),
        (BEFORE, {"c": "3"}),
        (FIFTY, OTHER_FIFTY),
    ],
)
def test_an_account_that_may_do_only_one_of_two_calls_changes_nothing(
    simulator: Simulator,
    account: Account,
    snapshot: Snapshot,
    *,
    denied: str,
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    snapshot.tags = dict(before)
    simulator.default_account.denied = {denied}
    error = refused(change, account, snapshot, metadata=replaced(**after))
    assert error.code is ErrorCode.DENIED
    assert snapshot.tags == before


def test_merges_at_once_of_different_keys_all_survive(connect: Connect, snapshot: Snapshot) -> None:
    accounts = [connect() for _ in range(2)]
    start = threading.Barrier(8)

    def merge(number: int) -> None:
        start.wait()
        one = MetadataChange({f"k{number}": str(number)})
        change(accounts[number % 2], snapshot, metadata=one)

    threads = [threading.Thread(target=merge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshot.tags == {**BEFORE, **{f"k{n}": str(n) for n in range(8)}}


@pytest.mark.parametrize("good", [0, 1])
def test_a_change_whose_snapshot_or_owner_cannot_be_looked_up_does_not_happen(
    simulator: Simulator, account: Account, snapshot: Snapshot, good: int
) -> None:
    simulator.fail("DescribeSnapshots", "RequestLimitExceeded", 503, after=good, times=9)
    assert refused(change, account, snapshot, name="m").code is ErrorCode.RATE_LIMITED
    assert snapshot.tags == BEFORE


def test_a_change_back_is_made_while_ec2_still_shows_the_value_before(
    simulator: Simulator, account: Account, snapshot: Snapshot
) -> None:
    simulator.settings.late_tags = 9
    change(account, snapshot, metadata=MetadataChange({"a": "9"}), name="m")
    change(account, snapshot, metadata=MetadataChange({"a": "1"}), name="n")
    assert (snapshot.tags["a"], snapshot.tags["Name"]) == ("1", "n")


def test_a_key_is_removed_that_ec2_does_not_show_yet(
    simulator: Simulator, account: Account, snapshot: Snapshot
) -> None:
    simulator.settings.late_tags = 9
    change(account, snapshot, metadata=MetadataChange({"c": "3"}))
    change(account, snapshot, metadata=MetadataChange(remove=frozenset("c")))
    assert snapshot.tags == BEFORE


@pytest.mark.parametrize("key", ["Name", "description", "aws:x", "Aws:x"])
def test_keys_that_are_no_metadata_are_refused(
    simulator: Simulator, account: Account, snapshot: Snapshot, key: str
) -> None:
    error = refused(change, account, snapshot, metadata=MetadataChange({key: "x"}))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [f"metadata[{key}]"])
    assert simulator.count("CreateTags") == 0


def test_a_foreign_snapshot_cannot_be_changed(account: Account, region: Region) -> None:
    foreign = region.add_snapshot(owner_id=FOREIGN, public=True, tags={"k": "v"})
    error = refused(change, account, foreign, name="mine")
    assert error.code is ErrorCode.DENIED
    assert foreign.tags == {"k": "v"}


@pytest.mark.parametrize("snapshot_id", ["snap-0123456789abcdef0", "snap-xyz", "nonsense", "*"])
def test_what_is_not_there_cannot_be_changed(account: Account, snapshot_id: str) -> None:
    error = refused(account.update_snapshot, snapshot_id, UpdateSnapshot(name="n"))
    assert error.code is ErrorCode.NOT_FOUND
