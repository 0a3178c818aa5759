"""How the simulated CloudSigma behaves.

What CloudSigma documents is the default. What it does not document has a setting, which
says so with the word "undocumented": a driver must cope with every value of it.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.simulators.ec2_state import Clock

ErrorForm = Literal["list", "object", "html", "empty"]
Work = Literal[
    "create_drive",
    "clone_drive",
    "resize_drive",
    "delete_drive",
    "create_snapshot",
    "delete_snapshot",
    "create_remote_snapshot",
    "transfer_remote_snapshot",
    "delete_remote_snapshot",
]


def _new_id() -> str:
    return str(uuid.uuid4())


def _rates() -> dict[str, int]:
    return {"GET": 10_000, "POST": 10_000, "PUT": 10_000, "DELETE": 1000}


@dataclass(kw_only=True)
class Settings:
    """How the simulated cloud behaves; may be changed while it runs."""

    clock: Clock = field(default_factory=Clock)
    seed: int = 20
    """Of the order of lists."""
    new_id: Callable[[], str] = _new_id

    # How long things take.
    work_s: float = 0.0
    """How long everything takes; 0: until the next request."""
    works_s: Mapping[Work, float] = field(default_factory=dict)
    """How long one kind of work takes, where it differs."""
    work_reads: int = 0
    """How many answers, besides, show an object while it is worked on."""

    # Lists.
    order: Literal["moving", "reshuffled", "created"] = "moving"
    """Undocumented. What is changed moves to another place; or every change of any object
    shuffles all; or as created, which CloudSigma does not do."""
    limit_default: int = 20
    limit_maximum: int | None = None
    """Undocumented: objects of a page at most, also with ``limit=0``; None: no maximum."""
    filters_status: bool = False
    """Undocumented: whether ``?status=`` filters; the schema does not list it."""
    has_order_by: bool = False
    """Undocumented: whether ``?order_by=name`` orders; the schemas list fields for it, but
    nothing says what the parameter is called."""
    lacks: frozenset[str] = frozenset()
    """Fields that answers lack, as in older releases: ``grantees``, ``runtime.is_ephemeral``."""

    # Errors.
    error_form: ErrorForm = "list"
    """Of all errors: a list of objects, one bare object, a page, or no body at all."""
    error_forms: Mapping[int, ErrorForm] = field(default_factory=dict)
    """Undocumented for 401, 405, 406, 429 and 503: the form of these statuses."""
    foreign_status: Literal[403, 404] = 403
    """For what belongs to another account; 403 was seen (2026)."""
    foreign_has_point: bool = False
    """Whether that error has an ``error_point``; the one that was seen has none."""
    wrong_state_status: int = 403
    """Undocumented exactly: documented is 403 for what a state does not allow."""
    interval_status: int = 403
    """Undocumented: for a remote snapshot within 30 minutes of the one before."""
    limit_status: int = 403
    """Undocumented: for more snapshots than are allowed."""
    unknown_drive_status: Literal[400, 404] = 400
    """Undocumented: for a snapshot of a drive that does not exist."""
    rate_status: int = 503
    """Undocumented: for more requests in a minute than are allowed."""
    rates_per_minute: Mapping[str, int] = field(default_factory=_rates)

    # Snapshots and clones.
    has_snapshots: bool = True
    has_remote_snapshots: bool = True
    """Unsupported features vanish from capabilities; undocumented: their URLs answer 404."""
    snapshot_maximum: int = 700
    snapshot_maximum_per_drive: int = 90
    remote_snapshot_maximum: int = 600
    remote_locations: tuple[str, ...] = ("ZRH", "FRA")
    needs_location: bool = False
    """Undocumented: whether a remote snapshot needs a location, or goes to the first one."""
    remote_interval_s: float = 1800.0
    interval_counts_deleted: bool = False
    """Undocumented: whether a remote snapshot that was deleted still bars the next one."""
    snapshotable_states: tuple[str, ...] = ("unmounted", "mounted")
    """States of a drive that allow a snapshot of it."""
    busy_snapshot_refuses: frozenset[str] = frozenset({"clone"})
    """Undocumented: of edit, delete, clone, what a local snapshot refuses while creating."""
    busy_remote_refuses: frozenset[str] = frozenset({"edit", "delete", "clone"})
    """The same of remote snapshots that are creating or transferring; documented."""
    snapshot_size: int = 0
    """allocated_size of a local snapshot when it becomes available."""
    null_size_while_creating: bool = True
    """A local snapshot's allocated_size; False: 0."""
    null_remote_size_while_creating: bool = False
    """Undocumented: a remote snapshot's; the one sample shows 0."""
    deletable_drive_states: tuple[str, ...] = ("unmounted", "mounted")
    """Undocumented: states in which a drive can be deleted; 403 on a running server."""
    deleting_status: str | None = None
    """Undocumented: the status of what is being deleted; None: the one it had."""
    cloning_snapshot_status: str | None = None
    """Undocumented: the status of a snapshot that is being cloned; None: unchanged."""
    clone_answer: Literal["reference", "plain", "wrapped"] = "reference"
    """Of a clone of a snapshot: a bare drive whose resource_uri is an object, as the samples
    show; a bare drive as elsewhere; or ``{"objects": [drive]}`` as drives' clones answer."""
    clones_copy_meta: frozenset[str] = frozenset({"remotesnapshots"})
    """Undocumented: which sources hand on meta and tags: drives, snapshots, remotesnapshots."""

    # Updates.
    put_needs_all: bool = True
    """Undocumented: whether PUT without a required field is refused."""
    put_resets: frozenset[str] = frozenset({"meta", "name"})
    """Undocumented: which of meta, name and tags PUT resets that does not have them."""
    bulk_delete: Literal["whole", "partial"] = "whole"
    """Undocumented: one unknown uuid among many: nothing is deleted, or all the others are;
    the answer is 404 either way."""
    keeps_other_meta_values: bool = False
    """Undocumented: whether numbers and the like are kept as values of meta, or refused."""
    ready_at_once: bool = False
    """Whether a new drive says is_snapshotable at once, as a newer sample shows; else null."""
    gzips: bool = True
    """Whether long answers are compressed for those who accept it."""

    def work_seconds(self, work: Work) -> float:
        """Return how long a kind of work takes."""
        return self.works_s.get(work, self.work_s)
