import sys
from typing import ClassVar

import pytest
from marshmallow import fields

from drivers.local.driver import LocalDriver
from gateway.core.registry import Provider, Providers, load_driver_class, load_provider
from gateway.driver import (
    METHODS,
    Capability,
    ConfigurationError,
    Driver,
    DriverError,
    DriverOptions,
    ErrorCode,
    check_driver_class,
)
from tests.plugins import Install
from tests.unit.configs import Write, load, provider
from tests.unit.fakes import BareDriver, FakeDriver

FAKES = "tests.unit.fakes"


def problem(driver_name: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_driver_class(driver_name)
    return str(caught.value)


def test_a_driver_is_found_by_its_entry_point() -> None:
    assert load_driver_class("local") is LocalDriver


def test_a_driver_is_found_by_module_and_class() -> None:
    assert load_driver_class(f"{FAKES}:FakeDriver") is FakeDriver


def test_a_driver_of_another_package_is_found(install: Install) -> None:
    install("snapgate_acme", f"from {FAKES} import FakeDriver as Found", name="acme")
    assert load_driver_class("acme") is FakeDriver


def test_a_class_inside_a_class_is_found(install: Install) -> None:
    source = f"from {FAKES} import FakeDriver\nclass Outer:\n    Found = FakeDriver\n"
    install("snapgate_nested", source, name="nested", target="snapgate_nested:Outer.Found")
    assert load_driver_class("nested") is FakeDriver


def test_a_driver_that_is_not_installed_is_told_what_is(install: Install) -> None:
    install("snapgate_acme", "", name="acme")
    message = problem("nowhere")
    assert "no driver 'nowhere' is installed" in message
    assert "acme" in message
    assert "local" in message
    assert "package.module:Class" in message


def test_a_driver_that_is_installed_twice_is_not_guessed(install: Install) -> None:
    install("snapgate_one", "raise AssertionError('imported')", name="acme")
    install("snapgate_two", "raise AssertionError('imported')", name="acme")
    message = problem("acme")
    assert "more than once" in message
    assert "snapgate_one:Found of snapgate_one" in message
    assert "snapgate_two:Found of snapgate_two" in message


def test_a_driver_that_is_announced_twice_is_one(install: Install) -> None:
    # As an editable install does that leaves the data of an older one behind.
    for package in ("snapgate_one", "snapgate_two"):
        install(package, "", name="acme", target=f"{FAKES}:FakeDriver")
    assert load_driver_class("acme") is FakeDriver


@pytest.mark.parametrize(
    ("driver_name", "expected"),
    [
        ("no.such.module:Driver", "cannot import no.such.module"),
        (f"{FAKES}:Missing", f"module {FAKES} has no class 'Missing'"),
        (f"{FAKES}:", "give package.module:Class"),
        (":Driver", "give package.module:Class"),
        (f"{FAKES}:snapshot", "is not a subclass of gateway.driver.Driver"),
        (f"{FAKES}:Backend", "is not a subclass of gateway.driver.Driver"),
        ("os:path", "is not a subclass of gateway.driver.Driver"),
        ("gateway.driver:Driver", "classify is not implemented"),
        (":Driver", ""),
        (".fakes:FakeDriver", ""),
        ("", "no driver '' is installed"),
    ],
)
def test_a_class_that_is_no_driver_is_refused(driver_name: str, expected: str) -> None:
    assert expected in problem(driver_name)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a_library_that_nobody_has", "a_library_that_nobody_has"),
        ("from os import nothing_of_this_name", "install what it needs"),
        ("raise RuntimeError('hunter2')", "RuntimeError; the package is broken"),
        ("1 / 0", "ZeroDivisionError; the package is broken"),
        ("import os\nos.nothing_of_this_name", "AttributeError; the package is broken"),
        ("Found =", "SyntaxError; the package is broken"),
    ],
)
def test_a_package_that_cannot_be_imported_is_told_as_broken(
    install: Install, source: str, expected: str
) -> None:
    install("snapgate_broken", source, name="broken")
    message = problem("broken")
    assert expected in message
    assert "hunter2" not in message


def test_only_configured_drivers_are_imported(install: Install, write: Write) -> None:
    install("snapgate_bomb", "raise RuntimeError('imported')", name="bomb")
    load(write(provider()))
    assert "snapgate_bomb" not in sys.modules
    with pytest.raises(ConfigurationError, match=r"providers\.x\.driver: .*snapgate_bomb"):
        load(write('[providers.x]\ndriver = "bomb"\n'))


