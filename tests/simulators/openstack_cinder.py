"""Cinder's API: the way of a request from its token to the action, and back as an answer."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.simulators.openstack_call import Call, lacks
from tests.simulators.openstack_errors import (
    ERRED,
    MALFORMED,
    NOT_FOUND,
    CinderError,
    bad_request,
    denied_body,
    fault_body,
    plain_body,
)
from tests.simulators.openstack_http import Reply, Request, split_path
from tests.simulators.openstack_keystone import Identity, Token
from tests.simulators.openstack_metadata import (
    add_metadata,
    delete_item,
    put_item,
    replace_metadata,
    show_item,
    show_metadata,
)
from tests.simulators.openstack_quotas import set_quota, show_limits, show_quota
from tests.simulators.openstack_schemas import read_json
from tests.simulators.openstack_snapshots import (
    create_snapshot,
    delete_snapshot,
    detail_snapshots,
    force_delete,
    list_snapshots,
    reset_status,
    show_snapshot,
    update_snapshot,
    update_status,
)
from tests.simulators.openstack_state import Region, Settings, version_of
from tests.simulators.openstack_volumes import (
    create_volume,
    delete_volume,
    detail_volumes,
    list_messages,
    list_resource_filters,
    list_types,
    list_volumes,
    reset_volume,
    revert,
    show_volume,
)

Action = Callable[..., tuple[int, Any]]
_MAX_BODY = 114688
_JSON = ("application/json", "application/vnd.openstack.volume+json")


def _lack(call: Call) -> tuple[int, Any]:
    raise lacks(call.request.route)


_ROUTES: list[tuple[str, str, Action]] = [
    ("GET", "/snapshots", list_snapshots),
    ("POST", "/snapshots", create_snapshot),
    ("GET", "/snapshots/detail", detail_snapshots),
    ("GET", "/snapshots/([^/]+)", show_snapshot),
    ("PUT", "/snapshots/([^/]+)", update_snapshot),
    ("DELETE", "/snapshots/([^/]+)", delete_snapshot),
    ("GET", "/snapshots/([^/]+)/metadata", show_metadata),
    ("POST", "/snapshots/([^/]+)/metadata", add_metadata),
    ("PUT", "/snapshots/([^/]+)/metadata", replace_metadata),
    ("GET", "/snapshots/([^/]+)/metadata/([^/]+)", show_item),
    ("PUT", "/snapshots/([^/]+)/metadata/([^/]+)", put_item),
    ("DELETE", "/snapshots/([^/]+)/metadata/([^/]+)", delete_item),
    ("GET", "/volumes", list_volumes),
    ("POST", "/volumes", create_volume),
    ("GET", "/volumes/detail", detail_volumes),
    ("GET", "/volumes/summary", _lack),
    ("GET", "/volumes/([^/]+)", show_volume),
    ("DELETE", "/volumes/([^/]+)", delete_volume),
    ("GET", "/resource_filters", list_resource_filters),
    ("GET", "/messages", list_messages),
    ("GET", "/types", list_types),
    ("GET", "/limits", show_limits),
    ("GET", "/os-quota-sets/([^/]+)", show_quota),
    ("PUT", "/os-quota-sets/([^/]+)", set_quota),
]
_ACTIONS: dict[str, dict[str, Action]] = {
    "/snapshots": {
        "os-reset_status": reset_status,
        "os-force_delete": force_delete,
        "os-update_snapshot_status": update_status,
    },
    "/volumes": {"revert": revert, "os-reset_status": reset_volume},
}
_LACKING = re.compile(
    "/(attachments|backups|groups|group_types|group_snapshots|manageable_[a-z]+|os-[a-z-]+|"
    "volumes/[^/]+(/metadata|/encryption)?|messages/[^/]+|types/.*|volume-transfers|"
    "scheduler-stats|clusters|workers|qos-specs)(/.*)?"
)


class Cinder:
    """Answers the requests to Cinder."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity

    def respond(self, request: Request, region: Region, base: str, keystone: str) -> Reply:
        """Answer a request.

        Args:
            request: the request.
            region: where the endpoint is.
            base: the endpoint's own URL, without a path.
            keystone: Keystone's URL, without a path.
        """
        token = self._identity.valid(request.tokens.get("x-auth-token"))
        request.user = token.user.name if token else None
        early = _refused_early(request, keystone, has_token=token is not None)
        if early is not None:
            return early
        path = re.sub("/+", "/", request.path.removesuffix(".json"))
        if path == "/v3":
            moved = {"Content-Type": "text/plain; charset=utf8", "Location": f"{base}/v3/"}
            return Reply(302, moved, b"")
        if path in ("/", "/v3/"):
            return self._show_versions(request, base)
        action, ids = self._route(request.method, path)
        if action is None or token is None:
            return _plain(request, 404, "Not Found", NOT_FOUND)
        version = None
        try:
            version = self._version(request)
            call = _call(request, region, token, version, base)
            status, answer = action(call, *ids)
        except CinderError as error:
            return _fault(version or _asked_version(request), error)
        return _reply(version, status, answer)

    def _show_versions(self, request: Request, base: str) -> Reply:
        try:
            version = self._version(request)
        except CinderError as error:
            return _fault(_asked_version(request), error)
        link = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}
        shown = {
            "id": "v3.0",
            "status": "CURRENT",
            "version": self._settings.maximum,
            "min_version": "3.0",
            "updated": "2023-08-31T00:00:00Z",
            "links": [link, {"rel": "self", "href": f"{base}/v3/"}],
            "media-types": [
                {
                    "base": "application/json",
                    "type": "application/vnd.openstack.volume+json;version=3",
                }
            ],
        }
        return _reply(version, 300 if request.path == "/" else 200, {"versions": [shown]})

    def _version(self, request: Request) -> tuple[int, int]:
        """Return the microversion of a request, or refuse it."""
        header = request.headers.get("openstack-api-version")
        if header is None:
            return (3, 0)
        parts = [part for part in header.split(",") if "volume" in part]
        if not parts:
            raise bad_request(MALFORMED)
        words = parts[0].split()
        if len(words) != 2:
            raise CinderError(500, ERRED)
        if words[1] == "latest":
            return version_of(self._settings.maximum)
        version = _read_version(words[1])
        if not (3, 0) <= version <= version_of(self._settings.maximum):
            raise CinderError(
                406,
                f"Version {words[1]} is not supported by the API. "
                f"Minimum is 3.0 and maximum is {self._settings.maximum}.",
            )
        return version

    def _route(self, method: str, path: str) -> tuple[Action | None, tuple[str, ...]]:
        project, route = split_path(path)
        if project is None and self._settings.has_project_in_url:
            return None, ()
        for wanted, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, route)
            if found and wanted == method:
                return action, found.groups()
        found = re.fullmatch("(/snapshots|/volumes)/([^/]+)/action", route)
        if found and method == "POST":
            return _perform(_ACTIONS[found[1]]), (found[2],)
        return (_lack if _LACKING.fullmatch(route) else None), ()


