"""One account's calls of EC2: rows in pages or by id, new resources, tags."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from drivers.ec2 import errors, tags
from drivers.ec2.filters import equals
from gateway.driver import Deadline, DriverError, ErrorCode, within

Row = Mapping[str, Any]
_FEWEST, _MOST = 5, 1000
"""The least and the most MaxResults that EC2 takes."""
_SETTLE_S = 5.0
"""How long a new resource is waited for that EC2 does not show yet."""
_FAILURES = (ClientError, BotoCoreError, ResponseParserError, DriverError)


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
        self.was_asked = False
        """Whether EC2 has been asked for that."""

    def close(self) -> None:
        """Close the connections."""
        self._again.close()
        self._once.close()

    def page(
        self, kind: Kind, asked: Mapping[str, Any], *, page_size: int, cursor: str | None
    ) -> tuple[list[Row], str | None]:
        """Return a page of at most ``page_size`` rows and the cursor after it.

        EC2 gives five rows at the least, and some servers give more than they are
        asked for. A cursor therefore names, before EC2's own token, how many rows of
        that token's page have been given, and the last of them: when rows before
        them have been deleted meanwhile, the page has moved up.
        """
        count = min(page_size, self._page_size)
        given, _, token = (cursor or "0:").partition(":")
        number, *last = given.split(",")
        paging: dict[str, Any] = {"MaxResults": max(count, _FEWEST)}
        if token:
            paging["NextToken"] = token
        rows, following = self._describe(kind, **asked, **paging)
        ids = [row[kind.id] for row in rows]
        start = max((ids.index(i) + 1 for i in last if i in ids), default=int(number) - len(last))
        end = start + count
        if len(rows) <= end:
            return rows[start:], f"0:{following}" if following else None
        shown = ",".join([str(end), *ids[max(end - _FEWEST, 0) : end]])
        return rows[start:end], f"{shown}:{token}"

    def find(self, kind: Kind, resource_id: str) -> Row | None:
        """Return a resource by a filter: asked for by id, an unknown one is an error.

        EC2 may cut a page before it filters, so the row may be on a later one.
        """
        asked: dict[str, Any] = {"Filters": [equals(kind.id_filter, resource_id)]}
        while True:
            rows, token = self._describe(kind, **asked, MaxResults=_MOST)
            for row in rows:
                if row[kind.id] == resource_id:
                    return row
            if token is None:
                return None
            asked["NextToken"] = token

    def get(self, kind: Kind, resource_id: str) -> Row:
        """Return a resource that must be there."""
        row = self.find(kind, resource_id)
        if row is None:
            raise _not_found(kind, resource_id)
        return row

    def learn_number(self) -> None:
        """Learn the account's number from a snapshot of its own, if it has one.

        No other call of EC2 tells it, and STS would be one more endpoint to reach.
        """
        rows, _ = self._describe(SNAPSHOT, OwnerIds=["self"], MaxResults=_FEWEST)
        self.was_asked = True
        for row in rows:
            self.number = row.get("OwnerId")

    def make(
        self,
        kind: Kind,
        operation: str,
        asked: Mapping[str, Any],
        *,
        source: tuple[Kind, str] | None,
        deadline: Deadline,
    ) -> tuple[Row, Row | None]:
        """Make a resource, in one call that is sent once.

        Args:
            kind: what is made.
            operation: boto3's name for the call.
            asked: its arguments.
            source: what it is made from, to be named if it does not exist.
            deadline: when the answer must be there.

        Returns:
            EC2's answer, and the resource as EC2 shows it afterwards: for some
            moments it may not, in which case it is None.
        """
        row = self._send_once(operation, asked, source)
        if kind.id not in row:
            raise _maybe_done()
        return row, self._settled(kind, row[kind.id], deadline)

    def delete(self, kind: Kind, resource_id: str) -> None:
        """Delete a resource; sent once, so that "not found" is never our own doing."""
        self._send_once(f"delete_{kind.word}", {kind.id: resource_id}, (kind, resource_id))

    def retag(self, resource_id: str, before: Mapping[str, str], change: tags.Change) -> None:
        """Change the tags, all or nothing, in one call or two.

        What is asked for is sent whatever ``before`` says: EC2 shows tags late.
        """
        has_room = len(before.keys() | change.set.keys()) <= tags.MOST
        steps = [partial(self._set_tags, resource_id, change.set)] if change.set else []
        if change.remove:  # the new ones come first, unless there is no room beside the old
            steps.insert(
                len(steps) if has_room else 0,
                partial(self._remove_tags, resource_id, change.remove),
            )
        for later in steps[1:]:
            self._check_permission(later)
        for number, step in enumerate(steps):
            try:
                step()
            except _FAILURES as exc:
                if number and not self._restore(resource_id, before, change):
                    error = exc if isinstance(exc, DriverError) else errors.classify(exc)
                    raise _maybe_done(error) from exc
                raise

    def _describe(self, kind: Kind, **asked: Any) -> tuple[list[Row], str | None]:
        """Return the rows of an answer and its token.

        Any XML is parsed to a dict, also that of a proxy's page: without the
        check, such a page would be an empty list.
        """
        try:
            answer = getattr(self._again, kind.describe)(**asked)
        except ValueError as exc:  # a number or a time that is none
            raise DriverError(ErrorCode.BACKEND, errors.NOT_EC2) from exc
        if kind.rows not in answer or any(kind.id not in row for row in answer[kind.rows]):
            raise DriverError(ErrorCode.BACKEND, errors.NOT_EC2)
        return answer[kind.rows], answer.get("NextToken") or None

    def _send_once(
        self, operation: str, asked: Mapping[str, Any], about: tuple[Kind, str] | None
    ) -> Row:
        """Return the answer to a call that changes something; a proxy's page is none."""
        try:
            answer: Row = getattr(self._once, operation)(**asked)
        except (ResponseParserError, ValueError) as exc:
            raise _maybe_done() from exc
        except HTTPClientError as exc:  # it was sent, or part of it
            raise _maybe_done(errors.classify(exc)) from exc
        except ClientError as exc:
            error = errors.classify(exc)
            if error is not None and error.code is ErrorCode.NOT_FOUND and about is not None:
                raise _not_found(*about, error.backend_code) from exc
            if error is not None and error.code is ErrorCode.UNAVAILABLE:
                raise _maybe_done(error) from exc
            raise
        _check(answer)
        return answer

    def _settled(self, kind: Kind, new_id: str, deadline: Deadline) -> Row | None:
        """Wait a little until EC2 shows what it has made, for it does so late.

        The caller has its resource in any case, so no failure here is told as
        one: it would look as if nothing had been made.
        """
        pause = 0.1
        with suppress(*_FAILURES):
            limit = Deadline(min(_SETTLE_S, deadline.remaining_s() / 2))
            with within(limit):
                while (row := self.find(kind, new_id)) is None and limit.remaining_s() > pause:
                    time.sleep(pause)
                    pause *= 2
                return row
        return None

    @staticmethod
    def _check_permission(call: Callable[..., None]) -> None:
        """Raise what the call would raise for want of a permission; EC2 can try that."""
        try:
            call(DryRun=True)
        except ClientError as exc:
            if errors.error_code(exc) != "DryRunOperation":
                raise

    def _restore(self, resource_id: str, before: Mapping[str, str], change: tags.Change) -> bool:
        """Undo what there is of a change and return whether nothing is left of it."""
        touched = change.set.keys() | change.remove
        old = {k: v for k, v in before.items() if k in touched}
        undone = 0
        with suppress(*_FAILURES):
            self._remove_tags(resource_id, change.set.keys() - before.keys(), is_undo=True)
            undone += 1
        with suppress(*_FAILURES):
            self._set_tags(resource_id, old, is_undo=True)
            undone += 1
        return undone == 2  # noqa: PLR2004 - both steps

    def _set_tags(self, resource_id: str, values: Mapping[str, str], **more: bool) -> None:
        self._send_tags("create_tags", resource_id, tags.as_list(values), **more)

    def _remove_tags(self, resource_id: str, keys: Iterable[str], **more: bool) -> None:
        self._send_tags("delete_tags", resource_id, [{"Key": key} for key in sorted(keys)], **more)

    def _send_tags(
        self,
        operation: str,
        resource_id: str,
        listed: list[dict[str, str]],
        *,
        is_undo: bool = False,
        **more: bool,
    ) -> None:
        """Change tags, or with DryRun only try it.

        The change itself is sent once: of a second try that fails nobody could tell
        whether the first one, whose answer was lost, has done it. To try and to undo
        can be sent again: whoever does that does not trust a failure.
        """
        asked = {"Resources": [resource_id], "Tags": listed, **more}
        if not listed:
            return
        if more or is_undo:
            _check(getattr(self._again, operation)(**asked))
        else:
            self._send_once(operation, asked, None)


def _check(answer: Row) -> None:
    """Refuse an answer that is not EC2's: a proxy's page with status 200 is none."""
    if "RequestId" not in answer["ResponseMetadata"]:
        raise _maybe_done()


def _not_found(kind: Kind, resource_id: str, backend_code: str | None = None) -> DriverError:
    return DriverError(
        ErrorCode.NOT_FOUND, f"no {kind.word} {resource_id!r}", backend_code=backend_code
    )


def _maybe_done(error: DriverError | None = None) -> DriverError:
    return (error or DriverError(ErrorCode.BACKEND, errors.NOT_EC2)).as_maybe_done()