def test_the_gateway_imports_no_driver_of_its_own() -> None:
    import subprocess

    program = (
        "import sys, gateway.app, gateway.settings;"
        "sys.exit(any(m.split('.')[0] in {'drivers', 'boto3', 'sqlalchemy'} for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("flag", METHODS, ids=lambda flag: flag.word)
def test_a_declared_flag_needs_its_methods(flag: Capability) -> None:
    class Boaster(BareDriver):
        capabilities = flag

    with pytest.raises(ConfigurationError) as caught:
        check_driver_class(Boaster)
    for method in METHODS[flag]:
        assert f"{flag.name} is declared but {method} is not overridden" in str(caught.value)
    assert f"{FAKES.replace('fakes', 'test_registry')}:" in str(caught.value)


@pytest.mark.parametrize("flag", METHODS, ids=lambda flag: flag.word)
def test_an_overridden_method_needs_its_flag(flag: Capability) -> None:
    class Modest(FakeDriver):
        capabilities = FakeDriver.capabilities & ~flag

    with pytest.raises(ConfigurationError) as caught:
        check_driver_class(Modest)
    for method in METHODS[flag]:
        assert f"{method} is overridden but {flag.name} is not declared" in str(caught.value)


def test_a_class_that_lacks_required_methods_is_told_each() -> None:
    class Empty(Driver):
        capabilities = Capability.SNAPSHOT_CREATE

    with pytest.raises(ConfigurationError) as caught:
        check_driver_class(Empty)  # type: ignore[type-abstract]
    message = str(caught.value)
    for name in ("open", "list_snapshots", "get_snapshot", "classify"):
        assert f"{name} is not implemented" in message
    assert "create_snapshot is not overridden" in message


@pytest.mark.parametrize("driver", [BareDriver, FakeDriver, LocalDriver])
def test_a_good_class_passes(driver: type[Driver]) -> None:
    check_driver_class(driver)


class OptionedDriver(BareDriver):
    class Options(DriverOptions):
        region = fields.String(required=True, metadata={"help": "region code, e.g. eu-1"})
        pages = fields.Integer(load_default=7)


def test_options_are_checked_and_filled_in() -> None:
    found = load_provider("acme", "tests.unit.test_registry:OptionedDriver", {"region": "eu-1"})
    assert (found.name, found.driver) == ("acme", OptionedDriver)
    assert found.options == {"region": "eu-1", "pages": 7}
    assert found.title == "tests.unit.test_registry:OptionedDriver"


def test_every_bad_option_is_told_with_its_help() -> None:
    given = {"regoin": "eu-1", "pages": "x"}
    with pytest.raises(ConfigurationError) as caught:
        load_provider("acme", "tests.unit.test_registry:OptionedDriver", given)
    message = str(caught.value)
    assert "providers.acme.options.region: Missing data" in message
    assert "region code, e.g. eu-1" in message
    assert "providers.acme.options.pages: " in message
    assert "providers.acme.options.regoin: " in message
    assert "the driver's options: region, pages" in message


class TestSelect:
    configured: ClassVar = Providers(
        (
            Provider("eu", "ec2", BareDriver, {}),
            Provider("us", "ec2", BareDriver, {}),
            Provider("home", "local", BareDriver, {}),
        ),
        "home",
    )

    @pytest.mark.parametrize(
        ("provider", "driver", "expected"),
        [
            (None, None, "home"),
            ("us", None, "us"),
            ("home", "local", "home"),
            ("us", "ec2", "us"),
            (None, "ec2", "eu"),
            (None, "local", "home"),
        ],
    )
    def test_names_select_exactly(
        self, provider: str | None, driver: str | None, expected: str
    ) -> None:
        assert self.configured.select(provider=provider, driver=driver).name == expected

    @pytest.mark.parametrize(
        ("provider", "driver", "field", "told"),
        [
            ("asia", None, "provider", "eu, us, home"),
            ("US", None, "provider", "eu, us, home"),
            ("", None, "provider", "eu, us, home"),
            ("http://169.254.169.254/", None, "provider", "eu, us, home"),
            ("asia", "ec2", "provider", "eu, us, home"),
            (None, "EC2", "driver", "configured: ec2, local"),
            (None, "", "driver", "configured: ec2, local"),
            ("us", "local", "driver", "served by the driver 'ec2'"),
        ],
    )
    def test_another_name_is_invalid_and_told_the_configured_ones(
        self, provider: str | None, driver: str | None, field: str, told: str
    ) -> None:
        with pytest.raises(DriverError) as caught:
            self.configured.select(provider=provider, driver=driver)
        assert caught.value.code is ErrorCode.INVALID
        assert list(caught.value.fields) == [field]
        assert told in caught.value.message

    def test_the_order_of_the_configuration_is_kept(self) -> None:
        assert [p.name for p in self.configured] == ["eu", "us", "home"]
        assert [p.name for p in self.configured.of_driver("ec2")] == ["eu", "us"]
        assert self.configured.of_driver("cinder") == []
