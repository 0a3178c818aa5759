"""One account's requests to Acme; its key is here and nowhere else."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import requests

from acme import errors, wire
from acme.options import Endpoint
from gateway.driver import Page, Query

T = TypeVar("T")


class Account:
    """Sends requests; use it within ``gateway.driver.within()``."""

    def __init__(self, endpoint: Endpoint, name: str, key: str) -> None:
        self._endpoint = endpoint
        self._login: tuple[bytes, bytes] | None = (name.encode(), key.encode())

    def close(self) -> None:
        """Let go of the key; the connections are everybody's."""
        self._login = None

    def page(
        self,
        path: str,
        model: Callable[[wire.Row], T],
        query: Query,
        *,
        page_size: int,
        cursor: str | None,
    ) -> Page[T]:
        """Return a page of a list."""
        asked = {**wire.asked(query), "limit": page_size, "cursor": cursor}
        return self.read(path, lambda document: wire.page(document, model), asked)

    def read(
        self, path: str, model: Callable[[wire.Row], T], asked: Mapping[str, Any] | None = None
    ) -> T:
        """Return the model of what is there."""
        response = self._send("GET", path, params=asked)
        with errors.understanding():
            return model(json.loads(response.content))

    def change(
        self,
        method: str,
        path: str,
        model: Callable[[wire.Row], T],
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Make or change something, and return the model of what it is now."""
        response = self._send_once(method, path, json=body)
        with errors.understanding(maybe_done=True):
            return model(json.loads(response.content))

    def delete(self, path: str) -> None:
        """Delete something."""
        response = self._send_once("DELETE", path)
        with errors.understanding(maybe_done=True):
            if response.status_code != HTTPStatus.NO_CONTENT:  # a proxy's page, say
                raise ValueError(response.status_code)

    def _send_once(self, method: str, path: str, **given: Any) -> requests.Response:
        """Send what changes something; say so if that may have happened although it failed."""
        try:
            return self._send(method, path, **given)
        except requests.RequestException as exc:
            error = errors.classify(exc)
            if error is None or not errors.is_lost(exc):
                raise
            raise error.as_maybe_done() from exc

    def _send(self, method: str, path: str, **given: Any) -> requests.Response:
        endpoint = self._endpoint
        response = endpoint.transport.request(
            method, f"{endpoint.url}/{path}", auth=self._login, verify=endpoint.verify, **given
        )
        errors.check(response)
        return response
