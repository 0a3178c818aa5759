from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.core import fields
from gateway.core.fields import SNAPSHOTS, VOLUMES, read_filter, read_sort
from gateway.driver import (
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    Owner,
    SnapshotState,
    SortKey,
    StorageSnapshot,
    StorageVolume,
)
from gateway.driver.query import DERIVED_FIELDS
from tests.unit.fakes import snapshot

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def refused(name: str, text: str) -> str:
    with pytest.raises(DriverError) as caught:
        read_filter(SNAPSHOTS, name, None, text)
    assert caught.value.code is ErrorCode.INVALID
    assert list(caught.value.fields) == [name]
    return caught.value.fields[name]


@pytest.mark.parametrize(
    ("table", "model"), [(SNAPSHOTS, StorageSnapshot), (VOLUMES, StorageVolume)]
)
def test_every_field_of_the_model_can_be_filtered_by(table: Any, model: Any) -> None:
    hidden = {"volume_exists", "deletable", "native", "labels"}
    derived = DERIVED_FIELDS if model is StorageSnapshot else frozenset()
    assert set(table) == model.__dataclass_fields__.keys() - hidden | derived


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("10GiB", 10 << 30),
        ("10 GiB", 10 << 30),
        ("10G", 10**10),
        ("10GB", 10**10),
        ("1.5KiB", 1536),
        ("500MB", 5 * 10**8),
        ("2TiB", 2 << 40),
        ("1Pi", 1 << 50),
        ("7B", 7),
    ],
)
def test_sizes_are_bytes_or_have_a_unit(text: str, size: int) -> None:
    assert read_filter(SNAPSHOTS, "size_bytes__gte", None, text).value == size


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5.5", "GiB", "10gib", "10 GiBs", "1e3", "0x10", "٣", "1" * 21, "inf"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    assert "such as 10GiB" in refused("size_bytes", text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21t12:00:00z", NOON),
        ("2026-11-21 12:00:00Z", NOON),
        ("2026-11-21T14:00:00+02:00", NOON),
        ("2026-11-21T12:00:00.25Z", NOON + timedelta(milliseconds=250)),
        ("2026-11-21T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
    ],
)
def test_times_are_rfc_3339_or_dates_in_utc(text: str, moment: datetime) -> None:
    found = read_filter(SNAPSHOTS, "created__lt", None, text).value
    assert (found, found.tzinfo) == (moment, UTC)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-11-21T12:00:00",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "20261121",
        "2026-W47-6",
        "2026-11-21T12:00:00 02:00",
        "0001-01-01T00:00:00+23:00",
        "٢٠٢٦-11-21",
        "1700000000",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert "RFC 3339" in refused("created", text)


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("ready", "yes", "true or false"),
        ("ready", "True", "true or false"),
        ("name__isnull", "1", "true or false"),
        ("progress", "50%", "whole number"),
        ("progress__lt", "-1", "whole number"),
        ("state", "completed", "creating"),
        ("state__in", "creating,completed", "creating"),
        ("kind", "both", "local, remote"),
        ("visibility", "open", "shared"),
        ("stored_kind", "", "delta"),
        ("id__in", ",".join(map(str, range(201))), "at most 200"),
        ("created__in", "2026-01-01,x", "RFC 3339"),
    ],
)
def test_a_bad_value_says_what_would_be_right(name: str, text: str, advice: str) -> None:
    assert advice in refused(name, text)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("colour", None),
        ("metadata", None),
        ("labels", None),
        ("name__has", None),
        ("name__gte", None),
        ("name__", None),
        ("ready__in", None),
        ("state__contains", None),
        ("label__gt", None),
        ("name", "key"),
        ("metadata__has", "key"),
        ("metadata__gte", "key"),
        ("id__exact__in", None),
    ],
)
def test_a_filter_that_there_is_not_is_a_key_error(name: str, key: str | None) -> None:
    with pytest.raises(KeyError):
        read_filter(SNAPSHOTS, name, key, "x")


@pytest.mark.parametrize(
    ("name", "key", "text", "expected"),
    [
        ("name", None, "a,b", Filter("name", "a,b")),
        ("name__exact", None, "a", Filter("name", "a")),
        ("name__in", None, "b,a,b", Filter("name", ("b", "a"), Lookup.IN)),
        ("name__isnull", None, "false", Filter("name", False, Lookup.ISNULL)),
        ("metadata", "a]b", "x", Filter("metadata", "x", key="a]b")),
        ("metadata__contains", "k", "x", Filter("metadata", "x", Lookup.CONTAINS, "k")),
        ("metadata__has", None, "k", Filter("metadata", "k", Lookup.HAS)),
        ("progress__in", None, "1,20", Filter("progress", (1, 20), Lookup.IN)),
    ],
)
def test_a_filter_is_read(name: str, key: str | None, text: str, expected: Filter) -> None:
    assert read_filter(SNAPSHOTS, name, key, text) == expected


