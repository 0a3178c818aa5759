"""Many changes in one request: a few at a time, each with an outcome of its own."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from gateway.core import endings
from gateway.core.checks import require
from gateway.core.creations import NO_TERMS, NewSnapshot, Terms
from gateway.core.endings import Ending
from gateway.core.guard import bug
from gateway.core.idempotency import Made
from gateway.core.snapshots import Account
from gateway.core.waiting import Wait
from gateway.driver import (
    Capability,
    DriverError,
    StorageSnapshot,
    invalid,
    is_uuid,
)

AT_ONCE = 8
"""Calls that one request has under way at the same time."""
MAX_ITEMS = 1000
_SHOWN = 10
_LONGEST_SHOWN = 60
T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R_co]):
    """What has come of one item.

    Attributes:
        value: what it is, if it worked.
        error: why it did not.
        is_over: whether it has ended, for those who wait; None for all others.
        unseen: why the last look of who waits saw nothing.
    """

    value: R_co | None = None
    error: DriverError | None = None
    is_over: bool | None = None
    unseen: DriverError | None = None


def delete_snapshots(
    account: Account,
    ids: Sequence[str],
    *,
    dry_run: bool = False,
    missing_ok: bool = False,
    wait: Wait | None = None,
) -> Sequence[Outcome[StorageSnapshot | None]]:
    """Delete snapshots; with ``dry_run`` only look whether each can be deleted now.

    With ``missing_ok`` one that does not exist is as good as deleted. For who waits a
    deletion whose answer was lost is followed, too: what is gone is deleted, however.

    Returns:
        What has come of each id, in their order: for who waits, with what is still there.

    Raises:
        DriverError: before anything has happened: ``invalid`` when there are too few or
            too many ids or one comes twice, ``unsupported``, or whatever keeps the
            account from making any call.
    """
    check_item_count("ids", len(ids))
    _check_once(ids)
    require(account.provider.driver, Capability.SNAPSHOT_DELETE)
    account.check_credentials()  # one refused login instead of a thousand
    delete: Callable[..., bool | None] = (
        account.check_delete_snapshot if dry_run else account.delete_snapshot
    )
    outcomes = run(partial(delete, missing_ok=missing_ok), ids)
    begun: list[Outcome[None]] = [Outcome(error=outcome.error) for outcome in outcomes]
    if wait is None:
        return begun
    followed = {
        index: endings.snapshot_deleted(account, ids[index], outcome.error)
        for index, outcome in enumerate(outcomes)
        if outcome.value or (outcome.error and outcome.error.maybe_done)
    }
    return _awaited(begun, followed, wait, lambda _, seen: seen)


def create_snapshots(
    account: Account,
    wanted: Sequence[NewSnapshot],
    terms: Terms = NO_TERMS,
    *,
    dry_run: bool = False,
    wait: Wait | None = None,
) -> Sequence[Outcome[Made[StorageSnapshot] | None]]:
    """Start snapshots; with ``dry_run`` only check what can be checked without a change.

    Those of one volume are made one after another in the order of the requests: clouds
    limit how often a volume may be snapshotted, and a driver that looks at what is there
    would otherwise miss what is just being made. A key stands for each together with
    its place, so that a repeat makes what is still missing.

    Returns:
        What has come of each request, in their order; a dry run yields what is there already.
        What was made and has failed since has a value and an error.

    Raises:
        DriverError: as in ``delete_snapshots``.
    """
    check_item_count("storage_snapshots", len(wanted))
    require(account.provider.driver, Capability.SNAPSHOT_CREATE)
    account.check_credentials()

    def create(item: tuple[int, NewSnapshot]) -> Made[StorageSnapshot] | None:
        place, one = item
        own = one.terms(terms, place)
        make = account.check_create_snapshot if dry_run else account.make_snapshot
        return make(one.request, own)

    outcomes = run(create, list(enumerate(wanted)), group=_volume)
    if wait is None:
        return outcomes
    followed = {
        index: endings.snapshot_made(account, outcome.value.item)
        for index, outcome in enumerate(outcomes)
        if outcome.value is not None and outcome.value.found != "age"
    }
    return _awaited(outcomes, followed, wait, _seen_last)


def _seen_last(
    before: Made[StorageSnapshot] | None, seen: StorageSnapshot | None
) -> Made[StorageSnapshot] | None:
    return replace(before, item=seen) if before and seen else before


def _awaited(
    outcomes: Sequence[Outcome[T]],
    followed: Mapping[int, Ending[StorageSnapshot]],
    wait: Wait,
    shown: Callable[[T | None, StorageSnapshot | None], R],
) -> Sequence[Outcome[T | R]]:
    """Return the outcomes at the end of a wait.

    Args:
        outcomes: when it begins.
        followed: how those end that are waited for, by their places.
        wait: for how long.
        shown: returns the value of an outcome, given the old one and what was seen last.
    """
    wait.watch([one.watch for one in followed.values()])
    found: list[Outcome[T | R]] = list(outcomes)
    for index, ending in followed.items():
        try:
            waited = ending.told()
        except DriverError as error:
            found[index] = replace(found[index], error=error)
        else:
            value = shown(outcomes[index].value, waited.item)
            is_over = waited.is_over or waited.is_gone
            found[index] = Outcome(value, is_over=is_over, unseen=waited.error)
    return found


def check_item_count(field: str, count: int) -> None:
    """Raise ``invalid`` naming ``field`` unless one request can have ``count`` items."""
    if not 1 <= count <= MAX_ITEMS:
        raise invalid({field: f"{count} given; give 1 to {MAX_ITEMS}"})


def run(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    group: Callable[[T], Hashable] | None = None,
) -> list[Outcome[R]]:
    """Return what comes of ``function`` for each item, in the order of the items.

    At most ``AT_ONCE`` calls are under way at the same time, and none of them ends
    the others. Items of which ``group`` returns the same come one after another.
    """
    groups: dict[Hashable, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(group(item) if group else index, []).append(index)
    found: dict[int, Outcome[R]] = {}

    def work(indices: list[int]) -> None:
        for index in indices:
            found[index] = _outcome(function, items[index])

    with ThreadPoolExecutor(AT_ONCE, "bulk") as pool:
        for _ in pool.map(work, groups.values()):
            pass  # what is no outcome, such as the end of the process, is raised here
    return [found[index] for index in range(len(items))]


def _outcome(function: Callable[[T], R], item: T) -> Outcome[R]:
    try:
        return Outcome(function(item))
    except DriverError as error:
        return Outcome(error=error)
    except Exception as exc:  # noqa: BLE001 - a bug with one item must not hide what came of others
        return Outcome(error=bug(exc))


def _volume(item: tuple[int, NewSnapshot]) -> str:
    return item[1].request.volume_id.lower()  # a UUID is the same in upper and lower case


def _check_once(ids: Sequence[str]) -> None:
    # A UUID is the same in upper and lower case; other ids may differ in nothing else.
    alike = Counter(one.lower() if is_uuid(one) else one for one in ids)
    twice = [found for found, count in alike.items() if count > 1]
    if twice:
        shown = ", ".join(repr(one[:_LONGEST_SHOWN]) for one in twice[:_SHOWN])
        raise invalid({"ids": f"given more than once: {shown}"})
