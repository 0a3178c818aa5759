"""Copies under way: started, watched, finished, and picked up after a crash."""

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from drivers.local import copier
from drivers.local.deletions import Deletions
from drivers.local.facts import Disk, Facts, Kind, now_ms
from drivers.local.images import ImageFolder, NotAnImage, Partial, stamp

_COPIES_AT_ONCE = 4
_PROGRESS_EVERY_S = 0.5
_LOOK_EVERY_S = 2.0
_CHANGED = (
    "the volume was written to while it was copied; pause its writer, "
    "or keep the images on a file system with reflinks (XFS, Btrfs)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One image to be written: a copy, or an empty one where ``source`` is None.

    The job owns both files: they are closed when it ends.
    """

    target: Partial
    size_bytes: int
    source: int | None = None
    source_stamp: str | None = None

    def close(self) -> None:
        """Close the source, and unlock the target."""
        self.target.close()
        if self.source is not None:
            os.close(self.source)


class Jobs:
    """The copies of one store in this process, and the watch over those of others."""

    def __init__(
        self,
        facts: Facts,
        folders: Mapping[Kind, ImageFolder],
        deletions: Deletions,
        bytes_per_s: int,
    ) -> None:
        self._facts = facts
        self._folders = folders
        self._deletions = deletions
        self._bytes_per_s = bytes_per_s
        self._slots = threading.Semaphore(_COPIES_AT_ONCE)
        self._stopped = threading.Event()
        self._cleaned: dict[Kind, int] = {}
        self._watch = threading.Thread(target=self._look_around, name="local-recovery", daemon=True)

    def watch(self) -> None:
        """Settle what was left half done, now and from now on."""
        self.recover()
        self._watch.start()

    def close(self) -> None:
        """Stop looking for abandoned copies; running ones go on."""
        self._stopped.set()
        if self._watch.is_alive():
            self._watch.join()

    def start(self, job: Job) -> None:
        """Copy outside the request."""
        name = f"copy-{job.target.image_id}"
        threading.Thread(target=self.run, args=(job,), name=name, daemon=True).start()

    def run(self, job: Job) -> None:
        """Copy, and record the outcome: ``available``, or ``error`` with the reason."""
        try:
            with self._slots:
                problem = self._copy(job)
            if problem is None:
                self.finish(job.target)
            else:
                self.fail(job.target, problem)
        except OSError as exc:
            self.fail(job.target, reason(exc.errno))
        finally:
            job.close()

    def finish(self, target: Partial) -> None:
        """Record that the image is whole."""
        target.finish()
        self._mark_available(target.image_id)

    def fail(self, target: Partial, why: str) -> None:
        """Record that there will be no image, and leave nothing of it behind."""
        if not target.is_whole:
            os.ftruncate(target.fd, 0)  # room for the record, where both share a full disk
        # The record first: a file that is gone while its row says "creating" looks abandoned,
        # and one that is whole may have been recorded as such by somebody else.
        change = self._facts.change
        is_told = change(target.image_id, states=("creating",), state="error", state_reason=why)
        if is_told or not target.is_whole:
            target.discard()

    def recover(self) -> None:
        """Settle what processes that are gone left half done."""
        for row in self._facts.unsettled():
            with contextlib.suppress(OSError):  # what one disk refuses holds up no other
                self._settle(row)
        for kind, folder in self._folders.items():
            changed = folder.changed_ns()
            if self._cleaned.get(kind) != changed:  # a large folder is read when it has changed
                for image_id in folder.partial_ids():
                    self._clear(kind, folder, image_id)
                self._cleaned[kind] = changed

    def _mark_available(self, image_id: str) -> None:
        self._facts.change(
            image_id, states=("creating",), state="available", progress=100, completed_ms=now_ms()
        )

    def _look_around(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY_S):
            # Disk or database may be away for a moment: the next look finds what this one missed.
            with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                self.recover()

    def _clear(self, kind: Kind, folder: ImageFolder, image_id: str) -> None:
        """Remove a half-written file that nobody needs."""
        target = folder.adopt_partial(image_id)
        if target is None:
            return
        with contextlib.closing(target):
            if not self._is_creating(kind, image_id):
                target.discard()

    def _is_creating(self, kind: Kind, image_id: str) -> bool:
        row = self._facts.get(kind, image_id)
        return row is not None and row.state == "creating"

    def _settle(self, row: Disk) -> None:
        if row.state == "deleting":
            self._deletions.finish(row)
        elif target := self._folders[row.kind].adopt_partial(row.id, create=True):
            self._resume(row, target)

    def _resume(self, row: Disk, target: Partial) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(target.close)
            # The image first. Whoever has named it and not recorded that yet may live: its lock
            # went with the name. States go one way only: what has no image and is being made by
            # a record read afterwards was never whole. Read the other way round, it might be
            # recorded and deleted in between, and be copied again for nobody.
            is_whole = target.folder.stat(row.id) is not None
            if not self._is_creating(row.kind, row.id):  # settled since it was listed
                target.discard()
            elif is_whole:  # died between the name and the record
                target.discard()
                self._mark_available(row.id)
            else:
                stack.pop_all()
                self._copy_again(row, target)

    def _copy_again(self, row: Disk, target: Partial) -> None:
        source, problem = self._source_of(row)
        job = Job(target, row.size_bytes, source, row.source_stamp)
        if problem is None:
            self.start(job)
            return
        with contextlib.closing(job):
            self.fail(target, problem)

    def _source_of(self, row: Disk) -> tuple[int | None, str | None]:
        """Return the opened source of a copy, if it has one, and why it will not do."""
        if row.source_id is None:
            return None, None
        sources = self._folders["volume" if row.kind == "snapshot" else "snapshot"]
        try:
            source = sources.open(row.source_id)
        except (OSError, NotAnImage):
            return None, "the copy was interrupted, and its source cannot be read any more"
        if stamp(source) != row.source_stamp:
            return source, "the copy was interrupted, and its source has changed since"
        return source, None

    def _copy(self, job: Job) -> str | None:
        """Return why the copy failed, None when it is whole."""
        if job.source is None:
            os.ftruncate(job.target.fd, job.size_bytes)
            return None
        outcome = self._run_copier(job, job.source)
        if "errno" in outcome:
            return reason(outcome["errno"])
        if "done" not in outcome:
            return "the copy was interrupted"
        return _CHANGED if stamp(job.source) != job.source_stamp else None

    def _run_copier(self, job: Job, source: int) -> dict[str, int]:
        files = (source, job.target.fd)
        numbers = (*files, job.size_bytes, self._bytes_per_s)
        command = [sys.executable, "-I", "-S", str(Path(copier.__file__)), *map(str, numbers)]
        outcome: dict[str, int] = {}
        told = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - our own program with numbers as arguments
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=files,
            start_new_session=True,  # Ctrl-C is for the server; the copier ends with its input
        ) as process:
            for line in process.stdout or ():
                outcome = json.loads(line)
                if "progress" in outcome and time.monotonic() - told >= _PROGRESS_EVERY_S:
                    told = time.monotonic()
                    with contextlib.suppress(sa.exc.OperationalError):  # a full disk: copy on
                        self._facts.change(job.target.image_id, states=("creating",), **outcome)
        return outcome


def reason(number: int | None) -> str:
    """Return an errno in words that an operator can act on."""
    known = {
        errno.ENOSPC: "no space left on the device that holds the images",
        errno.EDQUOT: "the disk quota for the images is used up",
        errno.EFBIG: "the image is larger than the file system or the process may write",
        errno.EIO: "the image could not be read or written: input/output error",
        errno.ESTALE: "the volume became shorter while it was copied",
    }
    return known.get(number or 0) or f"the copy failed: {os.strerror(number or 0)}"
