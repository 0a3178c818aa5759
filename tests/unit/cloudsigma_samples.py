"""What the tests of the CloudSigma driver share: documented rows, answers, and accounts."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import requests

from drivers.cloudsigma import errors
from drivers.cloudsigma.account import Account
from drivers.cloudsigma.clients import Cloud, CloudSigmaOptions
from gateway.driver import Credentials, DriverError
from tests.golden_cloudsigma import samples

SECRET = "hunter2"
HTML = f"<html><head><title>{SECRET}</title></head><body><h1>{SECRET}</h1></body></html>"
USER = Credentials(username="user@example.com", password=SECRET)
SNAPSHOT_ID = "62c600cf-7a25-4703-8003-b3c4445233af"
Row = dict[str, Any]


def rows(kind: str) -> list[tuple[str, Row]]:
    """Return the documented rows of a kind, each with the name of its sample.

    Args:
        kind: ``local``, ``remote`` or ``drive``; the answer to a clone is a drive.
    """
    return [(name, row) for name, row in _all_rows() if _kind(row) == kind]


def _all_rows() -> Iterator[tuple[str, Row]]:
    for one in samples():
        if isinstance(one.answer, dict):
            for row in one.answer.get("objects", [one.answer]):
                if {"uuid", "status"} <= row.keys():
                    yield one.name, row


def _kind(row: Row) -> str:
    if "timestamp" not in row:
        return "drive"
    return "remote" if "location" in row else "local"


def response(
    status: int, body: str | bytes = b"", content_type: str = "application/json", **headers: str
) -> requests.Response:
    """Return an answer as requests gives it; ``Retry_After`` is ``Retry-After``."""
    made = requests.Response()
    made.status_code = status
    made.url = f"https://{SECRET}.example/api/2.0/snapshots/"
    made.headers.update({"Content-Type": content_type})
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made._content = body.encode() if isinstance(body, str) else body
    return made


def asked(answer: requests.Response, method: str, path: str) -> requests.Response:
    """Return an answer as that to a request; ``path`` is what follows ``/api/2.0/``."""
    answer.request = requests.Request(method, f"https://{SECRET}.example/api/2.0/{path}").prepare()
    return answer


def raised(answer: requests.Response) -> requests.HTTPError:
    """Return what requests raises for an answer."""
    try:
        answer.raise_for_status()
    except requests.HTTPError as exc:
        return exc
    raise AssertionError("requests raised nothing")


def classified(exc: Exception) -> DriverError:
    """Return what the driver says of an exception, which is something."""
    error = errors.classify(exc)
    assert error is not None
    return error


def told(error: DriverError) -> str:
    """Return all that a DriverError may show to anybody."""
    return f"{error!r} {error} {error.message} {error.fields} {error.args}"


def options(endpoint: str = "http://127.0.0.1:9/api/2.0/", **given: Any) -> dict[str, Any]:
    """Return the driver's options for an endpoint, loaded as from a configuration."""
    loaded: dict[str, Any] = CloudSigmaOptions().load({"endpoint": endpoint, **given})
    return loaded


@cache
def _nowhere() -> Cloud:
    """Return connections that nobody uses; to make them, all trusted certificates are read."""
    return Cloud(options())


class Prepared(Account):
    """An account that reads what is laid ready for it, and remembers what it was asked.

    Each collection answers filters on ``uuid``, ``limit``, ``offset`` and ``fields`` as
    CloudSigma does, in the order in which the rows lie there.

    Args:
        collections: their rows.
        at_most: what a server gives in one answer, whatever it is asked for.
        documents: answers to other paths.
    """

    def __init__(
        self,
        collections: Mapping[str, list[Any]],
        *,
        at_most: int | None = None,
        documents: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(_nowhere(), USER)
        self.collections = collections
        self.at_most = at_most
        self.documents = documents or {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        asked = dict(params or {})
        self.asked.append((path, asked))
        if path in self.documents:
            found: dict[str, Any] = self.documents[path]
            return found
        return self._listed(self.collections[path.partition("/")[0]], asked)

    def _listed(self, every: list[Any], asked: Mapping[str, str]) -> dict[str, Any]:
        if "uuid" in asked:
            every = [row for row in every if row["uuid"] in asked["uuid"].split(",")]
        start, limit = int(asked["offset"]), int(asked["limit"])
        chosen = every[start : start + limit if limit else None][: self.at_most]
        if "fields" in asked:
            wanted = asked["fields"].split(",")
            chosen = [{k: v for k, v in row.items() if k in wanted} for row in chosen]
        return {"meta": {"total_count": len(every)}, "objects": chosen}
