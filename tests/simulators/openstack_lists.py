"""Lists of snapshots, volumes and messages: filters, order, pages, counts, links.

All of it is as read in Cinder 29's source and checked against its recorded answers,
with SQLite's order: what has no value comes first.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from tests.simulators.openstack_call import TRUE, Call, Parameters
from tests.simulators.openstack_errors import MALFORMED, bad_request
from tests.simulators.openstack_state import Resource

Answer = tuple[int, Any]
_Row = TypeVar("_Row", bound=Resource)
_MAX_OFFSET = 2147483647
_RENAMED = {
    "name~": "display_name~",
    "description~": "display_description~",
    "consumes_quota": "use_quota",
}


class NothingMatches(Exception):
    """A filter that no row can satisfy."""


@dataclass(frozen=True, kw_only=True)
class Table(Generic[_Row]):
    """How a kind of resource is found, filtered, sorted and shown."""

    resource: str
    policy: str
    rows: Callable[[Call], Iterable[_Row]]
    find: Callable[[Call, str], _Row]
    """Return the row of a marker, or refuse."""
    summary: Callable[[Call, _Row], dict[str, Any]]
    detail: Callable[[Call, _Row], dict[str, Any]]
    columns: Mapping[str, Callable[[_Row], Any]]
    special: Mapping[str, Callable[[Call, _Row, Any], bool]]
    """Filters that are no columns."""
    filters_before_331: tuple[str, ...]
    sorts_by_name_since: int


@dataclass(frozen=True)
class Page:
    """Where a page begins and how long it is."""

    marker: str | None
    limit: int
    offset: int
    order: list[tuple[str, str]]
    """Sort keys and directions as they were given."""

    def check_directions(self) -> None:
        """Refuse a direction that is none; Cinder does so before it filters."""
        if not all(way in ("asc", "desc") for _, way in self.order):
            text = "Unknown sort direction, must be 'desc' or 'asc'."
            raise bad_request(f"Invalid input received: {text}")


def read_page(call: Call, parameters: Parameters) -> Page:
    """Take the parameters of order and paging out."""
    order = _read_order(parameters)
    maximum = call.region.settings.page_maximum
    limit = read_limit(parameters, maximum)
    marker = parameters.pop("marker")
    return Page(marker, limit, _read_offset(parameters), order)


def read_limit(parameters: Parameters, maximum: int) -> int:
    """Take the limit out, which may not be above the server's own."""
    try:
        limit = int(parameters.pop("limit", str(maximum)) or "")
    except ValueError:
        raise bad_request("limit param must be an integer") from None
    if limit < 0:
        raise bad_request("limit param must be positive")
    return min(limit, maximum)


def refuse_filters(call: Call, resource: str, parameters: Parameters) -> None:
    """Refuse what operators do not let non-admins filter by."""
    names = [name for name, _ in parameters]
    if not all(name.isascii() for name in names):
        raise bad_request("Filter keys can only contain ASCII characters.")
    if call.is_admin:
        return
    allowed = call.region.settings.resource_filters.get(resource, [])
    invalid = [name for name in names if name not in allowed]
    if call.since(34):
        invalid = [name for name in invalid if f"{name}~" not in allowed]
    if "all_tenants" in invalid:
        # Cinder forgives this one, because its own client always sends it.
        invalid.remove("all_tenants")
        parameters.pop("all_tenants")
    if invalid:
        names_text = ",".join(invalid)
        raise bad_request(f"Invalid filters {names_text} are found in query options.")


def rename_filters(parameters: Parameters) -> None:
    """Turn the API's names into those of the columns."""
    for name, column in _RENAMED.items():
        if name in parameters:
            value = parameters.last(name)
            parameters.remove(name)
            parameters.put(column, value)


def in_scope(call: Call, parameters: Parameters, rows: Iterable[Any]) -> list[Any]:
    """Return the project's rows, or all projects' if an administrator asks for them."""
    value = (parameters.pop("all_tenants") or "").strip().lower()
    if call.is_admin and value in TRUE:
        return list(rows)
    return [row for row in rows if row.project_id == call.project_id]


def answer_list(call: Call, table: Table[_Row], *, is_detail: bool) -> Answer:
    """Return a page of a list, with the link to the next one and the count if asked for."""
    parameters = call.parameters
    page = read_page(call, parameters)
    with_count = call.since(45) and parameters.boolean("with_count")
    if call.since(45):
        parameters.pop("with_count")
    filters = _read_filters(call, table, parameters)
    call.allow(table.policy, "reader")
    scoped = in_scope(call, parameters, table.rows(call))
    filters = {name: value for name, value in filters.items() if name != "all_tenants"}
    shown, count = _page_of(call, table, page, filters, scoped)
    view = table.detail if is_detail else table.summary
    collection = f"{table.resource}s"
    answer: dict[str, Any] = {collection: [view(call, one) for one in shown]}
    path = f"{collection}/detail" if is_detail else collection
    following = links(call, path, [one.id for one in shown], count if with_count else None)
    answer |= {f"{collection}_links": following} if following else {}
    answer |= {"count": count} if with_count else {}
    call.region.saw(shown)
    return 200, answer


