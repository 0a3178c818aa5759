"""Markers: what a request has made is found by its marker, and is nobody's metadata."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, account_of, refused
from gateway.core.creations import Terms
from gateway.core.idempotency import Made
from gateway.core.snapshots import Account
from gateway.driver import (
    MARKER_KEY,
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Driver,
    ErrorCode,
    Filter,
    Lookup,
    Marker,
    MetadataChange,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
)

_GIB = 1 << 30
_NOBODYS = "0123456789abcdef0123456789abcdef"
_PAIRS = {"a": "1", "b": "2"}
CHANGES = {
    "merge": {"metadata": MetadataChange({"c": "3"})},
    "replace": {"metadata": MetadataChange({"c": "3"}, replace=True)},
    "replace-by-nothing": {"metadata": MetadataChange(replace=True)},
    "remove": {"metadata": MetadataChange(remove=frozenset("ab"))},
    "name": {"name": "after"},
    "no-name": {"name": None},
}


class _Keys:
    """Keys of requests, and accounts that know nothing of what others have asked for."""

    @pytest.fixture
    def key(self) -> str:
        """An Idempotency-Key that nobody has used."""
        return f"conformance-{secrets.token_hex(8)}"

    @pytest.fixture
    def stranger(self, harness: SnapshotHarness) -> Account:
        """The account as another process of the gateway sees it."""
        return account_of(harness.driver, timeout_s=harness.wait_s)


@requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_MARKER)
class SnapshotMarkerCases(_Keys):
    """What a new snapshot carries."""

    def test_a_snapshot_carries_its_marker_from_its_first_moment(
        self, subject: Subject, volume: str, key: str
    ) -> None:
        made = _make(subject, volume, key)
        marker = _marker_of(made)
        assert _marker_of(subject.get(made.id)) == marker
        assert subject.of_volume(volume)[made.id].created_by == marker
        assert subject.harness.wait_ready(made.id).created_by == marker

    def test_a_marker_finds_what_carries_it_and_nothing_else(
        self, subject: Subject, volume: str, key: str
    ) -> None:
        made, _ = _make(subject, volume, key), subject.create(volume, "another")
        carries = Filter("created_by", _marker_of(made).id)
        assert list(subject.listed(carries)) == [made.id]
        assert subject.listed(Filter("created_by", _NOBODYS)) == {}
        if ("created_by", Lookup.EXACT) in subject.kind.pushdown:
            found = {one.id for one in subject.walk(Query((carries,)), subject.kind.page_size)}
            assert made.id in found, "the driver's own filter hides it"

    def test_a_marker_is_no_metadata(self, subject: Subject, volume: str, key: str) -> None:
        pairs = _few(subject)
        made = _make(subject, volume, key, metadata=pairs)
        marker = _marker_of(made)
        for found in (made, subject.get(made.id), subject.of_volume(volume)[made.id]):
            assert found.metadata == pairs
            assert not {marker.id, marker.request} & {*found.labels, found.name, found.description}
        has_it = Filter("metadata", MARKER_KEY, Lookup.HAS)
        assert subject.listed(has_it) == {}
        assert subject.account.count_snapshots(Query((has_it,)), scan=True)[0] == 0

    @requires(Capability.SNAPSHOT_UPDATE)
    @pytest.mark.parametrize("change", CHANGES)
    def test_a_marker_survives_a_change(
        self, subject: Subject, volume: str, key: str, change: str
    ) -> None:
        made = _make(subject, volume, key, metadata=_few(subject))
        subject.harness.wait_ready(made.id)
        room = subject.kind.limits.name if "name" in change else subject.kind.limits.metadata_pairs
        if room < 5:
            pytest.skip(f"{subject.kind.__name__} has no room for {change}")
        request = UpdateSnapshot(**CHANGES[change])  # type: ignore[arg-type]
        after = subject.account.update_snapshot(made.id, request)
        assert after.created_by == made.created_by
        assert list(subject.listed(Filter("created_by", _marker_of(made).id))) == [made.id]

    def test_as_much_metadata_as_is_declared_fits_beside_it(
        self, subject: Subject, volume: str, key: str
    ) -> None:
        """Without a name: where that is a pair like any other, it takes a place of them."""
        number = subject.kind.limits.metadata_pairs
        pairs, others = ({f"{c}{n}": str(n) for n in range(number)} for c in "kl")
        made = _make(subject, volume, key, name=None, metadata=pairs)
        found = subject.harness.wait_ready(made.id)
        assert (found.metadata, found.created_by) == (pairs, _marker_of(made))
        if Capability.SNAPSHOT_UPDATE not in subject.kind.capabilities:
            return
        request = UpdateSnapshot(metadata=MetadataChange(others, replace=True))
        after = subject.account.update_snapshot(made.id, request)
        assert (after.metadata, after.created_by) == (others, made.created_by)

    def test_a_repeat_is_answered_with_what_the_first_has_made(
        self, subject: Subject, stranger: Account, volume: str, key: str
    ) -> None:
        """Also by a process that knows nothing of the first request, and once it is ready."""
        made = _make(subject, volume, key)
        for account in (subject.account, stranger):
            again = _ask(account, volume, key)
            assert (again.item.id, again.found) == (made.id, "key")
        subject.harness.wait_ready(made.id)
        assert _ask(stranger, volume, key).item.id == made.id
        assert list(subject.listed(Filter("created_by", _marker_of(made).id))) == [made.id]

    def test_a_key_of_another_request_makes_nothing(
        self, subject: Subject, stranger: Account, volume: str, key: str
    ) -> None:
        made = _make(subject, volume, key)
        another = subject.volume()
        error = refused(_ask, stranger, another, key)
        assert error.code is ErrorCode.KEY_REUSED
        assert list(subject.listed(Filter("created_by", _marker_of(made).id))) == [made.id]
        assert subject.of_volume(another) == {}

    @requires(Capability.SNAPSHOT_CLONE)
    def test_a_clone_does_not_inherit_the_marker(
        self, subject: Subject, volume: str, key: str
    ) -> None:
        snapshot = subject.harness.wait_ready(_make(subject, volume, key).id)
        marker = _marker_of(snapshot)
        clone = subject.clone(snapshot.id)
        assert clone.created_by is None or clone.created_by.id != marker.id
        assert marker.id not in clone.metadata.values()
        assert _marker_of(subject.get(snapshot.id)) == marker


@requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_COPY, Capability.SNAPSHOT_MARKER)
class CopyMarkerCases(_Keys):
    """What a copy carries."""

    @pytest.fixture
    def there(self, harness: SnapshotHarness) -> Iterator[Driver]:
        """A driver for the other provider; copies are deleted there."""
        driver = harness.open_destination()
        yield driver
        driver.close()

    def test_a_copy_carries_its_own_marker(
        self, subject: Subject, there: Driver, volume: str, key: str
    ) -> None:
        source = subject.harness.wait_ready(_make(subject, volume, key).id)
        seconds = subject.harness.wait_s
        elsewhere = account_of(there, timeout_s=seconds)
        made = subject.account.make_copy(source.id, CopySnapshot(), elsewhere, Terms(key=key)).item
        try:
            assert _marker_of(elsewhere.get_snapshot(made.id)) == _marker_of(made)
            assert _marker_of(made) != _marker_of(source)
            stranger = account_of(there, timeout_s=seconds)
            again = subject.account.make_copy(source.id, CopySnapshot(), stranger, Terms(key=key))
            assert (again.item.id, again.found) == (made.id, "key")
        finally:
            elsewhere.delete_snapshot(made.id)


@requires(Capability.VOLUME_MARKER)
class VolumeMarkerCases(_Keys):
    """What a new volume carries."""

    @requires(Capability.VOLUME_CREATE)
    def test_a_new_volume_is_found_by_its_marker(
        self, subject: Subject, stranger: Account, key: str
    ) -> None:
        request = CreateVolume(_GIB, name=subject.label("keyed"), zone=_zone(subject))
        made = subject.account.make_volume(request, Terms(key=key)).item
        subject.remember_volume(made.id)
        _carried(subject, made)
        again = stranger.make_volume(request, Terms(key=key))
        assert (again.item.id, again.found) == (made.id, "key")

    @requires(Capability.SNAPSHOT_CLONE)
    def test_a_clone_is_found_by_its_marker(
        self, subject: Subject, stranger: Account, trio: list[StorageSnapshot], key: str
    ) -> None:
        request = CloneSnapshot(name=subject.label("keyed"))
        made = subject.account.make_clone(trio[0].id, request, Terms(key=key)).item
        subject.remember_volume(made.id)
        _carried(subject, made)
        again = stranger.make_clone(trio[0].id, request, Terms(key=key))
        assert (again.item.id, again.found) == (made.id, "key")


class NoMarkerCases(_Keys):
    """What a driver that keeps no markers does with a key: nothing, and it says so.

    And one that keeps them takes it.
    """

    @requires(Capability.SNAPSHOT_CREATE)
    def test_a_key_without_markers_is_refused_and_makes_nothing(
        self, subject: Subject, volume: str, key: str
    ) -> None:
        if Capability.SNAPSHOT_MARKER in subject.kind.capabilities:
            assert _make(subject, volume, key).created_by is not None
            return
        before = set(subject.of_volume(volume))
        error = refused(_ask, subject.account, volume, key)
        assert error.code is ErrorCode.UNSUPPORTED
        assert Capability.SNAPSHOT_MARKER.word in error.message
        assert set(subject.of_volume(volume)) == before
        assert subject.create(volume, "without a key").created_by is None

    @requires(Capability.SNAPSHOT_CLONE)
    def test_a_clone_with_a_key_and_without_markers_is_refused(
        self, subject: Subject, trio: list[StorageSnapshot], key: str
    ) -> None:
        if Capability.VOLUME_MARKER in subject.kind.capabilities:
            assert subject.clone(trio[0].id).created_by is not None
            return
        asked = trio[0].id, CloneSnapshot(), Terms(key=key)
        error = refused(subject.account.make_clone, *asked)
        assert error.code is ErrorCode.UNSUPPORTED
        assert Capability.VOLUME_MARKER.word in error.message
        assert subject.clone(trio[0].id).created_by is None


class MarkerCases(SnapshotMarkerCases, CopyMarkerCases, VolumeMarkerCases, NoMarkerCases):
    """All about markers."""


def _make(subject: Subject, volume_id: str, key: str, **fields: Any) -> StorageSnapshot:
    """Create a snapshot with a key; it is deleted after the case."""
    made = _ask(subject.account, volume_id, key, **fields)
    assert made.found is None, "the key was used before"
    subject.remember(made.item.id)
    return made.item


def _ask(account: Account, volume_id: str, key: str, **fields: Any) -> Made[StorageSnapshot]:
    longest = account.provider.driver.limits.name
    request = CreateSnapshot(volume_id, **{"name": "keyed"[:longest] or None, **fields})
    return account.make_snapshot(request, Terms(key=key))


def _marker_of(item: StorageSnapshot | StorageVolume) -> Marker:
    assert item.created_by is not None, f"{item.id} carries no marker"
    assert (len(item.created_by.id), len(item.created_by.request)) == (32, 32)
    return item.created_by


def _carried(subject: Subject, made: StorageVolume) -> None:
    """Check that a volume shows its marker, is found by it, and alone."""
    marker = _marker_of(made)
    assert _marker_of(subject.account.get_volume(made.id)) == marker
    found = subject.account.list_volumes(Query((Filter("created_by", marker.id),)))
    assert [one.id for one in found.items()] == [made.id]
    assert marker.id not in made.metadata.values()
    nothing = subject.account.list_volumes(Query((Filter("created_by", _NOBODYS),)))
    assert list(nothing.items()) == []


def _few(subject: Subject) -> dict[str, str]:
    """Return some metadata, or none where there is no room for it."""
    return dict(list(_PAIRS.items())[: subject.kind.limits.metadata_pairs])


def _zone(subject: Subject) -> str | None:
    is_declared = Capability.ZONE in subject.kind.capabilities
    return subject.harness.zone if is_declared else None
