"""Jobs, servers, tags, locations and the profile, as far as drives need them."""

import copy
from typing import Any

from flask import Blueprint, Response

from tests.golden_cloudsigma import sample
from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_changes import change, check_choice, described
from tests.simulators.cloudsigma_clones import NAMINGS
from tests.simulators.cloudsigma_errors import error, lacks
from tests.simulators.cloudsigma_input import definition, definitions, require, uuid_of
from tests.simulators.cloudsigma_lists import listing, one_of
from tests.simulators.cloudsigma_state import Tag
from tests.simulators.cloudsigma_views import Views

others = Blueprint("others", __name__, url_prefix="/api/2.0")
_SCHEMAS = {
    "capabilities": "capabilities_schema",
    "drives": "drive_schema",
    "jobs": "jobs_schema",
    "profile": "profile_schema",
    "remotesnapshots": "remote_snapshot_schema",
    "snapshots": "snapshot_schema",
}
_UNKNOWN = ("backupschedulers", "libdrives", "subscriptions", "vlans", "ips", "balance")


def show_schema(noun: str) -> Response:
    """Answer with a schema as documented; that of remote snapshots lacks fields, as there."""
    call = current()
    settings = call.settings
    exists = {"snapshots": settings.has_snapshots, "remotesnapshots": settings.has_remote_snapshots}
    if not exists.get(noun, True):
        raise error(404)
    return call.answer(copy.deepcopy(sample(_SCHEMAS[noun]).answer))


for _noun in _SCHEMAS:
    others.add_url_rule(f"/{_noun}/schema/", view_func=show_schema, defaults={"noun": _noun})


@others.put("/<any(drives,snapshots,remotesnapshots):noun>/")
def edit_many(noun: str) -> Response:
    """Admit what the schemas allow and nothing describes."""
    raise lacks(f"PUT /{noun}/")


@others.get("/jobs/")
@others.get("/jobs/detail/")
def show_jobs() -> Response:
    """Answer with the jobs of the last three days."""
    call = current()
    return listing(call, "jobs", call.store.jobs.values(), Views(call).job)


@others.get("/jobs/<uuid>/")
def show_job(uuid: str) -> Response:
    """Answer with a job."""
    call = current()
    return one_of(call, call.find(call.store.jobs, uuid), Views(call).job)


@others.get("/servers/")
@others.get("/servers/detail/")
def show_servers() -> Response:
    """Answer with servers, of which only their drives matter here."""
    call = current()
    return listing(call, "servers", call.store.servers.values(), Views(call).server)


@others.get("/servers/<uuid>/")
def show_server(uuid: str) -> Response:
    """Answer with a server."""
    call = current()
    return one_of(call, call.find(call.store.servers, uuid), Views(call).server)


@others.get("/tags/")
@others.get("/tags/detail/")
def show_tags() -> Response:
    """Answer with tags."""
    call = current()
    return listing(call, "tags", call.store.tags.values(), Views(call).tag)


@others.get("/tags/<uuid>/")
def show_tag(uuid: str) -> Response:
    """Answer with a tag and what has it."""
    call = current()
    return one_of(call, call.find(call.store.tags, uuid), Views(call).tag)


@others.post("/tags/")
def create_tags() -> Response:
    """Make tags, on resources if some are given."""
    call = current()
    made = []
    for given in definitions(call):
        require(given, "name")
        tag = Tag(uuid=call.settings.new_id(), owner=call.account.uuid, **described(call, given))
        made.append(call.store.keep(call.store.tags, tag))
        _put_on(call, tag, given.get("resources") or [])
    views = Views(call)
    return call.created([views.tag(one) for one in made])


@others.put("/tags/<uuid>/")
def edit_tag(uuid: str) -> Response:
    """Rename a tag, or put it on other resources."""
    call = current()
    tag = call.find(call.store.tags, uuid, "EDIT")
    given = definition(call)
    require(given, "name")
    change(call, tag, given, tag.name)
    if "resources" in given:
        _put_on(call, tag, given["resources"])
    return one_of(call, tag, Views(call).tag)


@others.delete("/tags/<uuid>/")
def remove_tag(uuid: str) -> Response:
    """Delete a tag and take it off what has it."""
    call = current()
    tag = call.find(call.store.tags, uuid, "EDIT")
    _put_on(call, tag, [])
    del call.store.tags[tag.uuid]
    return call.done()


@others.get("/locations/")
@others.get("/locations/<code>/")
def show_locations(code: str | None = None) -> Response:
    """Answer with all locations that the documentation lists, or with one."""
    call = current()
    found = copy.deepcopy(sample("locations").objects)
    if code is not None:
        one = next((one for one in found if one["id"] == code), None)
        if one is None:
            raise error(404, f"Object with id {code} does not exist")
        return call.answer(one)
    limit = int(call.query.get("limit", len(found)))
    page = found[:limit] if limit else found
    meta = {"limit": limit, "offset": 0, "total_count": len(found)}
    return call.answer({"meta": meta, "objects": page})


@others.get("/profile/")
def show_profile() -> Response:
    """Answer with what is known of the account."""
    call = current()
    return call.answer(dict(call.account.profile))


@others.put("/profile/")
def edit_profile() -> Response:
    """Change the account's profile, such as clone_naming; what is read-only stays."""
    call = current()
    given = definition(call)
    if "clone_naming" in given:
        check_choice(given["clone_naming"], NAMINGS, "clone_naming")
    fields = sample("profile_schema").answer["fields"]
    writable = {name for name, field in fields.items() if not field["readonly"]}
    call.account.profile |= {name: given[name] for name in writable & given.keys()}
    return call.answer(dict(call.account.profile))


def lack(noun: str, _: str = "") -> Response:
    """Admit what is not here."""
    raise lacks(f"/{noun}/")


for _noun in _UNKNOWN:
    for _rule in (f"/{_noun}/", f"/{_noun}/<path:_>"):
        methods = ["GET", "POST", "PUT", "DELETE"]
        others.add_url_rule(_rule, view_func=lack, defaults={"noun": _noun}, methods=methods)


def _put_on(call: Call, tag: Tag, resources: list[Any]) -> None:
    """Let a tag be on these objects and on no others."""
    wanted = {uuid_of(one, "resources") for one in resources}
    store = call.store
    for held in (store.drives, store.snapshots, store.remote_snapshots, store.servers):
        for one in held.values():
            if one.owner == tag.owner:
                one.tags = [uuid for uuid in one.tags if uuid != tag.uuid]
                one.tags += [tag.uuid] if one.uuid in wanted else []
