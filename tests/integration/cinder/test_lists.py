"""Lists of snapshots: whole over many pages, filtered, sorted."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.integration.cinder.conftest import MAX_LIMIT
from tests.integration.cinder.gateway import GIB, NOBODYS, SNAPSHOTS, Api
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
ROWS = 3 * MAX_LIMIT + 2
ODD = 'it\'s "x" \\ ☃ {0} %_ é=&;<>'


@pytest.fixture(scope="module")
def rows(cinder: RealCinder) -> Iterator[list[str]]:
    """The ids of snapshots of the project other, the oldest first."""
    with cinder.filled(ROWS, "other") as made:
        yield made


@pytest.fixture(scope="module")
def source(cinder: RealCinder, rows: list[str]) -> str:
    """The volume that they are of."""
    found = cinder.as_user("other")("GET", f"/snapshots/{rows[0]}")["snapshot"]
    return str(found["volume_id"])


def test_a_list_of_many_pages_is_whole_and_in_order(
    api: Api, rows: list[str], format_: str
) -> None:
    answer = api.request("GET", SNAPSHOTS, user="other", format_=format_)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    listed = api.ids(user="other", format_=format_)
    assert [id_ for id_ in listed if id_ in rows] == rows[::-1]


def test_a_list_shows_what_is_shown_alone(api: Api, rows: list[str], format_: str) -> None:
    listed = {item["id"]: item for item in api.all(user="other", format_=format_)}
    for id_ in (rows[0], rows[MAX_LIMIT], rows[-1]):
        path = f"{SNAPSHOTS}/{id_}"
        assert listed[id_] == api.get(path, user="other", format_=format_)


def test_lists_end_where_they_end(api: Api, cinder: RealCinder) -> None:
    with cinder.filled(2 * MAX_LIMIT + 1, "other") as made:
        row = cinder.as_user("other")("GET", f"/snapshots/{made[0]}")["snapshot"]
        for number in (2 * MAX_LIMIT + 1, 2 * MAX_LIMIT, MAX_LIMIT + 1, MAX_LIMIT, 1, 0):
            cinder.forget(made[number:])
            params = {"volume_id": row["volume_id"]}
            assert api.ids(user="other", params=params) == made[:number][::-1]


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"name": "bulk-00009"}, [9]),
        ({"name": "bulk-%"}, []),
        ({"name": "bulk-0000_"}, []),
        ({"name": "BULK-00009"}, []),
        ({"name": ""}, []),
        ({"metadata[n]": "3"}, [3, 13]),
        ({"metadata[n]": "33"}, []),
        ({"metadata[m]": "3"}, []),
        ({"metadata[n]": "3", "name": "bulk-00013"}, [13]),
        ({"metadata[n]": "3", "metadata[m]": "3"}, []),
        ({"state": "available", "metadata[n]": "1"}, [1, 11, 21]),
        ({"state": "error"}, []),
        ({"state": "busy"}, []),
        ({"state": "unknown"}, []),
        ({"owner": "self", "metadata[n]": "1"}, [1, 11, 21]),
        ({"owner": NOBODYS}, []),
    ],
    ids=str,
)
def test_filters_find_what_matches_and_nothing_else(
    api: Api, rows: list[str], params: dict[str, str], wanted: list[int]
) -> None:
    found = api.ids(user="other", params=params)
    assert [id_ for id_ in found if id_ in rows] == [rows[number] for number in reversed(wanted)]
    if "owner" not in params and "state" not in params:
        assert len(found) == len(wanted)


@pytest.mark.parametrize("format_", ["xml"])
def test_filters_on_volume_and_id(api: Api, rows: list[str], source: str, format_: str) -> None:
    def found(**params: str) -> list[str]:
        return api.ids(user="other", params=params, format_=format_)

    assert found(volume_id=source) == rows[::-1]
    assert found(id=rows[3]) == [rows[3]]
    assert found(id=rows[3], volume_id=source) == [rows[3]]
    for nothing in (
        {"volume_id": NOBODYS},
        {"volume_id": "nosuch"},
        {"id": NOBODYS},
        {"id": "nosuch"},
        {"id": rows[3], "volume_id": NOBODYS},
        {"id": rows[3], "name": "bulk-00004"},
        {"id": "detail"},
    ):
        assert found(**nothing) == []


def test_an_owner_is_a_project(api: Api, cinder: RealCinder, rows: list[str]) -> None:
    params = {"owner": cinder.project_id("other"), "name": "bulk-00001"}
    assert api.ids(user="other", params=params) == [rows[1]]
    assert api.ids(user="demo", params=params) == []


def test_values_that_look_like_code_are_values(
    api: Api, make: Make, volume: str, format_: str
) -> None:
    path = make(name=ODD, metadata={"a.b: c": ODD, "it is": "{'a': 'b'}"})
    for params in (
        {"name": ODD},
        {"metadata[a.b: c]": ODD},
        {"metadata[it is]": "{'a': 'b'}", "name": ODD},
        {"metadata[a.b: c]": ODD, "metadata[it is]": "{'a': 'b'}"},
    ):
        assert path[-36:] in api.ids(params={**params, "volume_id": volume}, format_=format_)
    assert api.ids(params={"metadata[x'y]": "1", "volume_id": volume}, format_=format_) == []


@pytest.mark.parametrize(
    ("sort", "turned"),
    [("created", False), ("-created", True), ("created,id", False), ("-created,-id", True)],
)
def test_lists_are_sorted_by_when_they_were_made(
    api: Api, rows: list[str], source: str, sort: str, turned: bool
) -> None:
    params = {"sort": sort, "volume_id": source}
    assert api.ids(user="other", params=params) == (rows[::-1] if turned else rows)


@pytest.mark.parametrize(
    ("sort", "turned"),
    [("id", False), ("-id", True), ("size_bytes", False), ("-size_bytes", False)],
)
@pytest.mark.parametrize("format_", ["json"])
def test_what_compares_equal_is_sorted_by_id(
    api: Api, rows: list[str], source: str, *, sort: str, turned: bool, format_: str
) -> None:
    params = {"sort": sort, "volume_id": source}
    found = api.ids(user="other", params=params, format_=format_)
    assert found == sorted(rows, reverse=turned)


def test_lists_are_sorted_by_size(api: Api, cinder: RealCinder) -> None:
    for size in (2, 1, 3):
        cinder.snapshot(cinder.volume("fake", size=size), name="sized")
    for sort, expected in (("size_bytes", [1, 2, 3]), ("-size_bytes", [3, 2, 1])):
        found = api.all(params={"sort": sort, "name": "sized"})
        assert [item["size_bytes"] // GIB for item in found] == expected


def _place(value: str | None) -> tuple[bool, Any]:
    """Return where a value stands; as texts, times would not: "31.5Z" is before "31Z"."""
    is_time = value is not None and re.fullmatch(r"\d{4}-.*T.*Z", value)
    return value is None, datetime.fromisoformat(str(value)) if is_time else value


@pytest.mark.parametrize("sort", ["name", "updated", "-state", "created,name"])
def test_an_order_that_cinder_has_not_is_made_here(api: Api, sort: str) -> None:
    explained = api.request("GET", SNAPSHOTS, params={"sort": sort, "explain": "true"}).json()
    assert explained["explain"]["gateway"]["sort"] == sort.split(",")
    keys = [key.removeprefix("-") for key in sort.split(",")]
    places = [[_place(item[key]) for key in keys] for item in explained["storage_snapshots"]]
    assert places == sorted(places, reverse=sort.startswith("-"))


def test_snapshots_are_counted_by_cinder_or_by_reading(api: Api, cinder: RealCinder) -> None:
    for _ in range(2):
        cinder.snapshot(cinder.volume("fake"), name="counted")
    everything = api.request("GET", SNAPSHOTS, params={"with_count": "true"}).json()
    page = api.request("GET", SNAPSHOTS, params={"with_count": "true", "limit": 1}).json()
    assert page["count"] == everything["count"] == len(everything["storage_snapshots"]) > 1
    some = {"limit": 1, "name": "counted", "with_count": "true"}
    assert api.request("GET", SNAPSHOTS, params=some).json()["count"] is None
    scanned = api.request("GET", SNAPSHOTS, params={**some, "with_count": "scan"}).json()
    assert scanned["count"] == len(api.all(params={"name": "counted"})) == 2


@pytest.mark.parametrize("sort", ["", "created,created", "created,-created", ",", "-"])
def test_an_order_that_is_none_is_refused(api: Api, sort: str) -> None:
    assert "sort" in api.refusal("GET", SNAPSHOTS, params={"sort": sort})["fields"]


@pytest.mark.parametrize("name", ["nosuch", "metadata", "metadata[]", "marker", "all_tenants"])
@pytest.mark.parametrize("format_", ["xml"])
def test_a_parameter_that_is_none_is_refused(api: Api, format_: str, name: str) -> None:
    found: dict[str, Any] = api.refusal("GET", SNAPSHOTS, params={name: "1"}, format_=format_)
    assert list(found["fields"]) == [name]
