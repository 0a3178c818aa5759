"""Configurations of a gateway in front of EC2 servers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def ec2_config(
    folder: Path, providers: Mapping[str, Mapping[str, Any]], *, call_timeout_s: float = 30
) -> Path:
    """Write a configuration with EC2 providers below ``folder`` and return its path.

    Args:
        folder: where the file goes.
        providers: name -> options; the first one is the default.
        call_timeout_s: how long a call may take.
    """
    lines = [
        "[gateway]",
        f"default_provider = {json.dumps(next(iter(providers)))}",
        f"call_timeout_s = {call_timeout_s}",
    ]
    for name, options in providers.items():
        lines += [f"[providers.{name}]", 'driver = "ec2"', f"[providers.{name}.options]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    config = folder / "gateway.toml"
    config.write_text("\n".join(lines) + "\n")
    return config
