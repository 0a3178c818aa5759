"""The backends of the matrix, each behind a proxy that makes trouble, and their own truth."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.conformance.harnesses.cinder import SimulatedCinderHarness
from tests.conformance.harnesses.clouds import CloudHarness
from tests.conformance.harnesses.cloudsigma import CloudSigmaHarness
from tests.conformance.harnesses.ec2 import HERE, THERE, SimulatedEc2Harness
from tests.conformance.proxy import Request
from tests.faults.troubles import TroubleProxy

GIB = 1 << 30
Held = dict[str, Any]


class Backend(CloudHarness):
    """A simulator behind the proxy.

    Attributes:
        name: the driver's.
        operations: what can be done there beside that which can be done everywhere.
        volume: what a request for a new volume says.
        other: what the options of another provider, to copy to, have different.
        patience: how many times as long as a simulator it may take for everything.
    """

    name: str
    operations: tuple[str, ...] = ()
    volume: Mapping[str, Any] = {"capacity": 1}
    other: Mapping[str, Any] | None = None
    patience = 1
    proxy: TroubleProxy
    given: dict[str, Any]

    def stand_before(self, *backends: str) -> None:
        """Put the proxy before these addresses."""
        proxy = TroubleProxy(backends, self.forged, self.is_change)
        self.proxy = self.running.enter_context(proxy)

    def use(self, **options: Any) -> None:
        """Remember what a configuration would say."""
        self.given = options
        super().use(**options)

    def is_change(self, request: Request) -> bool:
        """Return whether a request changes something."""
        return request.method != "GET"

    def snapshots(self) -> Held:
        """Return all snapshots that there are."""
        raise NotImplementedError

    def volumes(self) -> Held:
        """Return all volumes that there are."""
        raise NotImplementedError

    def copies(self) -> Held:
        """Return all snapshots at the other provider."""
        raise NotImplementedError

    def held(self) -> Held:
        """Return all snapshots and volumes that there are."""
        return {**self.snapshots(), **self.volumes()}


class Ec2(Backend, SimulatedEc2Harness):
    """A simulated EC2."""

    name = "ec2"
    operations = ("copy",)
    volume: Mapping[str, Any] = {"capacity": 1, "zone": "eu-west-1a"}
    other: Mapping[str, Any] | None = {"region": THERE}

    def is_change(self, request: Request) -> bool:
        """Return whether an action is none that describes."""
        action = parse_qs(request.body.decode()).get("Action", ["Describe"])[0]
        return not action.startswith("Describe")

    def snapshots(self) -> Held:
        """Return all snapshots of the region."""
        return dict(self.cloud.region(HERE).snapshots)

    def volumes(self) -> Held:
        """Return all volumes of the region."""
        return dict(self.cloud.region(HERE).volumes)

    def copies(self) -> Held:
        """Return all snapshots of the other region."""
        return dict(self.cloud.region(THERE).snapshots)


class CinderBackend(Backend):
    """A Keystone and a Cinder; subclasses say which."""

    name = "cinder"
    operations = ("revert",)

    def is_change(self, request: Request) -> bool:
        """Return whether a request changes something; to log in does not."""
        return request.method != "GET" and "/auth/tokens" not in request.path


class Cinder(CinderBackend, SimulatedCinderHarness):
    """A simulated Keystone and Cinder."""

    def snapshots(self) -> Held:
        """Return all snapshots."""
        return dict(self.region.snapshots)

    def volumes(self) -> Held:
        """Return all volumes."""
        return dict(self.region.volumes)


class CloudSigma(Backend, CloudSigmaHarness):
    """A simulated CloudSigma."""

    name = "cloudsigma"

    def snapshots(self) -> Held:
        """Return all snapshots."""
        return dict(self.cloud.snapshots)

    def volumes(self) -> Held:
        """Return all drives."""
        return dict(self.cloud.drives)


BACKENDS: Mapping[str, type[Backend]] = {
    "ec2": Ec2,
    "cinder": Cinder,
    "cloudsigma": CloudSigma,
}
CREATIONS = ("create", "clone", "volume", "copy", "bulk create")
CHANGES = (
    "update",
    "replace",
    "key",
    "remove",
    "delete",
    "revert",
    "bulk delete",
    "volume delete",
)
_SOME = ("copy", "revert")


def operations_of(kind: type[Backend], wanted: tuple[str, ...]) -> list[str]:
    """Return those of the operations that a backend has."""
    return [name for name in wanted if name not in _SOME or name in kind.operations]
