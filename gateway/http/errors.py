"""Every error as an answer, in the format that the request asked for."""

import math
import traceback
from collections.abc import Mapping

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from gateway.core.guard import DriverBug
from gateway.driver import DriverError, ErrorCode
from gateway.http.exchange import Exchange, current
from gateway.http.problems import STATUS, HttpProblem
from gateway.http.target import UNAUTHENTICATED_HEADERS
from gateway.representations.documents import Problem

_KINDS = {
    400: "invalid",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


def register(app: Flask) -> None:
    """Let ``app`` answer every error."""
    app.register_error_handler(DriverError, _driver_error)
    app.register_error_handler(HttpProblem, _http_problem)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _bug)


def problem_of(exchange: Exchange, error: DriverError) -> Problem:
    """Return what clients read of an error; one that is a bug, or hides one, is logged."""
    if not log_if_bug(exchange, error) and isinstance(error.__cause__, DriverError):
        log_if_bug(exchange, error.__cause__)
    return _problem(
        exchange,
        STATUS[error.code],
        error.code.value,
        error.message,
        retryable=error.is_retryable,
        backend_code=error.backend_code,
        fields=error.fields,
        outcome="unknown" if error.maybe_done else None,
        marker=error.marker,
    )


def retry_after_of(error: DriverError) -> int | None:
    """Return the seconds of Retry-After; None where nobody knows them."""
    return None if error.retry_after_s is None else math.ceil(error.retry_after_s)


def _driver_error(error: DriverError) -> Response:
    headers = {}
    if error.code is ErrorCode.UNAUTHENTICATED:
        headers.update(UNAUTHENTICATED_HEADERS)
    retry_after = retry_after_of(error)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    exchange = current()
    return _respond(exchange, problem_of(exchange, error), headers)


def _http_problem(problem: HttpProblem) -> Response:
    exchange = current()
    found = _problem(exchange, problem.status, problem.kind, problem.message)
    return _respond(exchange, found, problem.headers)


def _http_exception(exc: HTTPException) -> Response:
    status = exc.code or 500
    kind = _KINDS.get(status, "http_error")
    allow = getattr(exc, "valid_methods", None)
    if status == 404:  # noqa: PLR2004
        message = "no such URL; the entry point is /api"
    elif status == 405:  # noqa: PLR2004
        message = f"method {current().request.method} is not possible here"
    elif status == 413:  # noqa: PLR2004
        message = "the request body is too large; at most 1 MiB are taken"
    else:
        message = exc.name
    headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
    exchange = current()
    return _respond(exchange, _problem(exchange, status, kind, message), headers)


def _bug(exc: Exception) -> Response:
    exchange = current()
    return _respond(exchange, problem_of(exchange, exchange.blame(exc)))


def log_if_bug(exchange: Exchange, error: DriverError) -> bool:
    """Log an error that is a bug; return whether it is."""
    is_bug = error.code is ErrorCode.INTERNAL or isinstance(error, DriverBug)
    if is_bug:
        _log_bug(exchange, error)
    return is_bug


def _log_bug(exchange: Exchange, error: DriverError) -> None:
    """Log where and whose, and no message: a library may have put a secret into it."""
    exc = error.__cause__ or error
    frames = traceback.extract_tb(exc.__traceback__)
    source = error.source if isinstance(error, DriverBug) else None
    exchange.log(
        "bug",
        request_id=exchange.request_id,
        bug_of="driver" if source else "gateway",
        driver=source and source.name,
        entry_point=source and source.target,
        package=source and source.package,
        error=type(exc).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]],
    )


def _problem(exchange: Exchange, status: int, kind: str, message: str, **more: object) -> Problem:
    provider = exchange.provider
    return Problem(
        status=status,
        kind=kind,
        message=message,
        path=exchange.request.path,
        request_id=exchange.request_id,
        **{
            "driver": provider.driver_name if provider else None,
            "provider": provider.name if provider else None,
            **more,
        },  # type: ignore[arg-type]
    )


def _respond(
    exchange: Exchange, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    body = exchange.format.problem(problem)
    return exchange.respond(body, status=problem.status, headers=headers)
