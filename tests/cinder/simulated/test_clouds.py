"""Clouds of every age: each does what it can, and says what it cannot."""

from collections.abc import Iterator

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    ErrorCode,
    MetadataChange,
    Query,
    SnapshotState,
    UpdateSnapshot,
)
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.tools import (
    ADMIN,
    GIB,
    LIST,
    Gateway,
    by,
    calls,
    ids,
    listed,
    refused,
    tagged,
    version_of,
    where,
)
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_state import version_of as number

AGES = [f"3.{minor}" for minor in (0, 13, 21, 22, 29, 32, 33, 39, 40, 65, 66, 71, 99)]
NEWEST = (3, 71)


@pytest.fixture(scope="module", params=AGES)
def _cloud(request: pytest.FixtureRequest) -> Iterator[OpenStack]:
    """Clouds whose newest microversion is this one."""
    with running_openstack(maximum=request.param) as found:
        yield found


@pytest.fixture(scope="module")
def _gateway(_cloud: OpenStack) -> Iterator[Gateway]:
    made = Gateway(_cloud)
    yield made
    made.core.close()


@pytest.fixture
def cloud(_cloud: OpenStack) -> OpenStack:
    """The cloud as new."""
    _cloud.reset()
    return _cloud


@pytest.fixture
def account(cloud: OpenStack, _gateway: Gateway) -> Account:
    found = _gateway.account()
    cloud.requests.clear()
    return found


def offered(cloud: OpenStack) -> tuple[int, int]:
    """Return the microversion that the driver and the cloud share."""
    return min(number(cloud.settings.maximum), NEWEST)


def sent(cloud: OpenStack) -> set[str | None]:
    """Return the microversions of all requests so far, and forget them."""
    found = {version_of(one) for one in cloud.asked(service="block-storage")}
    cloud.requests.clear()
    return found


def dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def test_a_snapshot_lives_and_dies(cloud: OpenStack, account: Account) -> None:
    volume = account.create_volume(CreateVolume(2 * GIB, "data", "of a test"))
    assert account.get_volume(volume.id).size_bytes == 2 * GIB
    made = account.create_snapshot(CreateSnapshot(volume.id, "one", "first", {"k": "v"}))
    assert made.state is SnapshotState.CREATING
    found = account.get_snapshot(made.id)
    assert (found.ready, found.name, found.metadata) == (True, "one", {"k": "v"})
    assert (found.size_bytes, found.progress) == (2 * GIB, 100)
    assert found.owner is not None
    assert found.owner.is_self
    change = UpdateSnapshot(name="two", metadata=MetadataChange({"l": "w"}))
    changed = account.update_snapshot(made.id, change)
    assert (changed.name, changed.metadata) == ("two", {"k": "v", "l": "w"})
    clone = account.clone_snapshot(made.id, CloneSnapshot("copy", size_bytes=3 * GIB))
    assert set(ids(account.list_volumes(Query()))) == {volume.id, clone.id}
    assert listed(account) == {made.id}
    account.delete_snapshot(made.id)
    assert refused(account.get_snapshot, made.id).code is ErrorCode.NOT_FOUND
    account.delete_volume(volume.id)
    assert sent(cloud) == {dotted(offered(cloud))}


def test_every_filter_and_every_order_is_right(cloud: OpenStack, account: Account) -> None:
    region = cloud.region()
    first = region.add_snapshot(name="a", metadata={"k": "v"}, status="creating")
    second = region.add_snapshot(region.add_volume(size=3), name="b", metadata={"k": "w"})
    assert listed(account, where(name="a")) == {first.id}
    assert listed(account, where(state="creating")) == {first.id}
    assert listed(account, where(volume_id=second.volume_id)) == {second.id}
    assert listed(account, where(owner="self")) == {first.id, second.id}
    assert listed(account, tagged(k="w")) == {second.id}
    assert listed(account, tagged(k="w", l="x")) == set()
    assert ids(account.list_snapshots(by("-created"))) == [second.id, first.id]
    assert ids(account.list_snapshots(by("size_bytes"))) == [first.id, second.id]
    assert listed(account, where(id=first.id, name="a")) == {first.id}
    assert sent(cloud) == {dotted(offered(cloud))}


