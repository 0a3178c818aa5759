"""What the commands ``drivers`` and ``providers check`` print for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.checking import Found, variables_of
from gateway.core import plugins
from gateway.core.apart import Lost, each_apart
from gateway.core.descriptions import facts_of
from gateway.core.plugins import Source
from gateway.core.startup import START_S, run
from gateway.driver import ConfigurationError


def drivers(name: str | None) -> Iterator[dict[str, Any]]:
    """Yield what there is to tell of the installed drivers, in their order, or of one.

    Raises:
        ConfigurationError: there is none of this name.
    """
    known = plugins.installed()
    if name is not None and name not in known:
        known = {name: [plugins.find(name)]}
    wanted = [name] if name is not None else list(known)
    sources = [source for one in wanted for source in known[one]]
    single = [source for source in sources if len(known[source.name]) == 1]
    found = dict(each_apart(_describe, single, limit_s=3 * START_S))
    for source in sources:
        facts = found.get(source) or Lost(str(plugins.twice(known[source.name])), is_told=True)
        told = {"problem": _told(source, facts)} if isinstance(facts, Lost) else facts
        yield {
            "name": source.name,
            "package": source.package,
            "class": source.target,
            "problem": None,
            **told,
        }


def _told(source: Source, lost: Lost) -> str:
    return lost.problem if lost.is_told else f"{source}: {lost.problem}"


def driver_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is told of one driver."""
    title = facts.get("title")
    head = f"{facts['name']}: {title}" if title else facts["name"]
    yield f"{head} ({facts['class']} of {facts['package'] or 'no installed package'})"
    if facts["problem"]:
        yield f"  PROBLEM: {facts['problem']}"
        return
    yield f"  capabilities  {', '.join(facts['capabilities']) or 'none'}"
    options = facts["options"]
    yield "  options" if options else "  options       none"
    name_width = max((len(option["name"]) for option in options), default=0)
    for option in options:
        yield f"    {option['name']:{name_width}}  {_option(option)}"


def provider_line(found: Found) -> str:
    """Return what is told of one provider whose configuration is right."""
    default = " (default)" if found.is_default else ""
    head = f"{found.provider}{default}: driver {found.driver}"
    if found.status == "unopened":
        return f"{head}, configuration ok"
    if found.seconds is None:
        return f"{head}; FAILED: {found.problem}"
    told = f"{head}, {found.seconds:.2f} s, {len(found.capabilities)} capabilities"
    whose = "the demo account" if found.credentials == "demo" else "the environment's credentials"
    can = f"can {', '.join(_work(*work) for work in found.works.items())}"
    if found.status == "ok":
        return f"{told}, opened with {whose}; {can}"
    return f"{told}, tried with {whose}; FAILED: {found.problem}" + (
        f"; {can}" if found.works else ""
    )


def no_credentials(found: Found) -> str:
    """Return what is told of a provider for which there are no credentials."""
    user, password, token, _ = variables_of(found.provider)
    return f"{provider_line(found)}; no credentials given (set {user} and {password}, or {token})"


def _describe(source: Source) -> dict[str, Any]:
    """Return all facts of a driver; runs in a process of its own."""
    try:
        driver = plugins.load(source)
        facts = run(str(source), "looking at its options", lambda: facts_of(driver))
    except ConfigurationError as exc:
        return {"problem": str(exc)}
    return {"title": driver.title or source.name, **facts}


def _option(option: Mapping[str, Any]) -> str:
    need = "required" if option["required"] else f"default {_default(option['default'])}"
    choices: Iterable[str] = option.get("choices", ())
    words = f"one of {' '.join(choices)}" if choices else option["type"]
    return f"{words}, {need}" + (f": {option['help']}" if option["help"] else "")


def _default(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def _work(what: str, number: int | None) -> str:
    return what if number is None else f"{what} ({number})"
