"""Where drivers come from: packages with an entry point, or a class that is named."""

import importlib
import importlib.metadata
import operator
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.startup import START_S, origin, run
from gateway.driver import ConfigurationError, Driver, check_driver_class

ENTRY_POINT_GROUP = "snapgate.drivers"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a driver comes from: what a message names, so that somebody can mend it.

    Attributes:
        name: the driver's, as in a configuration.
        target: ``package.module:Class``.
        is_entry_point: whether the name is an entry point's.
        package: name and version of the distribution; None where nobody knows it.
    """

    name: str
    target: str
    is_entry_point: bool = False
    package: str | None = None

    def __str__(self) -> str:
        of = f" of the package {self.package}" if self.package else ", of no installed package"
        kind = "entry point" if self.is_entry_point else "class"
        return f"driver {self.name!r} ({kind} {self.target}{of})"


def installed() -> dict[str, list[Source]]:
    """Return the drivers that are installed, by name; more than one of a name is a problem.

    Raises:
        ConfigurationError: a package tells its entry points in a way that nobody can read.
    """
    found: dict[str, list[Source]] = {}
    for entry_point in sorted(_entry_points()):
        package = _package(entry_point.dist)
        source = Source(entry_point.name, _target(entry_point.value), True, package)
        same = found.setdefault(source.name, [])
        if all(source.target != other.target for other in same):
            same.append(source)  # an editable install can leave the data of an older one behind
    return found


def find(driver_name: str) -> Source:
    """Return where the driver of this name comes from; nothing is imported.

    Args:
        driver_name: an entry point, or ``package.module:Class``.

    Raises:
        ConfigurationError: it is not installed, or more than once.
    """
    if ":" in driver_name:
        return Source(driver_name, driver_name, package=_package_of(driver_name))
    known = installed()
    found = known.get(driver_name, [])
    if not found:
        raise ConfigurationError(
            f"no driver {driver_name!r} is installed (installed: {', '.join(known) or 'none'}); "
            "install its package, or give package.module:Class"
        )
    if len(found) > 1:
        raise twice(found)
    return found[0]


def twice(found: list[Source]) -> ConfigurationError:
    """Return the error for a name that several packages announce."""
    owners = ", ".join(f"{source.target} of {source.package}" for source in found)
    return ConfigurationError(
        f"the driver {found[0].name!r} is installed more than once: {owners}; "
        "uninstall one, or give package.module:Class"
    )


def load(source: Source, *, who: str = "", limit_s: float = START_S) -> type[Driver]:
    """Import a driver's class and check its shape.

    Args:
        source: where it comes from.
        who: who wants it, for messages.
        limit_s: how long each step may take.

    Raises:
        ConfigurationError: naming the source, what is wrong with it, and what to do.
    """
    who = f"{who}{source}"
    module, _, name = source.target.partition(":")
    if not (module and name):
        raise ConfigurationError(f"{who}: {source.target!r} is no class: give package.module:Class")
    loaded = run(who, f"importing {module}", lambda: _import(module, name, who), limit_s=limit_s)
    return run(who, "looking at the class", lambda: _checked(loaded, source, who), limit_s=limit_s)


def _import(module_name: str, class_name: str, who: str) -> object:
    try:
        module = importlib.import_module(module_name)
    except ImportError as exc:
        lacks = "there is no module" if isinstance(exc, ModuleNotFoundError) else "lacks a name:"
        raise ConfigurationError(
            f"{who}: cannot import {module_name}: {lacks} {exc.name!r} (see {origin(exc)}); "
            "install what it needs, or mend the name"
        ) from None
    try:
        return operator.attrgetter(class_name)(module)
    except AttributeError:
        raise ConfigurationError(
            f"{who}: module {module_name} has no class {class_name!r}; mend the name, or install "
            "the version of the package that has it"
        ) from None


def _checked(loaded: object, source: Source, who: str) -> type[Driver]:
    # issubclass() would ask all subclasses of Driver, and so a wrong class of another plug-in.
    if not (isinstance(loaded, type) and Driver in loaded.__mro__):
        raise ConfigurationError(
            f"{who}: {source.target} is not a subclass of gateway.driver.Driver; "
            "name the driver's class"
        )
    try:
        check_driver_class(loaded)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{who}: {exc}; mend it, or install another version") from None
    return loaded


def _entry_points() -> Iterator[importlib.metadata.EntryPoint]:
    try:
        yield from importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    except Exception:  # noqa: BLE001 - whatever the reader of a broken file raises
        raise ConfigurationError(
            f"the entry points of {_unreadable()} cannot be read; uninstall it, or install it anew"
        ) from None


def _unreadable() -> str:
    """Return the package whose entry points cannot be read."""
    for dist in importlib.metadata.distributions():
        try:
            list(dist.entry_points)
        except Exception:  # noqa: BLE001 - that is the one
            return f"the package {_package(dist)}"
    return "a package"


def _target(value: str) -> str:
    """Return ``module:Class`` without the extras that an entry point may name."""
    return value.partition("[")[0].strip()


def _package(dist: importlib.metadata.Distribution | None) -> str | None:
    return f"{dist.name} {dist.version}" if dist else None


def _package_of(target: str) -> str | None:
    """Return the package that a class by name comes from, as far as that is known."""
    for sources in installed().values():
        for source in sources:
            if source.target == target:
                return source.package
    top = target.partition(":")[0].partition(".")[0]
    names = importlib.metadata.packages_distributions().get(top, [])
    return f"{names[0]} {importlib.metadata.version(names[0])}" if names else None
