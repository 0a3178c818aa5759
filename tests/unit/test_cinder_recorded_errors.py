"""What each error means that was recorded from the real Cinder."""

from collections.abc import Mapping

import pytest

from drivers.cinder import errors
from gateway.driver import ErrorCode
from tests.golden_cinder import BLOCK_STORAGE, Exchange, exchanges
from tests.unit.cinder_samples import classified, named, raised, recorded, told

UNAUTHENTICATED, DENIED = ErrorCode.UNAUTHENTICATED, ErrorCode.DENIED
NOT_FOUND, CONFLICT, INVALID = ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.INVALID
UNSUPPORTED, BACKEND, QUOTA = ErrorCode.UNSUPPORTED, ErrorCode.BACKEND, ErrorCode.QUOTA
ANY = "any"
"""Of requests that the driver never sends: no field of the gateway's is to blame."""

# what it means, and the field that is wrong: the recorded exchanges, by name
MEANINGS: Mapping[tuple[ErrorCode, str | None], str] = {
    (UNAUTHENTICATED, None): """
        versions v3
        no token
        bad token
        list with a revoked token
    """,
    (CONFLICT, None): """
        delete while creating (wrong state)
        volume from a snapshot still creating
        revert to a snapshot still creating
        create error: volume error
        create error: volume creating
        create error: volume deleting
        create error: volume maintenance
        create error: volume in-use
        create error: volume reserved
        create error: volume extending
        create error: volume attaching
        in-use, 3.65, no force
        in-use, 3.65, force false
        revert an in-use volume
        volume from an errored snapshot
        delete of error_deleting
        delete in state deleting
        delete in state updating
        delete in state unmanaging
        delete in state backing-up
        delete in state restoring
        delete in state error_deleting
        delete in state deleted
        delete in state creating
        delete again while deleting
        volume delete with snapshots
        revert not the latest
        revert unknown snapshot
        revert to a snapshot of another volume
        delete while restoring
        snapshot create while volume reverting
        fake backend: in-use 3.65 no force
        fake backend: revert in-use
        delete a snapshot which is part of a group
        force delete a snapshot which is part of a group
    """,
    (NOT_FOUND, None): """
        snapshot show from another project
        list ?marker=00000000-0000-0000-0000-000000000000
        list ?marker=bogus
        list ?marker=
        list marker of another project (as other)
        update unknown id
        update from another project
        metadata delete one again
        metadata get unknown key
        metadata on unknown snapshot
        create error: unknown volume
        create error: volume_id null
        create error: volume of another project
        show after delete
        delete after delete
        list marker of a deleted snapshot
        show unknown id
        show id not a uuid
        delete unknown id
        delete from another project
        volume from unknown snapshot
        volume list after an unknown marker
        volume show from another project
        volume show after delete
        volume delete after delete
    """,
    (INVALID, None): """
        snapshot show with wrong project id in the path
        list with_count at 3.44
        list with_count=bogus
        list ?limit=-1
        list ?limit=abc
        list ?limit=1.5
        list ?limit=
        list ?limit=1&limit=2
        list ?offset=-1
        list ?offset=abc
        list ?offset=99999999999999
        list ?sort=name:asc&sort_key=name
        list ?sort=bogus
        list ?sort=name:sideways
        list ?sort=
        list ?sort=size:asc
        list ?sort=description:asc
        list ?name~=snap
        list ?description~=fir
        list ?consumes_quota=bogus
        list ?bogus=1
        list ?created_at=gt:2020-01-01T00:00:00
        list ?size=1
        list ?id=b2c813a4-cc74-4b1f-b672-450d6422b044
        list ?user_id=x
        list ?project_id=98e424d7dfc04ad6a88344f859950a94
        list ?is_forced=1
        list ?n%C3%A4me=x
        list ?bogus at 3.31 (refused)
        list sort=name at 3.29
        update: no snapshot key
        metadata put one, mismatch
        metadata post missing
        create error: force false at 3.66
        create error: malformed json
        create error: json array
        create error: no snapshot key
        admin: volume reset to deleting
        admin: volume reset to in-use
        os-reset_status bad value
        os-update_snapshot_status from available
        unknown action
        microversion bogus
        microversion 3
        version header of another service
        volume list by a wrong filter
        volume list by a wrong order
        volume create: no size
        volume create: name 256
        list two wrong filters
        action without a body
        revert a volume without snapshots
    """,
    (INVALID, ANY): """
        update: empty object
        update: metadata not allowed here
        update: status not allowed
        metadata put one, two items
        create error: no volume_id
        create error: force bogus
        create error: force null
        create error: unknown property
        create error: unknown property at 3.0
        create error: project_id property
        volume create: unknown property
    """,
    (INVALID, "name"): """
        update: name 256
        update: name a number
        update: name 255 plus spaces
        create error: name 256
        create error: name number
    """,
    (INVALID, "description"): """
        update: description 256
        update: description with newline
        update: description emoji
        create error: description 256
    """,
    (DENIED, None): """
        update as reader
        metadata post as reader
        create error: as reader
        os-reset_status as member
        os-force_delete as member
        delete as reader
        list without a project
        volume create: as reader
        metadata delete one as reader
        revert as reader
        volume delete as reader
    """,
    (UNSUPPORTED, None): """
        update as PATCH
        revert at 3.39
        microversion 3.72
        microversion 3.999
        microversion 2.0
        microversion 4.0
        POST to detail
        PUT on the collection
        DELETE on the collection
        trailing slash
        unknown path
        resource filters at 3.32
    """,
    (INVALID, "metadata"): """
        metadata post key 256
        metadata post value 256
        metadata post value number
        metadata post value null
        metadata post key empty
        metadata post key slash
        metadata post key unicode
        metadata post null
        metadata post list
        metadata post key with plus
        create error: metadata value 256
        create error: metadata key 256
        create error: metadata value number
        create error: metadata string
        create error: metadata value null
        create error: body over 114688 bytes
    """,
    (INVALID, "volume_id"): """
        create error: volume_id not a uuid
    """,
    (BACKEND, None): """
        create error: empty body
        create error: wrong content type
        attachment delete
        HEAD on the collection
    """,
    (INVALID, "size_bytes"): """
        volume from snapshot too small
        volume create: size no number
        volume create: smaller than its snapshot
    """,
    (QUOTA, None): """
        over quota (count)
        over quota (gigabytes)
    """,
    (INVALID, "media"): """
        volume create: unknown type
    """,
    (INVALID, "zone"): """
        volume create: unknown zone
    """,
}
CASES = [
    (name.strip(), code, field)
    for (code, field), names in MEANINGS.items()
    for name in names.strip().splitlines()
]
KINDS = {
    400: "badRequest",
    401: "error",
    403: "forbidden",
    404: "itemNotFound",
    406: "computeFault",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    500: "computeFault",
}
"""Cinder's own word for an error of a status."""
FLAT = {404: "Not Found", 413: "Request Entity Too Large"}
"""The word where a request did not get as far as Cinder's own code."""


