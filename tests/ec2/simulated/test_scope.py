"""Whose snapshots a list shows, and which of them are the caller's own."""

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, Credentials, Query, UpdateSnapshot
from tests.ec2.simulated.tools import FOREIGN, KEYS, Connect, forms, listed, owner_of, values
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Region

NEWCOMER = Credentials(username="AKIANEWCOMER", password="newcomer")
NEWCOMER_ID = "444455556666"


@pytest.fixture
def everybodys(region: Region) -> dict[str, str]:
    """Snapshots by whose they are."""
    return {
        "own": region.add_snapshot().id,
        "shared": region.add_snapshot(owner_id=FOREIGN, shared_with={ACCOUNT_ID}).id,
        "public": region.add_snapshot(owner_id=FOREIGN, public=True).id,
        "secret": region.add_snapshot(owner_id=FOREIGN).id,
        "amazon": region.add_snapshot(
            owner_id="137112412989", owner_alias="amazon", public=True
        ).id,
    }


def kinds(everybodys: dict[str, str], found: set[str]) -> set[str]:
    return {kind for kind, snapshot_id in everybodys.items() if snapshot_id in found}


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (None, {"own", "shared", "public", "amazon"}),
        ("all", {"own", "shared", "public", "amazon"}),
        ("self", {"own"}),
        (ACCOUNT_ID, {"own"}),
        (FOREIGN, {"shared", "public"}),
    ],
)
def test_the_option_says_whose_snapshots_a_list_shows(
    connect: Connect, everybodys: dict[str, str], option: str | None, shown: set[str]
) -> None:
    account = connect(**({"owner": option} if option else {}))
    assert kinds(everybodys, listed(account)) == shown


@pytest.mark.parametrize("option", ["all", "self"])
@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        ("self", {"own"}),
        (ACCOUNT_ID, {"own"}),
        (FOREIGN, {"shared", "public"}),
        ("137112412989", {"amazon"}),
        ("000000000000", set()),
        *((nonsense, set()) for nonsense in ("amazon", "nonsense", "1", "", "*", "SELF", "all")),
    ],
)
def test_the_filter_beats_the_option(
    connect: Connect, everybodys: dict[str, str], option: str, owner: str, shown: set[str]
) -> None:
    assert kinds(everybodys, listed(connect(owner=option), owner=owner)) == shown


@pytest.mark.parametrize(("owner", "sent"), [("self", "self"), (FOREIGN, FOREIGN)])
def test_the_owner_is_asked_of_ec2_itself(
    simulator: Simulator, account: Account, owner: str, sent: str
) -> None:
    listed(account, owner=owner)
    (form,) = forms(simulator, "DescribeSnapshots")
    assert values(form, "Owner") == [sent]


def test_a_number_that_no_account_has_is_not_even_asked_for(
    simulator: Simulator, account: Account
) -> None:
    assert listed(account, owner="12345") == set()
    assert not simulator.calls


def test_each_row_says_whether_it_is_the_callers_own(
    account: Account, everybodys: dict[str, str]
) -> None:
    rows = account.list_snapshots(Query())
    found = {s.id: owner_of(s) for s in rows.items()}
    again = {s.id: owner_of(s) for s in account.list_snapshots(Query()).items()}
    assert found == again
    assert found[everybodys["own"]] == (ACCOUNT_ID, True)
    assert found[everybodys["shared"]] == (FOREIGN, False)
    assert found[everybodys["public"]] == (FOREIGN, False)


@pytest.mark.parametrize("kind", ["own", "shared", "public"])
def test_a_single_snapshot_says_so_too_in_the_first_call_of_all(
    account: Account, everybodys: dict[str, str], kind: str
) -> None:
    assert owner_of(account.get_snapshot(everybodys[kind]))[1] is (kind == "own")


def test_a_change_answers_with_the_owner(account: Account, everybodys: dict[str, str]) -> None:
    changed = account.update_snapshot(everybodys["own"], UpdateSnapshot(name="n"))
    assert owner_of(changed) == (ACCOUNT_ID, True)


def test_an_account_that_owns_nothing_owns_what_it_makes(
    simulator: Simulator, connect: Connect, region: Region, everybodys: dict[str, str]
) -> None:
    simulator.add_account("AKIANEWCOMER", "newcomer", account_id=NEWCOMER_ID)
    account = connect(NEWCOMER)
    own_volume = region.add_volume(owner_id=NEWCOMER_ID).id
    assert kinds(everybodys, listed(account)) == {"public", "amazon"}
    assert listed(account, owner="self") == set()
    assert owner_of(account.get_snapshot(everybodys["public"])) == (FOREIGN, False)
    made = account.create_snapshot(CreateSnapshot(own_volume))
    assert owner_of(made) == (NEWCOMER_ID, True)
    assert listed(account, owner="self") == {made.id}
    owners = {s.id: owner_of(s)[1] for s in account.list_snapshots(Query()).items()}
    assert {snapshot_id for snapshot_id, own in owners.items() if own} == {made.id}


def test_what_another_gateway_makes_first_is_the_accounts_own_here_too(
    simulator: Simulator, connect: Connect, region: Region, everybodys: dict[str, str]
) -> None:
    simulator.add_account("AKIANEWCOMER", "newcomer", account_id=NEWCOMER_ID)
    here, there = connect(NEWCOMER), connect(NEWCOMER)
    assert kinds(everybodys, listed(here)) == {"public", "amazon"}
    volume = region.add_volume(owner_id=NEWCOMER_ID)
    made = there.create_snapshot(CreateSnapshot(volume.id))
    owners = {s.id: owner_of(s)[1] for s in here.list_snapshots(Query()).items()}
    assert {snapshot_id for snapshot_id, own in owners.items() if own} == {made.id}


def test_two_accounts_of_one_gateway_see_their_own(
    simulator: Simulator, connect: Connect, region: Region, everybodys: dict[str, str]
) -> None:
    simulator.add_account("AKIANEWCOMER", "newcomer", account_id=FOREIGN)
    assert kinds(everybodys, listed(connect(KEYS), owner="self")) == {"own"}
    assert kinds(everybodys, listed(connect(NEWCOMER), owner="self")) == {
        "shared",
        "public",
        "secret",
    }
