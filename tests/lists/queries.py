"""The table: queries whose answers must be the same on every backend.

``<s001>`` stands for the id of a fact's snapshot, ``<v1>`` for a volume's.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.lists import naive
from tests.lists.facts import FACTS, GIB, NAMES, VOLUMES, Fact

Params = Mapping[str, str]
_MANY = ",".join(f"<s{number:03}>" for number in range(0, 240, 2))


def shared_item(fact: Fact) -> dict[str, Any]:
    """Return a fact as the naive filter reads it; its id is its rank."""
    return {
        "id": f"{fact.rank:04}",
        "name": fact.name,
        "description": fact.description,
        "state": fact.state,
        "ready": fact.state == "available",
        "created": fact.created.isoformat(),
        "volume_id": str(fact.volume),
        "size_bytes": fact.size_gib * GIB,
        "metadata": fact.metadata,
        "label": [],
    }


ITEMS = [shared_item(fact) for fact in FACTS]
_LABELS = {item["id"]: fact.label for item, fact in zip(ITEMS, FACTS, strict=True)}
_RANKS = {f"<{fact.label}>": f"{fact.rank:04}" for fact in FACTS}
_RANKS |= {f"<v{number}>": f"{number}" for number in range(VOLUMES)}


def expected(query: Params, facts: Collection[Fact] = FACTS) -> list[str]:
    """Return the labels that a query of the table must find among the facts, in order."""
    pairs = [(name, _ranked(text)) for name, text in query.items()]
    items = ITEMS if facts is FACTS else [shared_item(fact) for fact in facts]
    return [_LABELS[item["id"]] for item in naive.answer(items, pairs)]


def _ranked(text: str) -> str:
    for token, rank in _RANKS.items() if "<" in text else ():
        text = text.replace(token, rank)
    return text


def fields_of(query: Params) -> set[str]:
    """Return the fields that a query is about."""
    named = {name.partition("__")[0].partition("[")[0] for name in query if name != "sort"}
    return named | {key.removeprefix("-") for key in query.get("sort", "").split(",") if key}


TEXT = [
    *({"name": name} for name in NAMES if name is not None),
    {"name": ""},
    {"name": "NIGHTLY "},
    {"name__in": "nightly"},
    {"name__in": "nightly,Nightly,no such,weekly"},
    {"name__in": "nightly , weekly"},
    {"name__in": "a*b,a?b,100%,[a-z],back\\slash"},
    {"name__in": "straße,istanbul,日本,💾 disk"},
    {"name__in": ""},
    *(
        {"name__contains": part}
        for part in (
            "night", "NIGHT", ", ", ",", "*", "?", "%", "_", "\\", "\\,", "'", '"', "[a", "ss",
            "ß", "ẞ", "SS", "i", "İ", "K-E", "k-e", "FI", "ω", "日", "💾", "\uff5e", "&amp;", "  ",
            "{'a'", "é", "x" * 200, "", "null", "no such",
        )
    ),
    {"name__isnull": "true"},
    {"name__isnull": "false"},
    {"description": "Snapshot 3 of nightly"},
    {"description": "snapshot 3 of nightly"},
    {"description__in": "Snapshot 3 of nightly,Snapshot 4 of it's,Snapshot 0 of None"},
    {"description__contains": "OF NIGHT"},
    {"description__contains": "straSSe"},
    {"description__isnull": "true"},
    {"description__isnull": "false", "name__isnull": "true"},
]  # fmt: skip
IDS = [
    {"id": "<s007>"},
    {"id": "no-such-id"},
    {"id__in": "<s007>,<s123>,<s299>,no-such-id"},
    {"id__in": "<s001>"},
    {"id__in": _MANY},
    {"id__isnull": "true"},
    {"id__isnull": "false"},
    {"volume_id": "<v3>"},
    {"volume_id": "no-such-volume"},
    {"volume_id__in": "<v1>,<v5>,nothing"},
    {"volume_id__isnull": "true"},
    {"volume_id__isnull": "false"},
    {"id__in": _MANY, "volume_id": "<v2>"},
]
STATES = [
    *({"state": state} for state in ("available", "creating", "error", "busy", "unknown")),
    {"state__in": "error,creating"},
    {"state__in": "available,archived,recycled"},
    {"state__isnull": "true"},
    {"state__isnull": "false"},
    {"ready": "true"},
    {"ready": "false"},
    {"ready__isnull": "false"},
    {"ready__isnull": "true"},
]
TIMES = [
    {"created": "2025-03-01T00:00:00Z"},
    {"created": "2025-03-01T17:00:00.250Z"},
    {"created": "2025-03-01T17:00:00.25Z"},
    {"created": "2025-03-01T18:00:00.250%2B01:00".replace("%2B", "+")},
    {"created": "2025-03-01T17:00:00Z"},
    {"created__in": "2025-03-01T00:00:00Z,2025-03-01T17:00:00.250Z,2024-01-01"},
    {"created__gte": "2025-03-02"},
    {"created__gt": "2025-03-01T17:00:00.250Z"},
    {"created__gte": "2025-03-01T17:00:00.250Z"},
    {"created__lt": "2025-03-01T17:00:00.250Z"},
    {"created__lte": "2025-03-01T17:00:00.250Z"},
    {"created__lt": "2025-03-02", "created__gte": "2025-03-01T12:00:00Z"},
    {"created__isnull": "true"},
    {"created__isnull": "false"},
    {"created__lt": "0001-01-01"},
    {"created__gt": "9999-12-31T23:59:59.999999Z"},
]
SIZES = [
    {"size_bytes": str(3 * GIB)},
    {"size_bytes": "3GiB"},
    {"size_bytes": "3 GB"},
    {"size_bytes__in": "1GiB,2048MiB,5"},
    {"size_bytes__gte": "3GiB"},
    {"size_bytes__gt": "3GiB"},
    {"size_bytes__lte": "3GiB"},
    {"size_bytes__lt": "3GiB"},
    {"size_bytes__lt": "3.5GiB", "size_bytes__gt": "1.5GiB"},
    {"size_bytes__isnull": "true"},
    {"size_bytes__isnull": "false"},
]
METADATA = [
    {"metadata[tier]": "gold"},
    {"metadata[tier]": "Gold"},
    {"metadata[tier]": ""},
    {"metadata[Tier]": "gold"},
    {"metadata[tier]": "gold,silver"},
    {"metadata[tier]": "*"},
    {"metadata[tier]": "g?ld"},
    {"metadata[tier]": "\\"},
    {"metadata[tier]": "it's"},
    {"metadata[tier]": "{'tier': 'gold'}"},
    {"metadata[tier]": "None"},
    {"metadata[tier]__in": "gold,Gold,*"},
    {"metadata[tier]__contains": "GOLD"},
    {"metadata[tier]__contains": "strasse"},
    {"metadata[tier]__contains": ""},
    {"metadata[tier]__isnull": "true"},
    {"metadata[tier]__isnull": "false"},
    {"metadata[no such]__isnull": "true", "name": "weekly"},
    {"metadata[a.b: c]": "gold,silver"},
    {"metadata[it's]__isnull": "false"},
    {"metadata[it's]__contains": "o"},
    {'metadata[say "x"]__isnull': "false"},
    {"metadata[star*]__isnull": "false"},
    {"metadata[star?]__isnull": "false"},
    {"metadata[per%cent_]__isnull": "false"},
    {"metadata[a[b]]__isnull": "false"},
    {"metadata[x]__in]__isnull": "false"},
    {"metadata[ключ]__isnull": "false"},
    {"metadata[back\\slash]__isnull": "false"},
    {"metadata[tier]": "gold", "metadata[label]": "s001"},
    *({"metadata__has": key} for key in ("tier", "Tier", "it's", "star*", "star?", "a[b]", "ключ")),
    {"metadata__has": ""},
    {"metadata__has": "no such"},
    {"metadata__has": "tier", "metadata[tier]__contains": "old", "state": "available"},
]
SORTS = [
    {"sort": sort}
    for sort in (
        "id", "-id", "name", "-name", "description", "-description", "state", "-state",
        "created", "-created", "volume_id", "-volume_id", "size_bytes", "-size_bytes",
        "ready", "-ready", "name,created", "-name,created", "name,-created", "-name,-created",
        "created,name", "-created,-name", "created,id", "created,-id", "-created,-id",
        "state,-size_bytes", "size_bytes,-created", "-size_bytes,created", "volume_id,-name",
        "state,volume_id,name", "-state,volume_id,-name", "state,-volume_id,name",
        "created,size_bytes,name", "-created,-size_bytes,-name", "-created,size_bytes,-id",
        "ready,description,-created", "id,name,created",
    )
]  # fmt: skip
BOTH = [
    {"state": "available", "sort": "-created"},
    {
        "state__in": "error,creating",
        "sort": "created,-name",
        "created__gte": "2025-03-01T12:00:00Z",
    },
    {"name__contains": "night", "sort": "name,-created"},
    {"name__contains": "NIGHT", "sort": "-name"},
    {"name__isnull": "true", "sort": "name,-created"},
    {"volume_id": "<v1>", "sort": "-created,name"},
    {"volume_id__in": "<v1>,<v2>", "metadata__has": "tier", "sort": "-created"},
    {"metadata[tier]": "gold", "sort": "-name,created,id"},
    {"id__in": _MANY, "sort": "-id", "state": "error"},
    {"description__isnull": "true", "sort": "description,-id"},
    {"name": "weekly", "state": "available", "created__lt": "2025-03-02", "sort": "-created"},
]
TABLE: Sequence[Params] = [*TEXT, *IDS, *STATES, *TIMES, *SIZES, *METADATA, *SORTS, *BOTH]
WALKED: Sequence[Params] = [
    {},
    {"sort": "-created"},
    {"sort": "name"},
    {"sort": "id"},
    {"sort": "-created,name,-id"},
    {"name": "weekly"},
    {"name": "nightly", "sort": "-created"},
    {"name__contains": "night"},
    {"name__contains": "night", "sort": "name,-created"},
    {"name__isnull": "true", "sort": "name,-created"},
    {"volume_id": "<v1>", "sort": "-name"},
    {"state": "error", "metadata__has": "tier"},
    {"metadata[tier]": "gold", "sort": "created"},
    {"id__in": "<s001>,<s003>,<s299>,<s200>"},
    {"created__gte": "2025-03-02", "created__lt": "2025-03-02T03:00:00Z"},
    {"description__isnull": "true", "sort": "description,-name", "state": "error"},
]