def _call(
    request: Request, region: Region, token: Token, version: tuple[int, int], base: str
) -> Call:
    """Read a request, and let what is under way happen until now."""
    body = _read_body(request)
    _check_project(request, token)
    region.bring_to(region.now())
    return Call(request=request, region=region, token=token, version=version, base=base, body=body)


def _refused_early(request: Request, keystone: str, *, has_token: bool) -> Reply | None:
    """Return what is answered before Cinder's controllers come to see the request."""
    if request.path == "/healthcheck":
        return _health(request)
    if request.path != "/" and not re.match("/v3(/|$)", request.path):
        return _plain(request, 404, "Not Found", NOT_FOUND)
    if len(request.body) > _MAX_BODY:
        text = "Request is too large. Larger than max_request_body_size (%s)."
        return _plain(request, 413, "Request Entity Too Large", text)
    if request.path == "/" or has_token:
        return _options(request)
    return denied(keystone)


def denied(keystone: str) -> Reply:
    """Return the answer of the authentication in front of Cinder."""
    challenge = {"Www-Authenticate": f'Keystone uri="{keystone}/v3"'}
    return Reply(401, {"Content-Type": "application/json"} | challenge, denied_body())


def _options(request: Request) -> Reply | None:
    return Reply(200, {}, b"") if request.method == "OPTIONS" else None


