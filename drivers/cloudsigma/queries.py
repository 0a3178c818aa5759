"""What of a query CloudSigma answers, and how it is asked."""

import re
from collections.abc import Mapping

from drivers.cloudsigma.account import MOST_IDS
from drivers.cloudsigma.wire import LOCAL, REMOTE, Kind
from gateway.driver import Filter, Lookup, Pushdown, PushdownTable, Query, is_uuid

PUSHDOWN: PushdownTable = {
    ("id", Lookup.EXACT): Pushdown.EXACT,
    ("id", Lookup.IN): Pushdown.SUPERSET,
    ("name", Lookup.EXACT): Pushdown.SUPERSET,
    ("name", Lookup.CONTAINS): Pushdown.SUPERSET,
    ("volume_id", Lookup.EXACT): Pushdown.SUPERSET,
    ("label", Lookup.EXACT): Pushdown.SUPERSET,
    ("kind", Lookup.EXACT): Pushdown.EXACT,
    ("location", Lookup.EXACT): Pushdown.SUPERSET,
}
VOLUME_PUSHDOWN: PushdownTable = {
    (field, lookup): how for (field, lookup), how in PUSHDOWN.items() if field in {"id", "name"}
}
_ASKED = {"id": "uuid", "volume_id": "drive", "name": "name", "label": "tag"}
"""The model's field -> CloudSigma's filter."""
_IDS = frozenset({"id", "volume_id", "label"})
"""Fields that hold nothing but ids: what is none matches nothing, and may be a 400."""
_PLAIN = re.compile(r"[ !-+\--@\[\]-`{-~BCDEGMOPQRUVXZbcdegmopqruvxz]+")
"""Text that is found in upper and lower case by whatever rules CloudSigma compares.

These are undocumented, and ours are those of Unicode (casefold), by which ``ss`` is in
``Straße``, ``k`` in the sign of kelvin and ``i`` in the ligature ``ﬁ``. ASCII
letters that no other character folds to, and ASCII signs, are the same by all rules. Left
out besides: the comma, which means "or", and the backslash, which may mean anything.
"""


def cannot_match(query: Query) -> bool:
    """Return whether an id is asked for that nothing can have."""
    return any(
        condition.field in _IDS
        and condition.lookup in {Lookup.EXACT, Lookup.IN}
        and not any(map(is_uuid, map(str, condition.values)))
        for condition in query.filters
    )


def filters(query: Query) -> dict[str, str]:
    """Return CloudSigma's filters; what they let through is filtered again."""
    asked: dict[str, str] = {}
    for condition in query.filters:
        name = _ASKED.get(condition.field)
        if name is None:
            continue
        if condition.lookup is Lookup.CONTAINS:
            part = _plain_part(str(condition.value))
            if part:
                asked[f"{name}__contains"] = part
            continue
        values = _values(condition)
        # More make the URL too long; what a backslash before a comma means nobody knows.
        if len(values) <= MOST_IDS and not any("\\" in value for value in values):
            asked[name] = ",".join(value.replace(",", "\\,") for value in values)
    return asked


def unasked(query: Query, asked: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the conditions that are not in what is ``asked`` of CloudSigma."""
    return frozenset(f.name for f in query.filters if f.field in _ASKED and _name(f) not in asked)


def _name(condition: Filter) -> str:
    suffix = "__contains" if condition.lookup is Lookup.CONTAINS else ""
    return _ASKED[condition.field] + suffix


def kinds(query: Query) -> list[Kind]:
    """Return the collections that can hold what is asked for."""
    kind, has_location = query.value_of("kind"), query.value_of("location") is not None
    local = [] if kind == "remote" or has_location else [LOCAL]
    return local if kind == "local" else [*local, REMOTE]


def _values(condition: Filter) -> list[str]:
    """Return what a field may be; a comma in it would mean "or"."""
    found = list(map(str, condition.values))
    return [one for one in found if is_uuid(one)] if condition.field in _IDS else found


def _plain_part(text: str) -> str:
    """Return the longest part of a text that CloudSigma finds wherever we would find the text."""
    return max(_PLAIN.findall(text), key=len, default="")
