"""Changing a snapshot: what was asked changes, all of it or nothing, and nothing else."""

from typing import Any

import pytest

from gateway.conformance.cases.texts import HARD
from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import (
    Capability,
    ErrorCode,
    MetadataChange,
    StorageSnapshot,
    UpdateSnapshot,
)

_PAIRS = {"a": "1", "b": "2"}
_KEYS = {"mixed-case": "KeyOfAll", "punctuation": ".-_:=", "cjk": "快照", "like-null": "null"}
_UNCHANGING = ("created", "volume_id", "size_bytes", "location", "owner", "encrypted", "group_id")
"""Fields that no change of a name, a description or metadata alters."""


@requires(Capability.SNAPSHOT_CREATE)
class LimitCases:
    """The declared limits of metadata are the true ones."""

    def test_as_many_keys_as_are_declared_are_taken(self, subject: Subject, volume: str) -> None:
        """Without a name: where that is a pair like any other, it takes a place of them."""
        pairs = _pairs(subject.kind.limits.metadata_pairs)
        assert subject.ready(volume, metadata=pairs).metadata == pairs

    def test_the_longest_key_and_value_are_taken(self, subject: Subject, volume: str) -> None:
        limits = subject.kind.limits
        _needs_pairs(subject, 1)
        pairs = {"k" * limits.metadata_key: "v" * limits.metadata_value}
        assert subject.ready(volume, "long", metadata=pairs).metadata == pairs

    @pytest.mark.parametrize("what", ["pairs", "key", "value", "empty key"])
    def test_more_than_is_declared_is_refused_beforehand(
        self, subject: Subject, volume: str, what: str
    ) -> None:
        limits = subject.kind.limits
        pairs = {
            "pairs": _pairs(limits.metadata_pairs + 1),
            "key": {"k" * (limits.metadata_key + 1): "v"},
            "value": {"k": "v" * (limits.metadata_value + 1)},
            "empty key": {"": "v"},
        }[what]
        before = set(subject.of_volume(volume))
        error = refused(subject.create, volume, "never", metadata=pairs)
        assert error.code is ErrorCode.INVALID
        assert all(field.startswith("metadata") for field in error.fields)
        assert set(subject.of_volume(volume)) == before


@requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_UPDATE)
class UpdateCases:
    """update_snapshot."""

    def test_a_name_changes_and_nothing_else(self, subject: Subject, volume: str) -> None:
        _needs_name(subject)
        before = _made(subject, volume)
        after = _update(subject, before.id, name="after")
        assert after.name == "after"
        assert (after.description, after.metadata) == (before.description, before.metadata)
        assert (after.created, after.volume_id) == (before.created, before.volume_id)

    def test_a_description_changes_and_nothing_else(self, subject: Subject, volume: str) -> None:
        _needs_description(subject)
        before = _made(subject, volume)
        after = _update(subject, before.id, description="after")
        assert (after.name, after.description) == (before.name, "after")
        assert after.metadata == before.metadata

    def test_a_description_can_be_taken_away(self, subject: Subject, volume: str) -> None:
        _needs_description(subject)
        before = _made(subject, volume)
        assert _update(subject, before.id, description=None).description is None

    def test_name_description_and_metadata_change_at_once(
        self, subject: Subject, volume: str
    ) -> None:
        _needs_name(subject)
        _needs_description(subject)
        snapshot = _made(subject, volume)
        change = MetadataChange({"c": "3"}, frozenset("a"))
        after = _update(subject, snapshot.id, name="new", description="why", metadata=change)
        assert (after.name, after.description) == ("new", "why")
        assert after.metadata == {"b": "2", "c": "3"}

    def test_a_change_of_nothing_changes_nothing(self, subject: Subject, volume: str) -> None:
        before = _made(subject, volume)
        after = _update(subject, before.id)
        assert (after.name, after.description, after.metadata) == (
            before.name,
            before.description,
            before.metadata,
        )

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (MetadataChange({"b": "3", "c": "4"}), {"a": "1", "b": "3", "c": "4"}),
            (MetadataChange({"c": "4"}, replace=True), {"c": "4"}),
            (MetadataChange(replace=True), {}),
            (MetadataChange(remove=frozenset("a")), {"b": "2"}),
            (MetadataChange(remove=frozenset("xyz")), _PAIRS),
            (MetadataChange({"c": "4"}, frozenset("ab")), {"c": "4"}),
            (MetadataChange({"a": "9"}, frozenset("a")), {"a": "9", "b": "2"}),
            (MetadataChange({"a": ""}), {"a": "", "b": "2"}),
        ],
        ids=[
            "merge",
            "replace",
            "replace-by-nothing",
            "remove",
            "remove-what-is-not-there",
            "remove-and-set",
            "remove-and-set-the-same",
            "empty-value",
        ],
    )
    def test_metadata_changes_as_asked(
        self, subject: Subject, volume: str, change: MetadataChange, expected: dict[str, str]
    ) -> None:
        snapshot = _made(subject, volume)
        after = _update(subject, snapshot.id, metadata=change)
        assert after.metadata == expected
        assert (after.name, after.description) == (snapshot.name, snapshot.description)

    @pytest.mark.parametrize("text", HARD.values(), ids=HARD)
    def test_a_hard_value_is_kept_or_refused(
        self, subject: Subject, volume: str, text: str
    ) -> None:
        snapshot = _made(subject, volume)
        text = text[: subject.kind.limits.metadata_value]
        request = UpdateSnapshot(metadata=MetadataChange({"k": text}))
        found = outcome(subject.kind, subject.account.update_snapshot, snapshot.id, request)
        if isinstance(found, StorageSnapshot):
            assert subject.get(snapshot.id).metadata == {**_PAIRS, "k": text}
        else:
            assert found.code is ErrorCode.INVALID
            assert subject.get(snapshot.id).metadata == _PAIRS

    @pytest.mark.parametrize("text", _KEYS.values(), ids=_KEYS)
    def test_a_hard_key_is_kept_or_refused(self, subject: Subject, volume: str, text: str) -> None:
        snapshot = _made(subject, volume)
        text = text[: subject.kind.limits.metadata_key]
        request = UpdateSnapshot(metadata=MetadataChange({text: "1"}, replace=True))
        found = outcome(subject.kind, subject.account.update_snapshot, snapshot.id, request)
        if isinstance(found, StorageSnapshot):
            assert subject.get(snapshot.id).metadata == {text: "1"}
        else:
            assert found.code is ErrorCode.INVALID
            assert subject.get(snapshot.id).metadata == _PAIRS

    def test_a_name_is_taken_away_or_refused(self, subject: Subject, volume: str) -> None:
        _needs_name(subject)
        snapshot, request = _made(subject, volume), UpdateSnapshot(name=None)
        found = outcome(subject.kind, subject.account.update_snapshot, snapshot.id, request)
        if isinstance(found, StorageSnapshot):
            assert subject.get(snapshot.id).name != "before"
        else:
            assert found.code is ErrorCode.INVALID
            assert subject.get(snapshot.id).name == "before"

    @pytest.mark.parametrize("field", ["name", "description"])
    @pytest.mark.parametrize("text", HARD.values(), ids=HARD)
    def test_a_hard_text_is_kept_by_a_change_or_refused(
        self, subject: Subject, volume: str, text: str, field: str
    ) -> None:
        snapshot = _made(subject, volume)
        text = text[: getattr(subject.kind.limits, field)]
        given: dict[str, Any] = {field: text or None}
        request = UpdateSnapshot(**given)
        found = outcome(subject.kind, subject.account.update_snapshot, snapshot.id, request)
        if isinstance(found, StorageSnapshot):
            assert getattr(subject.get(snapshot.id), field) == text or not text
        else:
            assert found.code is ErrorCode.INVALID

    def test_a_single_key_can_be_removed(self, subject: Subject, volume: str) -> None:
        snapshot = _made(subject, volume)
        subject.account.delete_metadata_key(snapshot.id, "a")
        assert subject.get(snapshot.id).metadata == {"b": "2"}
        error = refused(subject.account.delete_metadata_key, snapshot.id, "a")
        assert error.code is ErrorCode.NOT_FOUND

    def test_a_merge_beyond_the_limit_is_refused(self, subject: Subject, volume: str) -> None:
        snapshot = _made(subject, volume)
        pairs = _pairs(subject.kind.limits.metadata_pairs - 1)
        request = UpdateSnapshot(metadata=MetadataChange(pairs))
        error = refused(subject.account.update_snapshot, snapshot.id, request)
        assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["metadata"])
        assert subject.get(snapshot.id).metadata == _PAIRS

    def test_changes_that_are_too_long_change_nothing(self, subject: Subject, volume: str) -> None:
        """Half of the request is good: it must not be done either."""
        snapshot, limits = _made(subject, volume), subject.kind.limits
        request = UpdateSnapshot(
            name=subject.label("new"),
            metadata=MetadataChange({"k": "v" * (limits.metadata_value + 1)}),
        )
        error = refused(subject.account.update_snapshot, snapshot.id, request)
        assert error.code is ErrorCode.INVALID
        after = subject.get(snapshot.id)
        assert (after.name, after.metadata) == (snapshot.name, _PAIRS)

    def test_an_unknown_snapshot_cannot_be_changed(self, subject: Subject) -> None:
        missing = subject.harness.missing_id()
        error = refused(subject.account.update_snapshot, missing, UpdateSnapshot())
        assert error.code is ErrorCode.NOT_FOUND

    def test_changing_one_changes_no_other(
        self, subject: Subject, trio: list[StorageSnapshot], volume: str
    ) -> None:
        before = [subject.get(snapshot.id) for snapshot in trio]
        _update(subject, _made(subject, volume).id, name=subject.label("mine"))
        assert [subject.get(snapshot.id) for snapshot in trio] == before


