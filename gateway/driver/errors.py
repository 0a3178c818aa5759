"""What can go wrong, in the one vocabulary that drivers, core and HTTP share.

DriverError          raised by the core, made by a driver's ``classify``
    .code            one of ErrorCode: act on this, never on the message
    .__cause__       the exception that the driver's SDK raised

ConfigurationError   a setting, an option or a driver class is wrong: start-up stops
"""

import enum
from collections.abc import Mapping


class ErrorCode(enum.StrEnum):
    """Why an operation failed; the value is the word that clients read."""

    INVALID = "invalid"
    """The request can never work; ``fields`` says why."""
    UNAUTHENTICATED = "unauthenticated"
    """The credentials are missing, wrong or expired."""
    DENIED = "denied"
    """The account is known and may not do this."""
    NOT_FOUND = "not_found"
    """No such snapshot, volume or key."""
    CONFLICT = "conflict"
    """Wrong state, in use, member of a group, locked: works after a change."""
    KEY_REUSED = "key_reused"
    """Another request has used the same Idempotency-Key; from a driver: the same marker."""
    PRECONDITION_FAILED = "precondition_failed"
    """If-Match did not match."""
    QUOTA = "quota"
    """A stock is used up: never retried."""
    RATE_LIMITED = "rate_limited"
    """Too fast: works later, see ``retry_after_s``."""
    UNSUPPORTED = "unsupported"
    """This driver lacks the capability."""
    BACKEND = "backend"
    """The backend's answer was broken or made no sense."""
    UNAVAILABLE = "unavailable"
    """The backend cannot be reached or says that it is down."""
    TIMEOUT = "timeout"
    """The deadline passed; a change may have happened all the same."""
    INTERNAL = "internal"
    """A bug in the gateway or in the driver."""

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may work later without any change."""
        return self in _RETRYABLE


_LONGEST_NAME = 100
_RETRYABLE = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT})


class DriverError(Exception):
    """An operation failed for a reason that has a code.

    Args:
        code: what kind of failure this is.
        message: one sentence for people: what failed and what to do. Never a
            credential and never the backend's body verbatim.
        fields: for ``invalid``: request field -> what is wrong with it.
        backend_code: the backend's own word for the failure, if it has one.
        retry_after_s: seconds to wait before the same request may work.
        maybe_done: a change failed whose answer is lost, so that it may have
            happened; the message says so, and nobody is told to try again.
        marker: the id of the marker that what may have been made carries.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        backend_code: str | None = None,
        retry_after_s: float | None = None,
        maybe_done: bool = False,
        marker: str | None = None,
    ) -> None:
        self._cause = message
        if maybe_done and marker:
            message += "; the change may have happened: look for what has "
            message += f"created_by={marker} before you send it again"
        elif maybe_done:
            message += "; the change may have happened: look before you send it again"
        super().__init__(message)
        self.maybe_done = maybe_done
        self.marker = marker
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.backend_code = backend_code
        self.retry_after_s = retry_after_s

    def as_maybe_done(self) -> "DriverError":
        """Return this error for a change that may have happened."""
        if self.maybe_done:
            return self
        return DriverError(
            self.code,
            self.message,
            fields=self.fields,
            backend_code=self.backend_code,
            retry_after_s=self.retry_after_s,
            maybe_done=True,
        )

    def as_unknown(self, marker: str) -> "DriverError":
        """Return the ``timeout`` of a creation that was looked for and not found."""
        return DriverError(
            ErrorCode.TIMEOUT,
            self._cause,
            backend_code=self.backend_code,
            maybe_done=True,
            marker=marker,
        )

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may be sent again without a thought, now or after a while."""
        will_pass = self.code is ErrorCode.CONFLICT and self.retry_after_s is not None
        return (self.code.is_retryable or will_pass) and not self.maybe_done

    def __repr__(self) -> str:
        return f"DriverError({self.code.value!r}, {self.message!r})"


def invalid(fields: Mapping[str, str]) -> DriverError:
    """Return the error for a request whose ``fields`` can never work.

    Names that the client made up are shortened: an error is no echo.
    """
    fields = {_shortened(name): problem for name, problem in fields.items()}
    listed = "; ".join(f"{name}: {problem}" for name, problem in fields.items())
    return DriverError(ErrorCode.INVALID, f"bad request: {listed}", fields=fields)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


class ConfigurationError(Exception):
    """The configuration cannot work; the message says where and what would be right."""
