"""Disks that begin: a locked file, a record, and what shall write the image."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from drivers.local.facts import Facts, Kind
from drivers.local.images import ImageFolder, Partial, reflink, settled_stamp
from drivers.local.jobs import Job, Jobs
from drivers.local.wire import MarkerTaken, marker_columns
from gateway.driver import Marker

_PREFIXES: Mapping[Kind, str] = {"snapshot": "snap", "volume": "vol"}


class Creations:
    """Begins the disks of a store."""

    def __init__(self, facts: Facts, folders: Mapping[Kind, ImageFolder], jobs: Jobs) -> None:
        self._facts = facts
        self._folders = folders
        self._jobs = jobs

    def begin(
        self,
        kind: Kind,
        *,
        size_bytes: int,
        source: int | None = None,
        marker: Marker | None = None,
        **facts: Any,
    ) -> str:
        """Record a new disk, have its image written, and return its id.

        An empty image, or a copy that shares the source's blocks, is there at
        once; another copy is made in the background. On failure nothing is left.

        Args:
            kind: snapshot or volume.
            size_bytes: the size that the image shall have.
            source: open file to copy, taken over; None for an empty image.
            marker: what it carries.
            facts: the columns that the caller knows.
        """
        with contextlib.ExitStack() as undo:
            if source is not None:
                undo.callback(os.close, source)
            target = self._folders[kind].new_partial(f"{_PREFIXES[kind]}-{secrets.token_hex(8)}")
            undo.callback(target.close)
            undo.callback(self._forget, target)
            is_written = _write_at_once(target, size_bytes, source)
            # What the source must still be when a copy in the background is whole.
            stamp = None if is_written or source is None else settled_stamp(source)
            job = Job(target, size_bytes, source, stamp)
            self._record(job, kind=kind, **marker_columns(marker), **facts)
            if is_written:
                self._jobs.finish(target)
            undo.pop_all()
        if is_written:
            job.close()
        else:
            self._jobs.start(job)
        return target.image_id

    def _record(self, job: Job, **facts: Any) -> None:
        """Add a row; of two with one marker the database takes one.

        Raises:
            MarkerTaken: this is the other one.
        """
        try:
            self._facts.add(
                id=job.target.image_id,
                state="creating",
                progress=0,
                size_bytes=job.size_bytes,
                source_stamp=job.source_stamp,
                **facts,
            )
        except sa.exc.IntegrityError as exc:
            if facts.get("marker") is None:
                raise
            raise MarkerTaken from exc

    def _forget(self, target: Partial) -> None:
        # The record first: one that stays needs its file, and those who look around finish it.
        self._facts.remove(target.image_id)
        target.discard()


def _write_at_once(target: Partial, size_bytes: int, source: int | None) -> bool:
    if source is not None and not reflink(source, target.fd):
        return False
    os.ftruncate(target.fd, size_bytes)
    return True
