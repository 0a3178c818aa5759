"""One authenticated call: who asks what in which region, and how it finds resources."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from tests.simulators.ec2_errors import Ec2Error, invalid_value, not_found
from tests.simulators.ec2_parameters import Parameters
from tests.simulators.ec2_state import Account, Cloud, Region, Resource, Settings, Snapshot, Volume

_Found = TypeVar("_Found", bound=Resource)
_KINDS = {"snap": "Snapshot", "vol": "Volume"}


@dataclass(frozen=True)
class Call:
    """What an action needs to know."""

    action: str
    parameters: Parameters
    account: Account
    region: Region
    cloud: Cloud

    @property
    def settings(self) -> Settings:
        """How the cloud behaves."""
        return self.cloud.settings

    def snapshot(self, name: str, *, region: Region | None = None) -> Snapshot:
        """Return the snapshot that a parameter names, if the account may see it."""
        snapshot_id = self.parameters.required(name)
        check_id(snapshot_id, name, "snap")
        return visible(self, (region or self.region).snapshots, snapshot_id)

    def volume(self, name: str) -> Volume:
        """Return the volume that a parameter names, if it is the account's own."""
        volume_id = self.parameters.required(name)
        check_id(volume_id, name, "vol")
        return visible(self, self.region.volumes, volume_id)

    def must_own(self, resource: Resource) -> None:
        """Refuse to change what is another account's.

        From memory: EC2 words this in several ways; the code is that of a missing permission.
        """
        if resource.owner_id != self.account.account_id:
            raise unauthorized()


def check_id(resource_id: str, name: str, kind: str) -> None:
    """Refuse what is no id.

    Source: observed for another prefix, InvalidParameterValue with "Expected: 'vol-...'.";
    the codes InvalidSnapshotID.Malformed and InvalidVolumeID.Malformed are in the
    API reference, their wording and their share of the cases from memory.

    Args:
        resource_id: what was given.
        name: the parameter.
        kind: ``snap`` or ``vol``.
    """
    if not resource_id.startswith(f"{kind}-"):
        raise invalid_value(resource_id, name, f"Expected: '{kind}-...'.")
    if not is_id(resource_id, kind):
        raise malformed(resource_id, kind)


def is_id(resource_id: str, kind: str) -> bool:
    """Say whether a text is an id: 8 (until 2016) or 17 hexadecimal digits."""
    return re.fullmatch(rf"{kind}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", resource_id) is not None


def malformed(resource_id: str, kind: str) -> Ec2Error:
    """Return the error for a text that is no id."""
    text = f'Invalid id: "{resource_id}" (expecting "{kind}-...")'
    return Ec2Error(f"Invalid{_KINDS[kind]}ID.Malformed", text)


def unauthorized() -> Ec2Error:
    """Return the error for a missing permission."""
    return Ec2Error("UnauthorizedOperation", "You are not authorized to perform this operation.")


def visible(call: Call, resources: Mapping[str, _Found], resource_id: str) -> _Found:
    """Return a resource that the account may see and that has come to be seen.

    Any look-up counts as a read of a new resource, so that a client that never
    describes does not wait for ever.
    """
    resource = resources.get(resource_id)
    if resource is None or not resource.is_visible_to(call.account) or not resource.is_there():
        kind = _KINDS[resource_id.partition("-")[0]]
        raise not_found(kind, resource_id)
    return resource
