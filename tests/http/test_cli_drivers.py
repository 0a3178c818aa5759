"""``snapgate drivers``: what is installed, what each can do and takes, and what is broken."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.http.test_cli import inside, snapgate
from tests.plugins import write_package

ROOT = Path(__file__).parent.parent.parent
SECRET = "hunter2-a87ff679a2f3e71d"
GOOD = """
from marshmallow import fields, validate
from gateway.driver import DriverOptions, SecretField
from tests.unit.fakes import FakeDriver
class Options_(DriverOptions):
    region = fields.String(required=True, metadata={"help": "region code"})
    token = SecretField(load_default="hunter2-a87ff679a2f3e71d", metadata={"help": "its token"})
    size = fields.Integer(load_default=lambda: 7)
    kind = fields.String(validate=validate.OneOf(["a", "b"]), load_default="a")
    odd = fields.Raw(load_default=object())
class Found(FakeDriver):
    title = "Acme Cloud"
    Options = Options_
"""


def installed(folder: Path, **sources: str) -> dict[str, str]:
    for name, source in sources.items():
        write_package(folder, f"snapgate_{name}", source, name=name)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def facts(env: dict[str, str], *arguments: str, status: int = 0) -> dict[str, Any]:
    done = snapgate("drivers", "--json", *arguments, env=env)
    assert (done.returncode, done.stderr) == (status, "")
    document = json.loads(done.stdout)
    assert document["contract"] == [1, 0]
    return {driver["name"]: driver for driver in document["drivers"]}


def test_the_drivers_that_ship_are_told_whole() -> None:
    done = inside("drivers", "--json")
    assert done.exit_code == 0
    found = {driver["name"]: driver for driver in json.loads(done.stdout)["drivers"]}
    assert {"cinder", "cloudsigma", "ec2", "local"} <= set(found)
    for driver in found.values():
        assert driver["problem"] is None
        assert driver["capabilities"]["snapshot_create"] == "a snapshot of a volume can be made"
        assert driver["options"]
        assert all(option["help"] for option in driver["options"])
        assert driver["limits"]["page_size"] > 0
        assert {"contract", "pushdown", "volume_pushdown", "sort_keys", "title"} <= set(driver)


def test_a_driver_by_name_is_told_alone() -> None:
    done = inside("drivers", "local")
    assert done.exit_code == 0
    assert done.stdout.startswith("local: Local disk images (")
    assert "ec2" not in done.stdout
    assert "\n    path              text, required: folder with volumes/" in done.stdout
    assert "copy_bytes_per_s  whole number, default 0: " in done.stdout


def test_a_class_that_is_no_entry_point_can_be_told_too() -> None:
    done = inside("drivers", "tests.unit.fakes:FakeDriver")
    assert done.exit_code == 0
    assert "(tests.unit.fakes:FakeDriver of no installed package)" in done.stdout
    assert "  options       none" in done.stdout


def test_a_name_that_nobody_has_is_told_the_installed_ones() -> None:
    done = inside("drivers", "nosuch")
    assert (done.exit_code, done.stdout) == (os.EX_CONFIG, "")
    assert "no driver 'nosuch' is installed (installed: " in done.stderr


def test_a_driver_of_another_package_is_told_with_its_options(folder: Path) -> None:
    env = installed(folder, acme=GOOD)
    found = facts(env, "acme")["acme"]
    assert (found["package"], found["class"]) == ("snapgate_acme 1.0", "snapgate_acme:Found")
    options = {option["name"]: option for option in found["options"]}
    assert options["region"] == {
        "name": "region",
        "type": "text",
        "required": True,
        "default": None,
        "secret": False,
        "help": "region code",
    }
    assert (options["token"]["secret"], options["token"]["default"]) == (True, None)
    assert options["size"]["default"] == 7
    assert options["kind"]["choices"] == ["a", "b"]
    assert (options["odd"]["type"], options["odd"]["default"]) == ("any", None)
    text = snapgate("drivers", "acme", env=env).stdout
    assert "region  text, required: region code" in text
    assert "token   secret, default none: its token" in text
    assert "kind    one of a b, default a" in text
    assert SECRET not in json.dumps(found) + text


BROKEN = {
    # name -> its module, and what its problem tells
    "raising": (f"print('{SECRET}')\nraise RuntimeError('{SECRET}')", "RuntimeError; the package"),
    "ending": ("import os\nos._exit(7)", "its code ended the process (exit status 7)"),
    "crashing": ("import os\nos.abort()", "its code ended the process (exit status -6)"),
    "classless": ("", "has no class 'Found'"),
    "old": (GOOD + "    contract = (0, 1)\n", "upgrade the driver's package"),
    "odd": (
        GOOD.replace("load_default=object()", "load_default=lambda: 1 / 0"),
        "looking at its options failed: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_driver_that_cannot_be_loaded_is_told_with_its_problem_beside_the_others(
    folder: Path, name: str
) -> None:
    source, told = BROKEN[name]
    env = installed(folder, acme=GOOD, **{name: source})
    found = facts(env, status=1)
    assert told in found[name]["problem"]
    assert (
        f"(entry point snapgate_{name}:Found of the package snapgate_{name} 1.0)"
        in (found[name]["problem"])
    )
    assert {found["acme"]["problem"], found["local"]["problem"]} == {None}
    text = snapgate("drivers", env=env)
    assert text.returncode == 1
    assert f"  PROBLEM: {found[name]['problem']}" in text.stdout
    assert "acme: Acme Cloud" in text.stdout
    assert SECRET not in json.dumps(found) + text.stdout + text.stderr


def test_a_name_that_is_installed_twice_is_told_for_each(folder: Path) -> None:
    env = installed(folder, acme=GOOD)
    write_package(folder, "snapgate_other", GOOD, name="acme")
    done = snapgate("drivers", "--json", env=env)
    assert done.returncode == 1
    both = [d for d in json.loads(done.stdout)["drivers"] if d["name"] == "acme"]
    assert [driver["package"] for driver in both] == ["snapgate_acme 1.0", "snapgate_other 1.0"]
    assert all("installed more than once" in driver["problem"] for driver in both)
