"""What CloudSigma refuses in ways that it does not document: refused before, in clear words."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from drivers.cloudsigma import wire
from drivers.cloudsigma.wire import REMOTE, Kind, Row
from gateway.driver import DriverError, ErrorCode, StorageSnapshot, invalid, is_uuid

_PAUSE = timedelta(minutes=30)
"""Between two remote snapshots of a drive (documentation, January 2026)."""
_SKEW = timedelta(minutes=5)
"""By which two clocks may differ that are both right."""


def check_id(kind: Kind, resource_id: str) -> None:
    """Raise ``not_found`` for what is no id; nothing else gets into a path."""
    if not is_uuid(resource_id):
        raise not_found(kind, resource_id)


def not_found(kind: Kind, resource_id: str) -> DriverError:
    """Return the error for what does not exist."""
    return DriverError(ErrorCode.NOT_FOUND, f"no {kind.word} {resource_id!r}")


def check_avoided(ids: Iterable[str]) -> None:
    """Raise ``invalid`` for what is no id: a comma would make two of one."""
    if not all(map(is_uuid, ids)):
        raise invalid({"avoid": "give the ids of volumes or servers"})


def check_finished(kind: Kind, row: Row, verb: str) -> None:
    """Refuse what a remote snapshot takes only when it is complete."""
    if kind is REMOTE and row["status"] in wire.UNFINISHED:
        raise _wrong_state(row, verb)


def check_ready(kind: Kind, row: Row, verb: str) -> None:
    """Refuse what any snapshot takes only when it is available."""
    if not wire.snapshot(row, kind).ready:
        raise _wrong_state(row, verb)


def check_pause(snapshots: Iterable[StorageSnapshot], now: datetime) -> None:
    """Refuse a remote snapshot that comes too soon after the others of its drive.

    Raises:
        DriverError: ``conflict``, with the seconds until it can work if they are known.
    """
    made = []
    for snapshot in snapshots:
        if snapshot.native_state in wire.UNFINISHED:
            raise DriverError(
                ErrorCode.CONFLICT,
                f"remote snapshot {snapshot.id!r} of the volume is {snapshot.native_state}; "
                "the next one can be made once it is available, and 30 minutes after it",
            )
        made += [snapshot.created] if snapshot.created else []
    if made:
        _check_last(max(made), now)


def _check_last(last: datetime, now: datetime) -> None:
    if last > now + _SKEW:
        raise DriverError(
            ErrorCode.CONFLICT,
            f"the volume's last remote snapshot is dated {_told(last, now)}, which is yet to "
            "come; the next one can be made 30 minutes after it, so one of the clocks, this "
            "server's or CloudSigma's, has to be set right",
        )
    if last + _PAUSE > now:
        raise DriverError(
            ErrorCode.CONFLICT,
            "a volume can have a remote snapshot every 30 minutes; the next one can be made "
            f"at {_told(last + _PAUSE, now)}",
            retry_after_s=(last + _PAUSE - now).total_seconds(),
        )


def _told(moment: datetime, now: datetime) -> str:
    """Return a time as people read it, with its date unless that is today's."""
    return f"{moment:%H:%M:%S} UTC" if moment.date() == now.date() else f"{moment:%F %T} UTC"


def _wrong_state(row: Row, verb: str) -> DriverError:
    return DriverError(
        ErrorCode.CONFLICT,
        f"snapshot {row['uuid']!r} is {row['status']}; it can be {verb} once it is available",
    )
