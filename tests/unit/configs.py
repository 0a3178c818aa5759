"""Configuration files for tests, and what loading them says."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from werkzeug.security import generate_password_hash

from gateway.driver import ConfigurationError
from gateway.settings import Settings, load_settings

Write = Callable[[str], Path]
# One round: these passwords protect nothing, and the tests shall be fast.
HASH = generate_password_hash("hunter2", "pbkdf2:sha256:1")
DEMO_HASH = generate_password_hash("demo", "pbkdf2:sha256:1")


def provider(name: str = "local", user: str = "alice", hashed: str = HASH, more: str = "") -> str:
    return f"""
[providers.{name}]
driver = "local"
[providers.{name}.options]
path = "var/store"
{more}
[providers.{name}.options.accounts]
{user} = "{hashed}"
"""


def load(path: Path, environment: Mapping[str, str] | None = None, **arguments: Any) -> Settings:
    return load_settings(path, environment=environment or {}, arguments=arguments)


def problem(path: Path, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment)
    message = str(caught.value)
    assert message.startswith(f"{path}: "), "a message names the file first"
    return message
