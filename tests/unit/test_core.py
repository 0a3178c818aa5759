from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from gateway.core.checks import check_id, check_parameters, check_texts, require
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.registry import Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    DriverError,
    ErrorCode,
    Filter,
    Limits,
    Lookup,
    MetadataChange,
    Pushdown,
    Query,
    SortKey,
    UpdateSnapshot,
)
from tests.unit.fakes import LISTS, Backend, FakeDriver, account, provider, snapshot

LIMITS = Limits(name=3, description=4, metadata_pairs=2, metadata_key=2, metadata_value=3)
ABC = {"a": "1", "b": "2", "c": "3"}
OPERATIONS: dict[str, Callable[[Account], Any]] = {
    "create_snapshot": lambda a: a.create_snapshot(CreateSnapshot("v")),
    "update_snapshot": lambda a: a.update_snapshot("s", UpdateSnapshot(name="n")),
    "delete_snapshot": lambda a: a.delete_snapshot("s"),
    "clone_snapshot": lambda a: a.clone_snapshot("s", CloneSnapshot()),
    "copy_snapshot": lambda a: a.copy_snapshot("s", CopySnapshot(), a),
    "revert_snapshot": lambda a: a.revert_snapshot("s"),
    "count_snapshots": lambda a: a.count_snapshots(Query()),
    "list_volumes": lambda a: a.list_volumes(Query()),
    "get_volume": lambda a: a.get_volume("v"),
    "create_volume": lambda a: a.create_volume(CreateVolume(1)),
    "delete_volume": lambda a: a.delete_volume("v"),
}


class MutedDriver(FakeDriver):
    """Has all methods, which would tell of a call, and declares none."""

    capabilities = Capability.KEEPS_DEADLINE


@pytest.fixture
def backend() -> Backend:
    return Backend({"s": snapshot("s", metadata=ABC, volume_id="v")})


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_a_driver_can_do_is_called_once(backend: Backend, operation: str) -> None:
    OPERATIONS[operation](account(backend))
    assert backend.names == [operation]


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"count_snapshots"}))
def test_what_a_driver_lacks_is_refused_without_a_call(backend: Backend, operation: str) -> None:
    error = refused(OPERATIONS[operation], account(backend, MutedDriver))
    assert error.code is ErrorCode.UNSUPPORTED
    assert "capability snapshot_" in error.message or "capability volume_" in error.message
    assert backend.calls == []


def test_removing_a_metadata_key_needs_the_power_to_update(backend: Backend) -> None:
    error = refused(account(backend, MutedDriver).delete_metadata_key, "s", "a")
    assert error.code is ErrorCode.UNSUPPORTED
    assert backend.calls == []


@pytest.mark.parametrize(
    "resource_id",
    ["", "a/b", "/", ".", "..", "a\n", "\0", "a\tb", "\x7f", "\ud800", "x" * 256, "\u200b"],
)
def test_an_id_that_no_backend_gives_out_is_not_found_without_a_call(
    backend: Backend, resource_id: str
) -> None:
    found = account(backend)
    for call in (
        lambda: found.get_snapshot(resource_id),
        lambda: found.delete_snapshot(resource_id),
        lambda: found.update_snapshot(resource_id, UpdateSnapshot(name="n")),
        lambda: found.clone_snapshot(resource_id, CloneSnapshot()),
        lambda: found.copy_snapshot(resource_id, CopySnapshot(), found),
        lambda: found.revert_snapshot(resource_id),
        lambda: found.create_snapshot(CreateSnapshot(resource_id)),
        lambda: found.get_volume(resource_id),
        lambda: found.delete_volume(resource_id),
    ):
        assert refused(call).code is ErrorCode.NOT_FOUND
    assert backend.calls == []


@pytest.mark.parametrize(
    "resource_id", ["a", "...", "snap-45b8d024", "disk image 1.img", "ä~;=%", "x" * 255]
)
def test_every_other_id_is_asked_for(resource_id: str) -> None:
    check_id("snapshot", resource_id)