class MetadataCases(LimitCases, UpdateCases):
    """Limits of metadata, and update_snapshot."""


def _made(subject: Subject, volume_id: str) -> StorageSnapshot:
    _needs_pairs(subject, 3)
    description = "before"[: subject.kind.limits.description] or None
    return subject.ready(volume_id, "before", description=description, metadata=_PAIRS)


def _update(subject: Subject, snapshot_id: str, **changes: Any) -> StorageSnapshot:
    """Change a snapshot and return it; the answer, and what is found afterwards, must agree."""
    before = subject.get(snapshot_id)
    answered = subject.account.update_snapshot(snapshot_id, UpdateSnapshot(**changes))
    found = subject.get(snapshot_id)
    facts = [
        (s.id, s.name, s.description, dict(s.metadata), s.created, s.created_by)
        for s in (answered, found)
    ]
    assert facts[0] == facts[1], "the answer to a change is not what is found afterwards"
    for field in _UNCHANGING:
        assert getattr(found, field) == getattr(before, field), f"{field} has changed, too"
    return found


def _pairs(number: int) -> dict[str, str]:
    return {f"k{n}": str(n) for n in range(number)}


def _needs_pairs(subject: Subject, number: int) -> None:
    if subject.kind.limits.metadata_pairs < number:
        pytest.skip(f"{subject.kind.__name__} has no room for {number} keys of metadata")


def _needs_name(subject: Subject) -> None:
    if subject.kind.limits.name < len("before"):
        pytest.skip(f"{subject.kind.__name__} has no room for names")


def _needs_description(subject: Subject) -> None:
    if subject.kind.limits.description < len("before"):
        pytest.skip(f"{subject.kind.__name__} has no room for descriptions")
