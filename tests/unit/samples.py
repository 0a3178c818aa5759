"""The resources of the golden files; the first ones are the examples of Deltacloud's manual."""

from datetime import UTC, datetime, timedelta

from gateway.core.actions import snapshot_actions, volume_actions
from gateway.driver import (
    Capability,
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    Visibility,
    VolumeState,
)
from gateway.representations.documents import (
    DriverDescription,
    EntryPoint,
    Feature,
    Links,
    ListEnd,
    Native,
    Problem,
    ResourceSchema,
    Result,
    Row,
    SchemaField,
)

LINKS = Links("http://localhost:3001/api")
# What Deltacloud's manual shows of EC2: no operation but the list itself.
PLAIN = Row(LINKS)
END = ListEnd(3)
LONG_END = ListEnd(
    3,
    next_href="http://localhost:3001/api/storage_snapshots?limit=3&marker=a-_b",
    count=7,
    explain={
        "backend": {"filters": ["name", "metadata[a<b]"], "sort": []},
        "gateway": {"filters": ["metadata[a<b]"], "sort": ["-created"]},
        "rows": 9,
        "calls": 2,
        "matched": 3,
    },
)
UNCOUNTED_END = ListEnd(3, count_missing="it is <not> known")
ALL = Capability(sum(flag.value for flag in Capability))


def ec2(snapshot_id: str, volume_id: str, created: datetime) -> StorageSnapshot:
    return StorageSnapshot(
        snapshot_id,
        SnapshotState.AVAILABLE,
        "completed",
        ready=True,
        created=created,
        volume_id=volume_id,
    )


DELTACLOUD = (
    ec2("snap-45b8d024", "vol-0bc0de60", datetime(2011, 7, 28, 21, 54, 19, tzinfo=UTC)),
    ec2("snap-d5a1c9b4", "vol-99fbe5f2", datetime(2011, 7, 28, 21, 46, 12, tzinfo=UTC)),
    ec2("snap-dda6cebc", "vol-99fbe5f2", datetime(2011, 7, 28, 21, 51, 55, tzinfo=UTC)),
    ec2("snap-d010f6b9", "vol-351efb5c", datetime(2008, 10, 20, 18, 23, 59, tzinfo=UTC)),
    ec2("snap-a310f6ca", "vol-001efb69", datetime(2008, 10, 20, 18, 25, 53, tzinfo=UTC)),
)

_CREATED = datetime(2026, 11, 20, 18, 27, 29, 123456, tzinfo=UTC)
FULL = StorageSnapshot(
    id="snap 1;ä%",
    state=SnapshotState.ARCHIVED,
    native_state="completed & archived",
    ready=False,
    name="<nightly> \"home\" & 'var'",
    description="two\nlines,\ta tab\r and \U0001f4be",
    state_reason="moved to the <archive> tier",
    progress=100,
    created=_CREATED,
    completed=_CREATED + timedelta(seconds=1),
    updated=_CREATED + timedelta(days=1),
    volume_id="vol/1",
    volume_exists=True,
    size_bytes=10 << 30,
    stored_bytes=0,
    stored_kind=StoredKind.DELTA,
    metadata={"it's": "a <value>", "empty": "", "line\nbreak": " spaces "},
    labels=("one", "<two>", ""),
    owner=Owner("o'neill", is_self=True),
    visibility=Visibility.SHARED,
    group_id="group & 1",
    encrypted=False,
    location="ZRH",
    tier="archive",
)
FULL_ROW = Row(Links("https://example.org/api;provider=aws-eu"), snapshot_actions(FULL, ALL))
ORPHAN = StorageSnapshot(
    "orphan",
    SnapshotState.UNKNOWN,
    "recycled",
    ready=True,
    volume_id="vol-gone",
    volume_exists=False,
)
VOLUME = StorageVolume(
    id="vol-0bc0de60",
    state=VolumeState.IN_USE,
    native_state="in-use",
    name="data",
    description="the <data> disk",
    state_reason="attached",
    progress=50,
    created=_CREATED,
    size_bytes=(10 << 30) + 1,
    stored_bytes=4096,
    metadata={"k": "v"},
    zone="eu-west-1a",
    snapshot_id="snap-45b8d024",
    owner=Owner("alice", is_self=False),
)
VOLUME_ROW = Row(LINKS, volume_actions(VOLUME, ALL), snapshot_ids=("snap-45b8d024", "snap 2"))
BARE_VOLUME = StorageVolume("disk.img", VolumeState.AVAILABLE, "available")
BARE_VOLUME_ROW = Row(LINKS, volume_actions(BARE_VOLUME, ALL), snapshot_ids=())
ENTRY_POINT = EntryPoint(
    version="0.1.0",
    driver="local",
    provider="home & garden",
    collections={
        "drivers": (),
        "storage_snapshots": (
            Feature("create", "create", ("volume_id", "name")),
            Feature("delete", "delete"),
        ),
    },
)
NATIVE = Native({"id": "exact", "metadata[KEY]": "superset"}, ("id",), count=True)
DRIVER = DriverDescription(
    id="acme.drivers:Acme",
    name="Acme & Sons",
    providers=("eu", "us"),
    capabilities={"volume_read": "volumes can be shown", "zone": "a <zone> can be named"},
    filters={"id": ("exact", "in"), "metadata[KEY]": ("exact",)},
    sort_keys=("created", "id"),
    native=NATIVE,
    limits={"name": 255, "page_size": 1000},
)
SCHEMA = ResourceSchema(
    fields=(
        SchemaField("id", "string", readonly=True, required=False, help_text="Opaque"),
        SchemaField("volume_id", "string", readonly=False, required=True, help_text="<source>"),
    ),
    list_methods=("get", "post"),
    detail_methods=("get", "delete"),
    filters={"id": ("exact", "in"), "created": ("gte", "isnull")},
    sort_keys=("created",),
    native=NATIVE,
    limits={"name": 255},
)
PROBLEM = Problem(
    status=400,
    kind="invalid",
    message="bad request: name: 300 characters; a <tag> & \x0b",
    path="/api/storage_snapshots",
    request_id="0123456789abcdef",
    fields={"name": "300 characters", "metadata[<k>]": "too long"},
    driver="ec2",
    provider="aws-eu",
)
BACKEND_PROBLEM = Problem(
    status=503,
    kind="unavailable",
    message="down",
    path="/api",
    request_id="r-1",
    retryable=True,
    driver="ec2",
    provider="aws-eu",
    backend_code="Server.Unavailable",
)
UNKNOWN_PROBLEM = Problem(
    status=504,
    kind="timeout",
    message="late; it may be made all the same",
    path="/api/storage_snapshots",
    request_id="r-3",
    driver="ec2",
    provider="aws-eu",
    outcome="unknown",
    marker="0123456789abcdef0123456789abcdef",
)
EARLY_PROBLEM = Problem(406, "not_acceptable", "no", "/api", "r-2")
RESULTS = (
    Result(0, 204, "snap <1>"),
    Result(1, 400, problem=PROBLEM),
    Result(2, 503, "snap-2", problem=BACKEND_PROBLEM, retry_after_s=30),
    Result(3, 201, ORPHAN.id, made=(ORPHAN, PLAIN)),
    Result(4, 201),
    Result(5, 200, ORPHAN.id, reused="key", duplicates=("<late>", "later")),
)
