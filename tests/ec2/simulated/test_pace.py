"""EC2 takes a snapshot of one volume every 15 seconds: what is too soon is not even asked for."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.ec2.clients import Ec2Options
from drivers.ec2.pace import Pace
from gateway.driver import CreateSnapshot, DriverError, ErrorCode
from tests.creations.clouds import at_once
from tests.ec2.simulated.tools import Connect, refused
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume
from tests.unit.fakes import Clock


def test_the_second_snapshot_of_a_volume_waits_and_that_of_another_does_not(
    simulator: Simulator, connect: Connect, region: Region, volume: Volume
) -> None:
    account = connect(snapshot_interval_s=15)
    account.create_snapshot(CreateSnapshot(volume.id))
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert error.code is ErrorCode.RATE_LIMITED
    assert error.retry_after_s is not None
    assert 13 < error.retry_after_s <= 15
    assert error.is_retryable
    account.create_snapshot(CreateSnapshot(region.add_volume().id))
    assert simulator.count("CreateSnapshot") == 2


def test_all_accounts_of_a_provider_and_all_at_once_share_the_pace(
    simulator: Simulator, connect: Connect, volume: Volume
) -> None:
    account = connect(snapshot_interval_s=15)

    def create(_: int) -> str:
        try:
            return account.create_snapshot(CreateSnapshot(volume.id)).id
        except DriverError as error:
            return error.code.value

    found = at_once(8, create)
    assert found.count("rate_limited") == 7
    assert simulator.count("CreateSnapshot") == 1


def test_what_fails_otherwise_does_not_count(
    simulator: Simulator, connect: Connect, volume: Volume
) -> None:
    account = connect(snapshot_interval_s=15)
    simulator.fail("CreateSnapshot", "IncorrectState", 400)
    assert refused(account.create_snapshot, CreateSnapshot(volume.id)).code is ErrorCode.CONFLICT
    assert account.create_snapshot(CreateSnapshot(volume.id)).volume_id == volume.id


def test_what_ec2_says_of_its_pace_is_remembered(
    simulator: Simulator, connect: Connect, volume: Volume
) -> None:
    account = connect(snapshot_interval_s=15)
    simulator.fail("CreateSnapshot", "SnapshotCreationPerVolumeRateExceeded", 400)
    for _ in range(3):
        error = refused(account.create_snapshot, CreateSnapshot(volume.id))
        assert error.code is ErrorCode.RATE_LIMITED
        assert error.retry_after_s is not None
        assert 13 < error.retry_after_s <= 15
    assert simulator.count("CreateSnapshot") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 15),
        ({"endpoint_url": "https://ec2.example.org"}, 0),
        ({"endpoint_url": "https://ec2.example.org", "snapshot_interval_s": 20}, 20),
        ({"snapshot_interval_s": 0}, 0),
    ],
)
def test_aws_has_a_pace_and_others_have_what_the_operator_says(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: float
) -> None:
    monkeypatch.setattr(loaded, "options", Ec2Options().load({"region": "eu-west-1", **options}))
    assert loaded.snapshot_interval_s == expected


def test_the_time_is_that_of_the_last_one_that_may_have_been_made() -> None:
    clock = Clock()
    pace = Pace(clock)

    def ends(how: Callable[[], None]) -> float | None:
        try:
            with pace.turn("v", 15):
                clock.now += 2
                how()
        except DriverError as error:
            return error.retry_after_s
        return 0.0

    def fail(*, maybe_done: bool) -> None:
        raise DriverError(ErrorCode.UNAVAILABLE, "no", maybe_done=maybe_done)

    assert ends(lambda: fail(maybe_done=False)) is None
    assert ends(lambda: None) == 0.0
    clock.now += 5
    assert ends(lambda: None) == 10
    clock.now += 10
    assert ends(lambda: fail(maybe_done=True)) is None
    assert ends(lambda: None) == 13
