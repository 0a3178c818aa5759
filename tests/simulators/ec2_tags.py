"""CreateTags, DeleteTags, and the tags of a create call.

Source: AWS EC2 API reference, 2016-11-15, CreateTags, DeleteTags, Tag; wordings from memory.
"""

from collections.abc import Callable, Mapping

from tests.simulators.ec2_call import Call, is_id, visible
from tests.simulators.ec2_errors import Ec2Error, invalid_value, missing
from tests.simulators.ec2_parameters import Parameters
from tests.simulators.ec2_state import Resource
from tests.simulators.ec2_xml import Elements

_MAX_KEY, _MAX_VALUE, _MAX_TAGS, _MAX_RESOURCES = 127, 256, 50, 1000
RETURN_TRUE: Elements = [("return", "true")]


def create_tags(call: Call) -> Elements:
    """Add tags to resources or overwrite them; all or nothing."""
    tags = _given_tags(call.parameters)
    if not tags:
        raise missing("TagSet")
    return _retag(call, lambda before: {**before, **tags})


def delete_tags(call: Call) -> Elements:
    """Delete tags by key, or by key and value; all of the user's if none is named.

    Source: API reference: a key alone deletes any value, an empty value only an empty
    one, and aws: tags stay. That naming one of those is an error is from memory.
    """
    parts = call.parameters.parts("Tag")
    for part in parts:
        _check_key(part.required("Key"))
    doomed = {part.required("Key"): part.text("Value") for part in parts}
    return _retag(call, lambda before: _without(before, doomed))


def tags_of_creation(parameters: Parameters, resource_type: str) -> dict[str, str]:
    """Return the tags that a create call gives to what it creates."""
    specifications = parameters.parts("TagSpecification")
    for part in specifications:
        given = part.required("ResourceType")
        if given != resource_type:
            reason = "is not a valid taggable resource type for this operation."
            raise Ec2Error("InvalidParameterValue", f"'{given}' {reason}")
    if len(specifications) > 1:
        raise Ec2Error(
            "InvalidParameterValue",
            "The same resource type may not be specified more than once in tag specifications",
        )
    tags = _given_tags(specifications[0]) if specifications else {}
    _check_count(tags)
    return tags


def _retag(call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> Elements:
    resources = _resources(call)
    changed = [(one, change(one.tags)) for one in resources]
    for _, tags in changed:
        _check_count(tags)
    for one, tags in changed:
        one.retag(tags, call.settings.late_tags)
    return RETURN_TRUE


def _resources(call: Call) -> list[Resource]:
    ids = call.parameters.texts("ResourceId")
    if not ids:
        raise missing("ResourceIdSet")
    if len(ids) > _MAX_RESOURCES:
        raise invalid_value(len(ids), "ResourceIdSet", "At most 1000 resources.")
    resources = [_resource(call, resource_id) for resource_id in dict.fromkeys(ids)]
    for one in resources:
        call.must_own(one)
    return resources


def _resource(call: Call, resource_id: str) -> Resource:
    if is_id(resource_id, "snap"):
        return visible(call, call.region.snapshots, resource_id)
    if is_id(resource_id, "vol"):
        return visible(call, call.region.volumes, resource_id)
    raise Ec2Error("InvalidID", f"The ID '{resource_id}' is not valid")


def _given_tags(parameters: Parameters) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in parameters.parts("Tag"):
        key, value = part.required("Key"), part.text("Value") or ""
        _check_key(key)
        if len(value) > _MAX_VALUE:
            raise invalid_value(value, "Tag.Value", "Tag value exceeds 256 characters.")
        if key in tags:
            raise Ec2Error("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        tags[key] = value
    return tags


def _check_key(key: str) -> None:
    if len(key) > _MAX_KEY:
        raise invalid_value(key, "Tag.Key", "Tag key exceeds 127 characters.")
    if key.lower().startswith("aws:"):
        raise invalid_value(key, "Tag.Key", "Tag keys starting with 'aws:' are reserved.")


def _check_count(tags: Mapping[str, str]) -> None:
    if sum(not key.startswith("aws:") for key in tags) > _MAX_TAGS:
        raise Ec2Error("TagLimitExceeded", "A resource can have at most 50 tags.")


def _without(before: Mapping[str, str], doomed: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in before.items() if not _is_doomed(key, value, doomed)}


def _is_doomed(key: str, value: str, doomed: Mapping[str, str | None]) -> bool:
    if not doomed:
        return not key.startswith("aws:")
    return key in doomed and doomed[key] in (None, value)
