"""The Cinder driver before the real Keystone and Cinder, in a project of its own."""

import json
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from gateway.driver import Credentials
from tests.conformance.harnesses import recorded
from tests.conformance.harnesses.cinder import CinderHarness
from tests.conformance.proxy import Answer, Request, forward
from tests.conformance.tape import Recorder, Tape
from tests.integration.cinder.people import keystone, new_person
from tests.integration.cinder.server import rows
from tests.integration.cinder.server.cinder import Caller, RealCinder


class RealCinderHarness(CinderHarness):
    """A user with a password that nobody else has.

    Volumes are of the type fake, which keeps no bytes and is made in no time. No snapshot
    gets a status that is unheard of: Cinder answers 500 to whoever asks for one (observed
    with 29.0.0, the status written into its database).

    Args:
        cinder: where.
        records: whether all exchanges are kept, for RecordedCinderHarness.
    """

    backend = "Cinder 29 and Keystone 30"
    volume_type: ClassVar = "fake"

    def __init__(self, cinder: RealCinder, *, records: bool = False) -> None:
        super().__init__()
        self._cinder = cinder
        self.tape: Tape | None = None
        name = f"conformance-{uuid.uuid4().hex}"
        made = keystone(cinder, "POST", "/projects", {"project": {"name": name}})["project"]
        person = new_person(cinder, project=None)
        self.project_id = made["id"]
        person.grant(made["id"], "member")
        self.credentials = Credentials(f"{person.name}+{made['id']}", person.password)
        token = person.token({"project": {"id": made["id"]}})
        self._call = Caller(cinder.cinder_url, token)
        self._words = {
            person.name: recorded.USER,
            person.password: recorded.PASSWORD,
            made["id"]: recorded.PROJECT,
            name: "recorded-project",
        }
        if records:
            self._record()
        else:  # the tape is one account's
            other = new_person(cinder)
            self.others = Credentials(other.login[0], other.password)
        identity, volumes = (
            url.removesuffix("/v3") for url in (cinder.auth_url, cinder.cinder_url)
        )
        self.serve(cinder.auth_url, volumes)
        self._words |= dict.fromkeys((identity, self.proxy.url_of(identity)), recorded.IDENTITY)
        self._words |= dict.fromkeys((volumes, self.proxy.url_of(volumes)), recorded.BLOCK_STORAGE)

    def make_volume(self) -> str:
        """Make a volume as another program of the user does."""
        asked = {"volume": {"size": 1, "volume_type": self.volume_type}}
        made = self._call("POST", "/volumes", asked)["volume"]
        self._cinder.wait("volumes", made["id"], "available")
        if self.tape:
            self.tape.note(recorded.VOLUME, made["id"])
        return str(made["id"])

    def missing_id(self) -> str:
        """Return the id that nothing has on the tape either."""
        return recorded.NOBODYS

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot behind Cinder's back: to ask it takes a third of the suite's time."""
        self._cinder.forget([snapshot_id])

    def drop_volume(self, volume_id: str) -> None:
        """Remove a volume in the same way."""
        with rows.opened(self._cinder.folder / "cinder.sqlite") as database:
            database.execute("DELETE FROM volumes WHERE id = ?", (volume_id,))

    def use_volume(self, volume_id: str) -> None:
        """Attach a volume."""
        self._cinder.attach(volume_id, "admin")

    def _record(self) -> None:
        """Keep all exchanges; the tape is written when the harness is closed."""
        tape = self.tape = Tape({"now": datetime.now(UTC).isoformat()})
        note = Recorder(tape, recorded.plain(self._words))

        def answered_by(backend: str, request: Request) -> Answer:
            answer = forward(backend, request)
            note(backend, request, answer)
            return answer

        self.answered_by = answered_by
        self.running.callback(tape.save, recorded.TAPE)


class RealBytesHarness(RealCinderHarness):
    """The same with volumes of the type nfs, whose bytes are in files that QEMU's tools open."""

    volume_type = "nfs"
    media = "nfs"

    def write_volume(self, volume_id: str, content: bytes) -> None:
        """Write to the file that is the volume now: after a snapshot it is another one."""
        source = self._cinder.folder / f"written-{volume_id}"
        source.write_bytes(content)
        kind, path = self._active(volume_id)
        order = f"write -s {source} 0 {len(content)}"
        subprocess.run(["qemu-io", "-f", kind, "-c", order, str(path)], check=True)

    def read_volume(self, volume_id: str, length: int) -> bytes:
        """Read from that file, and from those that it is based on."""
        kind, path = self._active(volume_id)
        copy = self._cinder.folder / f"read-{volume_id}"
        order = ["qemu-img", "dd", "-f", kind, "-O", "raw", f"if={path}", f"of={copy}"]
        subprocess.run([*order, f"bs={length}", "count=1"], check=True)
        return copy.read_bytes()[:length]

    def _active(self, volume_id: str) -> tuple[str, Path]:
        """Return the format and the path of the file that a volume is written to.

        Which format only the file itself tells: reverting makes a raw one of it.
        """
        (share,) = (self._cinder.folder / "mount").iterdir()
        told = share / f"volume-{volume_id}.info"
        path = share / (json.loads(told.read_text())["active"] if told.exists() else told.stem)
        found = subprocess.check_output(["qemu-img", "info", "--output=json", str(path)])
        return json.loads(found)["format"], path
