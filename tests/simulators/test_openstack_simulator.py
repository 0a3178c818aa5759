"""The simulated OpenStack as a stock openstacksdk sees it, and how it is run."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from keystoneauth1 import exceptions as keystone_exceptions
from openstack import exceptions
from openstack.connection import Connection

from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import connect, token_of
from tests.simulators.openstack_state import Region

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def openstack() -> Iterator[OpenStack]:
    with running_openstack() as found:
        yield found


@pytest.fixture
def region(openstack: OpenStack) -> Region:
    return openstack.region()


@pytest.fixture
def connection(openstack: OpenStack) -> Iterator[Connection]:
    with connect(openstack) as found:
        yield found


def test_the_sdk_finds_its_way(openstack: OpenStack, region: Region) -> None:
    snapshot = region.add_snapshot(name="nightly")
    with connect(openstack, auth_type="password") as connection:
        assert [one.id for one in connection.block_storage.snapshots()] == [snapshot.id]
    assert [
        f"{one.service} {one.method} {one.path} {one.status}" for one in openstack.requests
    ] == [
        "identity GET /v3 200",
        "identity POST /v3/auth/tokens 201",
        "block-storage GET /v3/ 401",
        "block-storage GET /v3/ 200",
        "block-storage GET /v3/snapshots/detail 200",
    ]
    assert {one.user for one in openstack.asked("GET /snapshots/detail")} == {"demo"}
    assert openstack.count("* *", service="identity") == 2


def test_no_token_is_kept_in_what_was_asked(openstack: OpenStack, connection: Connection) -> None:
    list(connection.block_storage.snapshots())
    for token in openstack.identity.tokens:
        assert token not in repr(openstack.requests)
    assert openstack.requests[-1].headers["x-auth-token"] == "<token>"


def test_a_snapshot_lives_and_dies(region: Region, connection: Connection) -> None:
    storage: Any = connection.block_storage
    volume = storage.create_volume(name="data", size=2)
    storage.wait_for_status(volume, "available", interval=0.01)
    made = storage.create_snapshot(volume_id=volume.id, name="one", metadata={"a": "b"})
    assert (made.status, made.size) == ("creating", 2)
    assert storage.get_snapshot(made.id).status == "available"
    storage.update_snapshot(made, name="two")
    assert [one.name for one in storage.snapshots(name="two")] == ["two"]
    storage.delete_snapshot(made)
    with pytest.raises(exceptions.NotFoundException):
        storage.get_snapshot(made.id)
    assert not region.snapshots


def test_the_sdk_walks_all_pages(
    openstack: OpenStack, region: Region, connection: Connection
) -> None:
    ids = region.add_snapshots(2345)
    found = [one["id"] for one in _pages(connection, "/snapshots?limit=1000")]
    assert found == ids[::-1]
    assert openstack.count("GET /snapshots") == 3


def test_an_application_credential_and_a_ready_token_let_in(
    openstack: OpenStack, region: Region
) -> None:
    region.add_snapshot()
    credential = openstack.identity.add_application_credential()
    ways: list[tuple[str, dict[str, str]]] = [
        (
            "v3applicationcredential",
            {
                "application_credential_id": credential.id,
                "application_credential_secret": credential.secret,
            },
        ),
        ("v3token", {"token": token_of(openstack).id, "project_id": credential.project.id}),
    ]
    for auth_type, auth in ways:
        given = {"auth_url": openstack.auth_url, **auth}
        with connect(openstack, auth_type=auth_type, auth=given) as connection:
            assert len(list(connection.block_storage.snapshots())) == 1


def test_a_token_of_an_application_credential_cannot_be_exchanged(openstack: OpenStack) -> None:
    credential = openstack.identity.add_application_credential()
    token = openstack.identity.issue(credential.user, credential.project, credential=credential)
    auth = {"auth_url": openstack.auth_url, "token": token.id}
    with (
        connect(openstack, auth_type="v3token", auth=auth) as connection,
        pytest.raises(keystone_exceptions.Forbidden),
    ):
        connection.session.get_token()


@pytest.mark.parametrize("by_id", [False, True])
def test_users_and_projects_go_by_name_and_by_id(openstack: OpenStack, by_id: bool) -> None:
    demo = openstack.identity.demo
    project = openstack.identity.project("demo")
    auth = {"auth_url": openstack.auth_url, "password": "secret"}
    if by_id:
        auth |= {"user_id": demo.id, "project_id": project.id}
    else:
        auth |= {"username": "demo", "project_name": "demo"}
        auth |= {"user_domain_name": "Default", "project_domain_name": "Default"}
    with connect(openstack, auth=auth) as connection:
        assert connection.current_project_id == project.id


def test_the_sdk_renews_a_token_that_was_revoked_or_has_expired(
    openstack: OpenStack, connection: Connection
) -> None:
    list(connection.block_storage.snapshots())
    openstack.identity.revoke_tokens("demo")
    list(connection.block_storage.snapshots())
    openstack.settings.clock.advance(3601)
    list(connection.block_storage.snapshots())
    assert openstack.count("POST /auth/tokens") == 3
    assert [one.status for one in openstack.asked("GET /snapshots/detail")] == [
        *(200, 401, 200, 401, 200)
    ]


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"username": "nobody"}, {"project_name": "other"}]
)
def test_a_wrong_credential_is_refused(openstack: OpenStack, wrong: dict[str, str]) -> None:
    right = {"auth_url": openstack.auth_url, "username": "demo", "password": "secret"}
    right |= {"project_name": "demo", "user_domain_id": "default", "project_domain_id": "default"}
    with (
        connect(openstack, auth=right | wrong) as connection,
        pytest.raises(keystone_exceptions.Unauthorized),
    ):
        connection.session.get_token()


def test_a_cloud_may_be_without_cinder(openstack: OpenStack) -> None:
    openstack.catalog = []
    with connect(openstack) as connection, pytest.raises(exceptions.SDKException):
        list(connection.block_storage.snapshots())
    assert openstack.count("* *", service="block-storage") == 0


def test_regions_have_volumes_of_their_own() -> None:
    with running_openstack(regions=("east", "west")) as openstack:
        openstack.region("west").add_snapshot(name="western")
        with connect(openstack) as east, connect(openstack, region_name="west") as west:
            assert list(east.block_storage.snapshots()) == []
            assert [one.name for one in west.block_storage.snapshots()] == ["western"]


@pytest.mark.parametrize("service_type", ["block-storage", "volumev3"])
def test_an_old_cloud_offers_less(service_type: str) -> None:
    with running_openstack(maximum="3.59", service_type=service_type) as openstack:
        snapshot = openstack.region().add_snapshot()
        with connect(openstack, block_storage_default_microversion="3.59") as connection:
            shown = connection.block_storage.get(f"/snapshots/{snapshot.id}").json()["snapshot"]
            assert "consumes_quota" not in shown
            assert "user_id" in shown
        path = openstack.requests[-1].path
        assert path == f"/v3/{snapshot.project_id}/snapshots/{snapshot.id}"


def test_it_runs_by_hand() -> None:
    command = [sys.executable, "-m", "tests.simulators.openstack", "--snapshots", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
        process.communicate()
    assert first.startswith("The simulated Cinder listens on http://127.0.0.1:")
    assert process.returncode == 0


def _pages(connection: Connection, path: str) -> Iterator[Any]:
    following: str | None = path
    while following:
        page = connection.block_storage.get(following).json()
        yield from page["snapshots"]
        links = page.get("snapshots_links", [{}])
        following = links[0].get("href")
