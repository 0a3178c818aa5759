"""The documents are true: their code runs as it is printed."""

from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parent.parent


def test_the_code_in_the_authors_guide_runs() -> None:
    guide = ROOT / "gateway" / "driver" / "AUTHORING.md"
    document = Sybil(parsers=[PythonCodeBlockParser()], path=str(guide.parent)).parse(guide)
    examples = list(document.examples())
    assert len(examples) == 3
    for example in examples:
        example.evaluate()


def test_every_capability_is_in_the_authors_guide() -> None:
    from gateway.driver import Capability

    guide = (ROOT / "gateway" / "driver" / "AUTHORING.md").read_text()
    for capability in Capability:
        assert capability.name is not None
        suffix = capability.name.removeprefix("SNAPSHOT").removeprefix("VOLUME")
        assert f"`{capability.name}`" in guide or f"`{suffix}`" in guide, capability