def _perform(actions: dict[str, Action]) -> Action:
    def perform(call: Call, resource_id: str) -> tuple[int, Any]:
        if not call.request.body:
            raise _no_action(None)
        if not isinstance(call.body, dict) or len(call.body) != 1:
            raise bad_request("Malformed request body")
        name = next(iter(call.body))
        if name not in actions:
            raise _no_action(name)
        return actions[name](call, resource_id)

    return perform


def _no_action(name: str | None) -> CinderError:
    return bad_request(
        f"There is no such action: {name}. Verify the request body and Content-Type header "
        "and try again."
    )


def _read_body(request: Request) -> Any:
    if request.method not in ("POST", "PUT"):
        return None
    if not request.body:
        if request.path.endswith("/action"):
            return None
        # Cinder's schemas stumble over a body that is not there.
        raise CinderError(500, ERRED)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if content_type not in _JSON:
        raise CinderError(415, "Unsupported Content-Type")
    return read_json(request.body)


def _check_project(request: Request, token: Token) -> None:
    project, _ = split_path(request.path)
    if project is not None and (token.project is None or project != token.project.id):
        raise bad_request("Malformed request url")


def _read_version(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d*)\.([1-9]\d*|0)", text)
    if found is None:
        raise bad_request(
            f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
        )
    return int(found[1]), int(found[2])


def _asked_version(request: Request) -> tuple[int, int] | None:
    """Return the version of a request that is refused for it, if it is one."""
    header = request.headers.get("openstack-api-version", "")
    found = re.search(r"volume\s+([1-9]\d*)\.([1-9]\d*|0)\s*(,|$)", header)
    return (int(found[1]), int(found[2])) if found else None


def _fault(version: tuple[int, int] | None, error: CinderError) -> Reply:
    body = fault_body(error.status, error.message, error.retry_after)
    retry = {} if error.retry_after is None else {"Retry-After": error.retry_after}
    return Reply(error.status, _headers(version) | retry, body)


def _reply(version: tuple[int, int], status: int, answer: Any) -> Reply:
    if isinstance(answer, dict):
        return Reply(status, _headers(version), json.dumps(answer).encode())
    headers = _headers(version)
    if answer is None:
        # What a controller answers by itself gets no type and no request id of Cinder's own.
        headers["Content-Type"] = "text/html; charset=UTF-8"
        del headers["X-Compute-Request-Id"]
    return Reply(status, headers, b"")


def _headers(version: tuple[int, int] | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Compute-Request-Id": ""}
    if version is not None and version != (2, 0):
        text = f"volume {version[0]}.{version[1]}"
        headers |= {"Openstack-Api-Version": text, "Vary": "OpenStack-API-Version"}
    return headers


def _plain(request: Request, status: int, title: str, text: str) -> Reply:
    content_type = _content_type(request)
    is_json = content_type == "application/json"
    body = plain_body(status, title, text, is_json=is_json)
    return Reply(status, {"Content-Type": content_type}, body)


def _content_type(request: Request) -> str:
    wants_json = "application/json" in request.headers.get("accept", "")
    return (
        "application/json"
        if wants_json and request.method != "HEAD"
        else "text/html; charset=UTF-8"
    )


def _health(request: Request) -> Reply:
    if _content_type(request) != "application/json":
        return Reply(200, {"Content-Type": "text/plain; charset=UTF-8"}, b"OK")
    body = json.dumps({"detailed": False, "reasons": ["OK"]}, indent=4)
    return Reply(200, {"Content-Type": "application/json"}, body.encode())
