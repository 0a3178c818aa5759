"""The environment that the servers run in: their packages, and qemu-img."""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
HOME = HERE.parents[3] / ".cinder"
"""What is kept between runs; the top of the repository has it."""
VENV = HOME / "venv"
_CONSTRAINTS = HERE / "constraints.txt"
_INSTALL_S = 1200

Say = Callable[[str], None]


class CannotRunError(Exception):
    """The servers cannot run on this machine; the text says why."""


def silent(_: str) -> None:
    """Say nothing."""


def prepare(say: Say = silent) -> Path:
    """Install all that the servers need, once, and return the path of their Python.

    Raises:
        CannotRunError: something cannot be installed.
    """
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        find_qemu_img(say)
        if not _is_installed():
            _install(say, lock.fileno())
    return VENV / "bin" / "python"


def find_qemu_img(say: Say = silent) -> str:
    """Return the path of qemu-img, which is installed if that can be done.

    Raises:
        CannotRunError: there is none.
    """
    found = shutil.which("qemu-img")
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotRunError("qemu-img is missing: install qemu-utils")
    say("installing qemu-utils for its qemu-img")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], env)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "qemu-utils"], env)
    found = shutil.which("qemu-img")
    if not found:
        raise CannotRunError("qemu-utils is installed, but there is no qemu-img")
    return found


def _stamp() -> tuple[Path, str]:
    """Return the file that tells what is installed, and what it has to tell."""
    content = f"{VENV} {sys.version_info[:3]} {_CONSTRAINTS.read_text()}"
    return VENV / "installed", hashlib.sha256(content.encode()).hexdigest()


def _is_installed() -> bool:
    stamp, expected = _stamp()
    return stamp.exists() and stamp.read_text() == expected


def _install(say: Say, lock: int) -> None:
    """Install anew; the lock is held by what is run, too, should this process be killed."""
    say(f"installing Keystone and Cinder into {VENV}, which may take some minutes")
    stamp, text = _stamp()
    stamp.unlink(missing_ok=True)  # what follows may be interrupted anywhere
    if VENV.exists():
        shutil.rmtree(VENV)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    _run([sys.executable, "-m", "venv", str(VENV)], env, lock)
    # The constraints name all packages, so there is nothing to resolve.
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    _run([*pip, "--disable-pip-version-check", "--no-compile", "-r", str(_CONSTRAINTS)], env, lock)
    stamp.write_text(text)


def _run(command: list[str], env: dict[str, str], *files: int) -> None:
    """Run a command of the installation, with open files, and raise its last words if it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
            pass_fds=files,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        shown = shlex.join(command[:4])
        raise CannotRunError(f"{shown} ... took more than {_INSTALL_S} s") from None
    if done.returncode != 0:
        *_, reason = done.stdout.strip().splitlines() or ["without a word"]
        raise CannotRunError(f"{shlex.join(command[:4])} ... failed: {reason}")
