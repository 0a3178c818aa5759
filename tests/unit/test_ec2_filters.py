import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ec2 import filters
from drivers.ec2.account import SNAPSHOT, VOLUME, Account
from drivers.ec2.driver import Ec2Driver
from gateway.driver import Deadline, Filter, Pushdown, Query, SnapshotState

ME, OTHER = "123456789012", "999999999999"
Asked = Mapping[str, Any]


def matches(pattern: str, value: str) -> bool:
    """How EC2 compares: ``*`` is any text, ``?`` any character, a backslash takes that away."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    regex = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, value, re.DOTALL) is not None


def pattern(value: str) -> str:
    found: str = filters.equals("tag:Name", value)["Values"][0]
    return found


def query(**conditions: str) -> Query:
    return Query(tuple(Filter(field, value) for field, value in conditions.items()))


def asked(name: str, value: str) -> Asked:
    return {"Filters": [{"Name": name, "Values": [value]}]}


@pytest.mark.parametrize(
    ("wild", "value", "expected"),
    [
        ("a*", "abc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        (r"a\*", "abc", False),
        (r"a\*", "a*", True),
        (r"\?", "?", True),
        (r"\?", "x", False),
        (r"\\", "\\", True),
        ("a.c", "abc", False),
        ("*", "a\nb", True),
    ],
)
def test_the_tests_own_comparison_is_right(wild: str, value: str, expected: bool) -> None:
    assert matches(wild, value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("50*", "50?"),
        ("why?", "why?"),
        ("**", "??"),
        ("C:\\x", "C:?x"),
        (r"\*", "??"),
        ("[a-b].+", "?a-b].+"),
        ("]!^-", "]!^-"),
        ("a,b é\n", "a,b é\n"),
    ],
)
def test_a_value_is_no_pattern(value: str, expected: str) -> None:
    assert filters.equals("tag:k", value) == {"Name": "tag:k", "Values": [expected]}


tricky = st.text(st.sampled_from("ab*?\\[]!- \n") | st.characters(exclude_categories=["Cs"]))


@given(tricky)
def test_no_row_with_the_value_is_lost(value: str) -> None:
    assert matches(pattern(value), value)
    assert fnmatchcase(value, pattern(value))  # as moto compares


@given(st.text("ab*?\\[]", max_size=3), st.text("ab*?\\[]", max_size=3))
def test_rows_that_differ_in_more_than_a_wildcard_are_left_out(value: str, other: str) -> None:
    alike = len(value) == len(other) and all(
        mine in ("*", "?", "\\", "[", theirs) for mine, theirs in zip(value, other, strict=True)
    )
    assert matches(pattern(value), other) == alike
    assert fnmatchcase(other, pattern(value)) == alike


@pytest.mark.parametrize(
    ("condition", "name", "value"),
    [
        (Filter("id", "snap-*"), "snapshot-id", "snap-?"),
        (Filter("volume_id", "vol-1"), "volume-id", "vol-1"),
        (Filter("name", "a*"), "tag:Name", "a?"),
        (Filter("metadata", "v*", key="k"), "tag:k", "v?"),
        (Filter("metadata", "v", key="k*:\\"), "tag:k*:\\", "v"),
        (Filter("state", SnapshotState.CREATING), "status", "pending"),
        (Filter("state", SnapshotState.AVAILABLE), "status", "completed"),
        (Filter("state", SnapshotState.ARCHIVED), "status", "completed"),
        (Filter("state", SnapshotState.ERROR), "status", "error"),
    ],
    ids=lambda value: repr(value) if isinstance(value, Filter) else str(value),
)
def test_each_condition_is_asked_of_ec2(condition: Filter, name: str, value: str) -> None:
    assert filters.of_snapshots(Query((condition,))) == asked(name, value)


@pytest.mark.parametrize("state", ["busy", "recycled", "deleting", "unknown"])
def test_states_that_ec2s_filter_lacks_are_left_to_the_core(state: str) -> None:
    assert filters.of_snapshots(query(state=state)) == {}


def test_every_state_is_either_asked_for_or_left_to_the_core() -> None:
    for state in SnapshotState:
        filters.of_snapshots(query(state=state))


def test_all_conditions_are_asked_for_together_and_the_owner_is_none() -> None:
    found = filters.of_snapshots(query(id="s", name="n", owner=ME, state="error", volume_id="v"))
    names = sorted(condition["Name"] for condition in found["Filters"])
    assert names == ["snapshot-id", "status", "tag:Name", "volume-id"]


def test_nothing_is_asked_for_when_nothing_is_wanted() -> None:
    assert filters.of_snapshots(Query()) == filters.of_volumes(Query()) == {}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Filter("id", "vol-*"), asked("volume-id", "vol-?")),
        (Filter("name", "n"), asked("tag:Name", "n")),
        (Filter("metadata", "v", key="k"), asked("tag:k", "v")),
        (Filter("volume_id", "vol-1"), {}),
        (Filter("state", "error"), {}),
        (Filter("owner", ME), {}),
    ],
    ids=repr,
)
def test_each_condition_on_volumes_is_asked_of_ec2(condition: Filter, expected: Asked) -> None:
    assert filters.of_volumes(Query((condition,))) == expected


def test_each_filter_that_the_driver_declares_is_asked_for() -> None:
    for field, _ in Ec2Driver.pushdown:
        value = "error" if field == "state" else "x"
        found = filters.of_snapshots(Query((Filter(field, value, key="k"),)))
        assert bool(found) == (field != "owner")


def test_what_may_let_through_more_is_declared_so() -> None:
    loose = {field for (field, _), how in Ec2Driver.pushdown.items() if how is Pushdown.SUPERSET}
    assert {"name", "metadata", "state"} <= loose


@pytest.mark.parametrize(
    ("owner", "is_one"),
    [
        ("123456789012", True),
        ("000000000000", True),
        ("12345678901", False),
        ("1234567890123", False),
        ("123456789012\n", False),
        ("١٢٣٤٥٦٧٨٩٠١٢", False),
        ("amazon", False),
        ("", False),
    ],
)
def test_an_account_has_twelve_digits(owner: str, is_one: bool) -> None:
    assert filters.is_account(owner) is is_one


class FakeAccount(Account):
    """Answers every page with the same rows and remembers what it was asked."""

    def __init__(self, *rows: Asked) -> None:
        super().__init__(None, None, page_size=1000)
        self.rows = list(rows)
        self.asked: list[Any] = []

    def page(
        self, kind: Any, asked: Asked, *, page_size: int, cursor: str | None
    ) -> tuple[list[Asked], str | None]:
        self.asked.append((kind, asked, page_size, cursor))
        return self.rows, "next"

    def learn_number(self) -> None:
        self.asked.append("learn_number")


def clients(owner: str) -> Any:
    return SimpleNamespace(options={"owner": owner})


def listed(
    account: Account, wanted: Query, option: str = "all", *, cursor: str | None = None
) -> Any:
    driver = Ec2Driver(clients(option), account)
    return driver.list_snapshots(wanted, page_size=7, cursor=cursor, deadline=Deadline(9))


@pytest.mark.parametrize(
    ("option", "filtered", "expected"),
    [
        ("all", None, {}),
        ("self", None, {"OwnerIds": ["self"]}),
        (OTHER, None, {"OwnerIds": [OTHER]}),
        ("all", "self", {"OwnerIds": ["self"]}),
        ("all", OTHER, {"OwnerIds": [OTHER]}),
        ("self", OTHER, {"OwnerIds": [OTHER]}),
        (OTHER, "self", {"OwnerIds": ["self"]}),
    ],
)
def test_the_filter_on_the_owner_comes_before_the_option(
    option: str, filtered: str | None, expected: Asked
) -> None:
    account = FakeAccount()
    found = listed(account, query(owner=filtered) if filtered else Query(), option, cursor="c")
    assert account.asked == [(SNAPSHOT, expected, 7, "c")]
    assert (found.items, found.next_cursor) == ((), "next")


@pytest.mark.parametrize("owner", ["amazon", "1234", "*", "all", "SELF"])
def test_an_owner_that_cannot_be_owns_nothing_and_ec2_is_not_asked(owner: str) -> None:
    account = FakeAccount()
    found = listed(account, query(owner=owner))
    assert (found.items, found.next_cursor, account.asked) == ((), None, [])


def test_the_owner_goes_along_with_the_other_conditions() -> None:
    account = FakeAccount()
    listed(account, query(owner="self", name="n"))
    [(_, found, _, _)] = account.asked
    assert found == {**asked("tag:Name", "n"), "OwnerIds": ["self"]}


def test_ones_own_snapshots_tell_ones_number() -> None:
    account = FakeAccount({"SnapshotId": "snap-1", "OwnerId": ME})
    [snapshot] = listed(account, query(owner="self")).items
    assert account.number == ME
    assert "learn_number" not in account.asked
    assert snapshot.owner.is_self


def test_the_number_is_asked_for_only_when_there_are_rows_and_it_is_unknown() -> None:
    account = FakeAccount({"SnapshotId": "snap-1", "OwnerId": ME})
    [snapshot] = listed(account, Query()).items
    assert account.asked[1:] == ["learn_number"]
    assert not snapshot.owner.is_self
    account.number = ME
    [snapshot] = listed(account, Query()).items
    assert account.asked[2:] == [(SNAPSHOT, {}, 7, None)]
    assert snapshot.owner.is_self
    assert listed(FakeAccount(), Query()).items == ()


def test_volumes_are_asked_for_without_an_owner() -> None:
    account = FakeAccount({"VolumeId": "vol-1"})
    driver = Ec2Driver(clients("self"), account)
    page = driver.list_volumes(query(id="vol-1"), page_size=7, cursor=None, deadline=Deadline(9))
    assert [volume.id for volume in page.items] == ["vol-1"]
    assert account.asked == [(VOLUME, asked("volume-id", "vol-1"), 7, None)]
