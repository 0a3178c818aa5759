"""What is told of something that vanishes while its maker waits for it."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateway.core import endings
from gateway.core.snapshots import Account
from gateway.core.waiting import Patience, Polls, Wait
from gateway.driver import DriverError, ErrorCode, SnapshotState, StorageSnapshot

MADE = StorageSnapshot(
    id="snap-1", state=SnapshotState.CREATING, native_state="creating", ready=False
)


@dataclass
class Looked:
    """An account of which each look sees the next of these, and the last one for ever."""

    seen: list[StorageSnapshot | None] = field(default_factory=list)

    def get_snapshot(self, snapshot_id: str, **_: Any) -> StorageSnapshot:
        """Return what is seen now."""
        found = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if found is None:
            raise DriverError(ErrorCode.NOT_FOUND, f"no snapshot {snapshot_id!r}")
        return found


def ending(*seen: StorageSnapshot | None) -> Any:
    wait = Wait(Patience(1.0), Polls(), "main")
    return endings.snapshot_made(cast(Account, Looked(list(seen))), MADE).after(wait)


def test_what_was_seen_and_is_gone_is_no_longer_being_made() -> None:
    with pytest.raises(DriverError, match="'snap-1' was made and is gone again") as told:
        ending(MADE, None)
    assert told.value.code is ErrorCode.CONFLICT


def test_what_was_never_seen_may_be_shown_late() -> None:
    waited = ending(None)
    assert (waited.item, waited.is_over) == (MADE, False)


def test_what_is_not_shown_for_a_moment_is_waited_for() -> None:
    assert ending(MADE, None, MADE).is_over is False
