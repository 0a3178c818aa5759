"""Who asks: Basic, Digest, tokens and sessions."""

import base64
import hashlib
import re
import secrets
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from tests.simulators.cloudsigma_errors import ApiError, error
from tests.simulators.cloudsigma_http import Request
from tests.simulators.cloudsigma_state import Account
from tests.simulators.cloudsigma_store import Store

_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
REALM = "users"


class Gate:
    """Lets in who can prove to be somebody."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nonces: set[str] = set()
        self._tokens: dict[str, Account] = {}
        self._sessions: dict[str, tuple[Account, str]] = {}
        self._opaque = secrets.token_hex(16)

    def issue_token(self, account: Account) -> str:
        """Return a token for ``Authorization: Bearer``."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = account
        return token

    def revoke_tokens(self) -> None:
        """Let no token and no session in any more."""
        self._tokens.clear()
        self._sessions.clear()

    def account_of(self, request: Request) -> Account:
        """Return who asks.

        Raises:
            ApiError: 401; 403 for a session that changes something without its CSRF token.
        """
        scheme, _, rest = request.secrets.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            found = self._basic(rest.strip())
        elif scheme.lower() == "bearer":
            found = self._tokens.get(rest.strip())
        elif scheme.lower() == "digest":
            found = self._digest(request, rest)
        else:
            found = self._session(request)
        if found is None:
            raise self.refusal()
        return found

    def log_in(self, email: str, password: str) -> tuple[Account, str, str]:
        """Return who this is, and a session with its CSRF token."""
        found = self._checked(email, password)
        if found is None:
            raise self.refusal()
        session, csrf = secrets.token_hex(16), secrets.token_hex(16)
        self._sessions[session] = (found, csrf)
        return found, session, csrf

    def log_out(self, request: Request) -> None:
        """End the session of a request."""
        self._sessions.pop(_cookie(request, "sessionid"), None)

    def _checked(self, email: str, password: str) -> Account | None:
        for one in self._store.accounts.values():
            if one.email == email and one.password == password:
                return one
        return None

    def _basic(self, text: str) -> Account | None:
        try:
            email, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            return None
        return self._checked(email, password)

    def _digest(self, request: Request, text: str) -> Account | None:
        given = {name: quoted or bare for name, quoted, bare in _PAIR.findall(text)}
        path = request.path + (f"?{request.query}" if request.query else "")
        if given.get("nonce") not in self._nonces or urlsplit(given.get("uri", "")).path == "":
            return None
        if given["uri"] not in (path, f"{path}?"):
            return None
        for one in self._store.accounts.values():
            if one.email == given.get("username"):
                first = _md5(f"{one.email}:{REALM}:{one.password}")
                second = _md5(f"{request.method}:{given['uri']}")
                middle = [given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
                wanted = _md5(":".join([first, *middle, second]))
                return one if secrets.compare_digest(wanted, given.get("response", "")) else None
        return None

    def _session(self, request: Request) -> Account | None:
        found, csrf = self._sessions.get(_cookie(request, "sessionid"), (None, ""))
        is_safe = request.method in _SAFE_METHODS
        if found and not is_safe and request.secrets.get("x-csrftoken") != csrf:
            raise error(403, "CSRF verification failed")
        return found

    def refusal(self) -> ApiError:
        """Return the error for who cannot, which asks for a password."""
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        challenge = (
            f'Digest nonce="{nonce}", realm="{REALM}", algorithm="MD5", '
            f'opaque="{self._opaque}", qop="auth"'
        )
        return ApiError(401, headers={"WWW-Authenticate": challenge})


def _cookie(request: Request, name: str) -> str:
    found = SimpleCookie(request.secrets.get("cookie", "")).get(name)
    return found.value if found else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
