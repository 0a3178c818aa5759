"""Answers to requests about several snapshots at once, and to dry runs."""

from collections.abc import Callable, Sequence
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
from gateway.representations.documents import ListEnd, Result, Row

DRY_RUN = "dry_run"
"""Query parameter: say what would happen, and do nothing."""
_DELETED, _CREATED, _OK, _EACH_ITS_OWN = 204, 201, 200, 207


def delete(exchange: Exchange, ids: Sequence[str], *, dry_run: bool, missing_ok: bool) -> Response:
    """Delete snapshots: 204 if all went well, else the results."""
    outcomes = bulk.delete_snapshots(exchange.account, ids, dry_run=dry_run, missing_ok=missing_ok)
    if not dry_run and all(outcome.error is None for outcome in outcomes):
        return exchange.no_content()
    results = [
        _result(exchange, index, outcome, Result(index, _DELETED, snapshot_id))
        for index, (snapshot_id, outcome) in enumerate(zip(ids, outcomes, strict=True))
    ]
    return _report(exchange, results, dry_run=dry_run)


def create(
    exchange: Exchange,
    wanted: Sequence[NewSnapshot],
    terms: Terms,
    row: Callable[[StorageSnapshot], Row],
    *,
    dry_run: bool,
    is_list: bool,
) -> Response:
    """Make snapshots: 201 and their list if all went well, else the results.

    200 if all of them were there before. A dry run may be of one that is no list.
    """
    outcomes = bulk.create_snapshots(
        exchange.account, wanted, terms, dry_run=dry_run, is_list=is_list
    )
    made = [outcome.value for outcome in outcomes if outcome.value is not None]
    if len(made) == len(outcomes) and not dry_run:
        items = tuple(one.item for one in made)
        chunks = exchange.format.storage_snapshots([items], row, lambda: ListEnd(len(items)))
        status = _CREATED if any(one.found is None for one in made) else _OK
        return exchange.respond(b"".join(chunks), status=status, headers=_found_alike(made))
    results = [
        _result(exchange, index, outcome, _made(index, outcome.value, row))
        for index, outcome in enumerate(outcomes)
    ]
    return _report(exchange, results, dry_run=dry_run)


def _made(
    index: int, made: Made[StorageSnapshot] | None, row: Callable[[StorageSnapshot], Row]
) -> Result:
    if made is None:
        return Result(index, _CREATED)
    status = _CREATED if made.found is None else _OK
    return Result(index, status, made.item.id, made=(made.item, row(made.item)))


def _found_alike(made: Sequence[Made[StorageSnapshot]]) -> dict[str, str]:
    """Return the headers that are true of every one."""
    headers = [found_headers(one) for one in made]
    return headers[0] if all(one == headers[0] for one in headers) else {}


def _result(exchange: Exchange, index: int, outcome: Outcome[Any], good: Result) -> Result:
    """Return ``good`` unless the outcome is an error."""
    if outcome.error is None:
        return good
    problem = problem_of(exchange, outcome.error)
    return Result(
        index,
        problem.status,
        good.id,
        problem=problem,
        retry_after_s=retry_after_of(outcome.error),
    )


def _report(exchange: Exchange, results: Sequence[Result], *, dry_run: bool) -> Response:
    body = exchange.format.results(results)
    return exchange.report(body, status=_OK if dry_run else _EACH_ITS_OWN)
