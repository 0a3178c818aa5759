"""A page that fails ends its list with an error, never with a shorter list."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import ErrorCode, Query
from tests.ec2.simulated.tools import Connect, fill, ids, refused
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title><br></head><body>Hello</body></html>"
XHTML = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>Hi</body></html>'
ERROR = (
    b"<Response><Errors><Error><Code>Unavailable</Code><Message>no</Message></Error></Errors>"
    b"<RequestID>1</RequestID></Response>"
)
NAMESPACE = b'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
EMPTY = b"<DescribeSnapshotsResponse " + NAMESPACE + b"><requestId>1</requestId></Describe"
OTHER = b"<DeleteSnapshotResponse " + NAMESPACE + b"><return>true</return></DeleteSnapshotResponse>"
BAD_NUMBER = (
    b"<Response " + NAMESPACE + b"><snapshotSet><item><volumeSize>big</volumeSize></item>"
    b"</snapshotSet><volumeSet><item><size/></item></volumeSet></Response>"
)
Break = Callable[..., None]


def error(code: str, status: int) -> Break:
    return lambda simulator, action, **kw: simulator.fail(action, code, status, **kw)


def cut(place: Any) -> Break:
    return lambda simulator, action, **kw: simulator.cut(action, place, **kw)


def garbled(body: bytes, status: int = 200) -> Break:
    return lambda simulator, action, **kw: simulator.garble(action, body, status, **kw)


FAULTS: dict[str, tuple[Break, ErrorCode]] = {
    "internal error": (error("InternalError", 500), ErrorCode.UNAVAILABLE),
    "throttle": (error("RequestLimitExceeded", 503), ErrorCode.RATE_LIMITED),
    "unknown error": (error("SomethingNew", 400), ErrorCode.INVALID),
    "denied": (error("UnauthorizedOperation", 403), ErrorCode.DENIED),
    "bad token": (error("InvalidParameterValue", 400), ErrorCode.INVALID),
    "cut before": (cut("before"), ErrorCode.UNAVAILABLE),
    "cut instead of an answer": (cut("answer"), ErrorCode.UNAVAILABLE),
    "cut after the headers": (cut("after_headers"), ErrorCode.BACKEND),
    "cut in the middle": (cut("middle"), ErrorCode.BACKEND),
    "garbage": (garbled(b"\x00\xff<Garbled"), ErrorCode.BACKEND),
    "text": (garbled(b"OK"), ErrorCode.BACKEND),
    "nothing": (garbled(b""), ErrorCode.BACKEND),
    "no content": (garbled(b"", 204), ErrorCode.BACKEND),
    "JSON": (garbled(b'{"Snapshots": []}'), ErrorCode.BACKEND),
    "HTML": (garbled(HTML), ErrorCode.BACKEND),
    "XHTML": (garbled(XHTML), ErrorCode.BACKEND),
    "HTML with 502": (garbled(b"<html><br>Bad Gateway</html>", 502), ErrorCode.UNAVAILABLE),
    "nothing with 503": (garbled(b"", 503), ErrorCode.UNAVAILABLE),
    "HTML 5 with 502": (garbled(HTML, 502), ErrorCode.UNAVAILABLE),
    "HTML with 403": (garbled(HTML, 403), ErrorCode.DENIED),
    "a redirect": (garbled(HTML, 302), ErrorCode.BACKEND),
    "an error with 200": (garbled(ERROR), ErrorCode.BACKEND),
    "no set of snapshots": (garbled(EMPTY + b"SnapshotsResponse>"), ErrorCode.BACKEND),
    "a number that is none": (garbled(BAD_NUMBER), ErrorCode.BACKEND),
    "truncated in a tag": (garbled(EMPTY), ErrorCode.BACKEND),
    "the answer of another call": (garbled(OTHER), ErrorCode.BACKEND),
}


@pytest.fixture
def paged(connect: Connect, region: Region) -> Account:
    """An account with four pages, whose calls are tried once."""
    fill(region, 20)
    return connect(page_size=5, read_attempts=1, owner="self")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_later_page_that_fails_is_an_error(
    simulator: Simulator, paged: Account, fault: str
) -> None:
    make, code = FAULTS[fault]
    for good in (1, 3):
        make(simulator, "DescribeSnapshots", after=good)
        pages = paged.list_snapshots(Query()).pages()
        assert [len(next(pages)) for _ in range(good)] == [5] * good
        assert refused(next, pages).code is code
    assert len(ids(paged.list_snapshots(Query()))) == 20


def met(simulator: Simulator, action: str, call: Callable[[], Any], **when: int) -> Any:
    """Return what a call ends with under each fault."""
    codes = {}
    for fault, (make, _) in FAULTS.items():
        simulator.clear_faults()
        make(simulator, action, **when)
        codes[fault] = refused(call).code
    return codes


EXPECTED = {fault: code for fault, (_, code) in FAULTS.items()}


def test_a_first_page_that_fails_is_an_error_before_the_list_begins(
    simulator: Simulator, paged: Account
) -> None:
    found = met(simulator, "DescribeSnapshots", lambda: paged.list_snapshots(Query()))
    assert found == EXPECTED


def test_volumes_are_no_shorter_either(
    simulator: Simulator, paged: Account, region: Region
) -> None:
    for _ in range(6):
        region.add_volume()
    found = met(simulator, "DescribeVolumes", lambda: ids(paged.list_volumes(Query())), after=1)
    assert found == EXPECTED


def test_a_look_up_that_fails_is_not_a_missing_snapshot(
    simulator: Simulator, paged: Account, region: Region
) -> None:
    one = next(iter(region.snapshots))
    assert met(simulator, "DescribeSnapshots", lambda: paged.get_snapshot(one)) == EXPECTED


@pytest.mark.parametrize("chunked_from", [0, 10**9])
def test_a_page_that_is_cut_is_an_error_with_and_without_a_length(
    simulator: Simulator, paged: Account, chunked_from: int
) -> None:
    simulator.settings.chunked_from = chunked_from
    simulator.cut("DescribeSnapshots", "middle", after=2)
    error = refused(ids, paged.list_snapshots(Query()))
    assert error.code in {ErrorCode.BACKEND, ErrorCode.UNAVAILABLE}


def test_no_error_repeats_what_the_endpoint_sent(simulator: Simulator, paged: Account) -> None:
    simulator.garble("DescribeSnapshots", b"<html>hunter2</html>")
    told = refused(paged.list_snapshots, Query())
    assert "hunter2" not in f"{told} {told!r} {told.fields}"
