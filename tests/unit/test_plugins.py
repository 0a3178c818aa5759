"""Each way in which a plug-in can be wrong is one error that says where it comes from."""

from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from gateway.core.plugins import find
from gateway.core.registry import Provider
from gateway.core.sessions import Sessions
from gateway.driver import ConfigurationError
from gateway.settings import check_demo_stays_home, check_providers
from tests.plugins import Install
from tests.unit.configs import Write, load, problem
from tests.unit.fakes import FakeDriver

SECRET = "hunter2-8f14e45fceea167a"
WHERE = "driver 'acme' (entry point snapgate_acme:Found of the package snapgate_acme 1.0)"
CONFIG = '[providers.mine]\ndriver = "acme"\n'
GOOD = "from tests.unit.fakes import FakeDriver\nclass Found(FakeDriver):\n"
RAISES = [
    f"raise RuntimeError('{SECRET}')",
    f"raise SystemExit('{SECRET}')",
    f"raise GeneratorExit('{SECRET}')",
    f"raise type('Odd', (BaseException,), {{'__str__': None}})('{SECRET}')",
    "def f(): f()\nf()",
]
Installed = Callable[..., None]


def driver(members: str) -> str:
    return GOOD + indent(members, "    ")


def class_method(name: str, body: str) -> str:
    return driver(f"@classmethod\ndef {name}(cls, options):\n{indent(body, '    ')}")


@pytest.fixture
def acme(install: Install) -> Installed:
    """Install the plug-in of these tests."""

    def installed(source: str, **kw: str) -> None:
        install("snapgate_acme", source, name="acme", **kw)

    return installed


def test_where_a_driver_comes_from_is_known_before_it_is_imported(acme: Installed) -> None:
    acme("raise AssertionError('imported')")
    assert str(find("acme")) == WHERE
    by_class = find("snapgate_acme:Found")
    assert str(by_class) == WHERE.replace("'acme'", "'snapgate_acme:Found'").replace(
        "entry point", "class"
    )
    assert str(find("tests.unit.fakes:FakeDriver")).endswith(
        "(class tests.unit.fakes:FakeDriver, of no installed package)"
    )
    assert find("gateway.driver:Driver").package == "snapgate 0.1.0"


def test_an_entry_point_may_name_extras(acme: Installed) -> None:
    acme("", target="tests.unit.fakes:FakeDriver [fast]")
    assert find("acme").target == "tests.unit.fakes:FakeDriver"


BROKEN: list[tuple[str, dict[str, str], str]] = [
    # (the module, its entry point, what the message must tell)
    ("", {"target": "snapgate_acme"}, "'snapgate_acme' is no class: give package.module:Class"),
    ("", {"target": "snapgate_nowhere:Found"}, "there is no module 'snapgate_nowhere'"),
    ("import nobody_has_this", {}, "there is no module 'nobody_has_this'"),
    ("from os import nobody_has_this", {}, "lacks a name: 'os' (see "),
    (f"raise ImportError('{SECRET}')", {}, "cannot import snapgate_acme: lacks a name: None (see"),
    *((text, {}, "importing snapgate_acme failed: ") for text in RAISES),
    ("Found =", {}, "failed: SyntaxError; the package is broken, see "),
    ("", {}, "module snapgate_acme has no class 'Found'; mend the name"),
    ("Found = 1", {}, "is not a subclass of gateway.driver.Driver"),
    ("class Found: pass", {}, "is not a subclass of gateway.driver.Driver"),
    (f"def __getattr__(name): raise KeyError('{SECRET}')", {}, "importing snapgate_acme failed"),
    (
        "from gateway.driver import Driver\nclass Found(Driver): pass",
        {},
        "open is not implemented",
    ),
    (driver("contract = (9, 0)"), {}, "it needs version 9.0 of the driver contract"),
    (driver("page_size = 0"), {}, "page_size is 0; give a whole number from 1 on; mend it"),
    (driver("del_ = 1\ncapabilities = 0"), {}, "capabilities is 0; give flags"),
    (
        "from tests.unit.fakes import FakeDriver\nclass Meta(type(FakeDriver)):\n"
        f"    def __getattribute__(cls, name):\n        raise KeyError('{SECRET}')\n"
        "class Found(FakeDriver, metaclass=Meta): pass",
        {},
        "failed: KeyError; the package is broken",
    ),
]


@pytest.mark.parametrize(("source", "kw", "told"), BROKEN)
def test_a_driver_that_cannot_be_loaded_is_told_with_provider_entry_point_and_package(
    acme: Installed, write: Write, source: str, kw: dict[str, str], told: str
) -> None:
    acme(source, **kw)
    message = problem(write(CONFIG))
    assert told in message
    assert ": providers.mine.driver: " in message
    where = WHERE.replace("snapgate_acme:Found", kw.get("target", "snapgate_acme:Found"))
    assert where in message
    assert SECRET not in message
    assert "\n" not in message


