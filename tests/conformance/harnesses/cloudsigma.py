"""The CloudSigma driver before the simulator."""

import uuid

import orjson

from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.conformance.harness import Fault
from gateway.driver import Credentials
from tests.conformance.harnesses.clouds import CloudHarness
from tests.conformance.proxy import Answer, Request, json_answer, page
from tests.simulators.cloudsigma import running_cloudsigma
from tests.simulators.cloudsigma_errors import entry
from tests.simulators.cloudsigma_http import PREFIX
from tests.simulators.cloudsigma_state import USER

PASSWORD = "no-other-text-has-this"
_WORKS_S = 0.01
_STATUSES = {
    Fault.UNAUTHENTICATED: 401,
    Fault.DENIED: 403,
    Fault.NOT_FOUND: 404,
    Fault.CONFLICT: 409,
    Fault.THROTTLED: 429,
    # The answer to one snapshot too many is undocumented; this is, to an account without funds.
    Fault.QUOTA: 402,
    Fault.BROKEN: 500,
}


_OTHER = ("another@example.com", "the-password-of-another")


class CloudSigmaHarness(CloudHarness):
    """One account on the simulator."""

    kind = CloudSigmaDriver
    backend = "simulator"
    credentials = Credentials(username=USER, password=PASSWORD)
    wrong = Credentials(username=USER, password="not the password")
    others = Credentials(*_OTHER)
    location = "ZRH"
    media = "disk"
    affinities = ("ssd",)

    def __init__(self) -> None:
        super().__init__()
        self.cloud = self.running.enter_context(running_cloudsigma(work_s=_WORKS_S))
        self.cloud.account().password = PASSWORD
        self.cloud.add_account(_OTHER[0], password=_OTHER[1])
        address = self.cloud.url.removesuffix(f"{PREFIX}/")
        self.stand_before(address)
        self.use(endpoint=f"{self.proxy.url_of(address)}{PREFIX}/")

    def make_volume(self) -> str:
        """Put a drive there."""
        return self.cloud.add_drive().uuid

    def missing_id(self) -> str:
        """Return an id as CloudSigma makes them."""
        return str(uuid.uuid4())

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Take a snapshot away, local or remote."""
        self.cloud.snapshots.pop(snapshot_id, None)
        self.cloud.remote_snapshots.pop(snapshot_id, None)

    def drop_volume(self, volume_id: str) -> None:
        """Take a drive away, with its local snapshots."""
        drive = self.cloud.drives.get(volume_id)
        if drive is not None:
            self.cloud.drop_drive(drive)

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Set the status; it stays."""
        self.cloud.snapshots[snapshot_id].status = native_state

    def use_volume(self, volume_id: str) -> None:
        """Mount a drive on a running server."""
        self.cloud.add_server(self.cloud.drives[volume_id], status="running")

    def forged(self, fault: Fault, backend: str, request: Request) -> Answer:
        """Return an error in CloudSigma's words."""
        if fault is Fault.GARBAGE:
            return page()
        status = _STATUSES[fault]
        more = {"WWW-Authenticate": 'Basic realm="CloudSigma"'} if status == 401 else {}
        return json_answer(status, orjson.dumps([entry(status)]), **more)
