"""What Snapgate's conformance suite needs to test the driver: see gateway.conformance."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from acme.driver import AcmeDriver
from acme.service import Service
from gateway.conformance.harness import Fault, SnapshotHarness
from gateway.driver import Credentials, Deadline

_FAULTS: Mapping[Fault, str] = {
    Fault.TIMEOUT: "hang",
    Fault.REFUSED: "gone",
    Fault.CUT: "cut",
    Fault.UNAUTHENTICATED: "key_unknown",
    Fault.DENIED: "not_allowed",
    Fault.NOT_FOUND: "no_snapshot",
    Fault.CONFLICT: "not_done",
    Fault.THROTTLED: "slow_down",
    Fault.QUOTA: "full",
    Fault.BROKEN: "broken",
    Fault.GARBAGE: "garbage",
}
"""What the suite wants to go wrong -> what the service calls it."""

_SIZE_MIB = 2  # one more than the least, so that a clone can be asked for that is too small


class AcmeHarness(SnapshotHarness):
    """An Acme of its own, in this process."""

    credentials = Credentials(username="demo", password="key-of-the-demo-account")
    backend = "acme.service"
    wait_s = 10.0
    fault_timeout_s = 0.5
    volume_size_bytes = _SIZE_MIB << 20

    def __init__(self) -> None:
        accounts = {"demo": "key-of-the-demo-account", "other": "key-of-another-account"}
        self.service = Service(accounts, make_s=0.02).start()
        self.options = AcmeDriver.Options().load({"endpoint": self.service.url})
        self.shared = AcmeDriver.share(self.options)

    def open_driver(self) -> AcmeDriver:
        """Return a driver of the account."""
        return self._open(self.credentials)

    def open_refused(self) -> AcmeDriver:
        """Return a driver whose key is wrong; Acme says so when it is called."""
        return self._open(Credentials(username="demo", password="of-somebody-else"))

    def open_other(self) -> AcmeDriver:
        """Return a driver of another account."""
        return self._open(Credentials(username="other", password="key-of-another-account"))

    def make_volume(self) -> str:
        """Return the id of a disk that can be used."""
        disk = self.service.cloud.add_disk("demo", _SIZE_MIB)
        self.wait_volume(disk.id)
        return disk.id

    def write_volume(self, volume_id: str, content: bytes) -> None:
        """Write past the driver."""
        self.service.cloud.write("demo", volume_id, content)

    def read_volume(self, volume_id: str, length: int) -> bytes:
        """Read past the driver."""
        return self.service.cloud.read("demo", volume_id)[:length].ljust(length, b"\0")

    def use_volume(self, volume_id: str) -> None:
        """Attach a disk to a machine."""
        self.service.cloud.disks[volume_id].attached = True

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Let Acme show this state."""
        self.service.cloud.snapshots[snapshot_id].state = native_state

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot, done or not."""
        self.service.cloud.snapshots.pop(snapshot_id, None)

    def drop_volume(self, volume_id: str) -> None:
        """Delete a disk, attached or not."""
        self.service.cloud.disks.pop(volume_id, None)

    def missing_id(self) -> str:
        """Return an id as Acme gives them out."""
        return "snap-000000000000"

    def missing_volume_id(self) -> str:
        """Return an id as Acme gives them out."""
        return "disk-000000000000"

    def inject(self, fault: Fault) -> AbstractContextManager[None]:
        """Let the service fail."""
        return self.inject_after(fault, 0)

    def inject_after(self, fault: Fault, calls: int) -> AbstractContextManager[None]:
        """Let the service fail after so many good calls."""
        return self.service.failing(_FAULTS[fault], after=calls)

    def close(self) -> None:
        """Stop the service."""
        self.shared.close()
        self.service.go_down()

    def _open(self, credentials: Credentials) -> AcmeDriver:
        return AcmeDriver.open(
            self.options, credentials, shared=self.shared, deadline=Deadline(self.wait_s)
        )