def test_metadata_is_filtered_by_clouds_that_can_and_by_us_elsewhere(
    cloud: OpenStack, account: Account
) -> None:
    one = cloud.region().add_snapshot(metadata={"k": "v"})
    assert listed(account, tagged(k="v")) == {one.id}
    request = cloud.asked(LIST)[-1]
    assert ("metadata" in dict(request.parameters)) is (offered(cloud) >= (3, 22))


def test_the_filters_are_asked_for_where_that_can_be(build: Build, cloud: OpenStack) -> None:
    account = build(cloud).account()
    cloud.requests.clear()
    listed(account, where(name="a"))
    expected = ["GET /resource_filters"] if offered(cloud) >= (3, 33) else []
    assert calls(cloud) == [*expected, LIST]


@pytest.mark.parametrize("status", ["available", "in-use"])
def test_a_volume_in_use_is_snapshotted_on_request(
    cloud: OpenStack, account: Account, status: str
) -> None:
    volume = cloud.region().add_volume(status=status)
    account.create_snapshot(CreateSnapshot(volume.id))
    (request,) = cloud.asked("POST /snapshots")
    assert ("force" in request.json["snapshot"]) is (offered(cloud) < (3, 66))
    assert version_of(request) == dotted(offered(cloud))


def test_a_volume_in_use_is_refused_on_request(cloud: OpenStack, account: Account) -> None:
    volume = cloud.region().add_volume(status="in-use")
    error = refused(account.create_snapshot, CreateSnapshot(volume.id, in_use="refuse"))
    assert (error.code, error.maybe_done) == (ErrorCode.CONFLICT, False)
    assert "in-use" in error.message
    assert not cloud.region().snapshots
    (request,) = cloud.asked("POST /snapshots")
    assert "force" not in request.json["snapshot"]
    assert version_of(request) == dotted(min(offered(cloud), (3, 65)))


def test_and_one_that_is_not_in_use_is_not(cloud: OpenStack, account: Account) -> None:
    volume = cloud.region().add_volume()
    made = account.create_snapshot(CreateSnapshot(volume.id, in_use="refuse"))
    assert list(cloud.region().snapshots) == [made.id]


def test_a_volume_is_set_back_by_clouds_that_can(cloud: OpenStack, account: Account) -> None:
    one = cloud.region().add_snapshot()
    if offered(cloud) >= (3, 40):
        assert account.revert_snapshot(one.id).state is SnapshotState.BUSY
        return
    error = refused(account.revert_snapshot, one.id)
    assert (error.code, error.is_retryable) == (ErrorCode.UNSUPPORTED, False)
    assert "3.40" in error.message
    assert cloud.settings.maximum in error.message
    assert calls(cloud) == []


def test_the_reason_of_a_failure_is_told_by_clouds_that_can(
    cloud: OpenStack, account: Account
) -> None:
    region = cloud.region()
    region.order("create_snapshot", "error")
    made = account.create_snapshot(CreateSnapshot(region.add_volume().id))
    found = account.get_snapshot(made.id)
    assert found.state is SnapshotState.ERROR
    can = offered(cloud) >= (3, 5)
    assert found.state_reason == ("create snapshot:Snapshot failed to create." if can else None)


def test_administrators_see_all_projects_everywhere(build: Build, cloud: OpenStack) -> None:
    one, other = cloud.region().add_snapshot(), cloud.region().add_snapshot(project_id="1" * 32)
    assert listed(build(cloud, all_projects=True).account(ADMIN)) == {one.id, other.id}
    assert listed(build(cloud, all_projects=True).account()) == {one.id}
