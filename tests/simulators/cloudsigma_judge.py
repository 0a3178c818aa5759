"""What the tests ask of the simulated CloudSigma, by hand."""

from typing import Any

import requests

from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import PASSWORD, USER


class Caller:
    """Sends requests as an account, over one connection."""

    def __init__(self, cloud: CloudSigma, email: str = USER, **session: Any) -> None:
        self._url = cloud.url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (email, PASSWORD)
        for name, value in session.items():
            setattr(self._session, name, value)

    def __call__(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> requests.Response:
        """Send a request; the path is the one after /api/2.0/."""
        url = self._url + path.removeprefix("/")
        if body is not None:
            options["json"] = body
        options = {"timeout": 5, "allow_redirects": False} | options
        return self._session.request(method, url, **options)

    def get(self, path: str) -> Any:
        """Return what a GET answers with 200."""
        found = self("GET", path)
        assert found.status_code == 200, found.text
        return found.json()

    def objects(self, path: str) -> list[Any]:
        """Return the objects of a list."""
        found: list[Any] = self.get(path)["objects"]
        return found

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """Return the one object that a POST makes."""
        found = self("POST", path, body)
        assert found.status_code == 201, found.text
        (made,) = found.json()["objects"]
        return dict(made)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str | None]:
        """Return status, type and point of the first entry of an error."""
        found = self(method, path, body)
        first = found.json()[0]
        return found.status_code, first["error_type"], first.get("error_point")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
