"""The faults that a test orders of the simulated OpenStack, as clients feel them."""

import http.client
import time
from collections.abc import Iterator

import pytest
from keystoneauth1 import exceptions as keystone_exceptions
from openstack import exceptions

from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_faults import is_meant
from tests.simulators.openstack_judge import Caller, connect
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
def call(openstack: OpenStack) -> Caller:
    return Caller(openstack)


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        ("GET /snapshots", True),
        ("GET /snap*", True),
        ("* *", True),
        ("* /snapshots", True),
        ("POST /snapshots", False),
        ("GET /snapshots/*", False),
        ("GET /volumes", False),
    ],
)
def test_targets_are_methods_and_patterns(target: str, is_one: bool) -> None:
    assert is_meant(target, "GET", "/snapshots") == is_one


def test_ordered_failures_come_when_they_should(openstack: OpenStack, call: Caller) -> None:
    openstack.fail("GET /snapshots", 503, times=2, after=1)
    assert call("GET", "/volumes").status == 200
    statuses = [call("GET", "/snapshots").status for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert openstack.count("GET /snapshots") == 4


@pytest.mark.parametrize(
    ("status", "retry_after", "kind"),
    [
        (401, None, "error"),
        (403, None, "forbidden"),
        (409, None, "conflictingRequest"),
        (413, "7", "overLimit"),
        (429, "7", "computeFault"),
        (500, None, "computeFault"),
        (503, "1", "serviceUnavailable"),
    ],
)
def test_failures_are_worded_as_the_real_ones(
    openstack: OpenStack, call: Caller, status: int, retry_after: str | None, kind: str
) -> None:
    openstack.fail("* /snapshots", status, retry_after=retry_after)
    answer = call("GET", "/snapshots")
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry_after)
    assert answer.json[kind]["code"] == status
    assert answer.json[kind].get("retryAfter") == (retry_after if status == 413 else None)
    assert ("Www-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers["X-Openstack-Request-Id"] == openstack.requests[-1].request_id


def test_keystone_fails_in_its_own_words(openstack: OpenStack) -> None:
    openstack.fail("POST /auth/tokens", 503, "Down for repairs.")
    with (
        connect(openstack) as connection,
        pytest.raises(keystone_exceptions.ServiceUnavailable, match="Down for repairs"),
    ):
        connection.session.get_token()


def test_the_sdk_renews_its_token_after_one_401(openstack: OpenStack, region: Region) -> None:
    region.add_snapshot()
    with connect(openstack) as connection:
        openstack.fail("GET /snapshots/detail", 401)
        assert len(list(connection.block_storage.snapshots())) == 1
    assert openstack.count("POST /auth/tokens") == 2


@pytest.mark.parametrize("executed", [False, True])
def test_a_failure_may_come_after_the_deed(
    openstack: OpenStack, region: Region, call: Caller, executed: bool
) -> None:
    volume = region.add_volume()
    openstack.fail("POST /snapshots", 500, executed=executed)
    assert call("POST", "/snapshots", {"snapshot": {"volume_id": volume.id}}).status == 500
    assert len(region.snapshots) == executed


@pytest.mark.parametrize("where", ["before", "answer", "after_headers", "middle"])
def test_connections_are_cut(
    openstack: OpenStack, region: Region, call: Caller, where: str
) -> None:
    volume = region.add_volume()
    openstack.cut("POST /snapshots", where)  # type: ignore[arg-type]
    lost = (http.client.RemoteDisconnected, http.client.IncompleteRead)
    with pytest.raises(lost):
        call("POST", "/snapshots", {"snapshot": {"volume_id": volume.id}})
    assert len(region.snapshots) == (where != "before")
    assert (openstack.requests[-1].status is None) == (where in ("before", "answer"))
    assert call("GET", "/snapshots").status == 200


def test_answers_are_garbled(openstack: OpenStack, call: Caller) -> None:
    openstack.garble("GET /snapshots")
    openstack.bad_gateway("GET /snapshots")
    assert [call("GET", "/snapshots").body[:6] for _ in range(3)] == [b"", b"<html>", b'{"snap']
    openstack.garble("GET /snapshots", status=302, headers={"Location": "/elsewhere"})
    assert call("GET", "/snapshots").headers["Location"] == "/elsewhere"
    openstack.bad_gateway("GET /snapshots/detail")
    with connect(openstack) as connection, pytest.raises(exceptions.HttpException) as caught:
        list(connection.block_storage.snapshots())
    assert caught.value.response is not None
    assert caught.value.response.status_code == 502


@pytest.mark.parametrize("where", ["before", "answer"])
def test_a_delay_is_longer_than_the_patience(
    openstack: OpenStack, region: Region, where: str
) -> None:
    region.add_snapshot()
    openstack.delay("GET /snapshots/detail", 60, where=where)  # type: ignore[arg-type]
    began = time.monotonic()
    with (
        connect(openstack, api_timeout=0.2) as connection,
        pytest.raises(keystone_exceptions.ConnectTimeout),
    ):
        list(connection.block_storage.snapshots())
    assert time.monotonic() - began < 5


def test_faults_can_be_taken_back(openstack: OpenStack, call: Caller) -> None:
    openstack.cut("* *", times=9)
    openstack.clear_faults()
    assert call("GET", "/snapshots").status == 200


@pytest.mark.parametrize("name", ["identity", "RegionOne"])
def test_a_service_may_be_down_for_a_while(openstack: OpenStack, name: str) -> None:
    with connect(openstack) as connection:
        openstack.go_down(name)
        with pytest.raises(keystone_exceptions.ConnectFailure):
            list(connection.block_storage.snapshots())
        openstack.come_back(name)
    with connect(openstack) as connection:
        assert list(connection.block_storage.snapshots()) == []
