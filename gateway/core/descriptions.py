"""What there is to tell of a driver class, for clients, operators and authors alike."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from marshmallow import fields as kinds
from marshmallow import missing, validate

from gateway.core.fields import name_of
from gateway.driver import PROMISES, Driver, PushdownTable, SecretField

_TYPES: Mapping[type[kinds.Field[Any]], str] = {
    SecretField: "secret",
    kinds.Url: "URL",
    kinds.String: "text",
    kinds.Boolean: "true or false",
    kinds.Integer: "whole number",
    kinds.Number: "number",
    kinds.Mapping: "map",
    kinds.List: "list",
}
"""Kind of field -> its name for people; the first that fits."""


def capabilities_of(driver: type[Driver]) -> dict[str, str]:
    """Return each capability with the sentence that it promises."""
    return {c.word: text for c, text in PROMISES.items() if c in driver.capabilities}


def limits_of(driver: type[Driver]) -> dict[str, int | str]:
    """Return the limits that a driver has."""
    return {name: value for name, value in asdict(driver.limits).items() if value != ""}


def pushed_down(table: PushdownTable) -> dict[str, str]:
    """Return each filter that a backend applies itself with how well it does."""
    return {name_of(field, lookup): how.value for (field, lookup), how in table.items()}


def options_of(driver: type[Driver]) -> list[dict[str, Any]]:
    """Return what can be set; a default that is none is null, that of a secret is not told."""
    return [_option(name, field) for name, field in driver.Options().fields.items()]


def facts_of(driver: type[Driver]) -> dict[str, Any]:
    """Return all that a class says of itself, as JSON can carry it."""
    return {
        "contract": list(driver.contract),
        "capabilities": capabilities_of(driver),
        "options": options_of(driver),
        "limits": {**limits_of(driver), "page_size": driver.page_size},
        "pushdown": pushed_down(driver.pushdown),
        "volume_pushdown": pushed_down(driver.volume_pushdown),
        "sort_keys": sorted(driver.sort_keys),
    }


def _option(name: str, field: kinds.Field[Any]) -> dict[str, Any]:
    is_secret = isinstance(field, SecretField)
    default = field.load_default() if callable(field.load_default) else field.load_default
    is_plain = isinstance(default, str | int | float | bool | list | dict)
    found = {
        "name": name,
        "type": next((t for k, t in _TYPES.items() if isinstance(field, k)), "any"),
        "required": field.required,
        "default": default if is_plain and not is_secret and default is not missing else None,
        "secret": is_secret,
        "help": str(field.metadata.get("help", "")),
    }
    choices = [v.choices for v in field.validators if isinstance(v, validate.OneOf)]
    return {**found, "choices": [str(one) for one in choices[0]]} if choices else found
