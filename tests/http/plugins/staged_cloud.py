"""A cloud for tests whose every step the test decides, through files in a folder.

The server loads it as a plug-in: ``staged_cloud:StagedDriver``. Its options say
how it behaves; ``folder`` is where it leaves ``entered-*`` files and waits for
the file ``go``.
"""

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from marshmallow import fields

from gateway.driver import (
    Capability,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    DriverOptions,
    ErrorCode,
    Page,
    Query,
    SnapshotState,
    StorageSnapshot,
)

ROWS = 50
PAGES = 4
SECRET = "cloud-said-c4ca4238a0b9"


class CloudError(Exception):
    """What the cloud's own kit raises: a word for what happened."""


class StagedOptions(DriverOptions):
    folder = fields.String(required=True, metadata={"help": "where the test and the cloud meet"})
    wait_at = fields.Integer(load_default=-1, metadata={"help": "number of the page that waits"})
    fail_at = fields.Integer(load_default=-1, metadata={"help": "number of the page that fails"})
    error = fields.String(load_default="down", metadata={"help": "how it fails"})


class StagedDriver(Driver):
    """Lists snapshots in pages; ``get_snapshot`` waits, fails or answers, as the id says."""

    capabilities = Capability.KEEPS_DEADLINE
    Options = StagedOptions
    page_size = ROWS

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._folder = Path(options["folder"])

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        if credentials.password != "demo":
            raise CloudError("stranger")
        return cls(options)

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        number = int(cursor or 0)
        if number == self._options["wait_at"]:
            self._wait()
        if number == self._options["fail_at"]:
            self._fail(self._options["error"])
        first = number * ROWS
        items = tuple(_snapshot(f"snap-{i:04}") for i in range(first, first + ROWS))
        return Page(items, str(number + 1) if number + 1 < PAGES else None)

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        what, _, more = snapshot_id.partition("-")
        if what == "wait":
            self._wait()
        elif what == "sleep":
            time.sleep(float(more))
        elif what == "fail":
            self._fail(more)
        return _snapshot(snapshot_id)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        if not isinstance(exc, CloudError):
            return None
        if exc.args == ("stranger",):
            return DriverError(ErrorCode.UNAUTHENTICATED, "the cloud does not know this account")
        code = ErrorCode(str(exc))
        return DriverError(
            code, f"the cloud says: {code}", backend_code=f"Cloud{code}", retry_after_s=6.5
        )

    def _wait(self) -> None:
        (self._folder / f"entered-{uuid.uuid4()}").touch()
        while not (self._folder / "go").exists():
            time.sleep(0.01)

    @staticmethod
    def _fail(how: str) -> None:
        if how == "bug":
            raise RuntimeError(f"password={SECRET}-bug")
        if how == "exit":
            raise SystemExit(f"{SECRET}-exit")
        raise CloudError(how)


class BulkDriver(StagedDriver):
    """Deletes, and writes down how many deletions were under way at once."""

    capabilities = StagedDriver.capabilities | Capability.SNAPSHOT_DELETE
    under_way = most = 0

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        what, _, more = snapshot_id.partition("-")
        if what == "fail":
            self._fail(more.partition("-")[0])
        kind = type(self)
        kind.under_way += 1
        kind.most = max(kind.most, kind.under_way)
        (self._folder / "most-at-once").write_text(str(kind.most))
        time.sleep(0.02)
        kind.under_way -= 1


class DawdlingDriver(StagedDriver):
    """The same, without the promise to keep deadlines."""

    capabilities = Capability(0)


def _snapshot(snapshot_id: str) -> StorageSnapshot:
    return StorageSnapshot(
        id=snapshot_id, state=SnapshotState.AVAILABLE, native_state="ok", ready=True
    )
