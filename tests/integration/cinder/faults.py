"""The real Keystone and Cinder as a backend of the fault matrix."""

import sqlite3
from contextlib import AbstractContextManager
from typing import Any

from tests.faults.backends import CinderBackend, Held
from tests.http.staged import wait_for
from tests.integration.cinder.harness import RealCinderHarness
from tests.integration.cinder.server import rows
from tests.integration.cinder.server.cinder import RealCinder

COLUMN = "cinder (real)"
"""What the matrix calls it."""


class RealCinderBackend(CinderBackend, RealCinderHarness):
    """A project behind the proxy that makes trouble, and what Cinder tells its user of it."""

    patience = 2

    def __init__(self, cinder: RealCinder) -> None:
        super().__init__(cinder)
        cheap = {"default_type": {"volume_type": self.volume_type}}
        cinder.admin("PUT", f"/default-types/{self.project_id}", cheap)
        self._pattern = super().make_volume()

    def close(self) -> None:
        """Leave nothing in lists of all projects."""
        super().close()
        self._remove_all(but="")

    def snapshots(self) -> Held:
        """Return all snapshots of the project."""
        return self._all("snapshots")

    def volumes(self) -> Held:
        """Return all volumes of the project."""
        return self._all("volumes")

    def make_volume(self) -> str:
        """Make a volume behind Cinder's back: of the type fake it is its row, and no more."""
        with self._rows() as database:
            return rows.copy_volume(database, self._pattern)

    def forget(self) -> None:
        """Remove what a case has left: lists are short again, and so is their time.

        What Cinder has begun ends first: else it goes on among the rows of the next case.
        """
        wait_for(self._is_at_rest, "Cinder to end what it has begun")
        self._remove_all(but=self._pattern)

    def _is_at_rest(self) -> bool:
        with self._rows() as database:
            return rows.is_at_rest(database, self.project_id)

    def _remove_all(self, *, but: str) -> None:
        with self._rows() as database:
            rows.remove_project(database, self.project_id, but=but)

    def _rows(self) -> AbstractContextManager[sqlite3.Connection]:
        return rows.opened(self._cinder.folder / "cinder.sqlite")

    def _all(self, kind: str) -> Held:
        found: dict[str, Any] = {}
        path: str | None = f"/{kind}/detail"
        while path:
            page = self._call("GET", path)
            found |= {row["id"]: row for row in page[kind]}
            links = {one["rel"]: one["href"] for one in page.get(f"{kind}_links", ())}
            path = links.get("next")
        return found
