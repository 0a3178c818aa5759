"""Name, description and metadata as EC2 tags.

The name is the tag ``Name``. A description is immutable on EC2, so a changed
one is the tag ``description``, which overrides it. All other tags are metadata.
Limits: botocore's model, 2016-11-15 (keys up to 127 characters), and the EC2
User Guide, "Tag restrictions" (values up to 256, 50 tags; ``aws:`` is
reserved, and tags of that prefix do not count). Two more tags are the gateway's marker.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from gateway.driver import (
    UNSET,
    Limits,
    Marker,
    MetadataChange,
    UpdateSnapshot,
    invalid,
    marker_pairs,
    take_marker,
)

NAME = "Name"
DESCRIPTION = "description"
MOST = 50
LIMITS = Limits(
    name=256,
    description=255,
    metadata_pairs=MOST - 2,
    marker_pairs=2,
    metadata_key=127,
    metadata_value=256,
    reserved_prefix="aws:",
)
is_reserved = LIMITS.is_reserved
"""Whether only AWS can set this tag."""
_FIELDS = {NAME: "name", DESCRIPTION: "description"}


def read(
    given: Iterable[Mapping[str, str]] | None, native_description: str | None
) -> tuple[str | None, str | None, dict[str, str], Marker | None]:
    """Return name, description, metadata and marker of a resource with these Tags."""
    if not given:
        return None, native_description or None, {}, None
    metadata = as_map(given)
    marker = take_marker(metadata)
    name = metadata.pop(NAME, None)
    description = metadata.pop(DESCRIPTION, native_description)
    return name or None, description or None, metadata, marker


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
    name: str | None,
    metadata: Mapping[str, str],
    marker: Marker | None = None,
    *,
    description: str | None = None,
) -> dict[str, str]:
    """Return the tags of a new resource; ``description`` where EC2 has no field for it.

    Raises:
        DriverError: ``invalid``, naming each key that EC2 would refuse.
    """
    tags = {**metadata, **({NAME: name} if name else {}), **(marker.pairs if marker else {})}
    if description:
        tags[DESCRIPTION] = description
    _check(metadata, tags)
    return tags


class Change(NamedTuple):
    """A change of tags: what is set and what is removed."""

    set: Mapping[str, str]
    remove: AbstractSet[str]

    def applied_to(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return what the tags are after this change."""
        return {**{k: v for k, v in before.items() if k not in self.remove}, **self.set}


def changed(
    before: Mapping[str, str], native_description: str | None, request: UpdateSnapshot
) -> Change:
    """Return the change of tags that a request asks for.

    EC2's own tags stay whatever is asked: nobody else can change them.

    Raises:
        DriverError: ``invalid``, naming each key that EC2 would refuse.
    """
    wanted: dict[str, str] = {}
    removed: set[str] = set()
    if request.metadata is not None:
        kept = _FIELDS.keys() | marker_pairs(before).keys()
        own = {key: value for key, value in before.items() if key not in kept}
        wanted, removed = _metadata(own, request.metadata)
    if request.name is not UNSET:
        _set_or_remove(wanted, removed, NAME, request.name)
    if request.description is not UNSET:
        given, native = request.description or "", native_description or ""
        _set_or_remove(wanted, removed, DESCRIPTION, None if given == native else given)
    change = Change(wanted, removed)
    _check((), change.applied_to(before))
    return change


def _metadata(own: Mapping[str, str], change: MetadataChange) -> tuple[dict[str, str], set[str]]:
    """Return the tags to set and to remove for a change of metadata."""
    removed = (own.keys() if change.replace else change.remove) - change.set.keys()
    wanted = {k: v for k, v in change.set.items() if not (is_reserved(k) and own.get(k) == v)}
    refused = () if change.replace else (k for k in removed & own.keys() if is_reserved(k))
    _check({*wanted, *refused}, ())
    return wanted, {key for key in removed if key not in _FIELDS and not is_reserved(key)}


def _set_or_remove(wanted: dict[str, str], removed: set[str], key: str, value: str | None) -> None:
    if value is None:
        removed.add(key)
    else:
        wanted[key] = value


def _check(keys: Iterable[str], tags: Iterable[str]) -> None:
    """Refuse metadata with these ``keys``, or a resource with these ``tags``."""
    problems = {}
    for key in keys:
        if key in _FIELDS:
            problems[f"metadata[{key}]"] = (
                f"EC2 keeps the {_FIELDS[key]} there; give it as {_FIELDS[key]}"
            )
        elif is_reserved(key):
            problems[f"metadata[{key}]"] = (
                f"keys that begin with {LIMITS.reserved_prefix} belong to AWS"
            )
    count = sum(not is_reserved(key) for key in tags)
    if count > MOST:
        problems["metadata"] = (
            f"{count} tags, with those for name and description and the gateway's own two; "
            f"EC2 takes {MOST}"
        )
    if problems:
        raise invalid(problems)