def _read_filters(call: Call, table: Table[_Row], parameters: Parameters) -> dict[str, Any]:
    if call.since(31):
        refuse_filters(call, table.resource, parameters)
        rename_filters(parameters)
    else:
        if not call.since(22):
            parameters.pop("metadata")
        parameters.pop("use_quota")
        strangers = {name for name, _ in parameters} - set(table.filters_before_331)
        for name in strangers if not call.is_admin else ():
            parameters.remove(name)
    wanted = parameters.pop("name")
    if wanted is not None:
        parameters.put("display_name", wanted)
    filters: dict[str, Any] = dict(parameters)
    if "use_quota" in filters:
        filters["use_quota"] = parameters.boolean("use_quota")
    return filters


def _page_of(
    call: Call, table: Table[_Row], page: Page, filters: dict[str, Any], rows: list[_Row]
) -> tuple[list[_Row], int]:
    page.check_directions()
    try:
        found = _matching(call, table, filters, rows)
    except NothingMatches:
        return [], 0
    return _in_order(call, table, page, found), len(found)


def _matching(
    call: Call, table: Table[_Row], filters: dict[str, Any], rows: list[_Row]
) -> list[_Row]:
    for name, value in filters.items():
        if name == "metadata":
            wanted = _literal(value).items()
            rows = [row for row in rows if wanted <= row.metadata.items()]
        elif name in table.special:
            special = table.special[name]
            rows = [row for row in rows if special(call, row, value)]
        elif name.endswith("~"):
            rows = _alike(table, name.rstrip("~"), value, rows)
        else:
            column = _column(table, name)
            rows = [row for row in rows if _equals(column(row), value)]
    return rows


def _in_order(call: Call, table: Table[_Row], page: Page, rows: list[_Row]) -> list[_Row]:
    renamed = {"name": "display_name"} if call.since(table.sorts_by_name_since) else {}
    order = [(renamed.get(name, name), way == "desc") for name, way in page.order]
    known, first_descends = dict(order), order[0][1]
    order += [(name, first_descends) for name in ("created_at", "id") if name not in known]
    marker = table.find(call, page.marker) if page.marker is not None else None
    if not all(name in table.columns for name, _ in order):
        raise bad_request("Invalid input received: Invalid sort key")
    for name, descends in reversed(order):
        column = table.columns[name]
        rows = sorted(rows, key=lambda row: _sortable(column(row)), reverse=descends)
    if marker is not None:
        rows = [row for row in rows if _comes_after(table, order, row, marker)]
    return rows[page.offset :][: page.limit]


def links(call: Call, collection: str, ids: list[str], count: int | None) -> list[dict[str, str]]:
    """Return the link to the next page: if this one is full, or the count is above its length."""
    parameters = call.parameters
    limit = read_limit(call.parameters, call.region.settings.page_maximum)
    if not ids or limit > (count or len(ids)):
        return []
    parameters.put("marker", ids[-1])
    return [{"rel": "next", "href": f"{call.href(collection)}?{urlencode(list(parameters))}"}]


def _read_order(parameters: Parameters) -> list[tuple[str, str]]:
    if "sort" in parameters and ("sort_key" in parameters or "sort_dir" in parameters):
        raise bad_request(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with "
            "the 'sort' parameter."
        )
    if "sort" in parameters:
        parts = (parameters.pop("sort") or "").strip().split(",")
        pairs = [part.partition(":")[::2] for part in parts]
    else:
        key = parameters.pop("sort_key", "created_at") or ""
        pairs = [(key, parameters.pop("sort_dir", "desc") or "")]
    return [(key.strip(), (way or "desc").strip()) for key, way in pairs]


def _read_offset(parameters: Parameters) -> int:
    try:
        offset = int(parameters.pop("offset", "0") or "")
    except ValueError:
        raise bad_request("offset must be an integer") from None
    if offset < 0:
        raise bad_request("offset must be >= 0")
    if offset > _MAX_OFFSET:
        raise bad_request(f"offset must be <= {_MAX_OFFSET}")
    return offset


def _alike(table: Table[_Row], name: str, value: str, rows: list[_Row]) -> list[_Row]:
    if name == "name":
        # Before 3.31 it is not turned into the column's name, and what it is then is left out.
        return rows
    column, like = _column(table, name), _like(value)
    found = ((row, column(row)) for row in rows)
    return [row for row, text in found if text is not None and like.fullmatch(str(text))]


def _column(table: Table[_Row], name: str) -> Callable[[_Row], Any]:
    if name not in table.columns:
        raise NothingMatches(name)
    return table.columns[name]


def _equals(found: Any, wanted: Any) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found is not None and str(found) == str(wanted)


def _like(value: str) -> re.Pattern[str]:
    parts = (".*" if one == "%" else "." if one == "_" else re.escape(one) for one in value)
    return re.compile(f".*{''.join(parts)}.*", re.IGNORECASE | re.DOTALL)


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def _comes_after(
    table: Table[_Row], order: list[tuple[str, bool]], row: _Row, marker: _Row
) -> bool:
    for name, descends in order:
        mine, its = table.columns[name](row), table.columns[name](marker)
        if (mine or None) == (its or None):
            continue
        if mine is None or its is None:
            return (its is None) != descends
        return bool((mine < its) if descends else (mine > its))
    return False


def _literal(text: str) -> dict[str, str]:
    """Return a filter by metadata, which is written as Python writes a dict."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    except TypeError:
        raise bad_request(MALFORMED) from None
    if not isinstance(value, dict):
        raise NothingMatches(text)
    return value
