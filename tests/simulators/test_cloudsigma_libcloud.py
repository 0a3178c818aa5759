"""Apache Libcloud's driver of CloudSigma's API 2.0 lives with the simulator.

Libcloud refuses to send a password over anything but https. So the driver believes that
it does, and its connection, a subclass made here, speaks http to the simulator after all.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from libcloud.common.types import InvalidCredsError
from libcloud.compute.drivers.cloudsigma import (
    CloudSigma_2_0_Connection,
    CloudSigma_2_0_NodeDriver,
    CloudSigmaError,
)

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_state import OTHER_ID, PASSWORD, USER

GIB = 1024**3


class Connection(CloudSigma_2_0_Connection):
    """The driver's connection, over http."""

    def __init__(self, user: str, key: str, secure: bool, *rest: Any, **given: Any) -> None:
        super().__init__(user, key, not secure, *rest, **given)


class Driver(CloudSigma_2_0_NodeDriver):
    """The driver with that connection."""

    connectionCls: Any = Connection  # noqa: N815


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def driver(cloud: CloudSigma) -> Any:
    return connect(cloud)


def connect(cloud: CloudSigma, password: str = PASSWORD) -> Any:
    """Return a driver for the simulator."""
    netloc = urlsplit(cloud.url)
    return Driver(USER, password, secure=True, host=netloc.hostname, port=netloc.port)


def test_drives_are_made_listed_cloned_and_deleted(cloud: CloudSigma, driver: Any) -> None:
    made = driver.create_volume("data", 2)
    assert (made.size, made.status) == (2.0, "creating")
    assert driver.ex_get_drive(made.id).status == "unmounted"
    clone = driver.ex_clone_drive(made, name="copy", ex_avoid=[made.id])
    assert (clone.name, clone.size, clone.status) == ("copy", 2.0, "cloning_dst")
    listed = {one.id: one.status for one in driver.list_volumes()}
    assert listed == {made.id: "unmounted", clone.id: "unmounted"}
    assert driver.destroy_volume(made)
    assert [one.id for one in driver.list_volumes()] == [clone.id]
    assert cloud.asked("POST /drives/*/action/")[0].parameters == [
        ("avoid", made.id),
        ("do", "clone"),
    ]


def test_all_drives_come_and_not_just_20(cloud: CloudSigma, driver: Any) -> None:
    for _ in range(30):
        cloud.add_drive()
    assert len(driver.ex_list_user_drives()) == 30


def test_a_drive_is_resized(cloud: CloudSigma, driver: Any) -> None:
    drive = cloud.add_drive(size=GIB)
    assert driver.ex_resize_drive(driver.ex_get_drive(drive.uuid), 2).status == "resizing"
    assert driver.ex_get_drive(drive.uuid).size == 2.0


def test_servers_and_hosts_are_listed(cloud: CloudSigma, driver: Any) -> None:
    drive = cloud.add_drive()
    assert driver.list_nodes() == []
    assert driver.ex_list_drives_availability_groups() == [[drive.uuid]]
    assert driver.ex_get_drive(drive.uuid).extra["mounted_on"] == []


def test_errors_are_understood(cloud: CloudSigma, driver: Any) -> None:
    drive = driver.create_volume("data", 1)
    driver.destroy_volume(drive)
    with pytest.raises(CloudSigmaError) as caught:
        driver.ex_get_drive(drive.id)
    assert (caught.value.http_code, caught.value.error_type) == (404, "notexist")
    with pytest.raises(CloudSigmaError) as caught:
        driver.ex_create_drive("small", 0)
    assert (caught.value.error_type, caught.value.error_point) == ("validation", "size")
    with pytest.raises(InvalidCredsError):
        connect(cloud, "wrong").list_volumes()


def test_an_error_without_a_point_is_too_much_for_libcloud(cloud: CloudSigma, driver: Any) -> None:
    """Such an error was seen of the real one; libcloud reads a field that it lacks."""
    drive = cloud.add_drive(owner=OTHER_ID)
    with pytest.raises(KeyError, match="error_point"):
        driver.ex_get_drive(drive.uuid)
    cloud.settings.foreign_has_point = True
    with pytest.raises(CloudSigmaError, match="does not have all of the permissions"):
        driver.ex_get_drive(drive.uuid)


def test_only_https_is_what_the_driver_takes() -> None:
    with pytest.raises(ValueError, match="secure connection"):
        Driver(USER, PASSWORD, secure=False)