def test_a_long_id_is_shown_short() -> None:
    assert len(refused(check_id, "snapshot", "x" * 10_000).message) < 100


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({"name": "abc", "description": "abcd", "metadata": {"ab": "abc", "c": ""}}, set()),
        ({"name": None, "description": None, "metadata": None}, set()),
        ({"name": "abcd"}, {"name"}),
        ({"description": "abcde"}, {"description"}),
        ({"name": "ä" * 3}, set()),
        ({"metadata": {"abc": "v"}}, {"metadata[abc]"}),
        ({"metadata": {"": "v"}}, {"metadata[]"}),
        ({"metadata": {"k": "abcd"}}, {"metadata[k]"}),
        ({"metadata": ABC}, {"metadata"}),
        (
            {"name": "abcd", "description": "abcde", "metadata": {"k": "abcd", "abc": "v"}},
            {"name", "description", "metadata[k]", "metadata[abc]"},
        ),
    ],
)
def test_every_text_beyond_the_limits_is_named(given: dict[str, Any], bad: set[str]) -> None:
    if not bad:
        check_texts(LIMITS, **given)
        return
    error = refused(check_texts, LIMITS, **given)
    assert error.code is ErrorCode.INVALID
    assert set(error.fields) == bad
    assert all(any(c.isdigit() for c in problem) for problem in error.fields.values())


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda a: a.create_snapshot(CreateSnapshot("v", name="x" * 11)), "name"),
        (lambda a: a.create_snapshot(CreateSnapshot("v", metadata={"k": "x" * 9})), "metadata[k]"),
        (lambda a: a.update_snapshot("s", UpdateSnapshot(description="x" * 21)), "description"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(name="x" * 11)), "name"),
        (lambda a: a.copy_snapshot("s", CopySnapshot(name="x" * 11), a), "name"),
        (lambda a: a.copy_snapshot("s", CopySnapshot(metadata={"k": "x" * 9}), a), "metadata[k]"),
        (lambda a: a.create_volume(CreateVolume(1, description="x" * 21)), "description"),
        (lambda a: a.create_snapshot(CreateSnapshot("v", location="x")), "location"),
        (lambda a: a.create_snapshot(CreateSnapshot("v", in_use="refuse")), "in_use"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(size_bytes=1)), "size_bytes"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(zone="z")), "zone"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(media="ssd")), "media"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(affinities=("a",))), "affinities"),
        (lambda a: a.clone_snapshot("s", CloneSnapshot(avoid=("a",))), "avoid"),
        (lambda a: a.create_volume(CreateVolume(1, zone="z")), "zone"),
    ],
)
def test_a_request_that_cannot_work_never_reaches_the_driver(
    backend: Backend, call: Callable[[Account], Any], field: str
) -> None:
    error = refused(call, account(backend))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [field])
    assert backend.calls == []


class SortingDriver(FakeDriver):
    """Sorts by two fields, and takes only keys of small letters."""

    sort_keys = frozenset({"id", "created"})
    limits = Limits(metadata_key_pattern="[a-z]+")


def test_an_order_that_the_driver_has_reaches_it(backend: Backend) -> None:
    query = Query(sort=(SortKey("created", descending=True), SortKey("id")))
    account(backend, SortingDriver).list_snapshots(query)
    ((_, pushed, *_),) = backend.calls
    assert pushed == query


def test_an_order_that_the_driver_lacks_is_made_here() -> None:
    few = {name: snapshot(name, name=name.upper()) for name in "bca"}
    query = Query(sort=(SortKey("name"), SortKey("created")))
    for driver in (FakeDriver, SortingDriver):
        backend = Backend(dict(few))
        found = account(backend, driver).list_snapshots(query, limit=3)
        ((_, pushed, *_),) = backend.calls
        assert pushed.sort == ()
        assert [item.id for item in found.items()] == ["a", "b", "c"]


