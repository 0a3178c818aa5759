"""What the plain scripts share that read whole lists with a cloud's own kit."""

import sys
import time
from collections.abc import Callable

from tests.bench.memory import fresh_peak_mib, peak_mib


def measure(count_all: Callable[[], int]) -> None:
    """For each line of the input count the list once.

    Prints the seconds that took, the number of snapshots, and how many MiB the
    process has grown by.
    """
    for _ in sys.stdin:
        before = fresh_peak_mib()
        begun = time.perf_counter()
        count = count_all()
        took = time.perf_counter() - begun
        print(took, count, peak_mib() - before, flush=True)
