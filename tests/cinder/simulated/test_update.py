"""Changes of a snapshot: what is sent, what is kept of others' edits, and all or nothing."""

import uuid
from typing import Any
from urllib.parse import unquote

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    DriverError,
    ErrorCode,
    MetadataChange,
    UpdateSnapshot,
)
from tests.cinder.simulated.faults import META, ONE
from tests.cinder.simulated.tools import READER, Connect, Gateway, calls, refused
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Snapshot

SHOW, RENAME = "GET /snapshots/ID", "PUT /snapshots/ID"
MERGE, REPLACE = "POST /snapshots/ID/metadata", "PUT /snapshots/ID/metadata"
KEYS = ["plain", "a.json", "a:b", "a b", " ", "a-b_c", ".", "..", "detail", "k" * 255, "A", "1.2.3"]
WRITES = {"POST", "PUT", "DELETE"}


def merged(**pairs: str) -> UpdateSnapshot:
    return UpdateSnapshot(metadata=MetadataChange(pairs))


def replaced(**pairs: str) -> UpdateSnapshot:
    return UpdateSnapshot(metadata=MetadataChange(pairs, replace=True))


def removed(*keys: str, **pairs: str) -> UpdateSnapshot:
    return UpdateSnapshot(metadata=MetadataChange(pairs, remove=frozenset(keys)))


def written(openstack: OpenStack) -> list[str]:
    """Return the calls so far that change something, and forget all."""
    return [one for one in calls(openstack) if one.split()[0] in WRITES]


ITEM = "DELETE /snapshots/ID/metadata"
VERBS: dict[str, tuple[UpdateSnapshot, dict[str, str], list[str]]] = {
    "merge": (merged(b="2"), {"a": "1", "b": "2"}, [MERGE]),
    "merge over": (merged(a="2"), {"a": "2"}, [MERGE]),
    "replace": (replaced(b="2"), {"b": "2"}, [REPLACE]),
    "replace by nothing": (replaced(), {}, [REPLACE]),
    "remove": (removed("a"), {}, [f"{ITEM}/a"]),
    "remove what is not there": (removed("x"), {"a": "1"}, []),
    "remove and set": (removed("a", b="2"), {"b": "2"}, [REPLACE]),
    "remove and set the same": (removed("a", a="2"), {"a": "2"}, [MERGE]),
    "remove what is not there and set": (removed("x", b="2"), {"a": "1", "b": "2"}, [MERGE]),
    "nothing": (UpdateSnapshot(metadata=MetadataChange()), {"a": "1"}, []),
    "nothing at all": (UpdateSnapshot(), {"a": "1"}, []),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", [None, "new"])
def test_each_change_is_one_call(
    openstack: OpenStack, account: Account, snapshot: Snapshot, verb: str, name: str | None
) -> None:
    request, expected, sent = VERBS[verb]
    if name:
        request = UpdateSnapshot(name=name, metadata=request.metadata)
    found = account.update_snapshot(snapshot.id, request)
    assert (found.name, found.metadata) == (name or "old", expected)
    assert (snapshot.name, snapshot.metadata) == (name or "old", expected)
    assert written(openstack) == [RENAME] * bool(name) + sent


def test_two_keys_are_removed_by_one_call(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    snapshot.metadata = {"a": "1", "b": "2", "c": "3"}
    assert account.update_snapshot(snapshot.id, removed("a", "b")).metadata == {"c": "3"}
    assert written(openstack) == [REPLACE]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"name": "n"}, {"name": "n"}),
        ({"description": "d"}, {"description": "d"}),
        ({"name": None, "description": None}, {"name": None, "description": None}),
        ({"name": "n", "description": ""}, {"name": "n", "description": ""}),
    ],
)
def test_texts_are_one_call_whatever_is_known(
    openstack: OpenStack, account: Account, snapshot: Snapshot, given: Any, sent: Any
) -> None:
    found = account.update_snapshot(snapshot.id, UpdateSnapshot(**given))
    (request,) = openstack.asked(f"PUT {ONE}")
    assert request.json == {"snapshot": sent}
    for field, text in sent.items():
        assert getattr(found, field) == (text or None)
        assert getattr(snapshot, field) == text
    assert calls(openstack) == [RENAME, SHOW]


def test_the_whole_sequence_of_a_change_of_both(
    openstack: OpenStack, gateway: Gateway, snapshot: Snapshot
) -> None:
    change = UpdateSnapshot(name="n", metadata=MetadataChange({"b": "2"}, replace=True))
    gateway.account().update_snapshot(snapshot.id, change)
    assert calls(openstack)[-4:] == [SHOW, RENAME, REPLACE, SHOW]