@pytest.mark.parametrize("key", ["A", "a b", "a\n", "ä", ""])
def test_a_key_outside_the_drivers_alphabet_is_refused(backend: Backend, key: str) -> None:
    request = CreateSnapshot("v", metadata={"good": "x", key: "x"})
    error = refused(account(backend, SortingDriver).create_snapshot, request)
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [f"metadata[{key}]"])
    assert backend.calls == []


def test_parameters_count_only_when_they_ask_for_something() -> None:
    check_parameters(FakeDriver, in_use=False, location=None, avoid=(), size_bytes=None)
    given = {"in_use": True, "location": "x", "avoid": ("v",)}
    assert set(refused(check_parameters, FakeDriver, **given).fields) == set(given)


def test_a_declared_parameter_is_let_through() -> None:
    class Zoned(FakeDriver):
        capabilities = FakeDriver.capabilities | Capability.ZONE

    check_parameters(Zoned, zone="z")
    require(Zoned, Capability.ZONE)
    assert refused(require, FakeDriver, Capability.ZONE).code is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (MetadataChange({"d": "4"}), False),
        (MetadataChange({"c": "new"}), True),
        (MetadataChange({"d": "4"}, remove=frozenset({"a"})), True),
        (MetadataChange({"d": "4"}, remove=frozenset({"unknown"})), False),
        (MetadataChange({"d": "4", "e": "5", "f": "6"}, replace=True), True),
        (MetadataChange({"c": "3", "d": "4", "e": "5", "f": "6"}, replace=True), False),
        (MetadataChange(remove=frozenset({"a"})), True),
        (MetadataChange(replace=True), True),
    ],
)
def test_the_limit_of_pairs_holds_for_what_metadata_will_be(
    backend: Backend, change: MetadataChange, fits: bool
) -> None:
    def update() -> object:
        return account(backend).update_snapshot("s", UpdateSnapshot(metadata=change))

    if fits:
        update()
        assert backend.snapshots["s"].metadata == change.applied_to(ABC)
    else:
        assert list(refused(update).fields) == ["metadata"]
        assert "update_snapshot" not in backend.names


def test_a_metadata_key_is_read_and_removed_and_must_be_there(backend: Backend) -> None:
    found = account(backend)
    assert found.get_metadata_value("s", "a") == "1"
    found.delete_metadata_key("s", "a")
    assert backend.snapshots["s"].metadata == {"b": "2", "c": "3"}
    backend.calls.clear()
    for call in (found.get_metadata_value, found.delete_metadata_key):
        assert refused(call, "s", "a").code is ErrorCode.NOT_FOUND
    assert "update_snapshot" not in backend.names


def test_a_list_hands_down_only_declared_filters_and_applies_them_all(backend: Backend) -> None:
    backend.snapshots = {
        "x": snapshot("x", volume_id="v", name="yes"),
        "y": snapshot("y", volume_id="v", name="no"),
        "z": snapshot("z", volume_id="other", name="yes"),
    }
    by_volume, by_name = Filter("volume_id", "v"), Filter("name", "yes")
    listing = account(backend).list_snapshots(Query((by_name, by_volume)))
    assert [item.id for item in listing.items()] == ["x"]
    assert backend.calls == [("list_snapshots", Query((by_volume,)), FakeDriver.page_size, None)]


def test_what_a_driver_cannot_count_is_counted_by_reading(backend: Backend) -> None:
    counting, muted = account(backend), account(backend, MutedDriver)
    assert (counting.count_snapshots(Query()), backend.names) == ((1, 0), ["count_snapshots"])
    assert muted.count_snapshots(Query()) == (None, 0)
    assert (muted.count_snapshots(Query(), scan=True), backend.names[1:]) == (
        (1, 1),
        ["list_snapshots"],
    )


