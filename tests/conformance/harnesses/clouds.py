"""What the harnesses of the cloud drivers share: a driver, a proxy before it, a backend behind."""

import contextlib
from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from gateway.conformance.harness import Fault, SnapshotHarness
from gateway.driver import Credentials, Deadline, Driver
from tests.conformance.proxy import Answer, FaultProxy, Request, Respond

GIB = 1 << 30
_OPEN_S = 10


class CloudHarness(SnapshotHarness):
    """Opens drivers that reach their backend through a proxy only.

    Attributes:
        kind: the class of the drivers.
        wrong: credentials that the backend does not accept.
        others: those of another account; None where the backend has but one.
        running: what is stopped at the end.
        answered_by: what the proxy has its answers from, if not from the backend.
    """

    kind: ClassVar[type[Driver]]
    wrong: ClassVar[Credentials]
    others: Credentials | None = None
    volume_size_bytes = GIB
    fault_timeout_s = 0.5
    answered_by: Respond | None = None

    def __init__(self) -> None:
        self.running = contextlib.ExitStack()
        self.proxy: FaultProxy
        self.options: dict[str, Any]
        self.shared: Any

    def stand_before(self, *backends: str) -> None:
        """Put the proxy before these addresses."""
        self.proxy = self.running.enter_context(FaultProxy(backends, self.forged, self.answered_by))

    def use(self, **options: Any) -> None:
        """Open drivers with these options from now on."""
        self.options = dict(self.kind.Options().load(options))
        self.shared = self.kind.share(self.options)
        if hasattr(self.shared, "close"):
            self.running.callback(self.shared.close)

    @abstractmethod
    def forged(self, fault: Fault, backend: str, request: Request) -> Answer:
        """Return what the cloud itself answers to a request that meets a fault."""

    def open_driver(self) -> Driver:
        """Return a new driver of the account."""
        return self.open_as(self.credentials)

    def open_refused(self) -> Driver:
        """Return a driver, unless opening it tells that the credentials are wrong."""
        return self.open_as(self.wrong)

    def open_other(self) -> Driver:
        """Return a driver of another account."""
        return super().open_other() if self.others is None else self.open_as(self.others)

    def open_as(self, credentials: Credentials) -> Driver:
        """Open a driver with any credentials."""
        deadline = Deadline(_OPEN_S)
        return self.kind.open(self.options, credentials, shared=self.shared, deadline=deadline)

    def inject(self, fault: Fault) -> AbstractContextManager[None]:
        """Let every request meet a fault, also those to log in."""
        return self.proxy.meeting(fault)

    def inject_after(self, fault: Fault, calls: int) -> AbstractContextManager[None]:
        """Let requests meet a fault when so many have gone well."""
        return self.proxy.meeting(fault, after=calls)

    def close(self) -> None:
        """Stop the proxy and what is behind it."""
        self.running.close()
