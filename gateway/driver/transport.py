"""HTTP for drivers: connections that many accounts share, and that keep deadlines."""

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from gateway.driver.deadline import count_call, time_left_s
from gateway.driver.errors import DriverError, ErrorCode

_CONNECTIONS = 50
"""Kept to each host; more are made under load, and thrown away after use."""
_PIECE = 1 << 16
MOST_BYTES = 64 << 20
"""Of one answer, decoded. 20,000 snapshots are 15 MB; parsed they take six times as much."""
_TURN = 1 << 20
"""Bytes after which other requests of the worker have their turn."""
_TEMPORARY = (502, 503, 504)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SECONDS = re.compile("[0-9]{1,5}")
_FAR_S = 100_000
"""A Retry-After from here on, in digits or as a date, is no wait but a mistake."""


class _Again(Retry):
    """Tries again only what failed early: a server that stalled once has had its time."""

    def increment(self, *args: Any, **kw: Any) -> Self:
        """Return what is left of the attempts.

        Raises:
            Exception: what urllib3 raises when none is left; the time-out that is
                no reason to try again; ``timeout`` when the call has no time left.
        """
        error = kw.get("error")
        if isinstance(error, ReadTimeoutError):
            raise error
        following = super().increment(*args, **kw)
        if kw.get("response") is not None:
            kw["response"].close()  # else urllib3 would read it to its end, however far that is
        time_left_s()
        return following


class _Adapter(HTTPAdapter):
    """Reads bodies as they come, as long as the call has time.

    A time-out is one of a single wait: a server that sends a byte now and then
    never meets it, and whoever reads a given amount waits for all of it.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kw: Any) -> requests.Response:
        """Send a request and return its answer, whose body is still to be read."""
        count_call()
        response = super().send(request, *args, **kw)
        is_change = request.method not in _READING
        response.raw.stream = partial(_pieces, response.raw, is_change)
        return response


def _pieces(
    raw: Any, is_change: bool, _amount: int, decode_content: bool | None = None
) -> Iterator[bytes]:
    """Yield a body piece by piece: urllib3 decodes no more of it at once than it is asked for.

    Raises:
        DriverError: ``backend`` for a body without end, ``timeout`` at the call's end.
    """
    length = 0
    while data := raw.read1(_PIECE, decode_content):
        turns, length = length // _TURN, length + len(data)
        try:
            if length > MOST_BYTES:
                raise _too_large(is_change)
            yield data
            time_left_s()
        except DriverError:
            raw.close()
            raise
        if length // _TURN > turns:
            time.sleep(0)  # on gevent a socket that has data lets nobody else run


def _too_large(is_change: bool) -> DriverError:
    return DriverError(
        ErrorCode.BACKEND,
        f"the answer is larger than {MOST_BYTES >> 20} MiB",
        maybe_done=is_change,
    )


class Transport(requests.Session):
    """The connections of one provider, shared by all its accounts.

    It keeps nothing of an account: no cookie, and no login from ``~/.netrc``.
    What only reads is tried again when it fails at once; anything else only
    while no connection was made. Use it within ``gateway.driver.within()``.

    Args:
        options: a driver's, derived from HttpOptions.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__()
        self._longest = (options["connect_timeout_s"], options["read_timeout_s"])
        self.auth = _no_login
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        attempts = options["read_attempts"] - 1
        again = _Again(
            total=attempts,
            other=0,  # a broken TLS connection, which may have carried a POST
            status_forcelist=_TEMPORARY,
            allowed_methods={"GET"},
            backoff_factor=0.1,
            respect_retry_after_header=False,  # it may be longer than the caller can wait
            raise_on_status=False,
        )
        adapter = _Adapter(
            pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=again
        )
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(self, method: str, url: str, **kw: Any) -> requests.Response:  # type: ignore[override]
        """Send a request, which may take no longer than the call has left.

        A redirection is followed for GET and to the same host only: any other
        would take the credentials elsewhere.
        """
        left = time_left_s()
        kw["timeout"] = tuple(min(longest, left) for longest in self._longest)
        response = super().request(method, url, **kw)
        if method == "GET" and response.is_redirect:
            there = _on_same_host(url, response.headers["Location"])
            if there is not None:
                return super().request(method, there, **{**kw, "params": None})
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that nothing is a redirection: requests would look at it, however it is made."""
        return


def _on_same_host(url: str, location: str) -> str | None:
    """Return where a redirection leads, at the origin of ``url``; None if to another host.

    A server behind a proxy often does not know that it is called by https.
    """
    here = urlsplit(url)
    try:
        there = urlsplit(urljoin(url, location))
    except ValueError:
        return None
    if there.hostname != here.hostname:
        return None
    return urlunsplit(there._replace(scheme=here.scheme, netloc=here.netloc))


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


_HANDSHAKE = frozenset(
    {
        "CERTIFICATE_VERIFY_FAILED",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
"""OpenSSL's reasons for failures that come before anything is sent; others may come later."""


def was_sent(exc: Exception) -> bool:
    """Return whether a request that failed in transport may have reached the server.

    Args:
        exc: what requests raised, or what an SDK raised for it.
    """
    return not any(
        isinstance(
            cause,
            requests.ConnectTimeout | ConnectTimeoutError | NewConnectionError | ProxyError,
        )
        or (isinstance(cause, ssl.SSLError) and cause.reason in _HANDSHAKE)
        for cause in _causes(exc)
    )


def retry_after_s(response: requests.Response) -> float | None:
    """Return the seconds that an answer's Retry-After names or leaves until its date.

    None if it has none, or one that cannot be read (RFC 9110, 10.2.3).
    """
    given = response.headers.get("Retry-After", "")
    if _SECONDS.fullmatch(given):
        return float(given)
    try:
        date = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    left_s = (date - datetime.now(UTC)).total_seconds()
    # A date in the past is a clock that goes wrong: whoever names one wants to be waited for.
    return max(left_s, 1.0) if left_s < _FAR_S else None


def _causes(exc: BaseException) -> Iterator[object]:
    """Yield what lies behind an exception: an SDK keeps it as context, requests as args."""
    pending: list[object] = [exc]
    while pending:
        cause = pending.pop()
        yield cause
        if isinstance(cause, BaseException):
            pending += [c for c in (cause.__cause__, cause.__context__) if c is not None]
            pending += [
                a for a in (*cause.args, getattr(cause, "reason", None)) if isinstance(a, Exception)
            ]
