"""Name, description and metadata as EC2 tags.

The name is the tag ``Name``. A description is immutable on EC2, so a changed
one is the tag ``description``, which overrides it. All other tags are metadata.
Limits: botocore's model, 2016-11-15 (keys up to 127 characters), and the EC2
User Guide, "Tag restrictions" (values up to 256, 50 tags; ``aws:`` is
reserved, and tags of that prefix do not count).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.driver import UNSET, UpdateSnapshot, invalid

NAME = "Name"
DESCRIPTION = "description"
RESERVED = "aws:"
MOST = 50
LONGEST_KEY = 127
LONGEST_VALUE = 256
_FIELDS = {NAME: "name", DESCRIPTION: "description"}


def read(
    given: Iterable[Mapping[str, str]] | None, native_description: str | None
) -> tuple[str | None, str | None, dict[str, str]]:
    """Return name, description and metadata of a resource with these Tags."""
    if not given:
        return None, native_description or None, {}
    metadata = as_map(given)
    name = metadata.pop(NAME, None)
    description = metadata.pop(DESCRIPTION, native_description)
    return name or None, description or None, metadata


def as_map(given: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return EC2's list of Tags as a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in given or ()}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a map in the form that EC2 takes."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def specification(kind: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameter that tags a new resource within the call that makes it."""
    if not tags:
        return {}
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": as_list(tags)}]}


def for_new(
    name: str | None, metadata: Mapping[str, str], *, description: str | None = None
) -> dict[str, str]:
    """Return the tags of a new resource; ``description`` where EC2 has no field for it.

    Raises:
        DriverError: ``invalid``, naming each key that EC2 would refuse.
    """
    tags = {**metadata, **({NAME: name} if name else {})}
    if description:
        tags[DESCRIPTION] = description
    _check(metadata, tags)
    return tags


def changed(
    before: Mapping[str, str], native_description: str | None, request: UpdateSnapshot
) -> dict[str, str]:
    """Return the tags that a resource has after a change.

    EC2's own tags stay whatever is asked: nobody else can change them.

    Raises:
        DriverError: ``invalid``, naming each key that EC2 would refuse.
    """
    own = {key: value for key, value in before.items() if key not in _FIELDS}
    after = dict(own)
    if request.metadata is not None:
        after = request.metadata.applied_to(own)
        _check_removed(request.metadata.remove & own.keys())
        kept = {key: value for key, value in own.items() if key.startswith(RESERVED)}
        asked = {key: value for key, value in after.items() if kept.get(key) != value}
        _check(asked, {})
        after |= kept
    after |= _named(before, native_description, request)
    _check({}, after)
    return after


def _named(
    before: Mapping[str, str], native_description: str | None, request: UpdateSnapshot
) -> dict[str, str]:
    """Return the tags for name and description."""
    tags = {key: before[key] for key in _FIELDS if key in before}
    if request.name is not UNSET:
        tags.pop(NAME, None)
        if request.name:
            tags[NAME] = request.name
    if request.description is not UNSET:
        tags.pop(DESCRIPTION, None)
        wanted = request.description or ""
        if wanted != (native_description or ""):
            tags[DESCRIPTION] = wanted
    return tags


def _check(metadata: Mapping[str, str], tags: Mapping[str, str]) -> None:
    problems = {
        f"metadata[{key}]": f"EC2 keeps the {field} there; give it as {field}"
        for key, field in _FIELDS.items()
        if key in metadata
    }
    problems |= {
        f"metadata[{key}]": f"keys that begin with {RESERVED} belong to AWS"
        for key in metadata
        if key.lower().startswith(RESERVED)
    }
    count = sum(not key.startswith(RESERVED) for key in tags)
    if count > MOST:
        problems["metadata"] = (
            f"{count} tags, with those for name and description; EC2 takes {MOST}"
        )
    if problems:
        raise invalid(problems)


def _check_removed(keys: Iterable[str]) -> None:
    problems = {
        f"metadata[{key}]": f"keys that begin with {RESERVED} belong to AWS"
        for key in keys
        if key.startswith(RESERVED)
    }
    if problems:
        raise invalid(problems)
