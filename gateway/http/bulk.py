"""Answers to requests about several snapshots at once, and to dry runs."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response

from gateway.core import bulk
from gateway.core.bulk import Outcome
from gateway.driver import CreateSnapshot, StorageSnapshot
from gateway.http.errors import problem_of, retry_after_of
from gateway.http.exchange import Exchange
from gateway.representations.documents import ListEnd, Result, Row

DRY_RUN = "dry_run"
"""Query parameter: say what would happen, and do nothing."""
_DELETED, _CREATED, _OK, _EACH_ITS_OWN = 204, 201, 200, 207


def delete(exchange: Exchange, ids: Sequence[str], *, dry_run: bool) -> Response:
    """Delete snapshots: 204 if all went well, else the results."""
    outcomes = bulk.delete_snapshots(exchange.account, ids, dry_run=dry_run)
    if not dry_run and all(outcome.error is None for outcome in outcomes):
        return exchange.no_content()
    results = [
        _result(exchange, index, outcome, Result(index, _DELETED, snapshot_id))
        for index, (snapshot_id, outcome) in enumerate(zip(ids, outcomes, strict=True))
    ]
    return _report(exchange, results, dry_run=dry_run)


def create(
    exchange: Exchange,
    requests: Sequence[CreateSnapshot],
    row: Callable[[StorageSnapshot], Row],
    *,
    dry_run: bool,
) -> Response:
    """Make snapshots: 201 and their list if all went well, else the results."""
    outcomes = bulk.create_snapshots(exchange.account, requests, dry_run=dry_run)
    made = tuple(outcome.value for outcome in outcomes if outcome.value is not None)
    if len(made) == len(outcomes):
        chunks = exchange.format.storage_snapshots([made], row, lambda: ListEnd(len(made)))
        return exchange.respond(b"".join(chunks), status=_CREATED)
    results = [
        _result(exchange, index, outcome, _made(index, outcome.value, row))
        for index, outcome in enumerate(outcomes)
    ]
    return _report(exchange, results, dry_run=dry_run)


def _made(
    index: int, snapshot: StorageSnapshot | None, row: Callable[[StorageSnapshot], Row]
) -> Result:
    if snapshot is None:
        return Result(index, _CREATED)
    return Result(index, _CREATED, snapshot.id, made=(snapshot, row(snapshot)))


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