def test_the_answer_is_what_cinder_shows_next(account: Account, snapshot: Snapshot) -> None:
    """Else its ETag would be refused by the next If-Match."""
    for change in (UpdateSnapshot(name="n"), merged(k="v"), replaced(), removed("k")):
        assert account.update_snapshot(snapshot.id, change) == account.get_snapshot(snapshot.id)


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_set_and_removed_and_no_other(
    openstack: OpenStack, account: Account, snapshot: Snapshot, key: str
) -> None:
    others = {one: "kept" for one in [*KEYS, "a", "b"] if one != key}
    snapshot.metadata = dict(others)
    assert account.update_snapshot(snapshot.id, merged(**{key: "v"})).metadata == {
        **others,
        key: "v",
    }
    account.delete_metadata_key(snapshot.id, key)
    assert snapshot.metadata == others
    last = openstack.asked("PUT /snapshots/*/metadata") + openstack.asked("DELETE *")
    assert len(last) == 1
    assert (last[0].method == "PUT") is ("." in key)


@pytest.mark.parametrize("key", ["a/b", "ä", "a%2Fb", "a?b", "a#b", "", "k" * 256, "a\nb"])
def test_a_key_that_cinder_does_not_take_is_refused_before(
    openstack: OpenStack, account: Account, snapshot: Snapshot, key: str
) -> None:
    error = refused(account.update_snapshot, snapshot.id, merged(**{key: "v"}))
    assert error.code is ErrorCode.INVALID
    assert written(openstack) == []


@pytest.mark.parametrize("key", ["a/b", "ä%", "x?y"])
def test_a_key_that_is_there_all_the_same_can_be_removed(
    openstack: OpenStack, account: Account, snapshot: Snapshot, key: str
) -> None:
    """Cinder lets keys with a slash be made with the snapshot."""
    snapshot.metadata = {key: "v"}
    account.delete_metadata_key(snapshot.id, key)
    assert snapshot.metadata == {}
    assert {unquote(one.path) for one in openstack.asked("DELETE *")} == set()


EDITED: dict[str, tuple[UpdateSnapshot, str]] = {
    "merge": (merged(k="v"), f"POST {META}"),
    "remove one": (removed("a"), f"DELETE {META}/a"),
}


@pytest.mark.parametrize("verb", EDITED)
def test_what_somebody_else_sets_meanwhile_is_kept(
    openstack: OpenStack, account: Account, snapshot: Snapshot, verb: str
) -> None:
    request, target = EDITED[verb]
    edit_before(openstack, target, lambda: snapshot.metadata.update(theirs="1"))
    found = account.update_snapshot(snapshot.id, request)
    assert found.metadata["theirs"] == "1"
    assert snapshot.metadata["theirs"] == "1"


def edit_before(openstack: OpenStack, target: str, edit: Any) -> None:
    """Let somebody else change something right before a request is carried out."""
    real = openstack._carry_out
    method, _, _ = target.partition(" ")

    def carry_out(request: Any) -> Any:
        if request.method == method and request in openstack.asked(target):
            edit()
        return real(request)

    openstack._carry_out = carry_out  # type: ignore[method-assign]


