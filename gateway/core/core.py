"""All that a front end needs: the providers, and the accounts at them."""

from dataclasses import dataclass, field

from gateway.core import digests
from gateway.core.attempts import Attempts
from gateway.core.boundary import Boundary
from gateway.core.checks import require
from gateway.core.collection import ListSettings
from gateway.core.guard import Guard
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.core.waiting import Polls
from gateway.driver import Capability, Credentials, invalid


@dataclass(frozen=True, slots=True)
class Core:
    """All that a front end needs: the providers and the accounts at them."""

    providers: Providers
    sessions: Sessions
    guard: Guard
    lists: ListSettings
    attempts: Attempts = field(default_factory=Attempts)
    polls: Polls = field(default_factory=Polls)
    max_wait_s: int = 60
    """How long a request may wait for the end of what it has begun."""

    def close(self) -> None:
        """Let go of every opened driver and of what they shared."""
        self.sessions.close()
        self.guard.close()

    def account(self, provider: Provider, credentials: Credentials) -> Account:
        """Return the caller's account.

        Raises:
            DriverError: ``unauthenticated`` where the driver can tell at once.
        """
        boundary = Boundary(provider, self.guard, credentials)
        return Account(
            boundary,
            boundary.open(self.sessions, credentials),
            self.lists,
            attempts=self.attempts,
            caller=self._caller(provider, credentials),
        )

    def _caller(self, provider: Provider, credentials: Credentials) -> bytes:
        """Return what tells an account here from all others, in every process of the server."""
        who = digests.of_credentials(credentials, self.lists.marker_key)
        return provider.name.encode() + b"\0" + who

    def destination(self, source: Provider, name: str) -> Provider:
        """Return the provider to which a snapshot at ``source`` shall be copied.

        Raises:
            DriverError: ``unsupported`` where the driver cannot copy, ``invalid``
                when no provider of the same driver has this name.
        """
        require(source.driver, Capability.SNAPSHOT_COPY)
        possible = {p.name: p for p in self.providers.of_driver(source.driver_name)}
        if name not in possible:
            raise invalid(
                {
                    "destination": f"no provider of the driver {source.driver_name!r} has this "
                    f"name; there are: {', '.join(possible)}"
                }
            )
        return possible[name]
