"""Packages with drivers, installed for one test as pip would."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

Install = Callable[..., None]


def write_package(
    folder: Path, package: str, source: str, *, name: str = "", target: str = ""
) -> None:
    """Write a package with one module and one entry point, whose class is ``Found``.

    Args:
        folder: where modules are looked for.
        package: the name of both.
        source: the module's text.
        name: the entry point's, if it is another one.
        target: what that leads to instead.
    """
    (folder / f"{package}.py").write_text(dedent(source))
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    entry_point = f"{name or package} = {target or package + ':Found'}"
    (info / "entry_points.txt").write_text(f"[snapgate.drivers]\n{entry_point}\n")
