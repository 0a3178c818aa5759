from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from gateway.driver import DriverError, ErrorCode
from gateway.http import schemas
from gateway.http.body import Fields, load, parse_query, read_fields
from gateway.http.problems import HttpProblem

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
XML = "application/xml"
BOUNDARY = "multipart/form-data; boundary=cut"
ROOT = "storage_snapshot"


def read(
    data: bytes | str = b"", content_type: str | None = None, query: str = "", root: str = ROOT
) -> Fields:
    body = data.encode() if isinstance(data, str) else data
    builder = EnvironBuilder(method="POST", data=body, content_type=content_type)
    with Request(builder.get_environ()) as request:
        return read_fields(request, parse_query(query), root)


def refusal(*args: Any, **kw: Any) -> dict[str, str]:
    with pytest.raises(DriverError) as caught:
        read(*args, **kw)
    assert caught.value.code is ErrorCode.INVALID
    return caught.value.fields


def read_or_error(data: bytes, content_type: str) -> Fields | DriverError:
    try:
        return read(data, content_type)
    except DriverError as error:
        return error


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("volume_id=v%201&name=%C3%A4", FORM),
        ("volume_id=v+1&name=%C3%A4", FORM + "; charset=utf-8"),
        ("volume_id=v 1&name=ä", FORM),
        ("volume_id=v+1&name=%C3%A4", None),
        ('{"volume_id": "v 1", "name": "\\u00e4"}', JSON),
        ('{"storage_snapshot": {"volume_id": "v 1", "name": "ä"}}', JSON + "; charset=utf-8"),
        ("<storage_snapshot volume_id='v 1'><name>&#228;</name></storage_snapshot>", XML),
        (
            "<storage_snapshot><volume_id>v 1</volume_id><name>ä</name></storage_snapshot>",
            "text/xml",
        ),
    ],
)
def test_every_content_type_gives_the_same_fields(data: str, content_type: str | None) -> None:
    assert read(data, content_type) == {"volume_id": "v 1", "name": "ä"}


def test_multipart_gives_the_same_fields() -> None:
    form = {"volume_id": "v 1", "name": "ä", "metadata[k]": "v"}
    builder = EnvironBuilder(method="POST", data=form, content_type="multipart/form-data")
    fields = read_fields(Request(builder.get_environ()), [], ROOT)
    assert fields == {"volume_id": "v 1", "name": "ä", "metadata": {"k": "v"}}


def test_query_parameters_count_and_the_body_beats_them() -> None:
    query = "volume_id=query&name=query&format=json&force_auth=1"
    assert read("name=body", FORM, query) == {"volume_id": "query", "name": "body"}
    assert read('{"name": "body"}', JSON, query) == {"volume_id": "query", "name": "body"}


@pytest.mark.parametrize(
    ("data", "content_type", "field"),
    [
        ("a=1&a=1", FORM, "a"),
        ("metadata[k]=1&metadata[k]=2", FORM, "metadata[k]"),
        ('{"a": 1, "a": 1}', JSON, "a"),
        ('{"metadata": {"k": "1", "k": "2"}}', JSON, "k"),
        ("<storage_snapshot><a>1</a><a>1</a></storage_snapshot>", XML, "a"),
        ("<storage_snapshot a='1'><a>1</a></storage_snapshot>", XML, "a"),
        (
            "<storage_snapshot><metadata><meta key='k'>1</meta><meta key='k'>2</meta></metadata>"
            "</storage_snapshot>",
            XML,
            "metadata[k]",
        ),
    ],
)
def test_a_field_given_twice_is_refused(data: str, content_type: str, field: str) -> None:
    assert refusal(data, content_type) == {field: "given more than once"}


def test_a_query_parameter_given_twice_is_refused() -> None:
    assert refusal(query="name=a&name=b") == {"name": "given more than once"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("metadata[a]=1&metadata[b]=", {"metadata": {"a": "1", "b": ""}}),
        ("metadata%5Ba+b%5D=1", {"metadata": {"a b": "1"}}),
        ("metadata[a[b]]=1", {"metadata": {"a[b]": "1"}}),
        ("metadata[a%0Ab]=1", {"metadata": {"a\nb": "1"}}),
        ("metadata[]=1", {"metadata[]": "1"}),
        ("[a]=1", {"[a]": "1"}),
        ("name", {"name": ""}),
        ("", {}),
    ],
)
def test_brackets_make_a_map(form: str, expected: Fields) -> None:
    assert read(form, FORM) == expected
    assert read(query=form) == expected


@pytest.mark.parametrize("form", ["metadata=x&metadata[a]=1", "metadata[a]=1&metadata=x"])
def test_a_name_is_a_value_or_a_map_not_both(form: str) -> None:
    assert list(refusal(form, FORM)) == ["metadata"]