def test_a_filter_that_the_driver_answers_loosely_is_not_counted_there(backend: Backend) -> None:
    loose = Query((Filter("volume_id", "v"),))
    assert account(backend).count_snapshots(loose) == (None, 0)
    assert backend.calls == []


def test_the_snapshots_of_a_volume_are_asked_for_by_volume(backend: Backend) -> None:
    assert [s.id for s in account(backend).snapshots_of("v").items()] == ["s"]
    assert backend.calls[0][1] == Query((Filter("volume_id", "v"),))


def test_volumes_are_filtered_too(backend: Backend) -> None:
    listing = account(backend).list_volumes(Query((Filter("id", "vol-2"),)))
    assert [item.id for item in listing.items()] == ["vol-2"]


class IdsDriver(FakeDriver):
    """Lists volumes by their ids."""

    volume_pushdown: ClassVar = {("id", Lookup.IN): Pushdown.EXACT}


def test_volumes_are_found_by_their_ids_where_the_driver_can(backend: Backend) -> None:
    ids = {f"vol-{number}" for number in range(150)}
    found = account(backend, IdsDriver).find_volumes(ids)
    assert {volume.id for volume in found} == {"vol-1", "vol-2"}
    asked = [call[1].values_of("id") for call in backend.calls]
    assert [len(one) for one in asked] == [100, 50]
    assert set(asked[0]) | set(asked[1]) == ids


def test_else_few_volumes_are_asked_for_one_by_one_and_many_are_listed(backend: Backend) -> None:
    account(backend).find_volumes({"vol-1", "x"})
    assert backend.names == ["get_volume", "get_volume"]
    backend.calls.clear()
    found = account(backend).find_volumes({f"vol-{number}" for number in range(2, 20)})
    assert ([volume.id for volume in found], backend.names) == (["vol-2"], ["list_volumes"])


def test_credentials_are_checked_by_the_driver(backend: Backend) -> None:
    account(backend).check_credentials()
    assert backend.calls == [("list_snapshots", Query(), 1, None)]


def test_the_time_in_the_backend_is_counted(backend: Backend) -> None:
    found = account(backend)
    opened = found.stopwatch.seconds
    assert opened > 0
    found.get_snapshot("s")
    assert found.stopwatch.seconds > opened


def test_a_copy_is_handed_the_opened_driver_of_its_destination(backend: Backend) -> None:
    source, other = account(backend), account(Backend({}))
    source.copy_snapshot("s", CopySnapshot(name="n"), other)
    ((_, snapshot_id, request, destination),) = backend.calls
    assert (snapshot_id, request) == ("s", CopySnapshot(name="n"))
    assert destination.backend is not backend


def test_a_copy_goes_to_a_provider_of_the_same_driver(backend: Backend) -> None:
    here, there = provider(backend, name="here"), provider(backend, name="there")
    muted = provider(backend, MutedDriver, name="muted")
    providers = Providers((here, there, muted), "here")
    core = Core(providers, Sessions(providers), Guard(timeout_s=5), LISTS)
    assert core.destination(here, "there") is there
    assert core.destination(here, "here") is here
    for name in ("muted", "nowhere", ""):
        error = refused(core.destination, here, name)
        assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["destination"])
        assert "here, there" in error.message
        assert "muted" not in error.message
    assert refused(core.destination, muted, "here").code is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_change_that_is_not_done_in_time_may_have_happened(
    backend: Backend, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **__: Any) -> Any:
        raise DriverError(ErrorCode.TIMEOUT, "too late", backend_code="X") from OSError()

    monkeypatch.setattr(FakeDriver, operation, late)
    error = refused(OPERATIONS[operation], account(backend))
    changes = operation not in {"count_snapshots", "list_volumes", "get_volume"}
    assert (error.code, error.backend_code) == (ErrorCode.TIMEOUT, "X")
    assert (error.maybe_done, error.is_retryable) == (changes, not changes)
    assert ("may have happened" in error.message) is changes
    assert isinstance(error.__cause__, OSError)
