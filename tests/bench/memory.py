"""The most memory that a process has had resident, from proc(5)."""

from pathlib import Path


def fresh_peak_mib(pid: int | str = "self") -> float:
    """Forget a process's peak (the password hash alone takes 32 MiB) and return where it is."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets VmHWM
    return peak_mib(pid)


def peak_mib(pid: int | str = "self") -> float:
    """Return the most memory that a process had resident since its peak was forgotten."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)