def test_a_filter_says_its_name() -> None:
    names = ["name", "size_bytes__gte", "metadata[a b]", "metadata[k]__contains", "metadata__has"]
    found = [
        Filter("name", "x"),
        Filter("size_bytes", 1, Lookup.GTE),
        Filter("metadata", "x", key="a b"),
        Filter("metadata", "x", Lookup.CONTAINS, "k"),
        Filter("metadata", "k", Lookup.HAS),
    ]
    assert [one.name for one in found] == names


def test_an_order_is_read() -> None:
    assert read_sort(SNAPSHOTS, "-created,name") == (SortKey("created", True), SortKey("name"))


@pytest.mark.parametrize("text", ["", ",", "-", "name,", "labels", "label", "metadata", "+name"])
def test_an_order_by_no_field_is_refused(text: str) -> None:
    with pytest.raises(DriverError, match="no order by") as caught:
        read_sort(SNAPSHOTS, text)
    assert list(caught.value.fields) == ["sort"]


def test_an_order_names_a_field_once() -> None:
    with pytest.raises(DriverError, match="each field once"):
        read_sort(SNAPSHOTS, "name,-name")


FULL = snapshot(
    "s1",
    name="Straße",
    created=NOON + timedelta(microseconds=1500),
    size_bytes=5,
    labels=("Red", "blue"),
    owner=Owner("123", is_self=True),
    metadata={"env": "Prod", "empty": ""},
    encrypted=False,
)
EMPTY = snapshot("s2")


@pytest.mark.parametrize(
    ("name", "key", "text", "matches"),
    [
        ("id", None, "s1", (True, False)),
        ("id", None, "S1", (False, False)),
        ("id__in", None, "s2,s1", (True, True)),
        ("name__contains", None, "STRASSE", (True, False)),
        ("name__contains", None, "", (True, False)),
        ("name__isnull", None, "true", (False, True)),
        ("name__isnull", None, "false", (True, False)),
        ("state", None, "available", (True, True)),
        ("state__in", None, "error,available", (True, True)),
        ("ready", None, "true", (True, True)),
        ("encrypted", None, "false", (True, False)),
        ("encrypted__isnull", None, "true", (False, True)),
        ("created", None, "2026-11-21T12:00:00.001Z", (True, False)),
        ("created__gt", None, "2026-11-21T12:00:00.001Z", (False, False)),
        ("created__gte", None, "2026-11-21T12:00:00.001Z", (True, False)),
        ("created__lte", None, "2026-11-21T12:00:00.001Z", (True, False)),
        ("created__lt", None, "2026-11-22", (True, False)),
        ("size_bytes__gt", None, "4", (True, False)),
        ("size_bytes__lt", None, "5", (False, False)),
        ("size_bytes__in", None, "5B,6", (True, False)),
        ("label", None, "blue", (True, False)),
        ("label", None, "Blue", (False, False)),
        ("label__contains", None, "RE", (True, False)),
        ("label__in", None, "x,Red", (True, False)),
        ("label__isnull", None, "true", (False, True)),
        ("owner", None, "self", (True, False)),
        ("owner__in", None, "self,9", (True, False)),
        ("owner", None, "123", (True, False)),
        ("owner__isnull", None, "true", (False, True)),
        ("metadata", "env", "Prod", (True, False)),
        ("metadata", "env", "prod", (False, False)),
        ("metadata", "empty", "", (True, False)),
        ("metadata__contains", "env", "prod", (True, False)),
        ("metadata__in", "env", "a,Prod", (True, False)),
        ("metadata__isnull", "empty", "false", (True, False)),
        ("metadata__isnull", "nosuch", "true", (True, True)),
        ("metadata__has", None, "empty", (True, False)),
        ("kind", None, "local", (True, True)),
        ("location__isnull", None, "true", (True, True)),
    ],
)
def test_what_a_filter_matches(
    name: str, key: str | None, text: str, matches: tuple[bool, bool]
) -> None:
    condition = read_filter(SNAPSHOTS, name, key, text)
    assert (condition.matches(FULL), condition.matches(EMPTY)) == matches


def test_all_lookups_are_told() -> None:
    found = fields.lookups(SNAPSHOTS)
    assert found["created"] == ("exact", "in", "gte", "gt", "lte", "lt", "isnull")
    assert found["metadata"] == ("has",)
    assert found["metadata[KEY]"] == ("exact", "in", "contains", "isnull")
    assert found["state"] == ("exact", "in", "isnull")
    assert {"labels", "label", "metadata"}.isdisjoint(fields.sortable(SNAPSHOTS))
    assert fields.name_of("metadata", Lookup.EXACT) == "metadata[KEY]"
    assert fields.name_of("metadata", Lookup.HAS) == "metadata__has"
    assert set(SnapshotState) >= {"error"}


def test_offsets_of_time_do_not_matter() -> None:
    there = timezone(timedelta(hours=2))
    assert Filter("created", NOON.astimezone(there)).matches(snapshot("x", created=NOON))
