"""Kinds of values that requests hold: fields of marshmallow, strict in whatever form they come."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields

from gateway.representations.xml_text import ILLEGAL

_MAX_DIGITS = 19
_AGE = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OLDEST = timedelta(days=3660)


def check_characters(text: str) -> None:
    """Raise for text that XML, and so half of the clients, could never be shown."""
    found = ILLEGAL.search(text)
    if found:
        raise ValidationError(f"holds the character U+{ord(found[0]):04X}, which is not allowed")


class Text(fields.String):
    """A string whose characters every format can carry."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kw)
        if not isinstance(value, str):
            raise self.make_error("invalid")
        check_characters(text)
        return text


class OptionalText(Text):
    """Text that may be missing; null and the empty string mean "none"."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(allow_none=True, **kw)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> str:
        return super()._deserialize(value, attr, data, **kw) or None  # type: ignore[return-value]


class Count(fields.Field[int]):
    """A whole number above zero, as a number or as the digits that forms carry."""

    def __init__(self, *, most: int, **kw: Any) -> None:
        super().__init__(**kw)
        self.most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> int:
        if (
            isinstance(value, str)
            and value.isascii()
            and value.isdigit()
            and len(value) <= _MAX_DIGITS
        ):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= self.most:
            raise ValidationError(f"give a whole number from 1 to {self.most}")
        return value


class Age(fields.Field[timedelta]):
    """A span of time: a whole number and s, m, h or d."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> timedelta:
        found = _AGE.fullmatch(value) if isinstance(value, str) else None
        age = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
        if not timedelta() < age <= _OLDEST:
            raise ValidationError(
                f"give a whole number and a unit, such as 60m, 12h or 1d, of at most "
                f"{_OLDEST.days} days"
            )
        return age


class Words(fields.Field[tuple[str, ...]]):
    """A list of words, or one string with commas."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> tuple[str, ...]:
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list) or not all(isinstance(w, str) and w for w in value):
            raise ValidationError("give a list of words, or words separated by commas")
        for word in value:
            check_characters(word)
        return tuple(value)


def metadata_field(*, nullable: bool = False, **kw: Any) -> fields.Dict:
    """Return the field for a metadata map; null values where they mean removal."""
    return fields.Dict(keys=Text(), values=Text(allow_none=nullable), **kw)
