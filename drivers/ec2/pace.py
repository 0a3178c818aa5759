"""How soon after a snapshot of a volume EC2 takes the next one.

Source: EC2 API reference, error codes, SnapshotCreationPerVolumeRateExceeded: "Wait
at least 15 seconds between concurrent volume snapshots."
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError
from cachetools import LRUCache

from drivers.ec2 import errors
from gateway.driver import DriverError, ErrorCode

INTERVAL_S = 15.0
TOO_SOON = "SnapshotCreationPerVolumeRateExceeded"
_VOLUMES = 65_536


class Pace:
    """Remembers of each volume when a snapshot of it was asked for, as far as this process did."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: LRUCache[str, float] = LRUCache(_VOLUMES)
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, volume_id: str, interval_s: float) -> Iterator[None]:
        """Let the block ask for a snapshot of a volume if it is time for one.

        What EC2 refuses for another reason than its pace does not count.

        Raises:
            DriverError: ``rate_limited`` with the seconds until it is time.
        """
        before = self._begin(volume_id, interval_s)
        try:
            yield
        except DriverError as error:
            if not error.maybe_done:
                self._set(volume_id, before)
            raise
        except Exception as exc:
            is_pace = isinstance(exc, ClientError) and errors.error_code(exc) == TOO_SOON
            self._set(volume_id, self._clock() if is_pace else before)
            raise
        self._set(volume_id, self._clock())

    def _begin(self, volume_id: str, interval_s: float) -> float | None:
        with self._lock:
            now, before = self._clock(), self._last.get(volume_id)
            left = 0.0 if before is None else before + interval_s - now
            if left > 0:
                raise DriverError(
                    ErrorCode.RATE_LIMITED,
                    f"EC2 takes a snapshot of one volume every {interval_s:g} seconds",
                    retry_after_s=left,
                )
            self._last[volume_id] = now
            return before

    def _set(self, volume_id: str, moment: float | None) -> None:
        with self._lock:
            if moment is None:
                self._last.pop(volume_id, None)
            else:
                self._last[volume_id] = moment
