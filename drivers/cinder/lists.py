"""Lists of snapshots and volumes: what of a query the cloud answers, and of which projects."""

from collections.abc import Callable
from typing import TypeVar

from drivers.cinder import errors, queries, wire
from drivers.cinder.account import Account, path_of
from drivers.cinder.clients import Cloud
from drivers.cinder.errors import FAILURES
from gateway.driver import OWNER_SELF, Page, Query, StorageSnapshot, StorageVolume

T = TypeVar("T")
_ALL_PROJECTS = {"all_tenants": "1"}
"""Cinder heeds it for administrators only."""


class Lists:
    """What an account lists and counts."""

    def __init__(self, cloud: Cloud, account: Account) -> None:
        self._cloud = cloud
        self._account = account

    def snapshots(
        self, query: Query, *, page_size: int, cursor: str | None
    ) -> Page[StorageSnapshot]:
        """Return a page of snapshots, without what else Cinder tells of a failure."""
        project, wanted = self._account.project, query.value_of("id")
        if wanted is not None:
            return _only(lambda: wire.snapshot(self._get("snapshot", wanted), project))
        asked = queries.of_snapshots(query, self._allowed_filters(query))
        unasked = queries.unasked(query, asked)
        scope = self._scope(query.value_of("owner"))
        if scope is None:
            return Page((), None, unasked)
        if query.value_of("volume_id") is not None:  # an administrator sees volumes of others too
            scope |= _ALL_PROJECTS
        always = scope | queries.order(query)
        rows, following = self._account.page(
            "snapshots", asked, always, page_size=page_size, cursor=cursor
        )
        return Page(tuple([wire.snapshot(row, project) for row in rows]), following, unasked)

    def count_snapshots(self, query: Query) -> int | None:
        """Return how many snapshots there are; None where Cinder would have to list them."""
        if query.filters or not self._account.supports(wire.COUNT):
            return None
        asked = {"limit": 1, "with_count": "true", **(self._scope(None) or {})}
        count = self._account.read("/snapshots", asked).get("count")
        if not isinstance(count, int):
            raise wire.not_cinder()
        return count

    def volumes(self, query: Query, *, page_size: int, cursor: str | None) -> Page[StorageVolume]:
        """Return a page of volumes."""
        project, wanted = self._account.project, query.value_of("id")
        if wanted is not None:
            return _only(lambda: wire.volume(self._get("volume", wanted), project))
        filters, scope = queries.of_volumes(query), self._scope(None) or {}
        rows, following = self._account.page(
            "volumes", filters, scope, page_size=page_size, cursor=cursor
        )
        return Page(tuple([wire.volume(row, project) for row in rows]), following)

    def _get(self, kind: str, resource_id: str) -> wire.Row:
        return self._account.get(kind, path_of(f"{kind}s", resource_id))

    def _allowed_filters(self, query: Query) -> frozenset[str]:
        """Return by what the cloud filters snapshots, which is asked for once if at all."""
        if not queries.of_snapshots(query, queries.DEFAULT_FILTERS):
            return frozenset()
        if self._cloud.allowed_filters is None:
            try:
                self._cloud.allowed_filters = self._account.allowed_filters()
            except FAILURES:  # it only saves work: the list's own call tells what is wrong
                return frozenset()
        return self._cloud.allowed_filters

    def _scope(self, owner: str | None) -> dict[str, str] | None:
        """Return what to ask for to see the snapshots of ``owner``; None if there can be none."""
        if owner in {OWNER_SELF, self._account.project}:
            return {}
        if self._cloud.options["all_projects"]:
            return dict(_ALL_PROJECTS)
        return {} if owner is None else None


def _only(get: Callable[[], T]) -> Page[T]:
    """Return the page that a filter on the id finds: Cinder has no such filter."""
    try:
        return Page((get(),))
    except FAILURES as exc:
        if not errors.is_not_found(exc):
            raise
        return Page(())
