"""A page that fails ends its list with an error, never with a shorter list."""

from collections.abc import Callable

import pytest

from gateway.core.snapshots import Account
from gateway.driver import DriverError, ErrorCode, Query
from tests.cinder.simulated.tools import LIST, ids, refused, where
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Snapshot

HTML = b"<html>404</html>"


@pytest.mark.parametrize("good", [1, 2])
@pytest.mark.parametrize("fault", ["503", "proxy", "cut", "HTML", "links", "rows", "nothing"])
def test_a_later_page_that_fails_ends_the_list_loudly(
    openstack: OpenStack, account: Account, region: Region, fault: str, good: int
) -> None:
    faults: dict[str, Callable[[], None]] = {
        "503": lambda: openstack.fail(LIST, 503, times=9, after=good),
        "proxy": lambda: openstack.bad_gateway(LIST, times=9, after=good),
        "cut": lambda: openstack.cut(LIST, "middle", times=9, after=good),
        "HTML": lambda: openstack.garble(LIST, b"<html>", times=9, after=good),
        "links": lambda: openstack.garble(
            LIST,
            b'{"snapshots": [], "snapshots_links": [{"rel": "next", "href": ""}]}',
            after=good,
        ),
        "rows": lambda: openstack.garble(LIST, b'{"snapshots": {}}', after=good),
        "nothing": lambda: openstack.garble(LIST, b"{}", after=good),
    }
    region.add_snapshots(10)
    openstack.settings.page_maximum = 3
    faults[fault]()
    pages = account.list_snapshots(Query()).pages()
    assert [len(next(pages)) for _ in range(good)] == [3] * good
    down = {"503", "proxy", "cut"}
    code = ErrorCode.UNAVAILABLE if fault in down else ErrorCode.BACKEND
    assert refused(next, pages).code is code


def test_a_page_that_a_proxy_does_not_find_is_no_deleted_marker(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    region.add_snapshots(10)
    openstack.settings.page_maximum = 3
    openstack.garble(LIST, HTML, 404, content_type="text/html", times=99, after=1)
    pages = account.list_snapshots(Query()).pages()
    next(pages)
    assert refused(next, pages).code is ErrorCode.BACKEND
    assert openstack.count(LIST) == 2


def test_a_list_that_goes_in_circles_is_an_error(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    region.add_snapshots(2)
    openstack.settings.page_maximum = 1
    rows = b'{"snapshots": [{"id": "%b", "status": "available"}], "snapshots_links": [%b]}'
    link = b'{"rel": "next", "href": ""}'
    for _ in range(20):
        openstack.garble(LIST, rows % (b"0" * 32, link))
    error = refused(ids, account.list_snapshots(Query()))
    assert error.code is ErrorCode.BACKEND


@pytest.mark.parametrize("collection", ["snapshots", "volumes"])
def test_a_look_up_that_a_proxy_does_not_find_is_no_empty_list(
    openstack: OpenStack, account: Account, snapshot: Snapshot, collection: str
) -> None:
    openstack.garble(f"GET /{collection}/*", HTML, 404, content_type="text/html", times=9)
    is_volume = collection == "volumes"
    list_, get = (
        (account.list_volumes, account.get_volume)
        if is_volume
        else (account.list_snapshots, account.get_snapshot)
    )
    wanted = snapshot.volume_id if is_volume else snapshot.id
    assert refused(get, wanted).code is ErrorCode.BACKEND
    assert refused(list_, where(id=wanted)).code is ErrorCode.BACKEND


@pytest.mark.parametrize(
    "body",
    [
        b'{"snapshots": [], "snapshots_links": ["next"]}',
        b'{"snapshots": [], "snapshots_links": 5}',
        b'{"snapshots": [], "snapshots_links": {"rel": "next"}}',
        b'{"snapshots": [5]}',
        b'{"snapshots": null}',
        b'{"snapshots": [{"id": "1"}]}',
        b'{"snapshots": [{"id": "1", "status": "available", "size": "big"}]}',
        b'{"snapshots": [{"id": "1", "status": "available", "metadata": ["a"]}]}',
        b'{"snapshots": [{"id": "1", "status": "available", "created_at": "now"}]}',
        b"[]",
        b'"snapshots"',
        b"\xff\xfe",
        b"",
    ],
)
def test_rows_that_are_none_are_the_backends_fault(
    openstack: OpenStack, account: Account, body: bytes
) -> None:
    openstack.garble(LIST, body)
    assert refused(account.list_snapshots, Query()).code is ErrorCode.BACKEND


@pytest.mark.parametrize(
    "body",
    [
        b'{"resource_filters": ["snapshot"]}',
        b'{"resource_filters": 5}',
        b'{"resource_filters": {"resource": "snapshot"}}',
        b'{"resource_filters": [{"resource": "snapshot", "filters": null}]}',
        b'{"resource_filters": [{"resource": "snapshot", "filters": [["name"]]}]}',
        b"[]",
        b"<html>",
    ],
)
def test_filters_that_are_none_hide_nothing(
    openstack: OpenStack, account: Account, region: Region, body: bytes
) -> None:
    """The list is whole or an error of the backend's, and the next one is whole."""
    own = region.add_snapshot(name="n").id
    openstack.garble("GET /resource_filters", body)
    try:
        assert ids(account.list_snapshots(where(name="n"))) == [own]
    except DriverError as error:
        found = error.code
    else:
        found = ErrorCode.BACKEND
    assert found is ErrorCode.BACKEND
    assert ids(account.list_snapshots(where(name="n"))) == [own]


@pytest.mark.parametrize(
    "body", [b'{"messages": ["no"]}', b'{"messages": 5}', b'{"messages": {"a": 1}}', b"[]", b"<"]
)
def test_messages_that_are_none_do_not_hide_the_snapshot(
    openstack: OpenStack, account: Account, region: Region, body: bytes
) -> None:
    own = region.add_snapshot(status="error").id
    openstack.garble("GET /messages", body)
    assert account.get_snapshot(own).state_reason is None
    openstack.clear_faults()
    openstack.fail("GET /messages", 503, times=9)
    assert account.get_snapshot(own).native_state == "error"
