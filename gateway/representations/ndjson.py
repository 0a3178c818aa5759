"""Lists as lines of JSON, one an item; the last line says whether that was all.

Everything that is no list is JSON on one line.
"""

from collections.abc import Callable, Iterable, Iterator

from gateway.driver import StorageSnapshot, StorageVolume
from gateway.representations import json
from gateway.representations.documents import ListEnd, Problem, Row, json_bytes
from gateway.representations.json import (
    driver,
    drivers,
    entry_point,
    metadata,
    metadata_value,
    problem,
    results,
    schema,
    storage_snapshot,
    storage_volume,
)

__all__ = [
    "CONTENT_TYPE",
    "cut",
    "driver",
    "drivers",
    "entry_point",
    "metadata",
    "metadata_value",
    "problem",
    "results",
    "schema",
    "storage_snapshot",
    "storage_snapshots",
    "storage_volume",
    "storage_volumes",
]
CONTENT_TYPE = "application/x-ndjson"


def storage_snapshots(
    pages: Iterable[tuple[StorageSnapshot, ...]],
    row: Callable[[StorageSnapshot], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of snapshots, in chunks."""
    return _lines(json.snapshot_lines(pages, row), end)


def storage_volumes(
    pages: Iterable[tuple[StorageVolume, ...]],
    row: Callable[[StorageVolume], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of volumes, in chunks."""
    return _lines(json.volume_lines(pages, row), end)


def cut(error: Problem) -> bytes:
    """Return the last line of a list that broke off."""
    return json_bytes({"complete": False, "error": json.problem_document(error)}) + b"\n"


def _lines(pages: Iterable[list[bytes]], end: Callable[[], ListEnd]) -> Iterator[bytes]:
    """Yield lines; in the last one ``count`` is how many came, ``total`` how many match."""
    for lines in pages:
        yield b"\n".join([*lines, b""]) if lines else b""
    told = json.list_end(last := end())
    if "count" in told:
        told["total"] = told.pop("count")
    yield json_bytes({"complete": True, "count": last.rows, **told}) + b"\n"