def test_a_key_that_somebody_else_has_removed_is_no_failure(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    edit_before(openstack, f"DELETE {META}/a", snapshot.metadata.clear)
    assert account.update_snapshot(snapshot.id, removed("a")).metadata == {}


def test_but_a_snapshot_that_somebody_else_has_deleted_is(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    snapshots = openstack.region().snapshots
    edit_before(openstack, f"DELETE {META}/a", snapshots.clear)
    assert refused(account.update_snapshot, snapshot.id, removed("a")).code is ErrorCode.NOT_FOUND


BOTH: dict[str, tuple[MetadataChange, str]] = {
    "merge": (MetadataChange({"k": "v"}), f"POST {META}"),
    "replace": (MetadataChange({"k": "v"}, replace=True), f"PUT {META}"),
    "remove": (MetadataChange(remove=frozenset("a")), f"DELETE {META}/a"),
}
SECOND: dict[str, tuple[Any, ErrorCode]] = {
    "400": (lambda o, t: o.fail(t, 400, "no", times=9), ErrorCode.INVALID),
    "403": (lambda o, t: o.fail(t, 403, times=9), ErrorCode.DENIED),
    "404": (
        lambda o, t: o.fail(t, 404, "Snapshot x could not be found.", times=9),
        ErrorCode.NOT_FOUND,
    ),
    "413": (lambda o, t: o.fail(t, 413, retry_after=7, times=9), ErrorCode.RATE_LIMITED),
    "500": (lambda o, t: o.fail(t, 500, times=9), ErrorCode.BACKEND),
    "503": (lambda o, t: o.fail(t, 503, times=9), ErrorCode.UNAVAILABLE),
    "proxy": (lambda o, t: o.bad_gateway(t, times=9), ErrorCode.UNAVAILABLE),
    "cut": (lambda o, t: o.cut(t, "before", times=9), ErrorCode.UNAVAILABLE),
    "401": (lambda o, t: o.fail(t, 401, times=9), ErrorCode.UNAUTHENTICATED),
    "HTML": (
        lambda o, t: o.garble(t, b"<html>", executed=False, signed=False, times=9),
        ErrorCode.BACKEND,
    ),
}


@pytest.mark.parametrize("verb", BOTH)
def test_a_new_name_is_taken_back_when_the_metadata_fails(
    openstack: OpenStack, account: Account, snapshot: Snapshot, verb: str
) -> None:
    change, target = BOTH[verb]
    request = UpdateSnapshot(name="new", description=None, metadata=change)
    new, old = {"name": "new", "description": None}, {"name": "old", "description": "before"}
    for make, code in SECOND.values():
        openstack.clear_faults()
        openstack.requests.clear()
        make(openstack, target)
        assert refused(account.update_snapshot, snapshot.id, request).code is code
        assert (snapshot.name, snapshot.description) == ("old", "before")
        assert snapshot.metadata == {"a": "1"}
        assert [one.json["snapshot"] for one in openstack.asked(f"PUT {ONE}")] == [new, old]


def test_a_name_that_was_none_is_none_again(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    snapshot.name = None
    openstack.fail(f"PUT {META}", 403)
    change = MetadataChange({}, replace=True)
    refused(account.update_snapshot, snapshot.id, UpdateSnapshot(name="new", metadata=change))
    assert (snapshot.name, snapshot.description) == (None, "before")


def test_a_first_call_that_fails_leaves_the_second_out(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    openstack.fail(f"PUT {ONE}", 403)
    change = MetadataChange({"k": "v"})
    error = refused(account.update_snapshot, snapshot.id, UpdateSnapshot(name="n", metadata=change))
    assert (error.code, error.maybe_done) == (ErrorCode.DENIED, False)
    assert (snapshot.name, snapshot.metadata) == ("old", {"a": "1"})
    assert written(openstack) == [RENAME]


def test_a_name_that_cannot_be_taken_back_is_no_clean_failure(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    openstack.fail(f"POST {META}", 403)
    openstack.fail(f"PUT {ONE}", 503, after=1, times=9)
    change = UpdateSnapshot(name="new", metadata=MetadataChange({"k": "v"}))
    error = refused(account.update_snapshot, snapshot.id, change)
    assert snapshot.name == "new"
    assert (error.code, error.maybe_done) == (ErrorCode.DENIED, True)


@pytest.mark.parametrize("change", [UpdateSnapshot(name="n"), merged(k="v"), removed("a")])
def test_the_last_look_may_fail(
    openstack: OpenStack, account: Account, snapshot: Snapshot, change: UpdateSnapshot
) -> None:
    looks = 1 + bool(change.metadata and change.metadata.set) if change.metadata else 0
    openstack.fail(f"GET {ONE}", 503, times=9, after=looks)
    found = account.update_snapshot(snapshot.id, change)
    assert (found.name, dict(found.metadata)) == (snapshot.name, snapshot.metadata)


@pytest.mark.parametrize(
    "change",
    [UpdateSnapshot(), UpdateSnapshot(name="n"), merged(), merged(k="v"), replaced(), removed("a")],
)
@pytest.mark.parametrize("id_", ["uuid", "detail", "a.json"])
def test_what_is_not_there_is_not_found(
    openstack: OpenStack, account: Account, change: UpdateSnapshot, id_: str
) -> None:
    unknown = str(uuid.uuid4()) if id_ == "uuid" else id_
    assert refused(account.update_snapshot, unknown, change).code is ErrorCode.NOT_FOUND
    assert set(written(openstack)) <= {RENAME}


def test_a_cinder_that_is_down_is_not_what_changes_nothing(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    openstack.go_down()
    error = refused(account.update_snapshot, snapshot.id, UpdateSnapshot())
    assert error.code is ErrorCode.UNAVAILABLE


def test_who_may_only_read_changes_nothing(connect: Connect, snapshot: Snapshot) -> None:
    account = connect(READER)
    for change in (UpdateSnapshot(name="n"), merged(k="v"), replaced(), removed("a")):
        assert refused(account.update_snapshot, snapshot.id, change).code is ErrorCode.DENIED
    assert (snapshot.name, snapshot.metadata) == ("old", {"a": "1"})


@pytest.mark.parametrize("text", ["line\nbreak", "tab\t", "\U0001f600"])
def test_a_description_that_cinder_refuses_names_the_field(
    openstack: OpenStack, account: Account, snapshot: Snapshot, text: str
) -> None:
    try:
        account.update_snapshot(snapshot.id, UpdateSnapshot(description=text))
    except DriverError as error:
        found = error.code, list(error.fields)
    assert found == (ErrorCode.INVALID, ["description"])
    assert written(openstack) == []
