"""The errors of Cinder's API, worded as recorded from Cinder 29."""

import json

_KINDS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}
NOT_FOUND = "The resource could not be found."
MALFORMED = (
    "The server could not comply with the request since it is either malformed or "
    "otherwise incorrect."
)
ERRED = "The server has either erred or is incapable of performing the requested operation."
DENIED = "The request you have made requires authentication."


class CinderError(Exception):
    """A request is answered with a fault."""

    def __init__(self, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.retry_after = retry_after


def bad_request(message: str) -> CinderError:
    """Return the error of a request that is wrong."""
    return CinderError(400, message)


def not_found(kind: str, resource_id: object) -> CinderError:
    """Return the error of what is not there, or is another project's."""
    return CinderError(404, f"{kind} {resource_id} could not be found.")


def no_route() -> CinderError:
    """Return the error of what there is not at this microversion."""
    return CinderError(404, NOT_FOUND)


def forbidden(policy: str) -> CinderError:
    """Return the error of what the user's roles do not allow."""
    return CinderError(403, f"Policy doesn't allow {policy} to be performed.")


def over_quota(message: str) -> CinderError:
    """Return the error of a quota, which looks like a rate limit of 0 seconds."""
    return CinderError(413, message, retry_after="0")


def fault_body(status: int, message: str, retry_after: str | None = None) -> bytes:
    """Return the body of a fault."""
    fault: dict[str, object] = {"code": status, "message": message}
    if status == 413 and retry_after is not None:
        fault["retryAfter"] = retry_after
    return json.dumps({_KINDS.get(status, "computeFault"): fault}).encode()


def denied_body() -> bytes:
    """Return the body with which the authentication in front of Cinder answers 401."""
    error = {"code": 401, "title": "Unauthorized", "message": DENIED}
    return json.dumps({"error": error}).encode()


def plain_body(status: int, title: str, text: str, *, is_json: bool) -> bytes:
    """Return the body of what is refused before it comes to Cinder's controllers."""
    text = f"{text}<br /><br />\n\n\n"
    if is_json:
        return json.dumps({"message": text, "code": f"{status} {title}", "title": title}).encode()
    heading = f"{status} {title}"
    page = f"<html>\n <head>\n  <title>{heading}</title>\n </head>\n <body>\n"
    return f"{page}  <h1>{heading}</h1>\n  {text}\n </body>\n</html>".encode()
