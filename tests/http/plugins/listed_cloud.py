"""A cloud with as many rows as a test wants, which writes down what it is asked for.

The server loads it as a plug-in: ``listed_cloud:ListedDriver``. Rows are made by
their number, so tests know what to expect. Each list call adds a line to the
file ``calls`` in ``folder``; from the row that the file ``hold`` names they wait.
"""

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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
    Filter,
    Lookup,
    Owner,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    VolumeState,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
STATES = (SnapshotState.AVAILABLE, SnapshotState.CREATING, SnapshotState.ERROR)
GONE = 3
"""One in so many snapshots has a volume that is gone."""
VOLUMES = 7
"""Snapshots are of these many volumes, in turn."""


class CloudError(Exception):
    """What the cloud's own kit raises: a word for what happened."""


class ListedOptions(DriverOptions):
    folder = fields.String(required=True, metadata={"help": "where calls are written down"})
    rows = fields.Integer(load_default=120, metadata={"help": "how many snapshots there are"})
    padding = fields.Integer(load_default=0, metadata={"help": "length of each description"})
    fail_at = fields.Integer(load_default=-1, metadata={"help": "the row whose page fails"})
    fail_volume = fields.Boolean(load_default=False, metadata={"help": "volumes cannot be had"})
    error = fields.String(load_default="unavailable", metadata={"help": "how it fails"})
    delay_s = fields.Float(load_default=0.0, metadata={"help": "how long a page takes"})
    odd = fields.Boolean(load_default=False, metadata={"help": "odd records of its own"})


class PlainDriver(Driver):
    """Pages of fifty rows at the most; no filters, no order, no count, no volumes."""

    capabilities = Capability.KEEPS_DEADLINE
    Options = ListedOptions
    page_size = 50

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
            raise CloudError("unauthenticated")
        return cls(options)

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        first = int(cursor or 0)
        self._called("snapshots", first, page_size)
        numbers = self._numbers(query)
        chosen = numbers[first : first + page_size]
        if self._options["fail_at"] in chosen:
            raise CloudError(self._options["error"])
        items = tuple([snapshot(number, self._options) for number in chosen])
        after = first + len(chosen)
        return Page(items, str(after) if after < len(numbers) else None)

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        self._called("snapshot", snapshot_id, 1)
        kind, _, number = snapshot_id.partition("-")
        if kind != "snap" or not number.isdigit() or int(number) >= self._options["rows"]:
            raise CloudError("not_found")
        return snapshot(int(number), self._options)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        if not isinstance(exc, CloudError):
            return None
        if exc.args == ("bug",):
            return None
        code = ErrorCode(str(exc))
        return DriverError(code, f"the cloud says: {code}", backend_code=f"Cloud{code}")

    def _numbers(self, query: Query) -> list[int]:
        return list(range(self._options["rows"]))

    def _called(self, what: str, first: int | str, size: int) -> None:
        line = json.dumps([what, first, size]) + "\n"
        with (self._folder / "calls").open("a") as file:
            file.write(line)
        if self._options["delay_s"]:
            time.sleep(self._options["delay_s"])
        while isinstance(first, int) and first >= self._held_from():
            time.sleep(0.01)

    def _held_from(self) -> float:
        try:
            return int((self._folder / "hold").read_text())
        except FileNotFoundError:
            return math.inf


class ListedDriver(PlainDriver):
    """The same, with volumes, some of which are gone."""

    capabilities = PlainDriver.capabilities | Capability.VOLUME_READ

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        first = int(cursor or 0)
        self._called("volumes", first, page_size)
        self._check_volumes()
        there = [number for number in range(VOLUMES) if number % GONE != 0]
        chosen = there[first : first + page_size]
        after = first + len(chosen)
        return Page(tuple(map(volume, chosen)), str(after) if after < len(there) else None)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        self._called("volume", volume_id, 1)
        self._check_volumes()
        _, _, digits = volume_id.partition("vol-")
        number = int(digits) if digits.isdigit() else 0
        if number % GONE == 0 or number >= VOLUMES:
            raise CloudError("not_found")
        return volume(number)

    def _check_volumes(self) -> None:
        if self._options["fail_volume"]:
            raise CloudError(self._options["error"])


class ServingDriver(ListedDriver):
    """The same, and it filters, sorts and counts."""

    capabilities = ListedDriver.capabilities | Capability.SNAPSHOT_COUNT
    pushdown = {  # noqa: RUF012 - a table of the class, as every driver has one
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("volume_id", Lookup.EXACT): Pushdown.EXACT,
        ("state", Lookup.EXACT): Pushdown.SUPERSET,
    }
    sort_keys = frozenset({"size_bytes"})

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        self._called("count", 0, 0)
        return len(self._numbers(query))

    def _numbers(self, query: Query) -> list[int]:
        exact = [f for f in query.filters if self.pushdown[f.field, f.lookup] is Pushdown.EXACT]
        found = [n for n in super()._numbers(query) if _matches(exact, n)]
        for key in query.sort:  # there is one
            found.sort(key=lambda number: number % 10, reverse=key.descending)
        return found


def _matches(filters: list[Filter], number: int) -> bool:
    found = snapshot(number, ListedOptions().load({"folder": ""}))
    return all(condition.matches(found) for condition in filters)


def snapshot(number: int, options: Mapping[str, Any]) -> StorageSnapshot:
    """Return one of the snapshots that there are."""
    is_gone = number % VOLUMES % GONE == 0
    return StorageSnapshot(
        id=f"snap-{number:05}",
        state=STATES[number % len(STATES)],
        native_state="ok",
        ready=number % 2 == 0,
        name=None if number % 5 == 0 else f"name {number % 11}",
        description=_noise(number, options["padding"]) or None,
        created=START + timedelta(hours=number // 2),
        volume_id=f"vol-{number % VOLUMES}",
        volume_exists=None if not is_gone or number % 2 else False,
        size_bytes=(number % 10) << 30,
        stored_bytes=number if number % 3 else None,
        stored_kind=StoredKind.DELTA if number % 3 else None,
        metadata={"turn": str(number % 4), **({"a[b].é": "<&> é"} if number % 9 == 0 else {})},
        labels=("new", "red") if number % 8 == 0 else (),
        owner=Owner(f"account {number % 2}", number % 2 == 0),
        encrypted=None if number % 7 == 0 else number % 2 == 0,
        native=_odd(number) if options["odd"] else {"Number": number, "Tags": ["<a>", {"b": None}]},
    )


def volume(number: int) -> StorageVolume:
    """Return one of the volumes that there are."""
    return StorageVolume(
        id=f"vol-{number}",
        state=VolumeState.IN_USE,
        native_state="attached",
        name=f"volume {number}",
        created=START - timedelta(days=number),
        size_bytes=number << 30,
        metadata={"disk": str(number)},
        zone="zone <1>",
        native={"Volume": number},
    )


def _odd(number: int) -> dict[str, Any]:
    """Return what some cloud's JSON held: a mapping, but one that not every writer likes."""
    kinds: tuple[dict[str, Any], ...] = (
        {"big": 1 << 70},
        {"text": "lone \ud800"},
        {"time": START},
        {"control": "\x00\x01\ufffe"},
        {"float": float("nan")},
        {},
    )
    return kinds[number % len(kinds)]


def _noise(number: int, length: int) -> str:
    """Return text that does not compress to nothing."""
    return "".join(f"{(number + 1) * i * 2654435761 % 4294967296:08x}" for i in range(length // 8))
