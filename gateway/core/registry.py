"""From the configuration's names to driver classes and configured providers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from marshmallow import ValidationError

from gateway.core import plugins
from gateway.core.plugins import Source
from gateway.core.startup import START_S, run
from gateway.core.validation import describe, flat_messages
from gateway.driver import ConfigurationError, Credentials, Driver, DriverError, ErrorCode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Provider:
    """One configured backend: a driver class with its checked options."""

    name: str
    driver_name: str
    driver: type[Driver]
    options: Mapping[str, Any] = field(repr=False)
    origin: Source | None = None
    start_timeout_s: float = START_S
    """How long each step of the driver may take at the start."""

    @property
    def source(self) -> Source:
        """Where the driver comes from."""
        target = f"{self.driver.__module__}:{self.driver.__qualname__}"
        return self.origin or Source(self.driver_name, target)

    @property
    def title(self) -> str:
        """The driver's name for people."""
        return self.driver.title or self.driver_name

    def demo_credentials(self) -> Credentials | None:
        """Return the well-known credentials that this provider accepts, if any.

        Raises:
            ConfigurationError: the driver cannot tell.
        """
        return self._started("demo_credentials()", self._demo_credentials)

    def check(self) -> None:
        """Let the driver say whether its options can work on this machine.

        Raises:
            ConfigurationError: naming the provider and what is wrong.
        """
        self._started("check()", self._check)

    def share(self) -> Any:
        """Return what all accounts of this provider share.

        Raises:
            ConfigurationError: it cannot be made.
        """
        return self._started("share()", lambda: self.driver.share(self.options))

    def _started(self, doing: str, function: Callable[[], T]) -> T:
        who = f"providers.{self.name}: {self.source}"
        return run(who, doing, function, limit_s=self.start_timeout_s)

    def _check(self) -> None:
        try:
            answer = self.driver.check(self.options)
        except ConfigurationError as exc:
            raise ConfigurationError(f"providers.{self.name}.options: {exc}") from exc
        self._expect("check()", answer, type(None), "None, and raises ConfigurationError")

    def _demo_credentials(self) -> Credentials | None:
        found = self.driver.demo_credentials(self.options)
        self._expect("demo_credentials()", found, Credentials | None, "Credentials or None")
        return found

    def _expect(self, call: str, answer: object, kind: Any, wanted: str) -> None:
        if not isinstance(answer, kind):
            raise ConfigurationError(
                f"providers.{self.name}: {self.source}: {call} returned a value of type "
                f"{type(answer).__name__} where it returns {wanted}; the package is broken: mend "
                "it, or install a version that works"
            )


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


def load_provider(
    name: str, driver_name: str, options: Mapping[str, Any], *, start_timeout_s: float = START_S
) -> Provider:
    """Import and check a driver class and its options.

    Args:
        name: the provider's name in the configuration.
        driver_name: an entry point of the group ``snapgate.drivers``, or
            ``package.module:Class``.
        options: the options as configured.
        start_timeout_s: how long each step of the driver may take at the start.

    Raises:
        ConfigurationError: saying what is wrong, where, and what to do.
    """
    where = f"providers.{name}.driver: "
    try:
        source = plugins.find(driver_name)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{where}{exc}") from exc
    driver = plugins.load(source, who=where, limit_s=start_timeout_s)
    checked = run(
        f"providers.{name}.options: {source}",
        "reading the options",
        lambda: _load_options(name, driver, options),
        limit_s=start_timeout_s,
    )
    return Provider(name, driver_name, driver, checked, source, start_timeout_s)


def load_driver_class(driver_name: str, *, limit_s: float = START_S) -> type[Driver]:
    """Return the class behind an entry point name or ``package.module:Class``.

    Raises:
        ConfigurationError: missing, duplicate, not importable, not a driver, or
            a driver that does not keep the contract as far as its shape shows.
    """
    return plugins.load(plugins.find(driver_name), limit_s=limit_s)


def _load_options(name: str, driver: type[Driver], given: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        checked = driver.Options().load(given)
    except ValidationError as exc:
        raise ConfigurationError(_option_problems(name, driver, exc)) from exc
    if not isinstance(checked, Mapping):
        raise TypeError("options are a map")
    return checked


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
