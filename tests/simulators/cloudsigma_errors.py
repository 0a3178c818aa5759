"""The errors of the simulated CloudSigma, in each form that they may have."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.simulators.cloudsigma_settings import ErrorForm, Settings

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
_TYPES = {
    400: "validation",
    401: "permission",
    402: "billing",
    403: "permission",
    404: "notexist",
    409: "concurrency",
    429: "concurrency",
    503: "concurrency",
}
_MESSAGES = {
    401: "Authentication failed",
    402: "Not enough funds to complete the operation",
    403: "You do not have permission to complete the operation",
    404: "Object does not exist",
    405: "Method not allowed",
    406: "Not acceptable",
    429: "Too many requests",
    500: "unknown error",
    503: "The operation could not be completed because of a concurrent one. Please try again",
}
_PAGE = "<html>\n<head><title>{0}</title></head>\n<body><h1>{0}</h1></body>\n</html>\n"


class ApiError(Exception):
    """A refusal: its status and the entries of its body."""

    def __init__(
        self,
        status: int,
        *entries: dict[str, Any],
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status, *entries)
        self.status = status
        self.entries = list(entries) or [entry(status)]
        self.headers = dict(headers)


def entry(
    status: int, message: str = "", point: str | None = None, *, error_type: str = ""
) -> dict[str, Any]:
    """Return an entry of an error's body, worded as usual for its status unless told."""
    return {
        "error_point": point,
        "error_type": error_type or _TYPES.get(status, "backend"),
        "error_message": message or _MESSAGES.get(status, "unknown error"),
    }


def error(status: int, message: str = "", point: str | None = None) -> ApiError:
    """Return an error with one entry."""
    return ApiError(status, entry(status, message, point))


def invalid(point: str, message: str) -> ApiError:
    """Return the error for a field that is at fault."""
    return error(400, message, point)


def missing(*points: str) -> ApiError:
    """Return the error for required fields that are not there."""
    return ApiError(400, *(entry(400, "This field is required", one) for one in points))


def not_exist(uuid: str) -> ApiError:
    """Return the error for an object that nobody has."""
    return error(404, f"Object with uuid {uuid} does not exist")


def foreign(settings: Settings, user: str, right: str, uuid: str) -> ApiError:
    """Return the error for an object of somebody else."""
    if settings.foreign_status == 404:
        return not_exist(uuid)
    found = entry(
        403,
        f"User {user} does not have all of the permissions [{right}] in order to complete "
        f"the operation on resources [{uuid}]",
    )
    if not settings.foreign_has_point:
        del found["error_point"]
    return ApiError(403, found)


def wrong_state(status: int, operation: str, kind: str, state: str, wanted: str) -> ApiError:
    """Return the error for what a state does not allow, worded as it is for servers."""
    return error(
        status,
        f'Cannot {operation} {kind} in state "{state}". '
        f'{kind.capitalize()} should be in state "{wanted}"',
    )


def lacks(what: str) -> ApiError:
    """Return the error for what CloudSigma knows and this simulator does not: never its own."""
    return error(501, f"CloudSigma knows {what}; this simulator does not.")


def error_body(form: ErrorForm, found: ApiError) -> tuple[bytes, str]:
    """Return an error's body and its content type."""
    if form == "empty":
        return b"", HTML
    if form == "html":
        return _PAGE.format(f"{found.status} {found.entries[0]['error_message']}").encode(), HTML
    body: Any = found.entries if form == "list" else found.entries[0]
    return orjson.dumps(body), JSON


def form_of(settings: Settings, status: int) -> ErrorForm:
    """Return the form of the errors of a status."""
    return settings.error_forms.get(status, settings.error_form)
