"""What changes something is sent once, whatever happens; what reads is tried again."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    ErrorCode,
    Query,
)
from tests.ec2.simulated.test_broken_pages import HTML, XHTML
from tests.ec2.simulated.tools import GIB, Connect, Gateway, ids, refused
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume

SNAPSHOT = "snap-0123456789abcdef0"
Change = Callable[[Gateway, str], Any]
CHANGES: dict[str, tuple[str, Change]] = {
    "create": ("CreateSnapshot", lambda g, v: g.account().create_snapshot(CreateSnapshot(v))),
    "clone": ("CreateVolume", lambda g, v: g.account().clone_snapshot(SNAPSHOT, CloneSnapshot())),
    "new volume": (
        "CreateVolume",
        lambda g, v: g.account().create_volume(CreateVolume(GIB, zone="eu-west-1a")),
    ),
    "copy": (
        "CopySnapshot",
        lambda g, v: g.account().copy_snapshot(
            SNAPSHOT, CopySnapshot(), g.account(provider="east")
        ),
    ),
    "delete": ("DeleteSnapshot", lambda g, v: g.account().delete_snapshot(SNAPSHOT)),
    "delete volume": ("DeleteVolume", lambda g, v: g.account().delete_volume(v)),
}
Break = Callable[[Simulator, str], None]
FAULTS: dict[str, tuple[Break, ErrorCode]] = {
    "503": (lambda s, a: s.fail(a, "Unavailable", 503, times=9), ErrorCode.UNAVAILABLE),
    "throttle with 503": (
        lambda s, a: s.fail(a, "RequestLimitExceeded", 503, times=9),
        ErrorCode.RATE_LIMITED,
    ),
    "throttle with 400": (
        lambda s, a: s.fail(a, "Throttling", 400, times=9),
        ErrorCode.RATE_LIMITED,
    ),
    "500": (lambda s, a: s.fail(a, "InternalError", 500, times=9), ErrorCode.UNAVAILABLE),
    "500 although done": (
        lambda s, a: s.fail(a, "InternalError", 500, times=9, executed=True),
        ErrorCode.UNAVAILABLE,
    ),
    "cut before": (lambda s, a: s.cut(a, "before", times=9), ErrorCode.UNAVAILABLE),
    "cut instead of an answer": (lambda s, a: s.cut(a, "answer", times=9), ErrorCode.UNAVAILABLE),
    "cut after the headers": (
        lambda s, a: s.cut(a, "after_headers", times=9),
        ErrorCode.BACKEND,
    ),
    "cut in the middle": (lambda s, a: s.cut(a, "middle", times=9), ErrorCode.BACKEND),
    "garbage": (lambda s, a: s.garble(a, times=9), ErrorCode.BACKEND),
    "nothing": (lambda s, a: s.garble(a, b"", times=9), ErrorCode.BACKEND),
    "HTML": (lambda s, a: s.garble(a, HTML, times=9), ErrorCode.BACKEND),
}


@pytest.fixture(autouse=True)
def source(region: Region, volume: Volume) -> None:
    region.add_snapshot(id=SNAPSHOT, volume_id=volume.id)


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_fails_was_sent_once(
    simulator: Simulator, gateway: Gateway, volume: Volume, change: str
) -> None:
    action, call = CHANGES[change]
    met = {}
    for fault, (make, _) in FAULTS.items():
        simulator.clear_faults()
        simulator.calls.clear()
        make(simulator, action)
        met[fault] = (refused(call, gateway, volume.id).code, simulator.count(action))
    assert met == {fault: (code, 1) for fault, (_, code) in FAULTS.items()}


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("change", CHANGES)
def test_a_proxys_page_is_no_success(
    simulator: Simulator, gateway: Gateway, volume: Volume, change: str
) -> None:
    action, call = CHANGES[change]
    simulator.garble(action, XHTML, times=9, executed=False)
    assert refused(call, gateway, volume.id).code is ErrorCode.BACKEND
    assert simulator.count(action) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_works_was_sent_once(
    simulator: Simulator, gateway: Gateway, volume: Volume, change: str
) -> None:
    action, call = CHANGES[change]
    call(gateway, volume.id)
    assert simulator.count(action) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_works_on_a_connection_that_the_server_closed(
    simulator: Simulator, gateway: Gateway, volume: Volume, change: str
) -> None:
    """The answer before it was cut, so the next one needs a connection of its own."""
    action, call = CHANGES[change]
    simulator.cut(action, "before")
    refused(call, gateway, volume.id)
    call(gateway, volume.id)
    assert simulator.count(action) == 2


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("change", ["create", "delete"])
@pytest.mark.parametrize("fault", ["cut instead of an answer", "cut after the headers"])
def test_an_error_says_that_it_may_have_happened(
    simulator: Simulator, gateway: Gateway, volume: Volume, change: str, fault: str
) -> None:
    action, call = CHANGES[change]
    FAULTS[fault][0](simulator, action)
    assert "may have happened" in refused(call, gateway, volume.id).message


READS: dict[str, tuple[str, Callable[[Account, str], Any]]] = {
    "list": ("DescribeSnapshots", lambda a, v: ids(a.list_snapshots(Query()))),
    "get volume": ("DescribeVolumes", lambda a, v: a.get_volume(v)),
}
PASSING: dict[str, tuple[Callable[..., None], ErrorCode]] = {
    "throttle": (
        lambda s, a, n: s.fail(a, "RequestLimitExceeded", 503, times=n),
        ErrorCode.RATE_LIMITED,
    ),
    "throttle with 400": (
        lambda s, a, n: s.fail(a, "Throttling", 400, times=n),
        ErrorCode.RATE_LIMITED,
    ),
    "503": (lambda s, a, n: s.fail(a, "Unavailable", 503, times=n), ErrorCode.UNAVAILABLE),
    "500": (lambda s, a, n: s.fail(a, "InternalError", 500, times=n), ErrorCode.UNAVAILABLE),
    "cut before": (lambda s, a, n: s.cut(a, "before", times=n), ErrorCode.UNAVAILABLE),
    "cut answer": (lambda s, a, n: s.cut(a, "answer", times=n), ErrorCode.UNAVAILABLE),
}


@pytest.mark.parametrize("read", READS)
def test_a_read_works_at_the_third_attempt(
    simulator: Simulator, connect: Connect, volume: Volume, read: str
) -> None:
    action, call = READS[read]
    account = connect(owner="self")
    met = {}
    for fault, (make, _) in PASSING.items():
        simulator.calls.clear()
        make(simulator, action, 2)
        call(account, volume.id)
        met[fault] = simulator.count(action)
    assert met == dict.fromkeys(PASSING, 3)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("attempts", [1, 3])
def test_a_read_fails_after_the_last_attempt(
    simulator: Simulator, connect: Connect, volume: Volume, read: str, attempts: int
) -> None:
    action, call = READS[read]
    account = connect(read_attempts=attempts)
    met = {}
    for fault, (make, _) in PASSING.items():
        simulator.clear_faults()
        simulator.calls.clear()
        make(simulator, action, 99)
        met[fault] = (refused(call, account, volume.id).code, simulator.count(action))
    assert met == {fault: (code, attempts) for fault, (_, code) in PASSING.items()}


@pytest.mark.parametrize(
    "code", ["InvalidParameterValue", "UnauthorizedOperation", "AuthFailure", "SomethingNew"]
)
def test_what_cannot_work_later_is_not_tried_again(
    simulator: Simulator, account: Account, code: str
) -> None:
    simulator.fail("DescribeSnapshots", code, 400, times=9)
    refused(account.list_snapshots, Query())
    assert simulator.count("DescribeSnapshots") == 1
