"""What answers tell: of one thing, or of each of many."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.faults.backends import Held

GOOD = (200, 201, 202)
_DELETED, _EACH_ITS_OWN = 204, 207


class Told(NamedTuple):
    """What is told of one thing.

    Attributes:
        status: that of a request for it alone.
        item: the thing, if it is shown.
        problem: what is wrong; None after a success.
    """

    status: int
    item: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


def told(answer: Any, count: int = 1) -> list[Told]:
    """Return what is told of each of so many things that a request was about."""
    status = answer.status_code
    if status == _DELETED:
        return [Told(status)] * count
    if status == _EACH_ITS_OWN:
        results = json_of(answer)["results"]
        assert [one["index"] for one in results] == list(range(count))
        return [Told(one["status"], one["storage_snapshot"], one["error"]) for one in results]
    if status not in GOOD:
        return [Told(status, problem=json_of(answer))] * count
    shown = next(iter(json_of(answer).values()))
    found = [Told(status, one) for one in (shown if isinstance(shown, list) else [shown])]
    assert len(found) == count
    return found


def ids_told(answer: Any, count: int = 1) -> list[str]:
    """Return the ids in an answer to a request of which nothing has failed."""
    shown = [one.item for one in told(answer, count)]
    return [one["id"] for one in shown if one is not None]


def statuses(answer: Any) -> list[int]:
    """Return the status of an answer, or those of its results."""
    if answer.status_code != _EACH_ITS_OWN:
        return [answer.status_code]
    return [one["status"] for one in json_of(answer)["results"]]


def document(answer: Any) -> dict[str, Any]:
    """Return the one thing that an answer shows."""
    (found,) = json_of(answer).values()
    return dict(found)


def json_of(answer: Any) -> dict[str, Any]:
    """Return the document of an answer of Flask's client, or of requests."""
    found = answer.json() if callable(answer.json) else answer.json
    return dict(found)


def check_told(each: list[Told], made: Held, find: Callable[[str], list[str]]) -> list[str | None]:
    """Check that the truth is told of what was made, and return the id of each thing, if any.

    Args:
        each: what is told of each thing that was asked for.
        made: what the backend has that it had not before.
        find: returns the ids of what carries a marker.
    """
    assert len(made) <= len(each), f"{len(made)} where {len(each)} were asked for: {sorted(made)}"
    named = [_named(one, find) for one in each]
    for one, id_ in zip(each, named, strict=True):
        assert id_ is None or id_ in made, f"a success that there was not: {one}"
    found = [id_ for id_ in named if id_ is not None]
    assert sorted(found) == sorted(made), f"made, and not named or told as failed: {each}"
    return named


def _named(one: Told, find: Callable[[str], list[str]]) -> str | None:
    """Return the id of what was made as far as it is told, or found by what is told."""
    if one.problem is None:
        assert one.item is not None, "made, and not shown"
        return str(one.item["id"])
    check_problem(one)
    if one.problem["outcome"] is None:
        return None
    found = find(one.problem["marker"])
    assert len(found) <= 1, f"{len(found)} with one marker"
    return found[0] if found else None


def check_problem(one: Told) -> None:
    """Check what must be so of every failure."""
    problem = one.problem
    assert problem is not None
    assert problem["code"] == one.status
    assert problem["error"] != "internal", problem
    assert problem["outcome"] in (None, "unknown")
