"""The EC2 driver before the simulator, and before moto."""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import boto3

from drivers.ec2.driver import Ec2Driver
from gateway.conformance.harness import Fault
from gateway.driver import Credentials, Deadline, Driver
from tests.conformance.harnesses.clouds import CloudHarness
from tests.conformance.proxy import Answer, Request, page
from tests.ec2 import moto_server
from tests.ec2.moto_server import running_moto
from tests.simulators.ec2 import running_simulator
from tests.simulators.ec2_errors import Ec2Error
from tests.simulators.ec2_state import new_id
from tests.simulators.ec2_xml import error_answer

HERE, THERE = "eu-west-1", "us-east-1"
_WORKS_S = 0.01
_ERRORS = {
    Fault.UNAUTHENTICATED: Ec2Error("AuthFailure", "AWS was not able to validate the credentials"),
    Fault.DENIED: Ec2Error("UnauthorizedOperation", "You are not authorized to do that."),
    Fault.CONFLICT: Ec2Error("IncorrectState", "The resource is in a state that forbids this."),
    Fault.THROTTLED: Ec2Error("RequestLimitExceeded", "Request limit exceeded."),
    Fault.QUOTA: Ec2Error("SnapshotLimitExceeded", "You have reached your limit of snapshots."),
    Fault.BROKEN: Ec2Error("InternalError", "An internal error has occurred"),
}
_NO_PAUSE = "botocore.retries.standard.ExponentialBackoff.delay_amount"


_OTHER = ("AKIAOTHER00000000000", "the/secret+of/others")


class Ec2Harness(CloudHarness):
    """An account in one region, and another region to copy to; subclasses say where."""

    kind = Ec2Driver
    wrong = Credentials(username="AKIANOBODY0000000000", password="not+the/secret")
    zone = f"{HERE}c"
    media = "gp3"

    def serve(self, url: str) -> None:
        """Use the EC2 at an address; botocore does not wait between its tries."""
        self.running.enter_context(patch(_NO_PAUSE, lambda *_: 0))
        self.stand_before(url)
        self.use(region=HERE, endpoint_url=self.proxy.url_of(url), default_zone=f"{HERE}a")

    def open_destination(self) -> Driver:
        """Open a driver for the other region."""
        options = {**self.options, "region": THERE}
        return self.kind.open(
            options, self.credentials, shared=self.kind.share(options), deadline=Deadline(10)
        )

    def missing_id(self) -> str:
        """Return an id as EC2 makes them."""
        return new_id("snap")

    def missing_volume_id(self) -> str:
        """Return an id as EC2 makes them."""
        return new_id("vol")

    def forged(self, fault: Fault, backend: str, request: Request) -> Answer:
        """Return an error in EC2's words."""
        if fault is Fault.GARBAGE:
            return page()
        error = _ERRORS.get(fault) or _not_found(request)
        body = error_answer(error, secrets.token_hex(16))
        return Answer(error.status, [("Content-Type", "text/xml;charset=UTF-8")], body)


class SimulatedEc2Harness(Ec2Harness):
    """On the simulator, whose signatures, pages and states are as documented."""

    backend = "simulator"
    credentials = Credentials(
        username="AKIACONFORMANCE00000",
        password="no+other/text/has/this",
        session_token="nor+this/one==",
    )
    others = Credentials(*_OTHER)

    def __init__(self) -> None:
        super().__init__()
        self.cloud = self.running.enter_context(
            running_simulator(complete_after_s=_WORKS_S, available_after_s=_WORKS_S)
        )
        self.region = self.cloud.region(HERE)
        me = self.credentials
        assert me.username
        assert me.password
        self.cloud.add_account(me.username, me.password, session_token=me.session_token)
        self.cloud.add_account(*_OTHER, account_id="999999999999")
        self.serve(self.cloud.url)

    def make_volume(self) -> str:
        """Put a volume there."""
        return self.region.add_volume(size=1).id

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Take a snapshot away."""
        self.region.snapshots.pop(snapshot_id, None)

    def drop_volume(self, volume_id: str) -> None:
        """Take a volume away."""
        self.region.volumes.pop(volume_id, None)

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Set the state; it stays."""
        snapshot = self.region.snapshots[snapshot_id]
        snapshot.state, snapshot.completes_at = native_state, None

    def use_volume(self, volume_id: str) -> None:
        """Attach a volume."""
        volume = self.region.volumes[volume_id]
        volume.state, volume.attached_to = "in-use", "i-0123456789abcdef0"


class MotoHarness(Ec2Harness):
    """On moto, which holds what EC2 holds and checks less of it.

    No snapshot is ever in any state but completed there, and no login is refused: the
    cases that need that are skipped, and run on the simulator.
    """

    backend = "moto"  # without its version: the table of drivers is for any
    credentials = Credentials(
        username=moto_server.ACCESS_KEY,
        password=moto_server.SECRET,
        session_token=moto_server.TOKEN,
    )

    def __init__(self) -> None:
        super().__init__()
        folder = self.running.enter_context(TemporaryDirectory())
        self.moto = self.running.enter_context(running_moto(Path(folder)))
        self.serve(self.moto.url)
        session = boto3.Session(moto_server.ACCESS_KEY, moto_server.SECRET)
        self.ec2: Any = session.client("ec2", HERE, endpoint_url=self.moto.url)
        self.running.callback(self.ec2.close)
        self._uses: dict[str, dict[str, str]] = {}

    def make_volume(self) -> str:
        """Make a volume as another program of the account does."""
        return str(self.ec2.create_volume(Size=1, AvailabilityZone=f"{HERE}a")["VolumeId"])

    def use_volume(self, volume_id: str) -> None:
        """Attach a volume to a new machine."""
        image = self.ec2.register_image(Name=volume_id, RootDeviceName="/dev/sda1")["ImageId"]
        made = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)
        instance = made["Instances"][0]["InstanceId"]
        self._uses[volume_id] = {"InstanceId": instance, "Device": "/dev/sdf"}
        self.ec2.attach_volume(VolumeId=volume_id, **self._uses[volume_id])

    def drop_volume(self, volume_id: str) -> None:
        """Delete a volume, which is detached before if it was put to use."""
        if volume_id in self._uses:
            self.ec2.detach_volume(VolumeId=volume_id, **self._uses.pop(volume_id))
        super().drop_volume(volume_id)

    def takes_any_zone(self) -> bool:
        """Say whether moto makes volumes in zones that do not exist, as EC2 does not."""
        made = self.ec2.create_volume(Size=1, AvailabilityZone="no-such-zone")
        self.ec2.delete_volume(VolumeId=made["VolumeId"])
        return "AvailabilityZone" not in made

    def open_refused(self) -> Driver:
        """Skip: moto lets everybody in, unless it is told to check permissions of IAM."""
        return super(CloudHarness, self).open_refused()


def _not_found(request: Request) -> Ec2Error:
    """Return the error for what a request names: EC2 has a code for each kind of resource."""
    form = parse_qs(request.body.decode())
    if "VolumeId" in form or "VolumeId.1" in form:
        return Ec2Error("InvalidVolume.NotFound", "The volume does not exist.")
    return Ec2Error("InvalidSnapshot.NotFound", "The snapshot does not exist.")
