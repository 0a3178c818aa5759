"""Drivers that hang for ever, each in another place; ``test_hanging.py`` runs the suite on them."""

import threading
from typing import Any

from gateway.conformance.harness import Fault
from gateway.driver import Capability, Query
from tests.conformance.apart import conformance_of
from tests.conformance.memory import MemoryDriver, MemoryHarness


def hang() -> Any:
    """Wait for what never comes."""
    return threading.Event().wait()


class InLists(MemoryDriver):
    """Promises to keep deadlines."""

    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return hang()


class InTrouble(MemoryDriver):
    """Hangs when the cloud does not answer."""

    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        return (
            hang()
            if self._cloud.fault is Fault.TIMEOUT
            else super().get_snapshot(snapshot_id, **kw)
        )


class InClassify(MemoryDriver):
    """Hangs when it is asked what an exception means."""

    @classmethod
    def classify(cls, exc: Exception) -> Any:
        return hang()


class InLoops(MemoryDriver):
    """Neither ends nor waits, and takes whatever interrupts it for a hiccup of the cloud."""

    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        for _ in range(2):
            try:
                while True:
                    pass
            except BaseException:  # noqa: BLE001 - that is the point
                continue
        return super().get_snapshot(snapshot_id, **kw)


class InClose(MemoryDriver):
    """Cannot be closed."""

    def close(self) -> None:
        hang()


class InThreads(MemoryDriver):
    """Can be used by one thread only."""

    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        is_main = threading.current_thread() is threading.main_thread()
        return super().get_snapshot(snapshot_id, **kw) if is_main else hang()


class Watched(InLists):
    """Promises nothing, so the core watches it."""

    capabilities = MemoryDriver.capabilities & ~Capability.KEEPS_DEADLINE


class Opening(MemoryHarness):
    """A harness that hangs before there is a driver."""

    def open_driver(self) -> Any:
        return hang()


for _driver in (InLists, InTrouble, InClassify, InLoops, InClose, InThreads, Watched):
    _found = type(_driver.__name__, (MemoryHarness,), {"driver_class": _driver, "wait_s": 0.5})
    globals()[f"Test{_driver.__name__}"] = conformance_of(_found)
TestOpening = conformance_of(Opening)
