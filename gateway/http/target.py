"""Which provider a request is for, and who asks."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request

from gateway.core.registry import Provider, Providers
from gateway.driver import Credentials, invalid
from gateway.http.body import wsgi_text
from gateway.http.problems import HttpProblem

MATRIX = "snapgate.matrix"
"""Where the middleware leaves the matrix parameters of ``/api;driver=..;provider=..``."""
_PREFIX = "/api;"
_HEADERS = {"driver": "HTTP_X_DELTACLOUD_DRIVER", "provider": "HTTP_X_DELTACLOUD_PROVIDER"}
UNAUTHENTICATED_HEADERS = {"WWW-Authenticate": 'Basic realm="snapgate", charset="UTF-8"'}


class MatrixParameters:
    """WSGI middleware that takes the matrix parameters out of the path."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        path = environ["PATH_INFO"]
        if path.startswith(_PREFIX):
            environ[MATRIX], slash, rest = path[len(_PREFIX) :].partition("/")
            environ["PATH_INFO"] = f"/api{slash}{rest}"
        return self._application(environ, start_response)


def select_provider(request: Request, providers: Providers) -> tuple[Provider, str]:
    """Return the provider that a request names, and the selection to keep in links.

    Matrix parameters beat the headers. The selection is ``""`` when the request
    names nothing.

    Raises:
        DriverError: ``invalid`` for names that are not configured.
    """
    chosen = _matrix(request.environ.get(MATRIX))
    if not chosen:
        headers = {name: request.environ.get(key) for name, key in _HEADERS.items()}
        chosen = {name: value for name, value in headers.items() if value}
    if not chosen:
        return providers.default, ""
    provider = providers.select(**chosen)
    return provider, "".join(f";{name}={value}" for name, value in chosen.items())


def _matrix(text: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in wsgi_text(text or "").split(";"):
        name, separator, value = part.partition("=")
        if not part:
            continue
        if name not in {"driver", "provider"} or not separator or name in found:
            raise invalid({name: "matrix parameters are driver and provider, each once"})
        found[name] = value
    return found


def credentials_of(request: Request) -> Credentials | None:
    """Return who asks, None when the request does not say.

    Raises:
        HttpProblem: 401 for an Authorization header that cannot be understood.
    """
    environ = request.environ
    token = environ.get("HTTP_X_AUTH_TOKEN")
    session_token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    if "HTTP_AUTHORIZATION" not in environ:
        return Credentials(token=token) if token else None
    given = request.authorization
    if given is not None and given.type == "bearer" and given.token:
        return Credentials(token=given.token, session_token=session_token)
    if given is not None and given.type == "basic" and given.username:
        return Credentials(
            username=given.username, password=given.password or "", session_token=session_token
        )
    raise unauthenticated("the Authorization header is not valid Basic or Bearer")


def unauthenticated(message: str) -> HttpProblem:
    """Return the 401 for a request that does not say who asks."""
    return HttpProblem(401, "unauthenticated", message, headers=UNAUTHENTICATED_HEADERS)
