"""From the configuration's names to driver classes and configured providers."""

import importlib
import importlib.metadata
import operator
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from gateway.core.validation import describe, flat_messages
from gateway.driver import (
    ConfigurationError,
    Credentials,
    Driver,
    DriverError,
    ErrorCode,
    check_driver_class,
)

ENTRY_POINT_GROUP = "snapgate.drivers"


@dataclass(frozen=True, slots=True)
class Provider:
    """One configured backend: a driver class with its checked options."""

    name: str
    driver_name: str
    driver: type[Driver]
    options: Mapping[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """The driver's name for people."""
        return self.driver.title or self.driver_name

    def demo_credentials(self) -> Credentials | None:
        """Return the well-known credentials that this provider accepts, if any."""
        return self.driver.demo_credentials(self.options)


class Providers:
    """The configured providers, in the order of the configuration."""

    def __init__(self, providers: tuple[Provider, ...], default: str) -> None:
        self._by_name = {provider.name: provider for provider in providers}
        self.default = self._by_name[default]

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._by_name.values())

    def select(self, *, provider: str | None = None, driver: str | None = None) -> Provider:
        """Return the provider that a request names; matched exactly, the default for none.

        A driver alone selects its first configured provider.

        Raises:
            DriverError: ``invalid``, listing what is configured.
        """
        if provider is not None:
            found = self._by_name.get(provider)
            if found is None:
                raise self._unknown("provider", provider, list(self._by_name))
            if driver is not None and driver != found.driver_name:
                message = (
                    f"provider {provider!r} is served by the driver "
                    f"{found.driver_name!r}, not by {driver!r}"
                )
                raise DriverError(ErrorCode.INVALID, message, fields={"driver": message})
            return found
        if driver is not None:
            matching = self.of_driver(driver)
            if not matching:
                drivers = dict.fromkeys(p.driver_name for p in self)
                raise self._unknown("driver", driver, list(drivers))
            return matching[0]
        return self.default

    def of_driver(self, driver_name: str) -> list[Provider]:
        """Return the providers that use a driver, empty when none does."""
        return [p for p in self if p.driver_name == driver_name]

    @staticmethod
    def _unknown(kind: str, name: str, configured: list[str]) -> DriverError:
        message = f"no {kind} {name!r} is configured; configured: {', '.join(configured)}"
        return DriverError(ErrorCode.INVALID, message, fields={kind: message})


def load_provider(name: str, driver_name: str, options: Mapping[str, Any]) -> Provider:
    """Import and check a driver class and its options.

    Args:
        name: the provider's name in the configuration.
        driver_name: an entry point of the group ``snapgate.drivers``, or
            ``package.module:Class``.
        options: the options as configured.

    Raises:
        ConfigurationError: saying what is wrong, where, and what to do.
    """
    try:
        driver = load_driver_class(driver_name)
    except ConfigurationError as exc:
        raise ConfigurationError(f"providers.{name}.driver: {exc}") from exc
    try:
        checked = driver.Options().load(options)
    except ValidationError as exc:
        raise ConfigurationError(_option_problems(name, driver, exc)) from exc
    return Provider(name, driver_name, driver, checked)


def load_driver_class(driver_name: str) -> type[Driver]:
    """Return the class behind an entry point name or ``package.module:Class``.

    Raises:
        ConfigurationError: missing, duplicate, not importable, not a driver, or
            a driver whose capabilities and methods disagree.
    """
    loaded = _import_class(driver_name) if ":" in driver_name else _load_entry_point(driver_name)
    if not (isinstance(loaded, type) and issubclass(loaded, Driver)):
        raise ConfigurationError(f"{driver_name!r} is not a subclass of gateway.driver.Driver")
    check_driver_class(loaded)
    return loaded


def _load_entry_point(driver_name: str) -> object:
    group = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    found = list(dict.fromkeys(ep for ep in group if ep.name == driver_name))
    if not found:
        known = ", ".join(sorted({ep.name for ep in group})) or "none"
        raise ConfigurationError(
            f"no driver {driver_name!r} is installed (installed: {known}); "
            "install its package, or give package.module:Class"
        )
    if len(found) > 1:
        owners = ", ".join(f"{ep.value} of {ep.dist.name if ep.dist else '?'}" for ep in found)
        raise ConfigurationError(
            f"the driver {driver_name!r} is installed more than once: {owners}; "
            "uninstall one, or give package.module:Class"
        )
    return _import_class(found[0].value)


def _import_class(path: str) -> object:
    module_name, _, class_name = path.partition(":")
    if not (module_name and class_name):
        raise ConfigurationError(f"{path!r}: give package.module:Class")
    try:
        module = importlib.import_module(module_name)
    except ImportError as exc:
        raise ConfigurationError(
            f"cannot import {module_name}: {exc}; install what it needs, or mend the name"
        ) from exc
    except (Exception, SystemExit) as exc:  # a broken plug-in can raise anything
        raise ConfigurationError(
            f"importing {module_name} failed: {type(exc).__name__}; the package is broken, "
            f"see {_origin(exc)}"
        ) from exc
    try:
        return operator.attrgetter(class_name)(module)
    except AttributeError as exc:
        raise ConfigurationError(f"module {module_name} has no class {class_name!r}") from exc


def _origin(exc: BaseException) -> str:
    """Return the file and line that raised; not the message, which may hold a secret."""
    if isinstance(exc, SyntaxError):
        return f"{exc.filename}:{exc.lineno}"
    last = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _option_problems(name: str, driver: type[Driver], exc: ValidationError) -> str:
    declared = driver.Options().fields
    problems = []
    for key, messages in sorted(flat_messages(exc).items()):
        what = f"providers.{name}.options.{key}: {describe(messages)}"
        if key in declared:
            what += f" ({declared[key].metadata.get('help', 'no help given')})"
        else:
            what += f" (the driver's options: {', '.join(declared) or 'none'})"
        problems.append(what)
    return "; ".join(problems)
