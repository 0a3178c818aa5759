from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.local.driver import LocalDriver
from drivers.local.images import is_safe_name
from gateway.driver import Filter, MetadataChange, Query, UpdateSnapshot
from gateway.representations.xml_text import ILLEGAL
from tests.local.stores import Local, deadline, opened

LIMITS = LocalDriver.limits
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def text(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    """Return any text that the schemas allow."""
    allowed = st.characters(exclude_categories=["Cs"]).filter(lambda c: not ILLEGAL.search(c))
    return st.text(allowed, min_size=shortest, max_size=longest)


names = st.none() | text(LIMITS.name, 1)
descriptions = st.none() | text(LIMITS.description, 1)
metadata = st.dictionaries(text(LIMITS.metadata_key, 1), text(LIMITS.metadata_value), max_size=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with opened(tmp_path_factory.mktemp("text") / "store") as local:
        local.whole_snapshot(local.put("disk.img", b""))
        yield local


@QUICK
@given(name=names, description=descriptions, pairs=metadata)
def test_any_text_comes_back_as_it_was_given(
    store: Local, name: str | None, description: str | None, pairs: dict[str, str]
) -> None:
    found = store.snapshot("disk.img", name=name, description=description, metadata=pairs)
    shown = store.settled(found.id)
    assert (shown.name, shown.description, shown.metadata) == (name, description, pairs)
    assert list(shown.metadata) == list(pairs)
    if name is not None:
        assert shown in store.snapshots(Query((Filter("name", name),)))
    store.delete(found.id)


@QUICK
@given(before=metadata, change=metadata, removed=st.frozensets(text(3, 1)), replace=st.booleans())
def test_any_change_of_metadata_gives_what_the_model_says(
    store: Local,
    before: dict[str, str],
    change: dict[str, str],
    removed: frozenset[str],
    replace: bool,
) -> None:
    snapshot_id = next(iter(store.snapshots())).id

    def update(wanted: MetadataChange) -> dict[str, str]:
        request = UpdateSnapshot(metadata=wanted)
        found = store.driver.update_snapshot(snapshot_id, request, deadline=deadline())
        return dict(found.metadata)

    assert update(MetadataChange(set=before, replace=True)) == before
    removed |= frozenset(list(before)[:1])
    wanted = MetadataChange(set=change, remove=removed, replace=replace)
    expected = {} if replace else {k: v for k, v in before.items() if k not in removed}
    assert update(wanted) == {**expected, **change}


@QUICK
@given(name=text(60, 1))
def test_a_file_is_a_volume_exactly_if_its_name_is_safe(store: Local, name: str) -> None:
    if "/" in name or len(name.encode()) > 255 or name in {".", "..", "disk.img"}:
        assert "/" not in name or not is_safe_name(name)
        return
    path = store.volume_file(name)
    path.write_bytes(b"x")
    try:
        listed = [volume.id for volume in store.volumes()]
        assert (name in listed) is is_safe_name(name)
        if is_safe_name(name):
            assert name.isprintable()
            assert not name.startswith(".")
            assert store.get_volume(name).size_bytes == 1
    finally:
        path.unlink()


@QUICK
@given(name=text(LIMITS.name, 1))
def test_a_volume_keeps_any_name(store: Local, name: str) -> None:
    volume = store.make_volume(1, name=name)
    assert store.get_volume(volume.id).name == name
    store.delete_volume(volume.id)
