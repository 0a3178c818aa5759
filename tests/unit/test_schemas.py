from typing import Any

import pytest
from marshmallow import Schema

from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    DriverError,
    MetadataChange,
    UpdateSnapshot,
)
from gateway.http.body import load
from gateway.http.schemas import (
    GIB,
    MAX_SIZE_BYTES,
    SNAPSHOT_FIELDS,
    CloneSnapshotSchema,
    CreateSnapshotSchema,
    CreateVolumeSchema,
    MetadataSchema,
    MetadataValueSchema,
    UpdateSnapshotSchema,
    metadata_change,
)

CREATE = CreateSnapshotSchema()
CLONE = CloneSnapshotSchema()
VOLUME = CreateVolumeSchema()
PATCH = UpdateSnapshotSchema(replace=False)
PUT = UpdateSnapshotSchema(replace=True)
ALL_SCHEMAS = [
    CREATE,
    CLONE,
    VOLUME,
    PATCH,
    PUT,
    MetadataSchema(replace=True),
    MetadataValueSchema("k"),
]
ILLEGAL = ["\0", "\x08", "\x0b", "\x0c", "\x1f", "\ud800", "\udfff", "\ufffe", "\uffff"]
LEGAL = ["\t\r\n", "\x7f", "\x85", "\u2028", "\ufffd", "\U0001f4be", "'\"<&>", " "]


