"""The guide for authors is whole and true as far as that shows at once; see also tests/examples."""

import configparser
import re
import tomllib

import pytest

from gateway.conformance.harness import SnapshotHarness
from gateway.driver import METHODS, Capability, Driver, ErrorCode
from gateway.http.problems import STATUS
from tests.guide import GUIDE, LANGUAGES, blocks


def test_every_block_of_the_guide_is_of_a_kind_that_is_checked() -> None:
    fences = re.findall(r"^```(\w*)$", GUIDE.read_text(), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert {*fences[::2]} == {*LANGUAGES}
    assert len(blocks()) == len(fences) // 2


def test_every_block_of_python_says_which_file_it_is() -> None:
    assert not [b.line for b in blocks() if b.language == "python" and b.file is None]


def test_no_file_comes_twice() -> None:
    named = [block.file for block in blocks() if block.file is not None]
    assert len(set(named)) == len(named)


def test_the_tree_in_the_guide_names_every_file() -> None:
    (tree,) = [block.text for block in blocks() if block.language == "text"]
    shown = re.findall(r"[\w.]+\.(?:py|toml|cfg)", tree)
    files = [block.file.rpartition("/")[2] for block in blocks() if block.file is not None]
    assert sorted(shown) == sorted(files)


def test_every_block_of_settings_can_be_read() -> None:
    read = 0
    for block in blocks():
        if block.language == "toml":
            assert tomllib.loads(block.text)
            read += 1
        elif block.language == "ini":
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(block.text)
            assert parser.sections()
            read += 1
    assert read >= 3


@pytest.mark.parametrize("capability", Capability)
def test_every_capability_is_in_the_guide(capability: Capability) -> None:
    assert capability.name is not None
    suffix = capability.name.removeprefix("SNAPSHOT").removeprefix("VOLUME")
    guide = GUIDE.read_text()
    assert f"`{capability.name}`" in guide or f"`{suffix}`" in guide


def test_every_method_is_in_the_guide() -> None:
    guide = GUIDE.read_text()
    optional = {name for names in METHODS.values() for name in names}
    for name in {name for name in vars(Driver) if not name.startswith("_")} | optional:
        assert re.search(rf"`{name}\b", guide), name


def test_all_of_the_harness_is_in_the_guide() -> None:
    guide, helpers = GUIDE.read_text(), {"deadline", "driver", "needs"}
    for name in {name for name in vars(SnapshotHarness) if not name.startswith("_")} - helpers:
        assert re.search(rf"`{name}\b", guide), name


@pytest.mark.parametrize("code", ErrorCode)
def test_the_guide_tells_what_a_client_sees_of_each_code(code: ErrorCode) -> None:
    assert f"| `{code.name}` | {STATUS[code]} |" in GUIDE.read_text()


def test_what_the_guide_points_to_is_there() -> None:
    text = GUIDE.read_text()
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert {*re.findall(r"\]\(#([^)]+)\)", text)} <= anchors
    for path in re.findall(r"`((?:gateway|drivers|examples|tests)/[\w./]+)`", text):
        assert (GUIDE.parent.parent.parent / path).exists(), path
