"""Who may use a local store: account names with salted password hashes."""

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from functools import lru_cache

from cachetools import TTLCache
from werkzeug.security import check_password_hash, generate_password_hash

from gateway.driver import compute

_REMEMBER_FAILURES_S = 10
DEMO_NAME = DEMO_PASSWORD = "demo"  # noqa: S105 - well known, and served on loopback only


class BadCredentials(Exception):
    """The name or the password is wrong, or they are of a kind that this driver lacks."""


class Accounts:
    """Checks passwords.

    A success is remembered by whoever keeps the opened driver. A failure is
    remembered here for some seconds, so that a client with a wrong password
    that tries again and again costs no hash each time. Hashes (32 MiB and some
    50 ms each) are computed one at a time.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        self._no_such_account = generate_password_hash(secrets.token_hex())
        self._key = secrets.token_bytes(32)
        self._failed: TTLCache[bytes, bool] = TTLCache(4096, _REMEMBER_FAILURES_S, time.monotonic)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._hashes)

    def check(self, name: str, password: str) -> None:
        """Raise BadCredentials unless the account exists and has this password."""
        if "\0" in password:  # HMAC, below scrypt, pads with NUL: "demo\0" would pass for "demo"
            raise BadCredentials
        try:
            attempt = f"{len(name)}:{name}{password}".encode()
        except UnicodeEncodeError as exc:  # no hash can have been made of it
            raise BadCredentials from exc
        digest = hashlib.blake2b(attempt, key=self._key).digest()
        with self._lock:
            if digest in self._failed:
                raise BadCredentials
            # An unknown name costs as much as a wrong password: time tells nobody which it was.
            stored = self._hashes.get(name, self._no_such_account)
            matches = compute(check_password_hash, stored, password)
            if not matches or name not in self._hashes:
                self._failed[digest] = True
                raise BadCredentials


def accepts_demo(hashes: Mapping[str, str]) -> bool:
    """Return whether the well-known account ``demo`` / ``demo`` is among the accounts."""
    return DEMO_NAME in hashes and _is_demo(hashes[DEMO_NAME])


@lru_cache(maxsize=64)
def _is_demo(stored: str) -> bool:
    return check_password_hash(stored, DEMO_PASSWORD)  # asked several times during a start
