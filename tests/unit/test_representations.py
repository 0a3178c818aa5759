"""Byte-exact answers, and what holds for every answer.

The golden files show what clients have come to rely on. After a change that is
meant, write them anew with ``SNAPGATE_UPDATE_GOLDEN=1 pytest
tests/unit/test_representations.py`` and read the difference.
"""

import json as stdlib_json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from gateway.representations import json, xml
from tests.unit import samples
from tests.unit.reading import attributes, read_xml

GOLDEN = Path(__file__).parents[1] / "golden"
BOTH = pytest.mark.parametrize("form", [xml, json], ids=["xml", "json"])


def one_page(form: ModuleType) -> bytes:
    return b"".join(
        form.storage_snapshots([samples.DELTACLOUD], lambda _: samples.PLAIN, lambda: samples.END)
    )


def many_pages(form: ModuleType) -> bytes:
    first, second, *rest = samples.DELTACLOUD
    pages = [(), (first, second), (), tuple(rest), ()]
    return b"".join(form.storage_snapshots(pages, lambda _: samples.PLAIN, lambda: samples.END))


def volumes(form: ModuleType) -> bytes:
    rows = {samples.VOLUME.id: samples.VOLUME_ROW, samples.BARE_VOLUME.id: samples.BARE_VOLUME_ROW}
    pages = [(samples.VOLUME,), (samples.BARE_VOLUME,)]
    return b"".join(
        form.storage_volumes(pages, lambda volume: rows[volume.id], lambda: samples.END)
    )


ANSWERS: dict[str, Callable[[ModuleType], bytes]] = {
    "deltacloud-list": one_page,
    "list-end": lambda f: b"".join(
        f.storage_snapshots([()], lambda _: samples.PLAIN, lambda: samples.LONG_END)
    ),
    "list-end-uncounted": lambda f: b"".join(
        f.storage_volumes([()], lambda _: samples.PLAIN, lambda: samples.UNCOUNTED_END)
    ),
    "deltacloud-snapshot": lambda f: f.storage_snapshot(samples.DELTACLOUD[0], samples.PLAIN),
    "empty-list": lambda f: b"".join(
        f.storage_snapshots([()], lambda _: samples.PLAIN, lambda: samples.END)
    ),
    "snapshot-full": lambda f: f.storage_snapshot(samples.FULL, samples.FULL_ROW),
    "snapshot-orphan": lambda f: f.storage_snapshot(samples.ORPHAN, samples.PLAIN),
    "volume": lambda f: f.storage_volume(samples.VOLUME, samples.VOLUME_ROW),
    "volume-list": volumes,
    "metadata": lambda f: f.metadata(samples.FULL.metadata),
    "metadata-empty": lambda f: f.metadata({}),
    "metadata-value": lambda f: f.metadata_value("it's", "a <value>"),
    "entry-point": lambda f: f.entry_point(samples.ENTRY_POINT, samples.LINKS),
    "driver": lambda f: f.driver(samples.DRIVER, samples.LINKS),
    "drivers": lambda f: f.drivers([samples.DRIVER, samples.DRIVER], samples.LINKS),
    "schema": lambda f: f.schema(samples.SCHEMA),
    "problem-fields": lambda f: f.problem(samples.PROBLEM),
    "problem-unknown": lambda f: f.problem(samples.UNKNOWN_PROBLEM),
    "problem-backend": lambda f: f.problem(samples.BACKEND_PROBLEM),
    "problem-early": lambda f: f.problem(samples.EARLY_PROBLEM),
    "results": lambda f: f.results(samples.RESULTS),
}


@BOTH
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_it_was_byte_by_byte(name: str, form: ModuleType) -> None:
    answer = ANSWERS[name](form)
    path = GOLDEN / f"{name}.{'xml' if form is xml else 'json'}"
    if os.environ.get("SNAPGATE_UPDATE_GOLDEN") == "1":
        path.write_bytes(answer)
    assert answer == path.read_bytes()


def test_every_golden_file_is_of_an_answer() -> None:
    expected = {f"{name}.{ending}" for name in ANSWERS for ending in ("xml", "json")}
    assert {path.name for path in GOLDEN.iterdir() if path.is_file()} == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_well_formed(name: str) -> None:
    assert etree.fromstring(ANSWERS[name](xml)) is not None
    assert isinstance(stdlib_json.loads(ANSWERS[name](json)), dict)


@BOTH
def test_pages_leave_no_trace_in_a_list(form: ModuleType) -> None:
    assert many_pages(form) == one_page(form)


@BOTH
def test_a_list_is_written_page_by_page(form: ModuleType) -> None:
    fetched = []

    def pages():
        for snapshot in samples.DELTACLOUD:
            fetched.append(snapshot.id)
            yield (snapshot,)

    chunks = form.storage_snapshots(pages(), lambda _: samples.PLAIN, lambda: samples.END)
    written = b""
    while samples.DELTACLOUD[0].id.encode() not in written:
        written += next(chunks)
    assert fetched == [samples.DELTACLOUD[0].id]


def test_what_deltaclouds_clients_read_is_where_they_look() -> None:
    root = etree.fromstring(one_page(xml))
    assert root.tag == "storage_snapshots"
    first = root[0]
    assert attributes(first) == {
        "href": "http://localhost:3001/api/storage_snapshots/snap-45b8d024",
        "id": "snap-45b8d024",
    }
    assert first.findtext("name") == "snap-45b8d024"
    assert first.findtext("created") == "2011-07-28T21:54:19Z"
    assert first.findtext("state") == "available"
    volume = first.find("storage_volume")
    assert volume is not None
    assert attributes(volume) == {
        "href": "http://localhost:3001/api/storage_volumes/vol-0bc0de60",
        "id": "vol-0bc0de60",
    }


def test_a_volume_that_is_gone_has_no_link() -> None:
    answers = [ANSWERS["snapshot-orphan"](form) for form in (xml, json)]
    assert not [answer for answer in answers if b"storage_volumes/" in answer]
    assert read_xml(answers[0])["storage_snapshot"]["storage_volume"]["id"] == "vol-gone"


def test_hypermedia_keeps_the_provider_and_ends_in_the_id() -> None:
    found = stdlib_json.loads(ANSWERS["snapshot-full"](json))["storage_snapshot"]
    href = "https://example.org/api;provider=aws-eu/storage_snapshots/snap%201%3B%C3%A4%25"
    assert found["href"] == href
    assert [action["href"] for action in found["actions"]] == [href, href]


@BOTH
def test_a_lone_surrogate_in_a_request_breaks_no_error(form: ModuleType) -> None:
    bad = "\ud800"
    answer = form.problem(replace(samples.PROBLEM, message=bad, fields={bad: bad}))
    assert "\ufffd" in answer.decode("utf-8") or "\\ufffd" in answer.decode("ascii")


@BOTH
def test_a_lone_surrogate_of_a_backend_breaks_no_list(form: ModuleType) -> None:
    bad = replace(
        samples.ORPHAN, name="a\ud800b", metadata={"\udfff": "\ud800"}, labels=("\ud800",)
    )
    pages = [(samples.DELTACLOUD[0], bad)]
    answer = b"".join(form.storage_snapshots(pages, lambda _: samples.PLAIN, lambda: samples.END))
    assert b"snap-45b8d024" in answer
    assert b"orphan" in answer
