"""One account's calls of EC2: rows in pages or by id, new resources, tags."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from drivers.ec2 import tags
from drivers.ec2.filters import equals
from gateway.driver import Deadline, DriverError, ErrorCode

Row = Mapping[str, Any]
FEWEST = 5
"""The least MaxResults that EC2 takes."""
_SETTLE_S = 5.0
"""How long a new resource is waited for that EC2 does not show yet."""
_FAILURES = (ClientError, BotoCoreError, DriverError)
_NOT_EC2 = "EC2's endpoint answered with something that is no EC2 answer"


class Kind(NamedTuple):
    """EC2's words for one kind of resource."""

    word: str
    describe: str
    rows: str
    id: str
    id_filter: str


SNAPSHOT = Kind("snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "snapshot-id")
VOLUME = Kind("volume", "describe_volumes", "Volumes", "VolumeId", "volume-id")


class Account:
    """The clients of one account.

    Args:
        again: the client for calls that can be sent again.
        once: the client for calls that must not.
        page_size: the most rows that a page holds, 5 to 1000.
    """

    def __init__(self, again: Any, once: Any, *, page_size: int) -> None:
        self._again = again
        self._once = once
        self._page_size = page_size
        self.number: str | None = None
        """The account's number, once a snapshot of its own has told it."""

    def close(self) -> None:
        """Close the connections."""
        self._again.close()
        self._once.close()

    def page(
        self, kind: Kind, asked: Mapping[str, Any], *, page_size: int, cursor: str | None
    ) -> tuple[list[Row], str | None]:
        """Return a page of at most ``page_size`` rows and the cursor after it.

        A cursor is ``rows to skip:EC2's token``: EC2 gives five rows at the least,
        and some servers give more than they are asked for.
        """
        count = min(page_size, self._page_size)
        skipped, _, token = (cursor or "0:").partition(":")
        paging: dict[str, Any] = {"MaxResults": max(count, FEWEST)}
        if token:
            paging["NextToken"] = token
        rows, following = self._describe(kind, **asked, **paging)
        rows = rows[int(skipped) :]
        if len(rows) > count:
            return rows[:count], f"{int(skipped) + count}:{token}"
        return rows, f"0:{following}" if following else None

    def find(self, kind: Kind, resource_id: str) -> Row | None:
        """Return a resource by a filter: asked for by id, an unknown one is an error."""
        rows, _ = self._describe(
            kind, Filters=[equals(kind.id_filter, resource_id)], MaxResults=FEWEST
        )
        return next((row for row in rows if row[kind.id] == resource_id), None)

    def get(self, kind: Kind, resource_id: str) -> Row:
        """Return a resource that must be there."""
        row = self.find(kind, resource_id)
        if row is None:
            raise DriverError(ErrorCode.NOT_FOUND, f"no {kind.word} {resource_id!r}")
        return row

    def learn_number(self) -> None:
        """Learn the account's number from a snapshot of its own, if it has one.

        No other call of EC2 tells it, and STS would be one more endpoint to reach.
        """
        rows, _ = self._describe(SNAPSHOT, OwnerIds=["self"], MaxResults=FEWEST)
        for row in rows:
            self.number = row.get("OwnerId")

    def make(
        self, kind: Kind, operation: str, asked: Mapping[str, Any], deadline: Deadline
    ) -> tuple[Row, Row | None]:
        """Make a resource, in one call that is sent once.

        Returns:
            EC2's answer, and the resource as EC2 shows it afterwards: for some
            moments it may not, in which case it is None.
        """
        row: Row = getattr(self._once, operation)(**asked)
        if kind.id not in row:
            raise DriverError(ErrorCode.BACKEND, f"{_NOT_EC2}; a change may have happened")
        return row, self._settled(kind, row[kind.id], deadline)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot; sent once, so that "not found" is never our own doing."""
        self._once.delete_snapshot(SnapshotId=snapshot_id)

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume; sent once, so that "not found" is never our own doing."""
        self._once.delete_volume(VolumeId=volume_id)

    def retag(self, resource_id: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Make the tags be ``after``; if the second of two calls fails, undo the first."""
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        removed = before.keys() - after.keys()
        has_room = len({**before, **after}) <= tags.MOST
        try:
            if has_room:
                self._set_tags(resource_id, changed)
                self._remove_tags(resource_id, removed)
            else:
                self._remove_tags(resource_id, removed)
                self._set_tags(resource_id, changed)
        except _FAILURES:
            if changed and removed:
                self._restore(resource_id, before, after)
            raise

    def _describe(self, kind: Kind, **asked: Any) -> tuple[list[Row], str | None]:
        """Return the rows of an answer and its token.

        Any XML is parsed to a dict, also that of a proxy's page: without the
        check, such a page would be an empty list.
        """
        answer = getattr(self._again, kind.describe)(**asked)
        if kind.rows not in answer:
            raise DriverError(ErrorCode.BACKEND, _NOT_EC2)
        return answer[kind.rows], answer.get("NextToken") or None

    def _settled(self, kind: Kind, new_id: str, deadline: Deadline) -> Row | None:
        """Wait a little until EC2 shows what it has made, for it does so late.

        The caller has its resource in any case, so no failure here is told as
        one: it would look as if nothing had been made.
        """
        pause = 0.1
        with suppress(*_FAILURES):
            end = time.monotonic() + min(_SETTLE_S, deadline.remaining_s() / 2)
            while (row := self.find(kind, new_id)) is None and time.monotonic() + pause < end:
                time.sleep(pause)
                pause *= 2
            return row
        return None

    def _restore(
        self, resource_id: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """Undo what there is of a change; the caller tells of the failure that led here."""
        own = {key: value for key, value in before.items() if not key.startswith(tags.RESERVED)}
        with suppress(*_FAILURES):
            self._set_tags(resource_id, own)
            self._remove_tags(resource_id, after.keys() - before.keys())

    def _set_tags(self, resource_id: str, values: Mapping[str, str]) -> None:
        if values:
            self._again.create_tags(Resources=[resource_id], Tags=tags.as_list(values))

    def _remove_tags(self, resource_id: str, keys: Iterable[str]) -> None:
        listed = [{"Key": key} for key in sorted(keys)]
        if listed:
            self._again.delete_tags(Resources=[resource_id], Tags=listed)
