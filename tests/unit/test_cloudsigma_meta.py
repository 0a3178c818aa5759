"""CloudSigma's ``meta``: the metadata and the description in it, and its whole replacement."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma import wire
from gateway.driver import UNSET, DriverError, ErrorCode, MetadataChange, UpdateSnapshot
from tests.unit.cloudsigma_samples import Row, rows

WHOLE: Row = next(row for name, row in rows("remote") if name == "remote_snapshot_get")


def row(meta: Any) -> Row:
    return {**WHOLE, "meta": meta}


def change(**given: Any) -> UpdateSnapshot:
    """Return a request to change ``name``, ``description``, and metadata as MetadataChange has it.

    Keywords that are none of an UpdateSnapshot's are those of its MetadataChange.
    """
    own = {k: given.pop(k) for k in ("name", "description") if k in given}
    return UpdateSnapshot(**own, metadata=MetadataChange(**given) if given else None)


@pytest.mark.parametrize(
    ("meta", "description", "metadata"),
    [
        ({}, None, {}),
        (None, None, {}),
        ({"a": "b", "": ""}, None, {"a": "b", "": ""}),
        ({"description": "d"}, "d", {}),
        ({"description": "d", "a": "b"}, "d", {"a": "b"}),
        ({"description": "", "install_notes": ""}, None, {"install_notes": ""}),
        ({"Description": "d"}, None, {"Description": "d"}),
        ({"a": 5, "b": 1.5}, None, {"a": "5", "b": "1.5"}),
        ({"a": "x\ny\t\u65e5"}, None, {"a": "x\ny\t\u65e5"}),
    ],
)
def test_meta_holds_the_description_and_the_metadata(
    meta: Any, description: str | None, metadata: dict[str, str]
) -> None:
    assert wire.read_meta(row(meta)) == (description, metadata, None)
    for found in (wire.snapshot(row(meta)), wire.volume(row(meta))):
        assert (found.description, found.metadata) == (description, metadata)


def test_a_row_without_meta_has_none() -> None:
    assert wire.read_meta({"uuid": "u", "status": "s"}) == (None, {}, None)


@pytest.mark.parametrize("value", [True, False, None, [1], {"a": 1}])
def test_what_is_no_text_in_meta_is_shown_as_text(value: Any) -> None:
    _, metadata, _ = wire.read_meta(row({"a": value}))
    assert isinstance(metadata["a"], str)


def test_a_description_that_is_null_is_none() -> None:
    assert wire.read_meta(row({"description": None})) == (None, {}, None)


def test_new_meta_holds_what_read_meta_reads() -> None:
    assert wire.new_meta(None, {}) == wire.new_meta("", {}) == {}
    assert wire.new_meta("d", {"a": "b"}) == {"a": "b", "description": "d"}
    assert wire.new_meta(None, {"a": ""}) == {"a": ""}


def test_the_key_of_the_description_is_not_for_metadata() -> None:
    bad = {"description": "x", "a": "b"}
    for refuse in (
        lambda: wire.check_keys(bad),
        lambda: wire.new_meta(None, bad),
        lambda: wire.new_meta("d", bad),
        lambda: wire.changed(row({}), change(set=bad)),
        lambda: wire.changed(row({}), change(set=bad, replace=True)),
    ):
        with pytest.raises(DriverError) as caught:
            refuse()
        assert caught.value.code is ErrorCode.INVALID
        assert list(caught.value.fields) == ["metadata[description]"]
    wire.check_keys({"Description": "x", "": "y"})


def test_keys_are_as_long_as_documented() -> None:
    assert wire.LIMITS.metadata_key == 32


def test_the_metadata_that_was_given_is_not_changed() -> None:
    given = {"a": "b"}
    wire.new_meta("d", given)["c"] = "d"
    assert given == {"a": "b"}


NAMED = {"a": "b", "n": 5, "description": "d"}
"""Meta with a text, a number and a description."""


@pytest.mark.parametrize(
    ("request_", "meta"),
    [
        (change(), NAMED),
        (change(name="x"), NAMED),
        (change(set={}), NAMED),
        (change(description="e"), {**NAMED, "description": "e"}),
        (change(description=None), {"a": "b", "n": 5}),
        (change(description=""), {"a": "b", "n": 5}),
        (change(set={"c": "1"}), {**NAMED, "c": "1"}),
        (change(set={"a": "c"}), {**NAMED, "a": "c"}),
        (change(set={"n": "6"}), {**NAMED, "n": "6"}),
        (change(remove=frozenset({"a"})), {"n": 5, "description": "d"}),
        (change(remove=frozenset({"n", "none"})), {"a": "b", "description": "d"}),
        (change(remove=frozenset({"description"})), NAMED),
        (change(remove=frozenset({"a"}), set={"a": "1"}), {**NAMED, "a": "1"}),
        (change(replace=True), {"description": "d"}),
        (change(replace=True, set={"x": "y"}), {"x": "y", "description": "d"}),
        (change(replace=True, set={"x": "y"}, description="e"), {"x": "y", "description": "e"}),
        (change(replace=True, description=None), {}),
    ],
)
def test_only_what_is_named_changes_in_meta(request_: UpdateSnapshot, meta: Any) -> None:
    assert wire.changed(row(NAMED), request_)["meta"] == meta


ALL = rows("local") + rows("remote")


@pytest.mark.parametrize(("name", "whole"), ALL, ids=[name for name, _ in ALL])
def test_all_that_was_there_is_sent_back(name: str, whole: Row) -> None:
    before = deepcopy(whole)
    assert wire.changed(whole, change()) == before
    assert wire.changed(whole, change(name="new")) == {**before, "name": "new"}
    after = wire.changed(whole, change(set={"k": "v"}, description="d"))
    assert after == {**before, "meta": {**before["meta"], "k": "v", "description": "d"}}
    assert whole == before


@pytest.mark.parametrize(
    ("request_", "name"),
    [(change(), "n"), (change(name="x"), "x"), (change(name=None), ""), (change(name=""), "")],
)
def test_a_name_is_changed_and_taken_away(request_: UpdateSnapshot, name: str) -> None:
    assert wire.changed({**WHOLE, "name": "n"}, request_)["name"] == name


@pytest.mark.parametrize("value", ["", None, 5, True, ["x"]], ids=repr)
def test_a_description_that_is_not_named_stays_as_it_is(value: Any) -> None:
    meta = {"description": value, "a": "b"}
    assert wire.changed(row(meta), change(name="x"))["meta"] == meta
    assert wire.changed(row(meta), change(set={"c": "d"}))["meta"] == {**meta, "c": "d"}


@pytest.mark.parametrize("value", [None, 5, True, ["x"], {"y": 1}], ids=repr)
def test_what_is_no_text_stays_as_it_is(value: Any) -> None:
    after = wire.changed(row({"a": value}), change(set={"c": "d"}, name="x"))
    assert after["meta"] == {"a": value, "c": "d"}


keys = st.text("abcd", min_size=1, max_size=2)
texts = st.text(max_size=3)
metas = st.dictionaries(
    keys, texts | st.integers() | st.booleans() | st.lists(st.integers(), max_size=1), max_size=4
)
changes = st.none() | st.builds(
    MetadataChange,
    set=st.dictionaries(keys, texts, max_size=3),
    remove=st.frozensets(keys, max_size=3),
    replace=st.booleans(),
)
fields = st.sampled_from([UNSET, None]) | texts


@given(metas, st.text(max_size=3), changes, fields, fields)
def test_what_is_sent_reads_as_the_change_wants_it(
    meta: dict[str, Any], old: str, metadata: MetadataChange | None, name: Any, description: Any
) -> None:
    whole = row({**meta, **({"description": old} if old else {})})
    before = deepcopy(whole)
    _, was, _ = wire.read_meta(whole)
    after = wire.changed(whole, UpdateSnapshot(name, description, metadata))
    wanted = (old if description is UNSET else description) or None
    expected = metadata.applied_to(was) if metadata else was
    assert wire.read_meta(after) == (wanted, expected, None)
    assert after["name"] == (before["name"] if name is UNSET else name or "")
    assert {k: v for k, v in after.items() if k not in ("name", "meta")} == {
        k: v for k, v in before.items() if k not in ("name", "meta")
    }
    touched = {*(metadata.set if metadata else ()), "description"}
    assert all(after["meta"][k] == before["meta"][k] for k in after["meta"].keys() - touched)
    assert whole == before