def problems(schema: Schema, fields: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(DriverError) as caught:
        load(schema, fields)
    return caught.value.fields


def test_everything_given_reaches_the_request() -> None:
    given = {
        "volume_id": "vol-1",
        "name": "n",
        "description": "d",
        "metadata": {"k": "v", "empty": ""},
        "location": "ZRH",
        "in_use": "refuse",
    }
    assert load(CREATE, given).request == CreateSnapshot(
        volume_id="vol-1",
        name="n",
        description="d",
        metadata={"k": "v", "empty": ""},
        location="ZRH",
        in_use="refuse",
    )


def test_a_snapshot_needs_its_volume_and_nothing_else() -> None:
    assert load(CREATE, {"volume_id": "v"}).request == CreateSnapshot(volume_id="v")
    assert list(problems(CREATE, {})) == ["volume_id"]
    assert problems(CREATE, {"volume_id": ""}) == {"volume_id": "must not be empty"}
    assert list(problems(CREATE, {"volume_id": None})) == ["volume_id"]


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_texts_mean_none(nothing: str | None) -> None:
    given = {"volume_id": "v", "name": nothing, "description": nothing, "location": nothing}
    assert load(CREATE, given).request == CreateSnapshot(volume_id="v")
    assert load(PATCH, {"name": nothing}) == UpdateSnapshot(name=None)
    assert load(CLONE, {"name": nothing, "zone": nothing, "media": nothing}) == CloneSnapshot()


@pytest.mark.parametrize("value", [1, 1.5, True, [], ["a"], {}, {"a": "b"}, float("nan")])
@pytest.mark.parametrize("field", ["volume_id", "name", "description", "location", "in_use"])
def test_a_text_is_a_string_and_nothing_else(field: str, value: object) -> None:
    assert list(problems(CREATE, {"volume_id": "v"} | {field: value})) == [field]


@pytest.mark.parametrize("value", ["", "Allow", "yes", None, "allow "])
def test_in_use_is_allow_or_refuse(value: str | None) -> None:
    assert list(problems(CREATE, {"volume_id": "v", "in_use": value})) == ["in_use"]


@pytest.mark.parametrize("character", ILLEGAL)
@pytest.mark.parametrize("field", ["volume_id", "name", "description", "location"])
def test_a_character_that_xml_cannot_carry_is_refused(field: str, character: str) -> None:
    found = problems(CREATE, {"volume_id": "v"} | {field: f"a{character}b"})
    assert found == {field: f"holds the character U+{ord(character):04X}, which is not allowed"}


@pytest.mark.parametrize("character", ILLEGAL)
def test_such_a_character_is_refused_in_metadata_too(character: str) -> None:
    bad = f"a{character}"
    fields = {"volume_id": "v", "metadata": {bad: "v", "k": bad}}
    assert set(problems(CREATE, fields)) == {f"metadata[{bad}]", "metadata[k]"}
    assert problems(MetadataValueSchema("k"), {"value": bad})
    assert problems(MetadataValueSchema(bad), {"value": "v"})
    assert list(problems(CLONE, {"affinities": f"ssd,{bad}"})) == ["affinities"]
    assert list(problems(CLONE, {"avoid": [bad]})) == ["avoid"]


@pytest.mark.parametrize("text", LEGAL)
def test_every_other_character_is_kept(text: str) -> None:
    given = {"volume_id": text, "name": text, "metadata": {text: text}}
    assert load(CREATE, given).request == CreateSnapshot(text, name=text, metadata={text: text})


@pytest.mark.parametrize("value", ["k=v", 1, [], ["k"], None])
def test_metadata_is_a_map(value: object) -> None:
    assert list(problems(CREATE, {"volume_id": "v", "metadata": value})) == ["metadata"]


@pytest.mark.parametrize("value", [1, True, None, [], {}])
def test_metadata_values_are_strings(value: object) -> None:
    fields = {"volume_id": "v", "metadata": {"k": value, "good": "v"}}
    assert list(problems(CREATE, fields)) == ["metadata[k]"]


@pytest.mark.parametrize("schema", ALL_SCHEMAS, ids=lambda schema: type(schema).__name__)
def test_an_unknown_parameter_is_never_dropped(schema: Schema) -> None:
    found = problems(schema, {"nonsense": "1"})
    assert found["nonsense"].startswith("unknown parameter; valid: ")
    assert all(name in found["nonsense"] for name in schema.fields)


@pytest.mark.parametrize("schema", [PATCH, PUT])
def test_an_update_changes_something(schema: Schema) -> None:
    assert "nothing to change" in problems(schema, {})["body"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "n"}, UpdateSnapshot(name="n")),
        ({"description": None}, UpdateSnapshot(description=None)),
        ({"name": "", "description": "d"}, UpdateSnapshot(name=None, description="d")),
        ({"metadata": {}}, UpdateSnapshot(metadata=MetadataChange())),
        (
            {"metadata": {"a": "1", "b": None}},
            UpdateSnapshot(metadata=MetadataChange({"a": "1"}, frozenset({"b"}))),
        ),
    ],
)
def test_patch_changes_what_is_given_and_leaves_the_rest(
    given: dict[str, Any], expected: UpdateSnapshot
) -> None:
    assert load(PATCH, given) == expected


def test_put_replaces_the_metadata_that_is_given() -> None:
    expected = UpdateSnapshot(metadata=MetadataChange({"a": "1"}, replace=True))
    assert load(PUT, {"metadata": {"a": "1"}}) == expected
    assert load(PUT, {"name": "n"}) == UpdateSnapshot(name="n")


@pytest.mark.parametrize("replace", [False, True])
def test_the_metadata_document_needs_its_metadata(replace: bool) -> None:
    schema = MetadataSchema(replace=replace)
    assert load(schema, {"metadata": {"a": ""}}) == MetadataChange({"a": ""}, replace=replace)
    assert list(problems(schema, {})) == ["metadata"]
    assert list(problems(schema, {"metadata": None})) == ["metadata"]


def test_an_empty_string_is_a_metadata_value_and_null_removes_the_key() -> None:
    change = metadata_change({"a": "", "b": None}, replace=False)
    assert change == MetadataChange({"a": ""}, frozenset({"b"}))


