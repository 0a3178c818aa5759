"""The servers' processes: found again by their ids, and none of them left over."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

MARK = "SNAPGATE_CINDER"
"""The variable with the folder and the name of a process of ours; its children have it, too."""
PARENT = "SNAPGATE_CINDER_PARENT"
"""The variable that names the process without which a server ends by itself."""
READY = "ready"
"""What a server's output starts a line with when it listens."""
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
_START_S = 60
_STOP_S = 10


class PortTakenError(Exception):
    """Somebody else listens on the port that a server was given."""


def environment(folder: Path, name: str, **more: str) -> dict[str, str]:
    """Return the variables of a process: none of the caller's settings gets into it."""
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    return {**inherited, "PYTHONWARNINGS": "ignore", MARK: f"{folder}/{name}", **more}


class Service:
    """One server: its output goes to ``<name>.out`` and its id to ``<name>.pid`` of the folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._output = folder / f"{name}.out"
        self._record = folder / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """What it has printed since it was started last."""
        return self._output.read_text() if self._output.exists() else ""

    @property
    def is_running(self) -> bool:
        """Whether it runs, whoever has started it."""
        if self._process is not None:
            self._process.poll()
        if not self._record.exists():
            return False
        record = json.loads(self._record.read_text())
        return bool(_born(record["pid"]) == record["born"])

    def start(self, command: Sequence[str], **variables: str) -> None:
        """Start it, with more variables than environment() has; it is not ready yet."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment(self.folder, self.name, **variables),
                start_new_session=True,
            )
        pid = self._process.pid
        self._record.write_text(json.dumps({"pid": pid, "born": _born(pid)}))

    def wait_until_ready(self) -> None:
        """Wait until it listens.

        Raises:
            PortTakenError: it cannot.
        """
        end = time.monotonic() + _START_S
        while not f"\n{self.output}".count(f"\n{READY}"):
            if not self.is_running and "Address already in use" in self.output:
                raise PortTakenError(self.name)
            in_time = self.is_running and time.monotonic() < end
            assert in_time, f"{self.name} did not start:\n{self.output[-4000:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it with all that it has started; what is not ours any more is left alone."""
        if self.is_running:
            pid = json.loads(self._record.read_text())["pid"]
            self._signal(pid, signal.SIGTERM, _STOP_S)
            self._signal(pid, signal.SIGKILL, _STOP_S)
        if self._process is not None:
            self._process.wait(_STOP_S)
        self._record.unlink(missing_ok=True)
        _sweep(self.folder, self.name)

    def _signal(self, pid: int, number: signal.Signals, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while self.is_running and time.monotonic() < end:
            time.sleep(0.02)


def left_over(folder: Path, name: str = "") -> list[int]:
    """Return the ids of all processes of a folder, or of one of its servers; helpers, too."""
    mark = f"{MARK}={folder}/{name}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            variables = (entry / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(mark) for variable in variables):
                found.append(int(entry.name))
    return found


def _sweep(folder: Path, name: str) -> None:
    """End what a server has left behind: helpers, and commands that wait."""
    end = time.monotonic() + _STOP_S
    while pids := left_over(folder, name):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert time.monotonic() < end, f"these processes of {name} do not end: {pids}"
        time.sleep(0.02)


def _born(pid: int) -> str | None:
    """Return when a process was started, in the kernel's count; None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold anything
    return None if fields[0] in "ZX" else fields[19]
