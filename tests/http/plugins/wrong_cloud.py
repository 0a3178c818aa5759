"""A cloud whose driver breaks its contract: how, the id of the snapshot or an option says."""

import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from gateway.driver import (
    Capability,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Page,
    Query,
    SnapshotState,
    StorageSnapshot,
)


class WrongDriver(Driver):
    """Promises to keep deadlines, and much more."""

    capabilities = Capability.KEEPS_DEADLINE | Capability.SNAPSHOT_DELETE
    page_size = 3

    def __init__(self, password: str) -> None:
        self._password = password

    @classmethod
    def demo_credentials(cls, options: Mapping[str, Any]) -> Credentials:
        return Credentials("demo", "demo-demo")

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        if credentials.username == "nobody":
            return None  # type: ignore[return-value]
        return cls(credentials.password or "")

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        if not cursor:
            return Page((snapshot("a"), snapshot("b"), snapshot("c")), "2")
        wrong: Any = {"name": 4, "completed": "now"}  # in the middle, where nobody looks beforehand
        return Page((snapshot("d"), snapshot("e", **wrong), snapshot("f")))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> Any:
        answers: Mapping[str, Any] = {
            "none": lambda: None,
            "dict": lambda: {"id": "s"},
            "naive": lambda: snapshot("naive", created=datetime(2026, 11, 21)),
            "interrupt": _interrupt,
            "end": lambda: os._exit(3),
            "abort": lambda: os._exit(4),
            "sleep": lambda: time.sleep(60),
            "loop": _loop,
            "leak": self._leak,
        }
        return answers.get(snapshot_id, lambda: snapshot(snapshot_id))()

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> Any:
        return "done"

    def close(self) -> None:
        raise SystemExit(self._password)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        raise exc

    def _leak(self) -> None:
        raise DriverError(
            ErrorCode.BACKEND, f"I said {self._password}", backend_code=self._password
        )


class SlackWrongDriver(WrongDriver):
    """The same, and does not even promise."""

    capabilities = Capability.SNAPSHOT_DELETE


def snapshot(snapshot_id: str, **facts: Any) -> StorageSnapshot:
    return StorageSnapshot(snapshot_id, SnapshotState.AVAILABLE, "ok", ready=True, **facts)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _loop() -> None:
    while True:
        pass