def test_a_wrapper_beside_other_keys_is_a_field_like_any_other() -> None:
    document = '{"storage_snapshot": {"name": "a"}, "name": "b"}'
    assert read(document, JSON) == {"storage_snapshot": {"name": "a"}, "name": "b"}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ('{"metadata": {"a": "1", "b": null}}', JSON),
        (
            "<metadata><meta key='a'>1</meta><meta key='b' nil='true'/></metadata>",
            XML,
        ),
    ],
)
def test_the_document_of_all_metadata_is_cinders(data: str, content_type: str) -> None:
    assert read(data, content_type, root="metadata") == {"metadata": {"a": "1", "b": None}}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [('{"meta": {"a": "1"}}', JSON), ("<meta key='a'>1</meta>", XML)],
)
def test_the_document_of_one_metadata_value_is_cinders(data: str, content_type: str) -> None:
    assert read(data, content_type, root="meta") == {"meta": {"a": "1"}}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"name=\xff", FORM),
        (b"name=%FF", FORM),
        (b"name=%ED%A0%80", FORM),
        (b'{"name": "\xff"}', JSON),
        (b"<storage_snapshot><name>\xff</name></storage_snapshot>", XML),
        (b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--cut--\r\n', BOUNDARY),
    ],
)
def test_bytes_that_are_not_utf8_are_refused(data: bytes, content_type: str) -> None:
    assert refusal(data, content_type)


@pytest.mark.parametrize("query", ["name=%FF", "name=%ED%A0%80", "%C3=1"])
def test_a_query_string_that_is_not_utf8_is_refused(query: str) -> None:
    assert refusal(query=query) == {"parameters": "not valid UTF-8"}


def test_too_many_fields_are_refused() -> None:
    assert len(parse_query("&".join(f"a{i}=" for i in range(1000)))) == 1000
    too_many = "&".join(f"a{i}=" for i in range(1001))
    assert refusal(query=too_many) == {"parameters": "more than 1000"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "text/json"])
def test_another_content_type_is_415_and_names_those_that_work(content_type: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        read("x", content_type)
    assert (caught.value.status, caught.value.kind) == (415, "unsupported_media_type")
    for known in (content_type, FORM, "multipart/form-data", JSON, XML):
        assert known in caught.value.message


@pytest.mark.parametrize("content_type", [None, "text/plain", JSON, XML, FORM])
def test_no_body_gives_no_fields_whatever_its_type(content_type: str | None) -> None:
    assert read(b"", content_type) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b'--cut\r\nContent-Disposition: form-data; name="name"\r\n\r\nno end',
        b"--cut\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--cut--\r\n",
        b"--cut\r\n\r\nno headers\r\n--cut--\r\n",
    ],
)
def test_broken_multipart_is_refused_not_ignored(data: bytes) -> None:
    assert refusal(data, BOUNDARY)


def test_multipart_without_a_boundary_is_refused_not_ignored() -> None:
    assert refusal(b"--cut\r\n", "multipart/form-data")


def test_a_file_is_no_value() -> None:
    part = b'Content-Disposition: form-data; name="name"; filename="f"\r\n\r\nx'
    assert "name" in refusal(b"--cut\r\n" + part + b"\r\n--cut--\r\n", BOUNDARY)


def test_an_unknown_parameter_is_told_the_valid_ones() -> None:
    with pytest.raises(DriverError) as caught:
        load(schemas.CreateSnapshotSchema(), {"volume_id": "v", "nmae": "a", "x": 1})
    valid = "volume_id, name, description, metadata, location, in_use, unless_newer_than"
    assert caught.value.fields == dict.fromkeys(("nmae", "x"), f"unknown parameter; valid: {valid}")
    assert "nmae: unknown parameter" in caught.value.message


def test_every_bad_field_is_named_at_once() -> None:
    fields = {"name": 1, "metadata": {"a": 1, "b": "ok", "\0": "c"}, "in_use": "perhaps"}
    with pytest.raises(DriverError) as caught:
        load(schemas.CreateSnapshotSchema(), fields)
    assert set(caught.value.fields) == {
        "volume_id",
        "name",
        "metadata[a]",
        "metadata[\0]",
        "in_use",
    }


@given(
    st.binary(max_size=60), st.sampled_from([FORM, BOUNDARY, JSON, XML, "multipart/form-data", ""])
)
@example(b"<?xml version='1.0' encoding='nonsense'?><a/>", XML)
@example(b"--cut\r\nContent-Disposition: form-data\r\n\r\n\r\n--cut--", BOUNDARY)
def test_no_bytes_whatever_make_reading_fail_in_another_way(data: bytes, content_type: str) -> None:
    outcome = read_or_error(data, content_type)
    if isinstance(outcome, DriverError):
        assert outcome.code is ErrorCode.INVALID
        assert outcome.fields
    else:
        assert isinstance(outcome, dict)
