"""Closing a driver: as often as one likes, and nobody else notices."""

import threading
import time

from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, account_of
from gateway.driver import DriverError, Query, StorageSnapshot

_AWAY_S = 5.0
"""How long a thread may take to end: that of a server in this process ends after its client."""


class ClosingCases:
    """close."""

    def test_a_driver_can_be_closed_twice(self, harness: SnapshotHarness) -> None:
        driver = harness.open_driver()
        driver.close()
        driver.close()

    def test_a_driver_can_be_closed_unused_and_used(
        self, harness: SnapshotHarness, trio: list[StorageSnapshot]
    ) -> None:
        for is_used in (False, True):
            driver = harness.open_driver()
            if is_used:
                driver.get_snapshot(trio[0].id, deadline=harness.deadline())
            driver.close()

    def test_closing_one_driver_leaves_the_others_open(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        """What accounts share belongs to all of them."""
        other = subject.harness.open_driver()
        other.get_snapshot(trio[0].id, deadline=subject.harness.deadline())
        other.close()
        assert subject.get(trio[0].id) == trio[0]

    def test_after_closing_the_answer_is_true_or_an_error(
        self, harness: SnapshotHarness, trio: list[StorageSnapshot]
    ) -> None:
        driver = harness.open_driver()
        account = account_of(driver, timeout_s=harness.wait_s)
        driver.close()
        try:
            found = [snapshot.id for snapshot in account.list_snapshots(Query()).items()]
        except DriverError:
            return
        assert {snapshot.id for snapshot in trio} <= set(found)

    def test_a_closed_driver_leaves_no_thread_behind(
        self, harness: SnapshotHarness, trio: list[StorageSnapshot]
    ) -> None:
        for _ in range(2):  # the first may start what all drivers share
            before = set(threading.enumerate())
            driver = harness.open_driver()
            driver.get_snapshot(trio[0].id, deadline=harness.deadline())
            driver.close()
        end = time.monotonic() + _AWAY_S
        while left := [one.name for one in threading.enumerate() if one not in before]:
            assert time.monotonic() < end, f"threads of a closed driver still run: {left}"
            time.sleep(0.01)
