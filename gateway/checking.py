"""``snapgate providers check``: what works of each provider, seen with real credentials.

Only reads are made. Everything goes through the core, as in the server, and each provider is
looked at in a process of its own.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway.configuration import Configuration
from gateway.core.apart import Lost, each_apart
from gateway.core.collection import ListSettings
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    ConfigurationError,
    Credentials,
    DriverError,
    ErrorCode,
    Query,
)
from gateway.settings import Settings, build_settings, check_demo_stays_home, check_providers

KINDS = ("USERNAME", "PASSWORD", "TOKEN", "SESSION_TOKEN")
_STEPS = 6
"""Steps of a driver at the start, and calls of it afterwards, that each have a deadline."""
_READS: Mapping[str, tuple[Capability, Callable[[Account], Any]]] = {
    "list snapshots": (
        Capability(0),
        lambda account: account.list_snapshots(Query(), limit=1) and None,
    ),
    "count snapshots": (
        Capability.SNAPSHOT_COUNT,
        lambda account: account.count_snapshots(Query())[0],
    ),
    "list volumes": (
        Capability.VOLUME_READ,
        lambda account: account.list_volumes(Query(), limit=1) and None,
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to tell of one provider.

    Attributes:
        provider: its name.
        is_default: whether requests that name none go there.
        status: ``ok``; ``unopened`` where nothing was tried; ``failed``; ``configuration``.
        driver: its driver's name.
        problem: what is wrong.
        credentials: where they came from: ``environment`` or ``demo``.
        seconds: how long opening and reading took.
        capabilities: the driver's.
        works: read -> its number, where it has one.
    """

    provider: str
    is_default: bool
    status: str
    driver: str
    problem: str | None = None
    credentials: str | None = None
    seconds: float | None = None
    capabilities: list[str] = field(default_factory=list)
    works: dict[str, int | None] = field(default_factory=dict)


def check(
    configuration: Configuration,
    names: Iterable[str],
    environment: Mapping[str, str],
    *,
    opens: bool = True,
) -> Iterator[Found]:
    """Yield what is found of each provider, as it comes.

    Args:
        configuration: where they stand.
        names: which ones; all if there are none.
        environment: where credentials are looked for.
        opens: whether to open them, and not only to check their configuration.

    Raises:
        ConfigurationError: before anything is tried: a name is not configured, or two
            providers would read one variable.
    """
    chosen = _chosen(configuration, names)
    given = {name: credentials_of(name, environment) for name in chosen} if opens else {}
    if opens:
        check_variables(chosen)
    gateway = configuration.checked["gateway"]
    limit_s = _STEPS * (gateway["start_timeout_s"] + gateway["call_timeout_s"])
    look = partial(_look, configuration, given, opens)
    for name, facts in each_apart(look, chosen, limit_s=limit_s):
        yield Found(
            provider=name,
            is_default=name == configuration.checked["gateway"]["default_provider"],
            driver=configuration.checked["providers"][name]["driver"],
            **(_lost(name, facts) if isinstance(facts, Lost) else facts),
        )


def _chosen(configuration: Configuration, names: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or configuration.provider_names
    unknown = [name for name in chosen if name not in configuration.checked["providers"]]
    if unknown:
        known = ", ".join(configuration.provider_names)
        raise ConfigurationError(f"no provider {unknown[0]!r} is configured; configured: {known}")
    return chosen


def variables_of(provider: str) -> list[str]:
    """Return the environment variables that hold the credentials for a provider."""
    word = re.sub("[^A-Za-z0-9]", "_", provider).upper()
    return [f"SNAPGATE_{word}_{kind}" for kind in KINDS]


def check_variables(providers: Iterable[str]) -> None:
    """Raise ConfigurationError if two providers would read one variable."""
    owners: dict[str, str] = {}
    for provider in providers:
        for variable in variables_of(provider):
            other = owners.setdefault(variable, provider)
            if other != provider:
                raise ConfigurationError(
                    f"the providers {other!r} and {provider!r} would both read {variable}; check "
                    "them one by one (snapgate providers check NAME), or rename one"
                )


def credentials_of(provider: str, environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials that the environment holds for a provider, None for none.

    Raises:
        ConfigurationError: there is a password and no user.
    """
    names = variables_of(provider)
    username, password, token, session_token = (environment.get(name) or None for name in names)
    if password and not username:
        raise ConfigurationError(f"{names[1]} is set and {names[0]} is not; set both")
    if not (username or token):
        return None
    if username:
        password = password or ""  # as HTTP Basic says it
    return Credentials(username, password, token, session_token)


def _lost(name: str, lost: Lost) -> dict[str, Any]:
    if lost.is_told:
        return {"status": "configuration", "problem": lost.problem}
    return {"status": "failed", "problem": f"providers.{name}: {lost.problem}"}


def _look(
    configuration: Configuration, given: Mapping[str, Credentials | None], opens: bool, name: str
) -> dict[str, Any]:
    """Return the facts of one provider; runs in a process of its own."""
    try:
        settings = build_settings(configuration, only=name)
        check_demo_stays_home(settings)
        check_providers(settings)
        provider = settings.providers.default
        capabilities = [c.word for c in Capability if c in provider.driver.capabilities]
        facts: dict[str, Any] = {"status": "unopened", "capabilities": capabilities}
        credentials = given.get(name) or provider.demo_credentials()
        if not opens or credentials is None:
            return facts
        source = "environment" if given.get(name) else "demo"
        return {**facts, "credentials": source, **_open(settings, credentials)}
    except ConfigurationError as exc:
        return {"status": "configuration", "problem": str(exc)}


def _open(settings: Settings, credentials: Credentials) -> dict[str, Any]:
    providers = settings.providers
    guard = Guard(timeout_s=settings.call_timeout_s, watches_all=True)
    lists = ListSettings(settings.marker_key, settings.max_sorted_rows)
    core = Core(providers, Sessions(providers), guard, lists)
    start = time.perf_counter()
    works: dict[str, int | None] = {}
    problems: list[str] = []
    try:
        account = core.account(providers.default, credentials)
        account.check_credentials()
        problems = _read(account, works)
    except DriverError as error:
        problems = [f"{error.code}: {error.message}"]
    seconds = round(time.perf_counter() - start, 3)
    core.close()
    found = {"seconds": seconds, "works": works, "problem": "; ".join(problems) or None}
    return {**found, "status": "failed" if problems else "ok"}


def _read(account: Account, works: dict[str, int | None]) -> list[str]:
    """Try each read that the driver has; return what fails, and put the rest into ``works``."""
    problems = []
    for what, (needed, read) in _READS.items():
        if needed not in account.provider.driver.capabilities:
            continue
        try:
            works[what] = read(account)
        except DriverError as error:
            problems.append(f"cannot {what}: {error.code}: {error.message}")
            if error.code is ErrorCode.TIMEOUT:
                break  # the next one would most likely hang as well
    return problems
