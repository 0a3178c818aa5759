from pathlib import Path

import pytest

from gateway import configuration
from gateway.driver import ConfigurationError
from gateway.settings import check_demo_stays_home, load_settings
from tests.unit.configs import Write, load, problem, provider


def test_a_file_with_one_provider_is_enough(write: Write) -> None:
    found = load(write(provider()))
    assert [p.name for p in found.providers] == ["local"]
    assert found.providers.default.name == "local"
    assert (found.host, found.port, found.workers) == ("127.0.0.1", 3001, 2)
    assert found.public_url is None


def test_everything_in_the_file_counts(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
[gateway]
default_provider = "b"
call_timeout_s = 1.5
session_ttl_s = 60
session_cache = 7
max_sorted_rows = 8
marker_key = "env:SNAPGATE_TEST_KEY"
[server]
host = "::1"
port = 0
workers = 3
connections = 5
graceful_timeout_s = 4
public_url = "https://snapshots.example.org:8443"
"""
    monkeypatch.setenv("SNAPGATE_TEST_KEY", "sixteen letters!")
    found = load(write(text + provider("a") + provider("b", more="copy_bytes_per_s = 9")))
    assert [p.name for p in found.providers] == ["a", "b"]
    assert found.providers.default.name == "b"
    assert found.providers.default.options["copy_bytes_per_s"] == 9
    server = (found.host, found.port, found.workers, found.connections, found.graceful_timeout_s)
    assert server == ("::1", 0, 3, 5, 4)
    assert found.public_url == "https://snapshots.example.org:8443"
    assert (found.call_timeout_s, found.session_ttl_s, found.session_cache) == (1.5, 60, 7)
    assert (found.max_sorted_rows, found.marker_key) == (8, b"sixteen letters!")


def test_a_marker_key_is_made_up_anew_and_never_shown(write: Write) -> None:
    one, two = load(write(provider())), load(write(provider()))
    assert len(one.marker_key) == len(two.marker_key) == 32
    assert one.marker_key != two.marker_key
    assert repr(one.marker_key) not in repr(one)


@pytest.mark.parametrize("given", ["env:NO_SUCH_VARIABLE", "a key in plain sight", "env:HOME_"])
def test_a_bad_marker_key_stops_the_start(
    write: Write, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("HOME_", "too short")
    with pytest.raises(ConfigurationError, match=r"gateway\.marker_key: ") as caught:
        load(write(f'[gateway]\nmarker_key = "{given}"\n' + provider()))
    assert "too short" not in str(caught.value) or "at least 16" in str(caught.value)


def test_arguments_beat_the_environment_beats_the_file(write: Write) -> None:
    path = write(provider() + '[server]\nhost = "::1"\nport = 1\nworkers = 1\n')
    environment = {"SNAPGATE_PORT": "2", "SNAPGATE_WORKERS": "2", "SNAPGATE_HOST": ""}
    found = load(path, environment, port=3, host=None)
    assert (found.host, found.port, found.workers) == ("::1", 3, 2)


def test_the_environment_names_the_default_provider(write: Write) -> None:
    path = write(provider("a") + provider("b"))
    assert load(path, {"SNAPGATE_DEFAULT_PROVIDER": "b"}).providers.default.name == "b"


def test_the_environment_names_the_file(write: Write) -> None:
    environment = {"SNAPGATE_CONFIG": str(write(provider()))}
    assert load_settings(environment=environment).providers.default.name == "local"


def test_an_argument_of_zero_is_given(write: Write) -> None:
    assert load(write(provider()), port=0).port == 0


def test_the_shipped_configuration_is_good() -> None:
    found = load(Path(__file__).parents[2] / configuration.DEFAULT_CONFIG)
    check_demo_stays_home(found)
    assert found.providers.default.demo_credentials() is not None


@pytest.mark.parametrize("name", ["a", "aws-eu", "Zurich.1", "9_x", "x" * 63])
def test_a_provider_name_fits_into_a_url(write: Write, name: str) -> None:
    assert load(write(provider(f'"{name}"'))).providers.default.name == name


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "a b", "a;driver=x", "a/b", "a=b", "ä", "x" * 64, "a%20", r"a\n"]
)
def test_a_provider_name_that_fits_into_no_url_is_refused(write: Write, name: str) -> None:
    assert "providers." in problem(write(provider(f'"{name}"')))


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("", ["providers"]),
        ("[providers]\n", ["providers"]),
        ("providers = 5\n", ["providers"]),
        ("[providers]\nlocal = 5\n", ["providers.local"]),
        ("[providers.local]\n", ["providers.local.driver", "required"]),
        ("[provider.x]\n", ["provider: unknown key", "did you mean providers?"]),
        (provider() + "[server]\nprot = 1\n", ["server.prot", "did you mean port?", "workers"]),
        (provider() + "[server]\nzzz = 1\n", ["server.zzz: unknown key; known keys: host, port"]),
        (provider() + "[gateway]\ndefault = 1\n", ["gateway.default:", "default_provider"]),
        (
            '[providers.local]\ndriver = "local"\noptoins = {}\n',
            ["providers.local.optoins", "did you mean options?"],
        ),
        (
            provider(more="paht = 1"),
            ["providers.local.options.paht", "path, accounts, database, copy_bytes_per_s"],
        ),
        (
            '[providers.local]\ndriver = "local"\n',
            ["options.path: ", "required", "folder with volumes/", "options.accounts: "],
        ),
        (provider(more="copy_bytes_per_s = -1"), ["options.copy_bytes_per_s", "0: no limit"]),
        (provider(more='copy_bytes_per_s = "x"'), ["options.copy_bytes_per_s", "integer"]),
        (provider() + "[server]\nport = 65536\n", ["server.port", "65535"]),
        (provider() + "[server]\nport = 3001.7\n", ["server.port"]),
        (provider() + "[server]\nport = true\n", ["server.port", "integer"]),
        (provider() + "[server]\nworkers = 0\n", ["server.workers", "1"]),
        (provider() + '[server]\nhost = ""\n', ["server.host"]),
        (provider() + "[server]\nhost = 1\n", ["server.host", "string"]),
        (provider() + '[server]\npublic_url = "example.org"\n', ["server.public_url"]),
        (provider() + '[server]\npublic_url = "http://a/b"\n', ["server.public_url"]),
        (provider() + "[gateway]\ncall_timeout_s = 0\n", ["gateway.call_timeout_s", "0.1"]),
        (provider() + "[gateway]\ncall_timeout_s = nan\n", ["gateway.call_timeout_s"]),
        ("server = 5\n" + provider(), ["server: "]),
        ("[gateway]\ndefault_provider = 'x'\n" + provider(), ["'x'", "one of local"]),
        (provider("a") + provider("b"), ["gateway.default_provider: missing; one of a, b"]),
        (
            '[providers.local]\ndriver = "nowhere"\n',
            ["providers.local.driver: no driver 'nowhere' is installed", "local"],
        ),
        ("[x", ["not valid TOML"]),
        ("a = 1\na = 2\n", ["not valid TOML", "line 2"]),
    ],
)
def test_a_bad_file_is_told_by_file_key_and_what_would_be_right(
    write: Write, text: str, fragments: list[str]
) -> None:
    message = problem(write(text))
    assert not [fragment for fragment in fragments if fragment not in message], message


def test_every_bad_key_is_told_at_once(write: Write) -> None:
    message = problem(write("[server]\nport = -1\nnope = 1\n[gateway]\nnope = 1\n"))
    assert all(
        key in message for key in ("server.port", "server.nope", "gateway.nope", "providers")
    )


def test_a_bad_value_from_the_environment_is_told_by_its_variable(write: Write) -> None:
    message = problem(write(provider()), {"SNAPGATE_PORT": "eighty"})
    assert "SNAPGATE_PORT" in message
    assert "server.port" in message


def test_the_environment_does_not_hide_a_section_that_is_none(write: Write) -> None:
    assert "server: " in problem(write("server = 5\n" + provider()), {"SNAPGATE_PORT": "1"})


def test_a_missing_file_is_told_how_to_name_another(tmp_path: Path) -> None:
    message = problem(tmp_path / "none.toml")
    assert "no such file" in message
    assert "--config" in message
    assert "SNAPGATE_CONFIG" in message


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    problem(tmp_path)
    (tmp_path / "latin1.toml").write_bytes(b"# \xe4\n")
    assert "not valid TOML" in problem(tmp_path / "latin1.toml")
