"""A driver from outside imports nothing of the gateway but ``gateway.driver``, as ours do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.outside import ACME
from tests.guide import blocks

FOR_TESTS = ("gateway.conformance.harness", "gateway.conformance.suite")
ACME_MODULES = {path.name: path.read_text() for path in sorted((ACME / "acme").glob("*.py"))}
GUIDE_MODULES = {
    Path(block.file).name: block.text
    for block in blocks()
    if block.file is not None and block.file.startswith("tiny_snapshots/")
}
CLOUD = {"cloud", "pages", "refusals", "service"}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import says where it goes"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("modules", [ACME_MODULES, GUIDE_MODULES], ids=["acme", "guide"])
def test_a_driver_imports_nothing_of_the_gateway_but_its_contract(modules: dict[str, str]) -> None:
    for name, source in modules.items():
        allowed = ("gateway.driver", *(FOR_TESTS if name == "testing.py" else ()))
        ours = {one for one in imported(source) if one.split(".")[0] in {"gateway", "drivers"}}
        assert not {one for one in ours if not one.startswith(allowed)}, name
        assert "gateway.driver" in ours or name not in {"driver.py", "wire.py", "errors.py"}


def test_the_driver_knows_nothing_of_the_cloud_that_it_ships() -> None:
    """It goes by what Acme's documentation would say; only the harness reaches behind it."""
    for name in ("account.py", "driver.py", "errors.py", "options.py", "wire.py"):
        found = set(imported(ACME_MODULES[name]))
        assert not found & {f"acme.{module}" for module in CLOUD}, name


def test_the_cloud_needs_nothing_but_the_standard_library() -> None:
    for module in CLOUD:
        outside = {one.split(".")[0] for one in imported(ACME_MODULES[f"{module}.py"])}
        assert not outside & {"gateway", "drivers", "requests", "marshmallow", "flask"}, module


def test_modules_stay_short() -> None:
    assert {n: len(s.splitlines()) for n, s in ACME_MODULES.items() if s.count("\n") > 300} == {}
