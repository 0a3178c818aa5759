"""No call takes longer than it may, whatever the endpoint does."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    Deadline,
    DriverError,
    ErrorCode,
    MetadataChange,
    UpdateSnapshot,
)
from gateway.driver import Query as All
from tests.ec2.simulated import endpoints
from tests.ec2.simulated.tools import Connect, Gateway, fill, ids, refused
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region

SNAPSHOT, VOLUME = "snap-0123456789abcdef0", "vol-0123456789abcdef0"
SOON_S = 0.8
LATE_S = 4
"""Far more than SOON_S, for machines that are busy, and far less than what is waited for."""
CALLS: dict[str, tuple[str, Callable[[Account], Any]]] = {
    "list": ("DescribeSnapshots", lambda a: a.list_snapshots(All())),
    "get": ("DescribeSnapshots", lambda a: a.get_snapshot(SNAPSHOT)),
    "create": ("CreateSnapshot", lambda a: a.create_snapshot(CreateSnapshot(VOLUME))),
    "update": ("CreateTags", lambda a: a.update_snapshot(SNAPSHOT, UpdateSnapshot(name="n"))),
    "delete": ("DeleteSnapshot", lambda a: a.delete_snapshot(SNAPSHOT)),
    "clone": ("CreateVolume", lambda a: a.clone_snapshot(SNAPSHOT, CloneSnapshot())),
    "volumes": ("DescribeVolumes", lambda a: a.list_volumes(All())),
}


@pytest.fixture(autouse=True)
def resources(region: Region) -> None:
    region.add_volume(id=VOLUME)
    region.add_snapshot(id=SNAPSHOT, volume_id=VOLUME)


def timed(call: Callable[..., Any], *args: Any) -> ErrorCode:
    start = time.monotonic()
    error = refused(call, *args)
    assert time.monotonic() - start < LATE_S
    return error.code


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("call", ["list", "create", "update", "clone"])
def test_a_slow_backend_is_a_timeout(simulator: Simulator, connect: Connect, call: str) -> None:
    action, run = CALLS[call]
    # What has been made and is only answered late would be found and be no failure.
    simulator.delay(
        action, 30, times=9, where="before" if call in {"create", "clone"} else "answer"
    )
    assert timed(run, connect(call_timeout_s=SOON_S)) is ErrorCode.TIMEOUT
    assert simulator.count(action) == 1


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("call", ["list", "create"])
def test_so_is_one_that_is_slower_than_the_option(
    simulator: Simulator, connect: Connect, call: str
) -> None:
    action, run = CALLS[call]
    # What has been made and is only answered late would be found and be no failure.
    simulator.delay(
        action, 30, times=9, where="before" if call in {"create", "clone"} else "answer"
    )
    account = connect(read_timeout_s=SOON_S, read_attempts=1)
    assert timed(run, account) is ErrorCode.TIMEOUT
    assert simulator.count(action) == 1


def test_a_change_is_not_sent_again_after_a_timeout(simulator: Simulator, connect: Connect) -> None:
    account = connect(read_timeout_s=0.1)
    changes = [CALLS[name] for name in ("create", "delete", "clone")]
    for action, run in changes:
        simulator.delay(action, 30, times=9)
        assert timed(run, account) is ErrorCode.TIMEOUT
    time.sleep(0.2)
    assert [simulator.count(action) for action, _ in changes] == [1, 1, 1]


def test_a_read_that_hangs_once_is_tried_again(simulator: Simulator, connect: Connect) -> None:
    simulator.delay("DescribeSnapshots", 30)
    account = connect(read_timeout_s=SOON_S, owner="self")
    assert ids(account.list_snapshots(All())) == [SNAPSHOT]
    assert simulator.count("DescribeSnapshots") == 2


@pytest.mark.parametrize(
    "behaviour", [endpoints.silent, endpoints.trickling, endpoints.trickling_headers]
)
def test_an_endpoint_that_never_ends_its_answer_is_a_timeout(
    connect: Connect, behaviour: endpoints.Behaviour
) -> None:
    with endpoints.endpoint(behaviour) as url:
        account = connect(url=url, call_timeout_s=SOON_S)
        assert timed(CALLS["create"][1], account) is ErrorCode.TIMEOUT


def test_the_driver_itself_gives_up_a_silent_endpoint_so_that_no_thread_is_left_behind() -> None:
    with endpoints.endpoint(endpoints.silent) as url:
        driver = Gateway(url).driver()
        for _ in range(2):
            start = time.monotonic()
            with pytest.raises((ReadTimeoutError, DriverError)):
                driver.get_snapshot(SNAPSHOT, deadline=Deadline(SOON_S))
            assert time.monotonic() - start < LATE_S


@pytest.mark.parametrize("call", ["list", "create"])
def test_an_endpoint_that_nobody_serves_is_unavailable(connect: Connect, call: str) -> None:
    account = connect(url=endpoints.closed_port())
    assert timed(CALLS[call][1], account) is ErrorCode.UNAVAILABLE


def test_an_endpoint_that_speaks_no_http_is_unavailable(connect: Connect) -> None:
    with endpoints.endpoint(endpoints.no_http) as url:
        code = timed(CALLS["list"][1], connect(url=url, read_attempts=1))
    assert code is ErrorCode.UNAVAILABLE


def test_an_endpoint_with_tls_where_there_is_none_is_unavailable(
    simulator: Simulator, connect: Connect
) -> None:
    account = connect(url=simulator.url.replace("http:", "https:"), read_attempts=1)
    assert timed(CALLS["list"][1], account) is ErrorCode.UNAVAILABLE


def test_a_page_that_hangs_ends_the_list(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    fill(region, 11)
    account = connect(page_size=5, owner="self", call_timeout_s=SOON_S)
    simulator.delay("DescribeSnapshots", 30, after=1, times=9)
    pages = account.list_snapshots(All()).pages()
    assert len(next(pages)) == 5
    assert timed(next, pages) is ErrorCode.TIMEOUT


def test_calls_that_hang_hold_nobody_else_up(simulator: Simulator, connect: Connect) -> None:
    account = connect(call_timeout_s=SOON_S)
    simulator.delay("DescribeSnapshots", 30, times=3)
    for _ in range(3):
        assert timed(account.get_snapshot, SNAPSHOT) is ErrorCode.TIMEOUT
    assert account.get_snapshot(SNAPSHOT).id == SNAPSHOT


def test_retries_end_with_the_deadline(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    simulator.delay("DescribeSnapshots", SOON_S * 2 / 3, times=99)
    simulator.fail("DescribeSnapshots", "InternalError", 500, times=99)
    account = connect(call_timeout_s=SOON_S, read_attempts=10)
    assert timed(account.get_snapshot, SNAPSHOT) is ErrorCode.TIMEOUT
    time.sleep(0.2)
    assert simulator.count("DescribeSnapshots") <= 2


def test_a_change_of_two_calls_has_one_deadline(simulator: Simulator, connect: Connect) -> None:
    simulator.delay("CreateTags", 0.2)
    simulator.delay("DeleteTags", 30, times=9)
    change = MetadataChange({"a": "1"}, replace=True)
    simulator.region("eu-west-1").snapshots[SNAPSHOT].tags = {"b": "2"}
    account = connect(call_timeout_s=0.5)
    code = timed(account.update_snapshot, SNAPSHOT, UpdateSnapshot(metadata=change))
    assert code is ErrorCode.TIMEOUT
