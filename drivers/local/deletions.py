"""Deletions of disks: their file first, then what is known of them.

Who deletes holds the lock of the image meanwhile. So a deletion that a crash left half
done is told from one that is under way, which may still fail and leave the disk as it was.
"""

from collections.abc import Mapping

from drivers.local.facts import Disk, Facts, Kind
from drivers.local.images import ImageFolder
from drivers.local.wire import NoSuchDisk, WrongState

_DELETABLE = ("available", "error")
"""The states in which a disk can be deleted."""


class Deletions:
    """Deletes the disks of a store that have a row."""

    def __init__(self, facts: Facts, folders: Mapping[Kind, ImageFolder]) -> None:
        self._facts = facts
        self._folders = folders

    def delete(self, kind: Kind, disk_id: str) -> None:
        """Delete a disk; one that the file system refuses to delete is as it was.

        Raises:
            NoSuchDisk: there is none, any more.
            WrongState: it is in a state in which it cannot be deleted.
        """
        folder = self._folders[kind]
        with folder.held(disk_id):  # if not by us, then by whoever has just made it
            former = self._begin(kind, disk_id)
            try:
                folder.remove(disk_id)
            except OSError:
                self._facts.change(disk_id, states=("deleting",), state=former)
                raise
            self._facts.remove(disk_id)

    def finish(self, row: Disk) -> None:
        """Finish a deletion, unless whoever began it is still there."""
        folder = self._folders[row.kind]
        with folder.held(row.id) as is_held:
            current = self._facts.get(row.kind, row.id)
            if is_held and current is not None and current.state == "deleting":
                folder.remove(row.id)
                self._facts.remove(row.id)

    def _begin(self, kind: Kind, disk_id: str) -> str:
        """Have a disk in the state ``deleting``; return the one before."""
        self._state(kind, disk_id)
        for former in _DELETABLE:
            if self._facts.change(disk_id, states=(former,), state="deleting"):
                return former
        state = self._state(kind, disk_id)
        if state == "deleting":
            raise WrongState(f"{kind} {disk_id!r} is being deleted already")
        raise WrongState(f"{kind} {disk_id!r} is {state}; it can be deleted once that has ended")

    def _state(self, kind: Kind, disk_id: str) -> str:
        row = self._facts.get(kind, disk_id)
        if row is None:
            raise NoSuchDisk(f"no {kind} {disk_id!r}")
        return row.state
