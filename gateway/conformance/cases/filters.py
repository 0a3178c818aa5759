"""What a driver declares in ``pushdown`` and ``sort_keys`` means the same as in the core."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject
from gateway.driver import (
    OWNER_SELF,
    Capability,
    Filter,
    Lookup,
    Order,
    Pushdown,
    Query,
    SnapshotState,
    SortKey,
    StorageSnapshot,
    StoredKind,
    Visibility,
)

_RANGES = {Lookup.GT, Lookup.GTE, Lookup.LT, Lookup.LTE}
_ASKED = {
    Lookup.EXACT: ("id", "name", "state", "volume_id", "ready", "metadata"),
    Lookup.IN: ("id", "name", "state"),
    Lookup.CONTAINS: ("name", "id"),
    **dict.fromkeys(_RANGES, ("created", "size_bytes", "name")),
    Lookup.ISNULL: ("description", "name", "state_reason"),
    Lookup.HAS: ("metadata",),
}
"""Fields that every driver's snapshots are asked for with each lookup."""


class FilterCases:
    """Filters and orders that the backend answers itself."""

    @pytest.mark.parametrize("lookup", Lookup, ids=str)
    def test_a_declared_filter_means_what_it_says(
        self, subject: Subject, trio: list[StorageSnapshot], lookup: Lookup
    ) -> None:
        """Nothing that matches may be missing; with EXACT nothing else may be there."""
        every = subject.walk(Query(), subject.kind.page_size)
        for field in [field for field, one in subject.kind.pushdown if one is lookup]:
            for condition in conditions(field, lookup, trio):
                self._check(subject, every, condition)

    @pytest.mark.parametrize("lookup", Lookup, ids=str)
    def test_every_filter_works_with_or_without_the_backend(
        self, subject: Subject, trio: list[StorageSnapshot], lookup: Lookup
    ) -> None:
        """What clients are answered does not depend on what the driver declares."""
        every = subject.listed().values()
        for field in _ASKED[lookup]:
            for condition in conditions(field, lookup, trio):
                wanted = {snapshot.id for snapshot in every if condition.matches(snapshot)}
                assert set(subject.listed(condition)) == wanted, condition

    @pytest.mark.parametrize("direction", ["ascending", "descending"])
    def test_a_declared_order_is_the_order_of_the_core(
        self, subject: Subject, trio: list[StorageSnapshot], direction: str
    ) -> None:
        for field in sorted(subject.kind.sort_keys):
            keys = (SortKey(field, descending=direction == "descending"),)
            found = subject.walk(Query(sort=keys), min(2, subject.kind.page_size))
            assert found == sorted(found, key=Order(keys).place), f"by {keys[0].name}"
            assert {snapshot.id for snapshot in trio} <= {snapshot.id for snapshot in found}

    @pytest.mark.parametrize("field", ["created", "name", "id"])
    def test_every_order_works_with_or_without_the_backend(
        self, subject: Subject, trio: list[StorageSnapshot], field: str
    ) -> None:
        keys = (SortKey(field, descending=True),)
        found = list(subject.account.list_snapshots(Query(sort=keys)).items())
        assert found == sorted(found, key=Order(keys).place)
        assert {snapshot.id for snapshot in trio} <= {snapshot.id for snapshot in found}

    def test_a_filter_and_an_order_at_once(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        by_volume = Filter("volume_id", trio[0].volume_id or "")
        query = Query((by_volume,), (SortKey("created", descending=True),))
        pushed = query.pushed_down(subject.kind.pushdown, subject.kind.sort_keys)
        found = [s for s in subject.walk(pushed, 1) if query.matches(s)]
        assert {snapshot.id for snapshot in found} == {snapshot.id for snapshot in trio}
        if pushed.sort:
            assert found == sorted(found, key=Order(query.sort).place)

    def test_declared_filters_mean_the_same_together(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        """Each one, and each with the next, in pages of one: the second page keeps to them, too."""
        subject.snapshot(subject.volume(), "of another volume")
        every = subject.walk(Query(), subject.kind.page_size)
        found = [[*conditions(*one, trio)][:1] for one in subject.kind.pushdown]
        declared = [condition for some in found for condition in some]
        for one in declared:
            self._check(subject, every, one, size=1)
        for pair in zip(declared, declared[1:] + declared[:1], strict=True):
            self._check(subject, every, *dict.fromkeys(pair), size=1)

    @requires(Capability.SNAPSHOT_CREATE)
    @pytest.mark.parametrize("direction", ["ascending", "descending"])
    def test_equals_and_unknowns_have_their_places(
        self, subject: Subject, trio: list[StorageSnapshot], volume: str, direction: str
    ) -> None:
        """Equals by ascending id, what is not known last, and a second key if there is one."""
        ours = {subject.ready(volume, label).id for label in ("equal", "equal", None)}
        fields = sorted(subject.kind.sort_keys)
        down = direction == "descending"
        for first, second in zip(fields, fields[1:] + fields[:1], strict=True):
            for names in {(first,), (first, second)} - {(first, first)}:
                keys = tuple(
                    SortKey(name, descending=down is not n) for n, name in enumerate(names)
                )
                found = subject.walk(Query(sort=keys), 1)
                assert found == sorted(found, key=Order(keys).place), keys
                assert ours <= {snapshot.id for snapshot in found}, "a snapshot is missing"

    def _check(
        self,
        subject: Subject,
        every: list[StorageSnapshot],
        *conditions: Filter,
        size: int | None = None,
    ) -> None:
        pages = list(subject.pages(Query(conditions), size or subject.kind.page_size))
        found = {snapshot.id for page in pages for snapshot in page.items}
        query, unasked = Query(conditions), {name for page in pages for name in page.unasked}
        wanted = {snapshot.id for snapshot in every if query.matches(snapshot)}
        assert wanted <= found, f"{conditions}: what matches is missing"
        if all(_is_exact(subject, one) and one.name not in unasked for one in conditions):
            assert found == wanted, f"{conditions}: declared as EXACT, and gives more"
            if Capability.SNAPSHOT_COUNT in subject.kind.capabilities:
                assert subject.account.count_snapshots(query)[0] in {None, len(wanted)}


def _is_exact(subject: Subject, condition: Filter) -> bool:
    return subject.kind.pushdown[condition.field, condition.lookup] is Pushdown.EXACT


def conditions(field: str, lookup: Lookup, snapshots: Sequence[Any]) -> Iterable[Filter]:
    """Yield filters that match some of the snapshots, and such that match none."""
    if lookup is Lookup.ISNULL:
        yield from (Filter(field, value, lookup) for value in (True, False))
    elif field == "metadata":
        yield from _about_metadata(lookup, snapshots)
    else:
        for value in _values(field, snapshots):
            yield from _about(field, lookup, value)


def _about_metadata(lookup: Lookup, snapshots: Sequence[Any]) -> Iterable[Filter]:
    pairs = [*snapshots[0].metadata.items()][:1] or [("no-such-key", "value")]
    for key, value in pairs:
        if lookup is Lookup.HAS:
            yield Filter(field := "metadata", key, lookup)
            yield Filter(field, "nobody-has-this", lookup)
        else:
            given: Any = (value, "other") if lookup is Lookup.IN else value
            yield Filter("metadata", given, lookup, key)


def _about(field: str, lookup: Lookup, value: Any) -> Iterable[Filter]:
    if lookup is Lookup.IN:
        yield Filter(field, (value,), lookup)
        yield Filter(field, (_other(field, value), value), lookup)
        yield Filter(field, (value, _other(field, value)), lookup)
    elif lookup is Lookup.CONTAINS:
        text = str(value)
        yield from (Filter(field, part, lookup) for part in (text, text[1:3].upper(), "%", "_"))
    elif lookup in _RANGES:
        yield Filter(field, value, lookup)
    else:
        yield Filter(field, value, lookup)
        yield Filter(field, _other(field, value), lookup)


def _values(field: str, snapshots: Sequence[Any]) -> list[Any]:
    """Return values of a field as filters have them."""
    if field == "owner":
        return [OWNER_SELF, *{s.owner.id: 0 for s in snapshots if s.owner}]
    if field == "label":
        return [*{label: 0 for s in snapshots for label in getattr(s, "labels", ())}] or [
            "nobody's"
        ]
    found = dict.fromkeys(getattr(snapshot, field) for snapshot in snapshots)
    return [_asked(value) for value in found if value is not None]


def _asked(value: Any) -> Any:
    """Return a value as a client can ask for it: times have milliseconds, states are text."""
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return str(value) if isinstance(value, str) else value


_WORDS: Mapping[str, tuple[str, ...]] = {
    "state": tuple(SnapshotState),
    "visibility": tuple(Visibility),
    "stored_kind": tuple(StoredKind),
    "kind": ("local", "remote"),
}
"""Fields of which the gateway takes these words only."""


def _other(field: str, value: Any) -> Any:
    """Return another value that a field can have, of the same type."""
    if field in _WORDS:
        return next(str(word) for word in reversed(_WORDS[field]) if word != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, datetime):
        return value.replace(year=value.year - 20)
    return f"{value}x" if value.isalnum() else value[:-1] + ("0" if value[-1] != "0" else "1")
