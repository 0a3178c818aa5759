"""Changes of a snapshot's metadata, each in one call that Cinder does all or nothing."""

import re
from collections.abc import Mapping
from urllib.parse import quote

import openstack.exceptions as sdk

from drivers.cinder import errors, wire
from drivers.cinder.account import Account
from gateway.driver import MetadataChange

_SAFE_IN_PATH = re.compile("[a-zA-Z0-9_: -]+")
"""Not a dot: Cinder takes what follows one for a format, and deletes another key."""


def change(
    account: Account, snapshot_path: str, before: Mapping[str, str], wanted: MetadataChange
) -> Mapping[str, str]:
    """Change metadata and return what it is then.

    What Cinder has no call for is sent as a replacement of all of it, made from
    ``before``: an edit by somebody else in between is lost.

    Args:
        account: whose snapshot it is.
        snapshot_path: the path of the snapshot.
        before: its metadata.
        wanted: the change.
    """
    path = f"{snapshot_path}/metadata"
    after = wanted.applied_to(before)
    if wanted.replace:
        return _sent(account, "PUT", path, after)
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