def test_a_wrong_class_of_one_plug_in_is_no_fault_of_another(acme: Installed, write: Write) -> None:
    class Meta(type(FakeDriver)):  # type: ignore[misc]
        """Fails whatever it is asked."""

        def __getattribute__(cls, name: str) -> Any:
            raise KeyError(SECRET)

    with pytest.raises(KeyError) as kept:  # so that the half-made class lives as long

        class Found(FakeDriver, metaclass=Meta):
            """Is a subclass before it is one."""

    acme("class Found: pass")
    assert "is not a subclass of gateway.driver.Driver" in problem(write(CONFIG))
    del kept


def test_no_message_of_a_plug_in_is_left_in_the_chain_of_errors(
    acme: Installed, write: Write
) -> None:
    acme(RAISES[0])
    with pytest.raises(ConfigurationError) as caught:
        load(write(CONFIG))
    found: BaseException | None = caught.value
    while found is not None:
        assert SECRET not in str(found)
        found = None if found.__suppress_context__ and not found.__cause__ else found.__cause__


def test_a_package_whose_entry_points_nobody_can_read_is_named(
    acme: Installed, write: Write, tmp_path: Path
) -> None:
    acme("")
    (tmp_path / "snapgate_acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[snapgate.drivers]\nno equals sign\n"
    )
    message = problem(write(CONFIG))
    assert "the entry points of the package snapgate_acme 1.0 cannot be read" in message
    assert "install it anew" in message


OPTIONS = [
    # What stands in a class of options, and what is told of it.
    *(f"def __init__(self, **kw):\n{indent(text, '    ')}" for text in RAISES),
    f"@validates_schema\ndef look(self, data, **kw): raise KeyError('{SECRET}')",
    "@post_load\ndef make(self, data, **kw): return None",
    "@post_load\ndef make(self, data, **kw): return ['region']",
]


@pytest.mark.parametrize("members", OPTIONS)
def test_options_that_fail_in_another_way_than_a_validation_are_the_packages_fault(
    acme: Installed, write: Write, members: str
) -> None:
    acme(
        "from gateway.driver import DriverOptions\n"
        "from marshmallow import post_load, validates_schema\n"
        f"class Read(DriverOptions):\n{indent(members, '    ')}\n" + driver("Options = Read")
    )
    message = problem(write(CONFIG))
    assert f"providers.mine.options: {WHERE}: reading the options failed: " in message
    assert SECRET not in message


STEPS: list[tuple[str, Callable[[Provider], object]]] = [
    ("check", Provider.check),
    ("share", Provider.share),
    ("demo_credentials", Provider.demo_credentials),
]


@pytest.mark.parametrize("body", RAISES)
@pytest.mark.parametrize(("step", "take"), STEPS)
def test_a_step_of_the_start_that_raises_anything_is_told(
    acme: Installed, write: Write, step: str, take: Callable[[Provider], object], body: str
) -> None:
    acme(class_method(step, body))
    provider = load(write(CONFIG)).providers.default
    with pytest.raises(ConfigurationError) as caught:
        take(provider)
    message = str(caught.value)
    assert message.startswith(f"providers.mine: {WHERE}: {step}() failed: ")
    assert "snapgate_acme.py:" in message
    assert SECRET not in message


@pytest.mark.parametrize(("step", "take"), STEPS)
def test_what_a_driver_says_of_its_configuration_is_told_as_it_is(
    acme: Installed, write: Write, step: str, take: Callable[[Provider], object]
) -> None:
    told = "from gateway.driver import ConfigurationError\nraise ConfigurationError('no such disk')"
    acme(class_method(step, told))
    with pytest.raises(ConfigurationError, match=r"no such disk$"):
        take(load(write(CONFIG)).providers.default)


@pytest.mark.parametrize(
    ("step", "take", "answer"),
    [
        ("check", Provider.check, "'no such disk'"),
        ("check", Provider.check, "False"),
        ("check", Provider.check, "(one for one in ())"),
        ("demo_credentials", Provider.demo_credentials, "('demo', 'demo')"),
        ("demo_credentials", Provider.demo_credentials, "{'username': 'demo'}"),
    ],
)
def test_an_answer_of_a_wrong_type_is_told(
    acme: Installed, write: Write, step: str, take: Callable[[Provider], object], answer: str
) -> None:
    acme(class_method(step, f"return {answer}"))
    with pytest.raises(ConfigurationError, match="the package is broken") as caught:
        take(load(write(CONFIG)).providers.default)
    assert f"providers.mine: {WHERE}: {step}() returned a value of type " in str(caught.value)


def test_the_start_takes_all_these_steps(acme: Installed, write: Write) -> None:
    acme(class_method("check", RAISES[0]))
    with pytest.raises(ConfigurationError, match=r"check\(\) failed"):
        check_providers(load(write(CONFIG)))


def test_the_start_asks_for_demo_accounts_and_shared_parts(acme: Installed, write: Write) -> None:
    both = class_method("share", RAISES[0]) + indent(
        f"\n@classmethod\ndef demo_credentials(cls, options):\n    {RAISES[0]}", "    "
    )
    acme(both)
    settings = load(write(CONFIG))
    with pytest.raises(ConfigurationError, match=r"demo_credentials\(\) failed"):
        check_demo_stays_home(settings)
    with pytest.raises(ConfigurationError, match=r"share\(\) failed"):
        Sessions(settings.providers)
