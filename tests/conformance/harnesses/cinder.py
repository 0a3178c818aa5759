"""The Cinder driver before the simulator, and before a real Keystone and Cinder."""

import uuid

from drivers.cinder.driver import CinderDriver
from gateway.conformance.harness import Fault
from gateway.driver import Credentials
from tests.conformance.harnesses.clouds import CloudHarness
from tests.conformance.proxy import Answer, Request, json_answer, page
from tests.simulators.openstack import running_openstack
from tests.simulators.openstack_cinder import denied
from tests.simulators.openstack_errors import ERRED, fault_body
from tests.simulators.openstack_keystone import PASSWORD as OTHERS_PASSWORD
from tests.simulators.openstack_tokens import keystone_fault

PASSWORD = "no-other-text-has-this"
_WORKS_S = 0.01
_FAULTS = {
    Fault.DENIED: (403, "Policy doesn't allow volume:any to be performed."),
    Fault.NOT_FOUND: (404, "Snapshot could not be found."),
    Fault.CONFLICT: (409, "Snapshot status must be available."),
    Fault.THROTTLED: (413, "This request was rate-limited."),
    Fault.QUOTA: (413, "SnapshotLimitExceeded: Maximum number of snapshots allowed (0) exceeded"),
    Fault.BROKEN: (500, ERRED),
}
_AFTER_S = {Fault.THROTTLED: 7, Fault.QUOTA: 0}
"""What Retry-After says: that alone tells a rate limit from a quota."""


class CinderHarness(CloudHarness):
    """The project demo; subclasses say where."""

    kind = CinderDriver
    wrong = Credentials(username="demo+demo", password="not the password")
    zone = "nova"
    media = "fake"

    def serve(self, auth_url: str, volume_url: str) -> None:
        """Use a Keystone and a Cinder.

        Args:
            auth_url: Keystone's, with /v3.
            volume_url: Cinder's, without a path.
        """
        identity = auth_url.removesuffix("/v3")
        self.identity = identity
        self.stand_before(identity, volume_url)
        self.use(auth_url=f"{self.proxy.url_of(identity)}/v3")

    def missing_id(self) -> str:
        """Return an id as Cinder makes them."""
        return str(uuid.uuid4())

    def forged(self, fault: Fault, backend: str, request: Request) -> Answer:
        """Return an error in Keystone's or in Cinder's words."""
        if fault is Fault.GARBAGE:
            return page()
        if fault is Fault.UNAUTHENTICATED:
            reply = (
                keystone_fault(self.identity, 401, "The request requires authentication.")
                if backend == self.identity
                else denied(self.identity)
            )
            return Answer(reply.status, list(reply.headers.items()), reply.body)
        status, message = _FAULTS[fault]
        if backend == self.identity:
            reply = keystone_fault(self.identity, status, message)
            return Answer(reply.status, list(reply.headers.items()), reply.body)
        wait = {"Retry_After": _AFTER_S[fault]} if fault in _AFTER_S else {}
        after = str(_AFTER_S[fault]) if fault in _AFTER_S else None
        return json_answer(status, fault_body(status, message, after), **wait)


class SimulatedCinderHarness(CinderHarness):
    """On the simulator."""

    backend = "simulator"
    credentials = Credentials(username="demo+demo", password=PASSWORD)
    others = Credentials(username="other+other", password=OTHERS_PASSWORD)

    def __init__(self) -> None:
        super().__init__()
        self.cloud = self.running.enter_context(running_openstack(work_s=_WORKS_S))
        self.cloud.identity.demo.password = PASSWORD
        self.region = self.cloud.region()
        self.serve(self.cloud.auth_url, self.cloud.volume_url())

    def make_volume(self) -> str:
        """Put a volume there."""
        return self.region.add_volume().id

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Take a snapshot away."""
        self.region.snapshots.pop(snapshot_id, None)

    def drop_volume(self, volume_id: str) -> None:
        """Take a volume away."""
        self.region.volumes.pop(volume_id, None)

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Set the status; it stays."""
        self.region.snapshots[snapshot_id].status = native_state

    def use_volume(self, volume_id: str) -> None:
        """Have a volume attached."""
        self.region.volumes[volume_id].status = "in-use"
