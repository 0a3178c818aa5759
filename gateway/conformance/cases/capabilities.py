"""What the class says of itself: what is declared works, what is not is refused."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from marshmallow import ValidationError

from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, outcome, refused
from gateway.core.snapshots import Account
from gateway.driver import (
    PARAMETERS,
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Limits,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    check_driver_class,
)

_GIB = 1 << 30
Call = Callable[[Driver, StorageSnapshot, Deadline], Any]
CALLS: Mapping[Capability, Call] = {
    Capability.SNAPSHOT_CREATE: lambda d, s, t: d.create_snapshot(
        CreateSnapshot(s.volume_id or "none"), deadline=t
    ),
    Capability.SNAPSHOT_UPDATE: lambda d, s, t: d.update_snapshot(
        s.id, UpdateSnapshot(name="changed"), deadline=t
    ),
    Capability.SNAPSHOT_DELETE: lambda d, s, t: d.delete_snapshot(s.id, deadline=t),
    Capability.SNAPSHOT_CLONE: lambda d, s, t: d.clone_snapshot(s.id, CloneSnapshot(), deadline=t),
    Capability.SNAPSHOT_COPY: lambda d, s, t: d.copy_snapshot(
        s.id, CopySnapshot(), destination=d, deadline=t
    ),
    Capability.SNAPSHOT_REVERT: lambda d, s, t: d.revert_snapshot(s.id, deadline=t),
    Capability.SNAPSHOT_COUNT: lambda d, _, t: d.count_snapshots(Query(), deadline=t),
    Capability.VOLUME_READ: lambda d, s, t: d.get_volume(s.volume_id or "none", deadline=t),
    Capability.VOLUME_CREATE: lambda d, _, t: d.create_volume(CreateVolume(_GIB), deadline=t),
    Capability.VOLUME_DELETE: lambda d, s, t: d.delete_volume(s.volume_id or "none", deadline=t),
}
"""Each capability that stands for a method, and a call of it."""
AccountCall = Callable[[Account, StorageSnapshot], Any]
ACCOUNT_CALLS: Mapping[Capability, AccountCall] = {
    Capability.SNAPSHOT_CREATE: lambda a, s: a.create_snapshot(CreateSnapshot(s.volume_id or "x")),
    Capability.SNAPSHOT_UPDATE: lambda a, s: a.update_snapshot(s.id, UpdateSnapshot(name="new")),
    Capability.SNAPSHOT_DELETE: lambda a, s: a.delete_snapshot(s.id),
    Capability.SNAPSHOT_CLONE: lambda a, s: a.clone_snapshot(s.id, CloneSnapshot()),
    Capability.SNAPSHOT_COPY: lambda a, s: a.copy_snapshot(s.id, CopySnapshot(), a),
    Capability.SNAPSHOT_REVERT: lambda a, s: a.revert_snapshot(s.id),
    Capability.VOLUME_READ: lambda a, _: a.list_volumes(Query()),
    Capability.VOLUME_CREATE: lambda a, _: a.create_volume(CreateVolume(_GIB)),
    Capability.VOLUME_DELETE: lambda a, s: a.delete_volume(s.volume_id or "x"),
}
"""The same through the core, which is what clients meet; a count there is just not told."""
_GIVEN: Mapping[str, Any] = {
    "in_use": "refuse",
    "location": "elsewhere",
    "zone": "elsewhere",
    "size_bytes": 1 << 50,
    "media": "unheard-of",
    "affinities": ("unheard-of",),
    "avoid": ("unheard-of",),
}
_OF_CREATE = {"in_use", "location"}


class CapabilityCases:
    """The class, its options, its limits, and the flags in both directions."""

    def test_the_class_keeps_the_contract(self, harness: SnapshotHarness) -> None:
        check_driver_class(type(harness.driver))

    def test_every_option_says_what_it_is(self, harness: SnapshotHarness) -> None:
        declared = type(harness.driver).Options().fields
        without = [name for name, field in declared.items() if not field.metadata.get("help")]
        assert not without, f"options without metadata={{'help': ...}}: {without}"

    def test_an_option_that_does_not_exist_is_refused(self, harness: SnapshotHarness) -> None:
        with pytest.raises(ValidationError) as caught:
            type(harness.driver).Options().load({"no_such_option": "x"})
        assert "no_such_option" in caught.value.messages_dict

    def test_limits_and_page_size_are_possible(self, harness: SnapshotHarness) -> None:
        driver = type(harness.driver)
        assert driver.page_size >= 1
        assert isinstance(driver.limits, Limits)
        limits = driver.limits
        assert min(limits.name, limits.description) >= 0
        assert min(limits.metadata_pairs, limits.metadata_key, limits.metadata_value) >= 0

    @pytest.mark.parametrize("exc", [ZeroDivisionError("x"), KeyError(), AttributeError("x")])
    def test_classify_takes_no_bug_for_a_failure_of_the_backend(
        self, harness: SnapshotHarness, exc: Exception
    ) -> None:
        assert type(harness.driver).classify(exc) is None

    @pytest.mark.parametrize("capability", CALLS, ids=lambda flag: flag.word)
    def test_what_is_not_declared_is_refused_and_changes_nothing(
        self, subject: Subject, trio: list[StorageSnapshot], capability: Capability
    ) -> None:
        """And what is declared is not refused like that, even for what does not exist."""
        target = trio[0]
        if capability in subject.kind.capabilities:
            _not_unsupported(subject, CALLS[capability], _missing(subject, target))
            return
        with pytest.raises(DriverError) as caught:
            CALLS[capability](subject.driver, target, subject.harness.deadline())
        assert caught.value.code is ErrorCode.UNSUPPORTED
        if capability in ACCOUNT_CALLS:
            error = refused(ACCOUNT_CALLS[capability], subject.account, target)
            assert error.code is ErrorCode.UNSUPPORTED
            assert capability.word in error.message
        else:
            assert subject.account.count_snapshots(Query()) == (None, 0)
        assert subject.get(target.id) == target

    @pytest.mark.parametrize("field", PARAMETERS)
    def test_a_field_that_is_not_declared_is_refused_beforehand(
        self, subject: Subject, trio: list[StorageSnapshot], field: str
    ) -> None:
        """And one that is declared reaches the driver."""
        needed = Capability.SNAPSHOT_CREATE if field in _OF_CREATE else Capability.SNAPSHOT_CLONE
        if needed not in subject.kind.capabilities:
            pytest.skip(f"{subject.kind.__name__} does not declare {needed.name}")
        is_declared = PARAMETERS[field] in subject.kind.capabilities
        target = _missing(subject, trio[0]) if is_declared else trio[0]
        before = subject.of_volume(trio[0].volume_id or "")
        given: dict[str, Any] = {field: _GIVEN[field]}
        if field in _OF_CREATE:
            request = CreateSnapshot(target.volume_id or "", **given)
            error = refused(subject.account.create_snapshot, request)
        else:
            asked = CloneSnapshot(**given)
            error = refused(subject.account.clone_snapshot, target.id, asked)
        is_refused = f"lacks the capability {PARAMETERS[field].word}" in error.message
        assert is_refused is not is_declared
        if not is_declared:
            assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [field])
        assert subject.of_volume(trio[0].volume_id or "") == before


def _missing(subject: Subject, like: StorageSnapshot) -> StorageSnapshot:
    """Return a snapshot that does not exist, of a volume that does not."""
    harness = subject.harness
    return replace(like, id=harness.missing_id(), volume_id=harness.missing_volume_id())


def _not_unsupported(subject: Subject, call: Call, missing: StorageSnapshot) -> None:
    found = outcome(subject.kind, call, subject.driver, missing, subject.harness.deadline())
    if isinstance(found, StorageVolume):
        subject.remember_volume(found.id)
    assert not (isinstance(found, DriverError) and found.code is ErrorCode.UNSUPPORTED)
