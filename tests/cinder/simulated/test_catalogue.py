"""The way to the cloud's block storage: catalogue, regions, interfaces and versions."""

from typing import Any

import pytest

from gateway.driver import ErrorCode, Query, UpdateSnapshot
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.tools import LIST, listed, refused, version_of
from tests.simulators.openstack import OpenStack, running_openstack


@pytest.mark.parametrize("kind", ["block-storage", "volumev3"])
@pytest.mark.parametrize("in_url", [False, True])
def test_the_service_is_found_under_its_names(build: Build, kind: str, *, in_url: bool) -> None:
    with running_openstack(service_type=kind, project_in_url=in_url) as cloud:
        own = cloud.region().add_snapshot().id
        account = build(cloud).account()
        assert listed(account) == {own}
        account.update_snapshot(own, UpdateSnapshot(name="n"))
        paths = {one.path.count("98e424d7dfc04ad6a88344f859950a94") for one in cloud.asked(LIST)}
        assert paths == {int(in_url)}


REGIONS = ("north", "south")


def test_each_provider_has_its_region(build: Build) -> None:
    with running_openstack(regions=REGIONS) as cloud:
        own = [cloud.region(name).add_snapshot().id for name in REGIONS]
        gateway = build(cloud, region_name="north", second={"region_name": "south"})
        found = [listed(gateway.account(provider=name)) for name in ("first", "second")]
        assert found == [{own[0]}, {own[1]}]
        assert [one.region for one in cloud.asked(LIST)] == list(REGIONS)


def test_a_region_that_is_not_in_the_catalogue_is_the_configurations_fault(
    build: Build, openstack: OpenStack
) -> None:
    error = refused(build(openstack, region_name="nowhere").account)
    assert error.code is ErrorCode.BACKEND
    assert "region_name" in error.message


@pytest.mark.parametrize("interface", ["public", "internal", "admin"])
def test_the_endpoint_is_that_of_the_interface(
    build: Build, openstack: OpenStack, interface: str
) -> None:
    urls = dict.fromkeys(("public", "internal", "admin"), "http://127.0.0.1:1/v3")
    urls[interface] = f"{openstack.volume_url()}/v3"
    endpoints = [
        {"id": name, "interface": name, "region": "RegionOne", "region_id": "RegionOne", "url": url}
        for name, url in urls.items()
    ]
    openstack.catalog = [
        {"id": "c", "name": "cinder", "type": "block-storage", "endpoints": endpoints}
    ]
    own = openstack.region().add_snapshot().id
    assert listed(build(openstack, interface=interface).account()) == {own}


def test_an_interface_that_is_not_in_the_catalogue_is_told(
    build: Build, openstack: OpenStack
) -> None:
    endpoint = {"id": "1", "interface": "public", "region": "RegionOne", "region_id": "RegionOne"}
    endpoint["url"] = f"{openstack.volume_url()}/v3"
    openstack.catalog = [
        {"id": "c", "name": "cinder", "type": "block-storage", "endpoints": [endpoint]}
    ]
    error = refused(build(openstack, interface="internal").account)
    assert (error.code, "interface" in error.message) == (ErrorCode.BACKEND, True)


@pytest.mark.parametrize("catalog", [[], [{"id": "k", "name": "k", "type": "x", "endpoints": []}]])
def test_a_cloud_without_block_storage_is_told(
    build: Build, openstack: OpenStack, catalog: Any
) -> None:
    openstack.catalog = catalog
    error = refused(build(openstack).account)
    assert (error.code, error.is_retryable) == (ErrorCode.BACKEND, False)
    assert "catalogue" in error.message


def test_a_cinder_that_is_down_at_login_is_unavailable_until_it_is_back(
    build: Build, openstack: OpenStack
) -> None:
    gateway = build(openstack)
    openstack.go_down()
    assert refused(gateway.account).code is ErrorCode.UNAVAILABLE
    openstack.come_back()
    openstack.requests.clear()
    assert listed(gateway.account()) == set()
    assert version_of(openstack.requests[-1]) == "3.71"


GARBAGE: dict[str, tuple[bytes, int, str]] = {
    "HTML": (b"<html>Hello</html>", 200, "text/html"),
    "HTML with 404": (b"<html>Hello</html>", 404, "text/html"),
    "HTML with 502": (b"<html>Hello</html>", 502, "text/html"),
    "HTML with 403": (b"<html>Hello</html>", 403, "text/html"),
    "nothing": (b"", 200, "application/json"),
    "no content": (b"", 204, "application/json"),
    "a list": (b"[]", 200, "application/json"),
    "a number": (b"5", 200, "application/json"),
    "no versions": (b'{"versions": []}', 200, "application/json"),
    "another service": (b'{"name": "swift"}', 200, "application/json"),
    "no such version": (
        b'{"versions": [{"id": "v2.0", "status": "SUPPORTED", "links": []}]}',
        200,
        "application/json",
    ),
    "versions that are none": (b'{"versions": "3"}', 200, "application/json"),
    "versions that are numbers": (b'{"versions": [3]}', 200, "application/json"),
    "a version without a number": (
        b'{"versions": [{"id": "three", "status": "CURRENT", "links": []}]}',
        200,
        "application/json",
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_an_endpoint_that_tells_no_versions_is_an_error_and_not_forever(
    build: Build, openstack: OpenStack, name: str
) -> None:
    body, status, content_type = GARBAGE[name]
    gateway = build(openstack, read_attempts=1)
    openstack.garble("GET /", body, status, content_type=content_type, times=99)
    error = refused(gateway.account)
    assert error.code in {ErrorCode.UNAVAILABLE, ErrorCode.BACKEND}
    assert "Hello" not in error.message
    openstack.clear_faults()
    openstack.requests.clear()
    assert listed(gateway.account()) == set()
    assert version_of(openstack.requests[-1]) == "3.71"


@pytest.mark.parametrize("where_", ["before", "answer", "after_headers", "middle"])
def test_so_is_one_that_hangs_up(build: Build, openstack: OpenStack, where_: Any) -> None:
    gateway = build(openstack, read_attempts=1)
    openstack.cut("GET /", where_, times=99)
    assert refused(gateway.account).code is ErrorCode.UNAVAILABLE
    openstack.clear_faults()
    assert listed(gateway.account()) == set()


def test_a_microversion_that_is_taken_away_is_unsupported(build: Build) -> None:
    with running_openstack(project_in_url=False) as cloud:
        account = build(cloud).account()
        cloud.settings.maximum = "3.40"
        error = refused(account.list_snapshots, Query())
        assert (error.code, error.is_retryable) == (ErrorCode.UNSUPPORTED, False)
