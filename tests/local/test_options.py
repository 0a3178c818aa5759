import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from marshmallow import ValidationError

from drivers.local.driver import LocalDriver
from gateway.driver import ConfigurationError, Secret
from tests.local.stores import load_options, opened


def problems(**options: object) -> dict[str, list[str]]:
    """Return what is wrong with options."""
    with pytest.raises(ValidationError) as caught:
        load_options(Path("store"), **options)
    return dict(caught.value.normalized_messages())


def test_the_facts_are_in_the_folder_unless_the_option_says_where(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as local:
        local.whole_snapshot(local.put("disk.img"))
    assert (tmp_path / "one" / "snapgate.db").exists()
    url = f"sqlite:///{tmp_path / 'facts.db'}"
    with opened(tmp_path / "two", database=url) as local:
        found = local.whole_snapshot(local.put("disk.img"))
    assert not (tmp_path / "two" / "snapgate.db").exists()
    with closing(sqlite3.connect(tmp_path / "facts.db")) as database:
        assert database.execute("SELECT id FROM disks").fetchall() == [(found.id,)]
    with opened(tmp_path / "two", database=url) as local:
        assert local.snapshots() == [found]


def test_a_database_can_be_given_by_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'facts.db'}"
    monkeypatch.setenv("SNAPGATE_TEST_URL", url)
    (tmp_path / "url").write_text(url + "\n")
    for reference in ("env:SNAPGATE_TEST_URL", f"file:{tmp_path / 'url'}"):
        assert load_options(tmp_path, database=reference)["database"] == Secret(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@host/facts",
        "mysql+pymysql://:hunter2@host/facts",
        "sqlite://user:hunter2@/facts.db",
    ],
)
def test_a_password_in_clear_is_refused_and_not_repeated(url: str) -> None:
    (found,) = problems(database=url)["database"]
    assert "by reference" in found
    assert "hunter2" not in found


@pytest.mark.parametrize("url", ["facts.db", "", "://", 5, ["sqlite:///x"], "postgresql://h:abc/d"])
def test_what_is_no_database_url_is_refused(url: object) -> None:
    assert problems(database=url)["database"]


def test_a_reference_to_what_is_no_url_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SNAPGATE_TEST_URL", "hunter2 is no URL")
    (found,) = problems(database="env:SNAPGATE_TEST_URL")["database"]
    assert "not an SQLAlchemy database URL" in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "url",
    [
        "nosuchdialect://host/facts",
        "sqlite:////nowhere/at/all/facts.db",
        "sqlite://",  # in memory: each connection would have a database of its own
    ],
)
def test_a_database_that_cannot_work_stops_the_start(tmp_path: Path, url: str) -> None:
    options = load_options(tmp_path / "store", database=url)
    with pytest.raises(ConfigurationError, match="database"):
        LocalDriver.share(options)


def test_a_broken_database_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "snapgate.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(ConfigurationError, match="database: cannot be opened"):
        LocalDriver.share(load_options(tmp_path))


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="give a folder that can be written to"):
        LocalDriver.share(load_options(tmp_path / "file"))


@pytest.mark.parametrize("name", ["with space", "größe", "what?", "a#b", "a%20b", "a:b@c", "&x=y"])
def test_a_store_can_be_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / name) as local:
        found = local.whole_snapshot(local.put("disk.img"))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "snapgate.db").exists()
    with opened(tmp_path / name) as local:
        assert local.get(found.id).ready


@pytest.mark.parametrize("value", [-1, "5", 1.5, None])
def test_a_speed_is_a_whole_number_from_zero(value: object) -> None:
    assert problems(copy_bytes_per_s=value)["copy_bytes_per_s"]


def test_unknown_and_missing_options_are_refused() -> None:
    assert problems(colour="red")["colour"]
    with pytest.raises(ValidationError) as caught:
        LocalDriver.Options().load({})
    assert set(caught.value.normalized_messages()) == {"path", "accounts"}
