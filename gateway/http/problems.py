"""Errors of the HTTP layer itself, and how every error becomes a status."""

from collections.abc import Mapping

from gateway.driver import ErrorCode

STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.INVALID: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.KEY_REUSED: 422,
    ErrorCode.PRECONDITION_FAILED: 412,
    ErrorCode.QUOTA: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNSUPPORTED: 501,
    ErrorCode.BACKEND: 502,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.INTERNAL: 500,
}


class HttpProblem(Exception):
    """A request fails before or beside the core, with a status of its own."""

    def __init__(
        self, status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})
