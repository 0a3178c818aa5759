"""A virtual environment as an author has it: made of wheels, and of nothing in this folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ACME = ROOT / "examples" / "acme"
_SOURCES = ("gateway", "drivers", "wsgi.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_LITTER = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*_cache")
_LIMIT_S = 250  # on a machine that has much else to do
Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Outside:
    """The environment in ``folder``, and the wheels that it was made of."""

    folder: Path
    gateway_wheel: Path
    acme_wheel: Path

    @property
    def bin(self) -> Path:
        """Where the commands are."""
        return self.folder / "bin"

    def start(
        self, *command: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start a command as if the environment had been activated."""
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**self.environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, cwd: Path, env: Mapping[str, str] | None = None) -> Run:
        """Run a command as if the environment had been activated."""
        return ended(self.start(*command, cwd=cwd, env=env))

    def environment(self) -> dict[str, str]:
        """Return the variables that commands see: none that would lead into this folder."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(self.folder)}


@dataclass
class Runs:
    """Two runs of pytest that take a while; they mostly wait, so that they go on side by side."""

    empty: Path
    of_the_command: "subprocess.Popen[str]"
    of_the_tests: "subprocess.Popen[str]"

    @cached_property
    def command(self) -> Run:
        """What became of the one-line command."""
        return ended(self.of_the_command)

    @cached_property
    def tests(self) -> Run:
        """What became of Acme's own tests."""
        return ended(self.of_the_tests)

    def stop(self) -> None:
        """End what nobody has waited for, and close what nobody has read."""
        for process in (self.of_the_command, self.of_the_tests):
            with process:
                process.kill()


def ended(process: "subprocess.Popen[str]") -> Run:
    """Wait for a process and return what became of it."""
    try:
        output, _ = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, "")


def make_outside(folder: Path) -> Outside:
    """Build the wheels of Snapgate and Acme and install them below ``folder``.

    They are named by their files: what an index has under these names is not looked at.
    """
    gateway, acme = _sources(folder / "sources")
    wheels = folder / "wheels"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    _must(*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(gateway), str(acme))
    (gateway_wheel,), (acme_wheel,) = wheels.glob("snapgate-*"), wheels.glob("storage_*")
    made = Outside(folder / "tiny" / ".venv", gateway_wheel, acme_wheel)  # where the guide makes it
    _must(sys.executable, "-m", "venv", "--without-pip", str(made.folder))  # the guide adds it
    into = (*pip, "--python", str(made.bin / "python"), "install", "--no-compile")
    _must(*into, f"{gateway_wheel}[conformance]", str(acme_wheel))
    return made


def _sources(folder: Path) -> tuple[Path, Path]:
    """Copy what the wheels are built of: setuptools writes into the folder that it builds from."""
    gateway, acme = folder / "snapgate", folder / "acme"
    gateway.mkdir(parents=True)
    for name in _SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, gateway / name, ignore=_LITTER)
        else:
            shutil.copy(source, gateway)
    shutil.copytree(ACME, acme, ignore=_LITTER)
    return gateway, acme


def _must(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
