"""What is refused before CloudSigma is asked: when, and in which words."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from drivers.cloudsigma import rules, wire
from drivers.cloudsigma.wire import REMOTE
from gateway.driver import DriverError, ErrorCode, StorageSnapshot
from tests.unit.cloudsigma_samples import SNAPSHOT_ID

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)


def made(at: datetime | None, status: str = "available") -> StorageSnapshot:
    row = {"uuid": SNAPSHOT_ID, "status": status, "timestamp": at and at.isoformat(" ")}
    return wire.snapshot(row, REMOTE)


def refused(*at: datetime, now: datetime = NOON) -> DriverError:
    with pytest.raises(DriverError) as caught:
        rules.check_pause([made(one) for one in at], now)
    assert caught.value.code is ErrorCode.CONFLICT
    return caught.value


@pytest.mark.parametrize(
    "times", [[], [None], [timedelta(minutes=-30)], [timedelta(days=-9000), None]]
)
def test_nothing_bars_one_after_30_minutes(times: list[timedelta | None]) -> None:
    rules.check_pause([made(None if one is None else NOON + one) for one in times], NOON)


@pytest.mark.parametrize(("ago_s", "wait_s"), [(0, 1800), (1, 1799), (1799.5, 0.5), (-299, 2099)])
def test_the_last_one_bars_the_next_for_30_minutes(ago_s: float, wait_s: float) -> None:
    error = refused(NOON - timedelta(days=1), NOON - timedelta(seconds=ago_s))
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("now", "told"), [(NOON, "at 12:20:00 UTC"), (MIDNIGHT, "at 2026-11-22 00:10:00 UTC")]
)
def test_a_time_has_its_date_unless_it_is_today(now: datetime, told: str) -> None:
    assert refused(now - timedelta(minutes=10), now=now).message.endswith(told)


@pytest.mark.parametrize(
    "at",
    [
        NOON + timedelta(minutes=6),
        NOON + timedelta(days=3650),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_what_is_yet_to_come_says_that_a_clock_is_wrong(at: datetime) -> None:
    error = refused(NOON - timedelta(minutes=5), at)
    assert error.retry_after_s is None
    assert "clocks" in error.message
    assert re.search(r"dated (\d+-\d\d-\d\d )?\d\d:\d\d:\d\d UTC", error.message)


@pytest.mark.parametrize("status", sorted(wire.UNFINISHED))
def test_an_unfinished_one_bars_the_next_whenever_it_was_made(status: str) -> None:
    with pytest.raises(DriverError) as caught:
        rules.check_pause([made(NOON), made(NOON - timedelta(days=1), status)], NOON)
    assert status in caught.value.message
    assert caught.value.retry_after_s is None


def test_only_ids_can_be_avoided() -> None:
    rules.check_avoided(())
    rules.check_avoided((SNAPSHOT_ID, SNAPSHOT_ID.upper()))
    for bad in ("", "x", f"{SNAPSHOT_ID},{SNAPSHOT_ID}"):
        with pytest.raises(DriverError) as caught:
            rules.check_avoided((SNAPSHOT_ID, bad))
        assert list(caught.value.fields) == ["avoid"]
