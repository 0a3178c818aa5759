"""The parameters of a query-protocol call: flat names such as Filter.1.Value.2.

Source: AWS EC2 API reference, 2016-11-15, "Query requests". Wordings from memory.
"""

import re
from collections.abc import Iterable, Mapping

from tests.simulators.ec2_errors import Ec2Error, invalid_value, lacks, missing

VERSION = "2016-11-15"
_COMMON = ("Action", "Version", "DryRun")
_BOOLEANS = {"true": True, "false": False}
# What XML 1.0 cannot say: EC2 could not give it back.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Parameters:
    """The parameters of a call, or of one numbered part of it."""

    def __init__(self, given: Mapping[str, str], prefix: str = "") -> None:
        self._given = given
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def comparable(self) -> frozenset[tuple[str, str]]:
        """Return something that is equal for calls with the same parameters."""
        return frozenset(self._given.items())

    def text(self, name: str) -> str | None:
        """Return a parameter, None if it was not given."""
        return self._given.get(name)

    def required(self, name: str) -> str:
        """Return a parameter that must be given.

        Raises:
            Ec2Error: MissingParameter, or InvalidParameterValue if it is empty.
        """
        value = self._given.get(name)
        if value is None:
            raise missing(self._prefix + name)
        if not value:
            raise invalid_value("", name, "Parameter may not be null or empty")
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, None if it was not given."""
        value = self._given.get(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid_value(value, name, "Invalid integer value")
        return int(value)

    def boolean(self, name: str) -> bool | None:
        """Return a yes or no, None if it was not given."""
        value = self._given.get(name)
        if value is None:
            return None
        if value.lower() not in _BOOLEANS:
            raise invalid_value(value, name, "Invalid boolean value")
        return _BOOLEANS[value.lower()]

    def texts(self, name: str) -> list[str]:
        """Return a list such as SnapshotId.1, SnapshotId.2 in the order of its numbers."""
        found = [key for key in self._given if re.fullmatch(rf"{re.escape(name)}\.[0-9]+", key)]
        return [self._given[key] for key in sorted(found, key=_number)]

    def parts(self, name: str) -> list["Parameters"]:
        """Return structures such as Filter.1.Name, each with its own names alone."""
        parts: dict[int, dict[str, str]] = {}
        for key, value in self._given.items():
            found = re.match(rf"{re.escape(name)}\.([0-9]+)\.", key)
            if found:
                parts.setdefault(int(found[1]), {})[key[found.end() :]] = value
        return [Parameters(part, f"{name}.{n}.") for n, part in sorted(parts.items())]

    def check(self, known: Iterable[str], lacking: Iterable[str] = ()) -> None:
        """Refuse what the action does not know.

        Args:
            known: names as the API reference writes them, e.g. Filter.N.Value.N.
            lacking: names that EC2 knows and the simulator does not.

        Raises:
            Ec2Error: UnknownParameter, NoSuchVersion, InvalidParameterValue.
        """
        if self._given.get("Version") != VERSION:
            asked = self._given.get("Version", "")
            raise Ec2Error(
                "NoSuchVersion", f"The requested version ({asked}) of service AmazonEC2 is unknown"
            )
        for name, value in self._given.items():
            if _matches(name, lacking):
                raise lacks(f"the parameter {name}")
            if not _matches(name, (*_COMMON, *known)):
                raise Ec2Error("UnknownParameter", f"The parameter {name} is not recognized")
            if _UNSPEAKABLE.search(value):
                raise invalid_value(ascii(value), name, "Invalid character")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return re.sub(r"\.[0-9]+(?=\.|$)", ".N", name) in patterns


def _number(key: str) -> int:
    return int(key.rsplit(".", 1)[1])
