"""Marshmallow's error messages, made readable: one validation library, one reader of it."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

UNKNOWN = "Unknown field."
"""What marshmallow says of a field that no schema knows."""


def flat_messages(exc: ValidationError) -> dict[str, Any]:
    """Return the messages by field; a value is a list, or a map where fields are nested."""
    messages: dict[str, Any] = exc.normalized_messages()  # type: ignore[no-untyped-call]
    return messages


def describe(messages: object) -> str:
    """Return nested messages as one line."""
    if isinstance(messages, Mapping):
        # Dict fields say "key" and "value" for what is wrong with an item: that tells nobody more.
        return " ".join(
            describe(what) if name in {"key", "value"} else f"{name}: {describe(what)}"
            for name, what in messages.items()
        )
    if isinstance(messages, list):
        return " ".join(map(describe, messages))
    return str(messages)
