"""What can be refused before a backend is asked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.driver import (
    PARAMETERS,
    Capability,
    Driver,
    DriverError,
    ErrorCode,
    Limits,
    invalid,
)
from gateway.driver.base import unsupported
from gateway.driver.marker import is_own_key

MAX_ID_LENGTH = 255
_OWN = "keys that begin with snapgate: are the gateway's own"


def require(driver: type[Driver], capability: Capability) -> None:
    """Raise ``unsupported`` unless the driver declares ``capability``."""
    if capability not in driver.capabilities:
        raise unsupported(capability)


def check_id(kind: str, resource_id: str) -> None:
    """Raise ``not_found`` for an id that no backend can have given out."""
    if (
        not 0 < len(resource_id) <= MAX_ID_LENGTH
        or not resource_id.isprintable()
        or "/" in resource_id
        or resource_id in {".", ".."}
    ):
        raise not_found(kind, resource_id)


def not_found(kind: str, resource_id: str) -> DriverError:
    """Return the error for a ``kind`` (snapshot, volume ...) that does not exist."""
    shown = resource_id if len(resource_id) <= MAX_ID_LENGTH else resource_id[:60] + "..."
    return DriverError(ErrorCode.NOT_FOUND, f"no {kind} {shown!r}")


def check_texts(
    limits: Limits,
    *,
    name: object = None,
    description: object = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Raise ``invalid`` naming every text that is longer than the driver's limits."""
    problems = {}
    for field, value, longest in (
        ("name", name, limits.name),
        ("description", description, limits.description),
    ):
        if isinstance(value, str) and len(value) > longest:
            problems[field] = f"{len(value)} characters; at most {longest} are possible here"
    for key, value in (metadata or {}).items():
        problem = None if limits.is_reserved(key) else _pair_problem(limits, key, value)
        if problem:
            shown = key if len(key) <= limits.metadata_key else key[:60]
            problems[f"metadata[{shown}]"] = problem
    problems |= _too_many(limits, metadata or {})
    if problems:
        raise invalid(problems)


def check_own_keys(keys: Iterable[str]) -> None:
    """Raise ``invalid`` for metadata keys that are the gateway's own."""
    problems = {f"metadata[{key}]": _OWN for key in keys if is_own_key(key)}
    if problems:
        raise invalid(problems)


def _pair_problem(limits: Limits, key: str, value: str) -> str | None:
    if is_own_key(key):
        return _OWN
    if not 0 < len(key) <= limits.metadata_key:
        return f"a key has 1 to {limits.metadata_key} characters here"
    if limits.metadata_key_pattern and not re.fullmatch(limits.metadata_key_pattern, key):
        return f"a key must match {limits.metadata_key_pattern} here"
    if len(value) > limits.metadata_value:
        return f"{len(value)} characters; at most {limits.metadata_value} are possible here"
    return None


def check_count(limits: Limits, metadata: Mapping[str, str], *, is_marked: bool) -> None:
    """Raise ``invalid`` when a resource would have more metadata than is possible.

    One without a marker has room for its pairs.
    """
    room = 0 if is_marked else limits.marker_pairs
    problems = _too_many(replace(limits, metadata_pairs=limits.metadata_pairs + room), metadata)
    if problems:
        raise invalid(problems)


def _too_many(limits: Limits, metadata: Mapping[str, str]) -> dict[str, str]:
    count = sum(not limits.is_reserved(key) for key in metadata)
    if count <= limits.metadata_pairs:
        return {}
    return {"metadata": f"at most {limits.metadata_pairs} keys are possible here"}


def check_parameters(driver: type[Driver], **given: object) -> None:
    """Raise ``invalid`` naming each parameter that is given and cannot be honoured."""
    problems = {
        name: f"this driver lacks the capability {PARAMETERS[name].word}"
        for name, value in given.items()
        if value and PARAMETERS[name] not in driver.capabilities
    }
    if problems:
        raise invalid(problems)
