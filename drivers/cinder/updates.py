"""Changes of a snapshot: of its texts in one call of Cinder's, of its metadata in another."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import quote

import openstack.exceptions as sdk

from drivers.cinder import errors, wire
from drivers.cinder.account import Account
from drivers.cinder.errors import FAILURES
from drivers.cinder.wire import Row
from gateway.driver import MetadataChange, marker_pairs

_SAFE_IN_PATH = re.compile("[a-zA-Z0-9_: -]+")
"""Not a dot: Cinder takes what follows one for a format, and deletes another key."""


def update(
    account: Account,
    path: str,
    texts: Mapping[str, str | None],
    change: MetadataChange | None,
    *,
    check: Callable[[Row], None] | None = None,
) -> Row:
    """Change texts, then metadata, all or nothing, and return what Cinder answers.

    Args:
        account: whose snapshot it is.
        path: the path of the snapshot.
        texts: its new name and description, as far as they change.
        change: the change of its metadata, if there is one.
        check: refuses the change by what the snapshot is just before.
    """
    # Read before for what may have to be put back, and for what Cinder can only replace.
    is_read = change is not None or check is not None
    before = account.get("snapshot", path) if is_read else {}
    if check is not None:
        check(before)
    after = dict(before)
    if texts:
        row = account.changed("snapshot", "PUT", path, {"snapshot": texts})
        after |= wire.made(row)
    if change is None:
        return after
    try:
        former = before.get("metadata") or {}
        return {**after, "metadata": _change_metadata(account, path, former, change)}
    except FAILURES as exc:
        if texts and not _is_restored(account, path, before, texts):
            raise errors.maybe_done(exc) from exc
        raise


def _is_restored(account: Account, path: str, before: Row, texts: Mapping[str, str | None]) -> bool:
    """Undo a change of texts, if that can be done; the caller tells of what led here."""
    former = {field: before.get(field) for field in texts}
    with suppress(*FAILURES):
        account.change("PUT", path, {"snapshot": former})
        return True
    return False


def _change_metadata(
    account: Account, snapshot_path: str, before: Mapping[str, str], wanted: MetadataChange
) -> Mapping[str, str]:
    """Change metadata in one call and return what it is then.

    What Cinder has no call for is sent as a replacement of all of it, made from
    ``before``: an edit by somebody else in between is lost.
    """
    path = f"{snapshot_path}/metadata"
    after = wanted.applied_to(before)
    if wanted.replace:
        return _sent(account, "PUT", path, {**after, **marker_pairs(before)})
    removed = wanted.remove & before.keys() - wanted.set.keys()
    if not removed:
        return _sent(account, "POST", path, wanted.set) if wanted.set else before
    if len(removed) == 1 and not wanted.set:
        (key,) = removed
        if _SAFE_IN_PATH.fullmatch(key):
            _delete_key(account, f"{path}/{quote(key, safe='')}")
            return after
    return _sent(account, "PUT", path, after)


def _sent(account: Account, method: str, path: str, values: Mapping[str, str]) -> Mapping[str, str]:
    metadata = account.changed("metadata", method, path, {"metadata": dict(values)})
    if not isinstance(metadata, dict):
        raise wire.not_cinder(maybe_done=True)
    return metadata


def _delete_key(account: Account, path: str) -> None:
    """Delete one key; that somebody else has done so already is no failure."""
    try:
        account.change("DELETE", path)
    except sdk.NotFoundException as exc:
        if not errors.is_unknown_key(exc):
            raise
