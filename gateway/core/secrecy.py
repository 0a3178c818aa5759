"""Keeps what a caller proves its identity with out of what a driver says."""

import base64
import json
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

from gateway.driver import Credentials, DriverError

_SHORTEST = 6
"""Characters; a shorter secret is in many a harmless word."""


class Secrets:
    """The secrets of one caller, in the forms in which a message may hold them."""

    __slots__ = ("_credentials",)

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials  # their forms are made when there is an error to look at

    def are_in(self, error: DriverError) -> bool:
        """Return whether a driver's error would show one of them."""
        said = [error.message, error.backend_code or "", *error.fields, *error.fields.values()]
        return self.are_among(said)

    def are_among(self, said: Collection[str]) -> bool:
        """Return whether one of these texts shows one of them."""
        forms = {form for form in _forms(self._credentials) if len(form) >= _SHORTEST}
        return any(form in text for form in forms for text in said)


def _forms(credentials: Credentials) -> Iterator[str]:
    """Yield each secret as it is, and as URLs, JSON and headers carry it."""
    for secret in (credentials.password, credentials.token, credentials.session_token):
        if secret:
            yield secret
            for quoted in (quote, quote_plus):
                yield quoted(secret, errors="surrogatepass")
            yield quote(secret, safe="", errors="surrogatepass")
            yield from (repr(secret)[1:-1], json.dumps(secret)[1:-1], _base64(secret))
    if credentials.password:
        yield _base64(f"{credentials.username}:{credentials.password}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
