"""One authenticated request to Cinder: who asks what of which region, at which microversion."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.simulators.openstack_errors import CinderError, bad_request, forbidden, not_found
from tests.simulators.openstack_http import Request
from tests.simulators.openstack_keystone import Token
from tests.simulators.openstack_state import Region, Resource, Snapshot, Volume

_Found = TypeVar("_Found", bound=Resource)
TRUE = ("1", "t", "true", "on", "y", "yes")
FALSE = ("0", "f", "false", "off", "n", "no")


class Parameters:
    """The parameters of a query, of which each may come several times, as WebOb reads them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = list(pairs)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(list(self._pairs))

    def copy(self) -> "Parameters":
        """Return a copy to take things out of."""
        return Parameters(self._pairs)

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter."""
        return dict(self._pairs).get(name, default)

    def pop(self, name: str, default: str | None = None) -> str | None:
        """Take the first value of a parameter out; further ones stay."""
        for at, (key, value) in enumerate(self._pairs):
            if key == name:
                del self._pairs[at]
                return value
        return default

    def remove(self, name: str) -> None:
        """Take all values of a parameter out."""
        self._pairs = [(key, value) for key, value in self._pairs if key != name]

    def put(self, name: str, value: str) -> None:
        """Give a parameter one value, at the end."""
        self.remove(name)
        self._pairs.append((name, value))

    def boolean(self, name: str) -> bool:
        """Return a flag, False if it is not there."""
        if name not in self:
            return False
        value = self.last(name)
        if value.lower() not in TRUE + FALSE:
            raise bad_request(f"Value '{value}' for '{name}' is not a boolean.")
        return value.lower() in TRUE


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an action needs to know."""

    request: Request
    region: Region
    token: Token
    version: tuple[int, int]
    base: str
    """Cinder's URL without a path."""
    body: Any = None

    @property
    def project_id(self) -> str:
        """The project that asks."""
        return self.token.project.id if self.token.project else ""

    @property
    def is_admin(self) -> bool:
        """Whether it may see and change what is another project's."""
        return self.token.is_admin

    @property
    def parameters(self) -> Parameters:
        """The query's parameters, each time anew."""
        return Parameters(self.request.parameters)

    def since(self, minor: int) -> bool:
        """Say whether the microversion is 3.``minor`` or later."""
        return self.version >= (3, minor)

    def allow(self, policy: str, role: str = "member") -> None:
        """Refuse what the user's roles do not allow."""
        if role not in self.token.roles and not self.is_admin:
            raise forbidden(policy)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """Return a snapshot that the project may know of."""
        return self._find("Snapshot", self.region.snapshots, snapshot_id)

    def volume(self, volume_id: Any) -> Volume:
        """Return a volume that the project may know of."""
        return self._find("Volume", self.region.volumes, volume_id)

    def href(self, collection: str, *, is_bookmark: bool = False) -> str:
        """Return the URL of a collection, with the project's id if the request has it."""
        in_path = f"/v3/{self.project_id}/" in self.request.path
        project = f"/{self.project_id}" if self.project_id and in_path else ""
        return f"{self.base}{'' if is_bookmark else '/v3'}{project}/{collection}"

    def _find(self, kind: str, resources: dict[str, _Found], resource_id: Any) -> _Found:
        found = resources.get(resource_id) if isinstance(resource_id, str) else None
        if found is None or not (self.is_admin or found.project_id == self.project_id):
            raise not_found(kind, resource_id)
        return found


def lacks(what: str) -> CinderError:
    """Return the error for what Cinder knows and this simulator does not: never Cinder's own."""
    return CinderError(501, f"Cinder knows {what}; this simulator does not.")
