"""A good driver, broken in one way after the other, and the case that must notice.

``test_mutants.py`` runs this file as tests, in a run of its own.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields

from gateway.conformance.harness import Fault
from gateway.driver import (
    UNSET,
    Capability,
    Deadline,
    Driver,
    DriverError,
    DriverOptions,
    ErrorCode,
    Marker,
    MetadataChange,
    Page,
    Query,
    SnapshotState,
    invalid,
)
from tests.conformance.apart import conformance_of
from tests.conformance.memory import PASSWORD, CloudError, MemoryDriver, MemoryHarness


@dataclass(frozen=True)
class Mutant:
    """A broken driver, and the case that must fail with it."""

    driver: type[Driver]
    case: str


MUTANTS: dict[str, Mutant] = {}


def caught_by(case: str) -> Callable[[type[Driver]], type[Driver]]:
    """Note a broken driver."""

    def note(driver: type[Driver]) -> type[Driver]:
        MUTANTS[driver.__name__] = Mutant(driver, case)
        return driver

    return note


class _Altering(MemoryDriver):
    """Alters every snapshot that is read."""

    def alter(self, snapshot: Any) -> Any:
        raise NotImplementedError

    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        return self.alter(super().get_snapshot(snapshot_id, **kw))

    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        return replace(page, items=tuple(map(self.alter, page.items)))


# Lists


@caught_by("test_pages_of_any_size_hold_each_snapshot_once")
class DropsAPage(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        return page if kw["cursor"] is None else replace(page, items=())


@caught_by("test_pages_of_any_size_hold_each_snapshot_once")
class RepeatsARow(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        first = MemoryDriver.list_snapshots(self, query, **{**kw, "cursor": None})
        return replace(page, items=(*first.items[:1], *page.items[1:]))


@caught_by("test_a_page_that_fails_does_not_end_a_list")
class EndsAListQuietly(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        try:
            return super().list_snapshots(query, **kw)
        except CloudError:
            if kw["cursor"] is None:
                raise
            return Page(())


@caught_by("test_a_read_that_fails_says_why")
class SwallowsAThrottle(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        try:
            return super().list_snapshots(query, **kw)
        except CloudError as error:
            if error.fault is not Fault.THROTTLED:
                raise
            return Page(())


@caught_by("test_a_cursor_works_in_another_process")
class RemembersItsCursors(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        known = self.__dict__.setdefault("_known", {})
        if kw["cursor"] is not None:
            kw["cursor"] = known[kw["cursor"]]
        page = super().list_snapshots(query, **kw)
        if page.next_cursor is None:
            return page
        known[f"c{len(known)}"] = page.next_cursor
        return replace(page, next_cursor=f"c{len(known) - 1}")


@caught_by("test_a_walk_survives_a_deletion")
class CountsItsRows(MemoryDriver):
    def list_snapshots(self, query: Query, *, cursor: Any, page_size: int, **kw: Any) -> Any:
        start = int(cursor or 0)
        rows = super().list_snapshots(query, page_size=10_000, cursor=None, **kw).items
        end = start + page_size
        return Page(rows[start:end], str(end) if end < len(rows) else None)


@caught_by("test_a_declared_filter_means_what_it_says")
class MindsUpperCase(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        parts = [str(f.value) for f in query.filters if f.lookup == "contains"]
        kept = tuple(s for s in page.items if all(part in (s.name or "") for part in parts))
        return replace(page, items=kept)


@caught_by("test_a_declared_filter_means_what_it_says")
class GivesMoreThanExact(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return super().list_snapshots(replace(query, filters=()), **kw)


@caught_by("test_a_declared_order_is_the_order_of_the_core")
class IgnoresTheOrder(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return super().list_snapshots(replace(query, sort=()), **kw)


@caught_by("test_a_count_is_what_the_list_holds")
class CountsOneMore(MemoryDriver):
    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        return (super().count_snapshots(query, deadline=deadline) or 0) + 1


# Facts


@caught_by("test_times_are_aware_and_in_utc")
class LosesTheTimezone(_Altering):
    def alter(self, snapshot: Any) -> Any:
        return replace(snapshot, created=snapshot.created.replace(tzinfo=None))


@caught_by("test_times_are_those_of_the_present")
class ReadsLocalTimeAsUtc(_Altering):
    def alter(self, snapshot: Any) -> Any:
        return replace(snapshot, created=snapshot.created + timedelta(hours=2))


@caught_by("test_sizes_are_bytes")
class TellsGibibytes(_Altering):
    def alter(self, snapshot: Any) -> Any:
        return replace(snapshot, size_bytes=1)


@caught_by("test_a_native_state_that_nobody_knows_is_kept")
class GuessesStates(_Altering):
    def alter(self, snapshot: Any) -> Any:
        return replace(snapshot, state=SnapshotState.AVAILABLE, ready=True)


@caught_by("test_without_metadata_there_is_none")
class ShowsItsMarker(_Altering):
    def alter(self, snapshot: Any) -> Any:
        return replace(snapshot, metadata={**snapshot.metadata, "made-by": "driver"})


@caught_by("test_an_id_with_something_behind_it_is_not_found")
class CutsIds(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        return super().get_snapshot(snapshot_id.partition("?")[0], **kw)


# Changes


@caught_by("test_metadata_comes_with_the_snapshot")
class ForgetsMetadata(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, metadata={}), **kw)


@caught_by("test_the_longest_name_is_taken")
class CutsNames(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, name=(request.name or "")[:32]), **kw)


@caught_by("test_the_longest_name_is_taken")
class DeclaresAFalseLimit(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        if len(request.name or "") > 32:
            raise invalid({"name": "too long"})
        return super().create_snapshot(request, **kw)


@caught_by("test_metadata_changes_as_asked")
class MergesInsteadOfReplacing(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        change = request.metadata or MetadataChange()
        request = replace(request, metadata=replace(change, replace=False))
        return super().update_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_name_changes_and_nothing_else")
class LosesTheDescription(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().update_snapshot(snapshot_id, replace(request, description=None), **kw)


@caught_by("test_a_change_that_fails_is_not_half_done")
class ChangesHalf(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        if self._cloud.fault is Fault.DENIED:
            rows = self._cloud.snapshots
            rows[snapshot_id] = replace(rows[snapshot_id], name="half")
        return super().update_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_change_that_fails_in_the_middle_is_not_half_done")
class ChangesOneAfterTheOther(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        super().update_snapshot(snapshot_id, replace(request, metadata=None), **kw)
        try:
            return super().update_snapshot(snapshot_id, request, **kw)
        except CloudError as exc:
            raise CloudError(exc.fault) from exc


@caught_by("test_a_change_that_fails_is_not_half_done")
class KeepsQuietAboutALostAnswer(MemoryDriver):
    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        error = MemoryDriver.classify(exc)
        return error and DriverError(error.code, error.message)


@caught_by("test_a_deleted_snapshot_is_gone")
class LiesAboutDeleting(MemoryDriver):
    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        self._found(snapshot_id)


@caught_by("test_deleting_twice_is_not_found")
class DeletesTwice(MemoryDriver):
    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        if snapshot_id in self._cloud.snapshots:
            super().delete_snapshot(snapshot_id, deadline=deadline)


@caught_by("test_a_volume_in_use_is_refused_if_so_asked")
class ForcesItsWay(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, in_use="allow"), **kw)


@caught_by("test_a_clone_has_the_bytes_of_the_snapshot")
class ClonesTheVolume(MemoryDriver):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        made = super().clone_snapshot(snapshot_id, request, **kw)
        volume_id = self._found(snapshot_id).volume_id
        self._cloud.content[made.id] = self._cloud.content[volume_id or ""]
        return made


# Markers, conditions, endings


@caught_by("test_a_snapshot_carries_its_marker_from_its_first_moment")
class CarriesNoMarker(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, marker=None), **kw)


@caught_by("test_a_marker_finds_what_carries_it_and_nothing_else")
class HidesWhatIsMarked(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        return replace(page, items=()) if query.value_of("created_by") else page


@caught_by("test_a_key_of_another_request_makes_nothing")
class LosesTheMarkerInLists(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        return replace(page, items=tuple(replace(s, created_by=None) for s in page.items))


@caught_by("test_a_repeat_is_answered_with_what_the_first_has_made")
class ForgetsTheRequest(_Altering):
    def alter(self, snapshot: Any) -> Any:
        marker = snapshot.created_by
        return replace(snapshot, created_by=marker and replace(marker, request="0" * 32))


@caught_by("test_a_marker_is_no_metadata")
class PutsItsMarkerIntoMetadata(_Altering):
    def alter(self, snapshot: Any) -> Any:
        marker = snapshot.created_by
        return replace(snapshot, metadata={**snapshot.metadata, **(marker.pairs if marker else {})})


@caught_by("test_a_marker_survives_a_change")
class ReplacesTheMarkerToo(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        after = super().update_snapshot(snapshot_id, request, **kw)
        if request.metadata and request.metadata.replace:
            after = replace(after, created_by=None)
            self._cloud.snapshots[snapshot_id] = after
        return after


@caught_by("test_as_much_metadata_as_is_declared_fits_beside_it")
class LeavesNoRoomForTheMarker(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        if len(request.metadata) + len(request.marker.pairs) > self.limits.metadata_pairs:
            raise CloudError(Fault.QUOTA)
        return super().create_snapshot(request, **kw)


@caught_by("test_a_clone_does_not_inherit_the_marker")
class ClonesInheritTheMarker(MemoryDriver):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        marker = self._found(snapshot_id).created_by
        return super().clone_snapshot(snapshot_id, replace(request, marker=marker), **kw)


@caught_by("test_a_copy_carries_its_own_marker")
class CopiesInheritTheMarker(MemoryDriver):
    def copy_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        marker = self._found(snapshot_id).created_by
        return super().copy_snapshot(snapshot_id, replace(request, marker=marker), **kw)


@caught_by("test_a_clone_is_found_by_its_marker")
class ForgetsTheMarkerOfClones(MemoryDriver):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().clone_snapshot(snapshot_id, replace(request, marker=None), **kw)


@caught_by("test_a_new_volume_is_found_by_its_marker")
class HidesTheMarkersOfVolumes(MemoryDriver):
    def list_volumes(self, query: Query, **kw: Any) -> Any:
        page = super().list_volumes(query, **kw)
        return replace(page, items=tuple(replace(v, created_by=None) for v in page.items))


@caught_by("test_a_key_without_markers_is_refused_and_makes_nothing")
class MarksWithoutBeingAsked(MemoryDriver):
    capabilities = MemoryDriver.capabilities & ~Capability.SNAPSHOT_MARKER

    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, marker=Marker("a", "b")), **kw)


@caught_by("test_a_clone_with_a_key_and_without_markers_is_refused")
class MarksClonesWithoutBeingAsked(MemoryDriver):
    capabilities = MemoryDriver.capabilities & ~Capability.VOLUME_MARKER

    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().clone_snapshot(snapshot_id, replace(request, marker=Marker("a", "b")), **kw)


@caught_by("test_a_change_that_fails_is_not_half_done")
class MarksTooLate(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        made = super().create_snapshot(replace(request, marker=None), **kw)
        self._cloud.snapshots[made.id] = replace(made, created_by=request.marker)
        return self._cloud.snapshots[made.id]


@caught_by("test_a_condition_is_asked_of_the_snapshot_as_it_is")
class AsksNoCondition(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().update_snapshot(snapshot_id, replace(request, only_if=None), **kw)


@caught_by("test_a_condition_that_fails_changes_nothing")
class AsksTooLate(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        after = super().update_snapshot(snapshot_id, replace(request, only_if=None), **kw)
        request.check(after)
        return after


@caught_by("test_a_change_that_comes_too_late_is_refused")
class ShowsAnOldState(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        known = self.__dict__.setdefault("_known", {})
        return known.setdefault(snapshot_id, super().get_snapshot(snapshot_id, **kw))

    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().update_snapshot(snapshot_id, replace(request, only_if=None), **kw)


@caught_by("test_the_last_failure_is_text_or_nothing")
class TellsAnObject(MemoryDriver):
    def last_failure(self, resource_id: str, *, deadline: Deadline) -> Any:
        return {"message": "it failed"}


@caught_by("test_what_is_being_deleted_is_shown_so")
class ShowsWhatItDeletes(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        left = self.__dict__.setdefault("_left", {})
        if left.get(snapshot_id):
            return left[snapshot_id].pop()
        return super().get_snapshot(snapshot_id, **kw)

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        self.__dict__.setdefault("_left", {})[snapshot_id] = [self._found(snapshot_id)]
        super().delete_snapshot(snapshot_id, deadline=deadline)


@caught_by("test_the_later_one_shows_the_later_time")
class CountsBackwards(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        made = super().create_snapshot(request, **kw)
        number = int(made.id.rpartition("-")[2])
        assert made.created is not None
        made = replace(made, created=made.created - timedelta(seconds=number))
        self._cloud.snapshots[made.id] = made
        return made


# Flags, errors, secrets, threads


@caught_by("test_the_class_keeps_the_contract")
class ForgetsAFlag(MemoryDriver):
    capabilities = MemoryDriver.capabilities & ~Capability.SNAPSHOT_CLONE


@caught_by("test_what_is_not_declared_is_refused_and_changes_nothing")
class DeclaresWhatItRefuses(MemoryDriver):
    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        raise DriverError(ErrorCode.UNSUPPORTED, "not here")


@caught_by("test_a_read_that_fails_says_why")
class LosesTheCause(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        try:
            return super().get_snapshot(snapshot_id, **kw)
        except CloudError as exc:
            raise self.classify(exc) or exc from None


@caught_by("test_a_read_that_fails_says_why")
class CallsEverythingBroken(MemoryDriver):
    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        return MemoryDriver.classify(exc) and DriverError(ErrorCode.BACKEND, "broken")


@caught_by("test_classify_takes_no_bug_for_a_failure_of_the_backend")
class HidesItsBugs(MemoryDriver):
    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        return MemoryDriver.classify(exc) or DriverError(ErrorCode.BACKEND, "something")


@caught_by("test_wrong_credentials_are_told_so")
class TakesAnyPassword(MemoryDriver):
    @classmethod
    def open(cls, options: Any, credentials: Any, *, shared: Any, deadline: Deadline) -> Any:
        return cls(shared, credentials)


@caught_by("test_the_driver_does_not_show_them")
class ShowsItsPassword(MemoryDriver):
    def __repr__(self) -> str:
        return f"ShowsItsPassword({self._credentials.password})"


@caught_by("test_a_snapshot_is_shown")
class LogsItsPassword(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        logging.getLogger("acme").debug("asking with %s", self._credentials.password)
        return super().get_snapshot(snapshot_id, **kw)


@caught_by("test_a_read_that_fails_says_why")
class TellsItsPassword(MemoryDriver):
    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        error = MemoryDriver.classify(exc)
        return error and DriverError(
            error.code, f"refused for demo:{PASSWORD}", maybe_done=error.maybe_done
        )


@caught_by("test_a_call_ends_by_its_deadline")
class OutlivesItsDeadline(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> Any:
        if self._cloud.fault is Fault.TIMEOUT:
            time.sleep(1.3)
        return super().get_snapshot(snapshot_id, deadline=deadline)


@caught_by("test_a_failure_of_one_is_not_that_of_another")
class MixesUpItsCallers(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        self._asked = snapshot_id
        time.sleep(0.002)
        return super().get_snapshot(self._asked, **kw)


@caught_by("test_closing_one_driver_leaves_the_others_open")
class ClosesForAll(MemoryDriver):
    def close(self) -> None:
        self._cloud.fault = Fault.REFUSED


@caught_by("test_after_closing_the_answer_is_true_or_an_error")
class IsEmptyWhenClosed(MemoryDriver):
    _is_closed = False

    def close(self) -> None:
        self._is_closed = True

    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return Page(()) if self._is_closed else super().list_snapshots(query, **kw)


@caught_by("test_a_closed_driver_leaves_no_thread_behind")
class LeavesAThread(MemoryDriver):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


@caught_by("test_every_option_says_what_it_is")
class SaysNothingOfItsOptions(MemoryDriver):
    class Options(DriverOptions):
        size = fields.Integer()


# What an outside review found unnoticed


@caught_by("test_a_part_of_an_id_is_another_id")
class CompletesIds(MemoryDriver):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        whole = (id_ for id_ in self._cloud.snapshots if id_.startswith(snapshot_id))
        return super().get_snapshot(next(whole, snapshot_id), **kw)


@caught_by("test_a_part_of_an_id_deletes_nothing")
class DeletesAPrefix(MemoryDriver):
    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        for id_ in [id_ for id_ in self._cloud.snapshots if id_.startswith(snapshot_id)]:
            super().delete_snapshot(id_, deadline=deadline)


@caught_by("test_what_was_given_is_told_everywhere")
class ListsNoDescriptions(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        return replace(page, items=tuple(replace(s, description=None) for s in page.items))


@caught_by("test_what_was_given_is_told_everywhere")
class AnswersLessThanItMade(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return replace(super().create_snapshot(request, **kw), description=None, metadata={})


@caught_by("test_many_can_walk_at_once")
class SharesItsCursor(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        self._cursor = kw["cursor"]
        time.sleep(0.002)
        return super().list_snapshots(query, **{**kw, "cursor": self._cursor})


@caught_by("test_many_can_walk_at_once")
class SharesItsQuery(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        self._query = query
        time.sleep(0.002)
        return super().list_snapshots(self._query, **kw)


@caught_by("test_declared_filters_mean_the_same_together")
class TakesOneFilter(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return super().list_snapshots(replace(query, filters=query.filters[:1]), **kw)


@caught_by("test_declared_filters_mean_the_same_together")
class ForgetsTheFilterOnPageTwo(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        kept = () if kw["cursor"] else query.filters
        return super().list_snapshots(replace(query, filters=kept), **kw)


@caught_by("test_declared_filters_mean_the_same_together")
class CountsByOneFilter(MemoryDriver):
    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        one = replace(query, filters=query.filters[:1])
        return super().count_snapshots(one, deadline=deadline)


@caught_by("test_equals_and_unknowns_have_their_places")
class SortsByOneKey(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return super().list_snapshots(replace(query, sort=query.sort[:1]), **kw)


class _Sorting(MemoryDriver):
    """Has its rows in an order of its own, and counts them."""

    def order(self, rows: Any, query: Query) -> Any:
        raise NotImplementedError

    def list_snapshots(self, query: Query, *, page_size: int, cursor: Any, **kw: Any) -> Any:
        rows = super().list_snapshots(query, page_size=10_000, cursor=None, **kw).items
        rows, start = tuple(self.order(rows, query)), int(cursor or 0)
        end = start + page_size
        return Page(rows[start:end], str(end) if end < len(rows) else None)


@caught_by("test_equals_and_unknowns_have_their_places")
class PutsTheNamelessFirst(_Sorting):
    def order(self, rows: Any, query: Query) -> Any:
        by_name = [key.field for key in query.sort] == ["name"]
        return sorted(rows, key=lambda row: by_name and row.name is not None)


@caught_by("test_equals_and_unknowns_have_their_places")
class SkipsEquals(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page = super().list_snapshots(query, **kw)
        if kw["cursor"] and [key.field for key in query.sort] == ["name"]:
            last = kw["cursor"].partition("\n")[0]
            return replace(page, items=tuple(s for s in page.items if (s.name or "") != last))
        return page


@caught_by("test_a_hard_key_is_kept_or_refused")
class LowersKeys(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        change = request.metadata or MetadataChange()
        lowered = {key.lower(): value for key, value in change.set.items()}
        request = replace(request, metadata=replace(change, set=lowered))
        return super().update_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_name_is_taken_away_or_refused")
class KeepsItsName(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        request = request if request.name else replace(request, name=UNSET)
        return super().update_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_hard_text_is_kept_by_a_change_or_refused")
class StripsChangedTexts(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        request = replace(request, name=request.name and request.name.strip())
        return super().update_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_hard_name_is_kept_or_refused")
class StripsNames(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return super().create_snapshot(replace(request, name=(request.name or "").strip()), **kw)


@caught_by("test_the_longest_of_wide_characters_is_kept_or_refused")
class CutsBytes(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        name = (request.name or "").encode()[:64].decode(errors="ignore") or None
        return super().create_snapshot(replace(request, name=name), **kw)


@caught_by("test_metadata_changes_as_asked")
class ChangesMakeItYounger(MemoryDriver):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        found = super().update_snapshot(snapshot_id, request, **kw)
        younger = replace(found, created=found.created and found.created + timedelta(seconds=1))
        self._cloud.snapshots[snapshot_id] = younger
        return younger


@caught_by("test_a_clone_is_made_once_and_told_as_it_is")
class ClonesTwice(MemoryDriver):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        super().clone_snapshot(snapshot_id, request, **kw)
        return super().clone_snapshot(snapshot_id, request, **kw)


@caught_by("test_a_clone_is_made_once_and_told_as_it_is")
class ClonesWithoutADescription(MemoryDriver):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return super().clone_snapshot(snapshot_id, replace(request, description=None), **kw)


@caught_by("test_an_empty_volume_is_created")
class MakesVolumesWithoutADescription(MemoryDriver):
    def create_volume(self, request: Any, **kw: Any) -> Any:
        return super().create_volume(replace(request, description=None), **kw)


@caught_by("test_a_snapshot_is_found_as_soon_as_it_is_created")
class ListsWhatIsOldOnly(MemoryDriver):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        page, now = super().list_snapshots(query, **kw), datetime.now(UTC)
        old = (one for one in page.items if one.created and (now - one.created).seconds > 0)
        return replace(page, items=tuple(old))


@caught_by("test_a_volume_is_made_once_and_never_smaller")
class RoundsSizesDown(MemoryDriver):
    def create_volume(self, request: Any, **kw: Any) -> Any:
        size_bytes = request.size_bytes >> 30 << 30
        return super().create_volume(replace(request, size_bytes=size_bytes), **kw)


@caught_by("test_a_declared_filter_on_volumes_means_what_it_says")
class ListsAllVolumes(MemoryDriver):
    def list_volumes(self, query: Query, **kw: Any) -> Any:
        return super().list_volumes(replace(query, filters=()), **kw)


@caught_by("test_a_copy_has_the_texts_of_its_source_or_those_asked_for")
class CopiesOnlyNames(MemoryDriver):
    def copy_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        request = replace(request, description=None, metadata={})
        return super().copy_snapshot(snapshot_id, request, **kw)


@caught_by("test_reverting_keeps_the_other_snapshots_or_is_refused")
class RevertsAndForgetsTheLater(MemoryDriver):
    def revert_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        found, rows = super().revert_snapshot(snapshot_id, **kw), self._cloud.snapshots
        for one in [one for one in rows.values() if one.volume_id == found.volume_id]:
            if one.id > found.id:
                del rows[one.id]
        return found


@caught_by("test_a_change_that_fails_is_not_half_done")
class SendsACreationTwice(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        try:
            return super().create_snapshot(request, **kw)
        except CloudError:
            return super().create_snapshot(request, **kw)


@caught_by("test_a_change_that_fails_is_not_half_done")
class IsQuietAboutLostVolumes(MemoryDriver):
    def delete_volume(self, volume_id: str, **kw: Any) -> None:
        try:
            super().delete_volume(volume_id, **kw)
        except CloudError as exc:
            raise CloudError(exc.fault) from exc


@caught_by("test_a_read_that_fails_says_why")
class EndsVolumesQuietly(MemoryDriver):
    def list_volumes(self, query: Query, **kw: Any) -> Any:
        try:
            return super().list_volumes(query, **kw)
        except CloudError:
            return Page(())


@caught_by("test_a_call_ends_by_its_deadline")
class CreatesTooLate(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        if self._cloud.fault is Fault.TIMEOUT:
            time.sleep(1.3)
        return super().create_snapshot(request, **kw)


@caught_by("test_an_opening_that_fails_says_why")
class OpensWithAWrongCode(MemoryDriver):
    @classmethod
    def open(cls, options: Any, credentials: Any, *, shared: Any, deadline: Deadline) -> Any:
        if shared.fault:
            raise DriverError(ErrorCode.BACKEND, "something")
        return super().open(options, credentials, shared=shared, deadline=deadline)


@caught_by("test_the_answer_to_a_creation_does_not_show_them")
class TellsItsPasswordOnce(MemoryDriver):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        made = super().create_snapshot(request, **kw)
        return replace(made, native={"auth": self._credentials.password})


@caught_by("test_volumes_do_not_show_them")
class ShowsItsPasswordInVolumes(MemoryDriver):
    def get_volume(self, volume_id: str, **kw: Any) -> Any:
        found = super().get_volume(volume_id, **kw)
        return replace(found, native={"auth": self._credentials.password})


# Accounts


class _OfAll(MemoryDriver):
    """Knows what the first account has, whoever asks."""

    @classmethod
    def open(cls, options: Any, credentials: Any, *, shared: Any, deadline: Deadline) -> Any:
        driver = super().open(options, credentials, shared=shared, deadline=deadline)
        driver.first = MemoryDriver(shared, credentials)
        return driver

    first: MemoryDriver


@caught_by("test_another_account_does_not_see_it")
class ListsWhatIsOthers(_OfAll):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        return self.first.list_snapshots(query, **kw)


@caught_by("test_another_account_does_not_see_it")
class ShowsWhatIsOthers(_OfAll):
    def get_snapshot(self, snapshot_id: str, **kw: Any) -> Any:
        return self.first.get_snapshot(snapshot_id, **kw)


@caught_by("test_another_account_does_not_see_volumes")
class ShowsVolumesOfOthers(_OfAll):
    def get_volume(self, volume_id: str, **kw: Any) -> Any:
        return self.first.get_volume(volume_id, **kw)


@caught_by("test_another_account_cannot_delete_it")
class DeletesWhatIsOthers(_OfAll):
    def delete_snapshot(self, snapshot_id: str, **kw: Any) -> None:
        self.first.delete_snapshot(snapshot_id, **kw)


@caught_by("test_another_account_cannot_change_it")
class ChangesWhatIsOthers(_OfAll):
    def update_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return self.first.update_snapshot(snapshot_id, request, **kw)


@caught_by("test_another_account_cannot_make_a_snapshot_of_its_volume")
class MakesSnapshotsOfOthers(_OfAll):
    def create_snapshot(self, request: Any, **kw: Any) -> Any:
        return self.first.create_snapshot(request, **kw)


@caught_by("test_another_account_cannot_clone_it")
class ClonesWhatIsOthers(_OfAll):
    def clone_snapshot(self, snapshot_id: str, request: Any, **kw: Any) -> Any:
        return self.first.clone_snapshot(snapshot_id, request, **kw)


@caught_by("test_another_account_does_not_find_it_by_its_marker")
class FindsMarkersOfOthers(_OfAll):
    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        is_marker = any(one.field == "created_by" for one in query.filters)
        asked = self.first.list_snapshots if is_marker else super().list_snapshots
        return asked(query, **kw)


@caught_by("test_accounts_that_take_turns_see_their_own")
class TakesTheLastLogin(MemoryDriver):
    """Sends what it sends with the credentials that somebody has used just before."""

    def list_snapshots(self, query: Query, **kw: Any) -> Any:
        used, type(self)._used = type(self)._used or self, self
        return MemoryDriver(used._cloud, self._credentials).list_snapshots(query, **kw)

    _used: Any = None


@caught_by("test_closing_the_driver_of_one_account_leaves_that_of_another_open")
class ClosesAllAccounts(_OfAll):
    def close(self) -> None:
        self.first._cloud.snapshots.clear()


for _name, _mutant in MUTANTS.items():
    _found = type("MutantHarness", (MemoryHarness,), {"driver_class": _mutant.driver})
    globals()[f"Test{_name}"] = conformance_of(_found)
