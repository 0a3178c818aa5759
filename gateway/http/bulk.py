"""Answers to requests about several snapshots at once, and to dry runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Response

from gateway.core import bulk
from gateway.core.bulk import Outcome
from gateway.core.creations import NewSnapshot, Terms
from gateway.core.idempotency import Made
from gateway.driver import StorageSnapshot
from gateway.http.errors import problem_of, retry_after_of
from gateway.http.exchange import Exchange
from gateway.http.terms import found_headers
from gateway.http.waits import ASK_AGAIN_S, log_unseen, wait_of
from gateway.representations.documents import ListEnd, Result, Row

DRY_RUN = "dry_run"
"""Query parameter: say what would happen, and do nothing."""
_OK, _CREATED, _ACCEPTED, _DELETED, _EACH_ITS_OWN = 200, 201, 202, 204, 207
Rows = Callable[[StorageSnapshot], Row]
"""Returns what accompanies a snapshot into its representation."""


def delete(
    exchange: Exchange,
    ids: Sequence[str],
    row: Rows,
    *,
    dry_run: bool,
    missing_ok: bool,
) -> Response:
    """Delete snapshots: 204 if all are deleted, or for those who wait, gone; else the results."""
    wait = None if dry_run else wait_of(exchange)
    outcomes = bulk.delete_snapshots(
        exchange.account, ids, dry_run=dry_run, missing_ok=missing_ok, wait=wait
    )
    _log_unseen(exchange, outcomes)
    if not dry_run and all(one.error is None and one.is_over is not False for one in outcomes):
        return exchange.no_content()
    results = [
        _result(exchange, outcome, _deleted(index, snapshot_id, outcome, row))
        for index, (snapshot_id, outcome) in enumerate(zip(ids, outcomes, strict=True))
    ]
    return _report(exchange, results, dry_run=dry_run)


def create(
    exchange: Exchange,
    wanted: Sequence[NewSnapshot],
    terms: Terms,
    row: Rows,
    *,
    dry_run: bool,
) -> Response:
    """Make snapshots: 201 and their list if all went well, else the results.

    200 if all of them were there before, 202 if one is known to be unfinished.
    """
    wait = None if dry_run else wait_of(exchange)
    outcomes = bulk.create_snapshots(exchange.account, wanted, terms, dry_run=dry_run, wait=wait)
    _log_unseen(exchange, outcomes)
    made = [one.value for one in outcomes if one.value is not None and one.error is None]
    if len(made) == len(outcomes) and not dry_run:
        return _all_made(exchange, made, row, is_over=all(o.is_over is not False for o in outcomes))
    results = [
        _result(exchange, outcome, _made(index, outcome, row))
        for index, outcome in enumerate(outcomes)
    ]
    return _report(exchange, results, dry_run=dry_run)


def _log_unseen(exchange: Exchange, outcomes: Sequence[Outcome[Any]]) -> None:
    for outcome in outcomes:
        log_unseen(exchange, outcome.unseen)


def _all_made(
    exchange: Exchange, made: Sequence[Made[StorageSnapshot]], row: Rows, *, is_over: bool
) -> Response:
    items = tuple(one.item for one in made)
    chunks = exchange.format.storage_snapshots([items], row, lambda: ListEnd(len(items)))
    if not is_over:
        exchange.tell("Retry-After", str(ASK_AGAIN_S))
    done = _CREATED if any(one.found is None for one in made) else _OK
    status = done if is_over else _ACCEPTED
    return exchange.respond(b"".join(chunks), status=status, headers=_found_alike(made))


def _deleted(
    index: int, snapshot_id: str, outcome: Outcome[StorageSnapshot | None], row: Rows
) -> Result:
    if outcome.is_over is not False:
        return Result(index, _DELETED, snapshot_id)
    seen = outcome.value
    made = None if seen is None else (seen, row(seen))
    return Result(index, _ACCEPTED, snapshot_id, made, retry_after_s=ASK_AGAIN_S)


def _made(index: int, outcome: Outcome[Made[StorageSnapshot] | None], row: Rows) -> Result:
    made = outcome.value
    if made is None:
        return Result(index, _CREATED)
    done = _CREATED if made.found is None else _OK
    is_over = outcome.is_over is not False
    return Result(
        index,
        done if is_over else _ACCEPTED,
        made.item.id,
        (made.item, row(made.item)),
        reused=made.found,
        duplicates=made.others,
        retry_after_s=None if is_over else ASK_AGAIN_S,
    )


def _found_alike(made: Sequence[Made[StorageSnapshot]]) -> dict[str, str]:
    """Return the headers that are true of every one, and name the duplicates of all."""
    others = tuple(other for one in made for other in one.others)
    found = made[0].found if len({one.found for one in made}) == 1 else None
    return found_headers(replace(made[0], found=found, others=others))


def _result(exchange: Exchange, outcome: Outcome[Any], good: Result) -> Result:
    """Return ``good`` unless the outcome is an error."""
    if outcome.error is None:
        return good
    problem, after = problem_of(exchange, outcome.error), retry_after_of(outcome.error)
    return Result(good.index, problem.status, good.id, problem=problem, retry_after_s=after)


def _report(exchange: Exchange, results: Sequence[Result], *, dry_run: bool) -> Response:
    body = exchange.format.results(results)
    return exchange.report(body, status=_OK if dry_run else _EACH_ITS_OWN)