@pytest.mark.parametrize("given", [{"value": "v"}, {"meta": {"k": "v"}}])
def test_one_metadata_value_is_given_in_either_form(given: dict[str, Any]) -> None:
    assert load(MetadataValueSchema("k"), given) == MetadataChange({"k": "v"})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"value": "v", "meta": {"k": "v"}},
        {"meta": {}},
        {"meta": {"other": "v"}},
        {"meta": {"k": "v", "other": "v"}},
        {"value": None},
        {"value": 1},
        {"meta": {"k": None}},
    ],
)
def test_one_metadata_value_is_for_the_key_of_the_url_only(given: dict[str, Any]) -> None:
    assert problems(MetadataValueSchema("k"), given)


@pytest.mark.parametrize(
    ("given", "size"),
    [(1, 1), ("1", 1), ("007", 7), (MAX_SIZE_BYTES, MAX_SIZE_BYTES), ("9223372036854775807",) * 2],
)
def test_sizes_are_numbers_or_their_digits(given: object, size: object) -> None:
    assert load(CLONE, {"size_bytes": given}) == CloneSnapshot(size_bytes=int(str(size)))


@pytest.mark.parametrize(
    "given",
    [
        0,
        "0",
        -1,
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        1.0,
        1.5,
        "1e3",
        "\uff11",
        "\u0661",
        "\u00b2",
        "",
        True,
        [],
        {},
        MAX_SIZE_BYTES + 1,
        "9223372036854775808",
        "1" * 5000,
        float("inf"),
        float("nan"),
    ],
)
def test_what_is_no_size_is_refused_and_told_the_range(given: object) -> None:
    expected = {"size_bytes": f"give a whole number from 1 to {MAX_SIZE_BYTES}"}
    assert problems(CLONE, {"size_bytes": given}) == expected
    assert problems(VOLUME, {"size_bytes": given}) == expected


@pytest.mark.parametrize("given", ["a,b", ["a", "b"]])
def test_words_are_a_list_or_have_commas_between(given: object) -> None:
    expected = CloneSnapshot(affinities=("a", "b"), avoid=("a", "b"))
    assert load(CLONE, {"affinities": given, "avoid": given}) == expected


@pytest.mark.parametrize("given", ["", "a,,b", ",", [""], ["a", 1], 1, None, {"a": "b"}])
def test_what_is_no_list_of_words_is_refused(given: object) -> None:
    assert list(problems(CLONE, {"avoid": given})) == ["avoid"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"capacity": "2"}, CreateVolume(2 * GIB)),
        ({"size_bytes": 5, "name": "n", "zone": "z"}, CreateVolume(5, name="n", zone="z")),
        ({"capacity": 1, "snapshot_id": None}, CreateVolume(GIB)),
        ({"capacity": 1, "snapshot_id": ""}, CreateVolume(GIB)),
        ({"snapshot_id": "s"}, ("s", CloneSnapshot())),
        ({"snapshot_id": "s", "capacity": 3}, ("s", CloneSnapshot(size_bytes=3 * GIB))),
        ({"snapshot_id": "s", "size_bytes": 3}, ("s", CloneSnapshot(size_bytes=3))),
    ],
)
def test_a_volume_is_empty_or_made_from_a_snapshot(given: dict[str, Any], expected: object) -> None:
    assert load(VOLUME, given) == expected


def test_a_volume_has_one_size() -> None:
    assert list(problems(VOLUME, {"capacity": 1, "size_bytes": GIB})) == ["size_bytes"]
    assert list(problems(VOLUME, {"name": "n"})) == ["capacity"]
    assert list(problems(VOLUME, {"snapshot_id": ""})) == ["capacity"]
    most = MAX_SIZE_BYTES // GIB
    assert load(VOLUME, {"capacity": most}) == CreateVolume(most * GIB)
    assert list(problems(VOLUME, {"capacity": most + 1})) == ["capacity"]


def test_the_published_schema_tells_what_requests_may_hold() -> None:
    writable = {field.name for field in SNAPSHOT_FIELDS if not field.readonly}
    assert writable == set(CREATE.fields) | set(PATCH.fields)
    assert [field.name for field in SNAPSHOT_FIELDS if field.required] == ["volume_id"]