def failures() -> list[Exchange]:
    return [one for one in exchanges() if one.service == BLOCK_STORAGE and one.status >= 400]


def kind_of(one: Exchange) -> str | None:
    if one.answer is None:
        return None
    return FLAT[one.status] if "title" in one.answer else KINDS[one.status]


@pytest.mark.parametrize(("name", "code", "field"), CASES, ids=[name for name, _, _ in CASES])
def test_each_recorded_error_of_cinder_has_its_meaning(
    name: str, code: ErrorCode, field: str | None
) -> None:
    for one in [each for each in failures() if each.name == name]:
        error = classified(raised(recorded(one)))
        assert (error.code, error.backend_code) == (code, kind_of(one))
        assert (error.retry_after_s, error.maybe_done) == (None, False)
        assert field is ANY or list(error.fields) == ([] if field is None else [field])


def test_each_recorded_error_of_cinder_is_among_these() -> None:
    assert len(CASES) == len({name for name, _, _ in CASES}) >= 160
    assert {name for name, _, _ in CASES} == {one.name for one in failures()}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("show unknown id", "no snapshot '00000000-0000-0000-0000-000000000000'"),
        ("create error: unknown volume", "no volume '00000000-0000-0000-0000-000000000000'"),
        ("volume create: unknown type", "media: no such volume type"),
        ("volume create: unknown zone", "zone: no such availability zone in this cloud"),
        ("volume create: smaller than its snapshot", "size_bytes: smaller than the snapshot's"),
        ("metadata delete one again", "no such metadata key"),
        ("delete while creating (wrong state)", "not part of a group"),
        ("volume from a snapshot still creating", "only of a snapshot that is available"),
        ("create error: volume error", "of a volume in the state error"),
        ("create error: volume reserved", "the volume is reserved; a snapshot can be taken while"),
        ("in-use, 3.65, no force", "the volume is in-use; a snapshot can be taken while it is av"),
        ("snapshot create while volume reverting", "while it is available, in-use"),
        ("volume delete with snapshots", "without attachment, group and snapshots"),
        ("revert not the latest", "to its latest snapshot only"),
        ("revert to a snapshot still creating", "the snapshot must be available"),
        ("revert an in-use volume", "the volume must be available"),
        ("revert at 3.39", "does not know the operation"),
        ("over quota (count)", "as many snapshots or volumes as its quota allows"),
        ("over quota (gigabytes)", "quota of gigabytes is used up"),
        ("create error: as reader", "(policy volume:create_snapshot)"),
        ("delete as reader", "(policy volume:delete_snapshot)"),
        ("create error: body over 114688 bytes", "metadata: more than Cinder takes"),
        ("microversion 3.72", "does not offer this microversion"),
        ("create error: empty body", "failed inside"),
        ("bad token", "does not accept the token"),
    ],
)
def test_the_message_says_what_to_do(name: str, says: str) -> None:
    assert says in classified(raised(recorded(named(name)))).message


def test_only_a_filter_that_is_not_allowed_is_an_unknown_filter() -> None:
    answers = {one.name: str(one.answer) for one in failures()}
    unknown = {name for name in answers if errors.is_unknown_filter(raised(recorded(named(name))))}
    assert unknown == {name for name in answers if "Invalid filters " in answers[name]}
    assert {"list ?name~=snap", "list ?bogus at 3.31 (refused)", "list ?size=1"} <= unknown
    assert unknown.isdisjoint({"list ?sort=bogus", "list ?limit=abc", "list ?marker=bogus"})


def test_only_a_key_that_is_not_there_is_an_unknown_key() -> None:
    unknown = {one.name for one in failures() if errors.is_unknown_key(raised(recorded(one)))}
    assert unknown == {"metadata delete one again", "metadata get unknown key"}


def test_nothing_of_a_recorded_body_is_repeated_but_ids_states_and_policies() -> None:
    for one in failures():
        said = told(classified(raised(recorded(one))))
        assert "http" not in said
        assert "nnnn" not in said
        assert "vvvv" not in said
        assert "does not match" not in said
        assert "Value:" not in said
        assert "token of" not in said
