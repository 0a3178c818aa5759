"""Any legal text goes in by any format and comes out of both unharmed; other text is refused."""

import json
from collections.abc import Callable
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.tools import accept, facts, problem
from tests.servers import Server

LIST = "/storage_snapshots"
ILLEGAL = [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF]
characters = st.characters(
    exclude_categories=["Cs"],
    exclude_characters="".join(map(chr, ILLEGAL)),
)
FULL = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KINDS = ["form", "query", "multipart", "json", "xml"]
LINE_ENDS = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
Body = tuple[str, bytes, str]


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(characters, min_size=least, max_size=most)


def body(kind: str, name: str, description: str, metadata: dict[str, str]) -> Body:
    """Return content type, body and query string that give these texts."""
    pairs = {"name": name, "description": description}
    pairs.update({f"metadata[{key}]": value for key, value in metadata.items()})
    if kind == "query":
        return "", b"", urlencode(pairs)
    if kind == "form":
        return "application/x-www-form-urlencoded", urlencode(pairs).encode(), ""
    if kind == "json":
        fields = {"name": name, "description": description, "metadata": metadata}
        return "application/json", json.dumps(fields).encode(), ""
    if kind == "multipart":
        return "multipart/form-data; boundary=bOuNd", multipart(pairs), ""
    metas = "".join(
        f"<meta key={quoteattr(key, LINE_ENDS)}>{escape(value, LINE_ENDS)}</meta>"
        for key, value in metadata.items()
    )
    text = (
        f"<storage_snapshot><name>{escape(name, LINE_ENDS)}</name>"
        f"<description>{escape(description, LINE_ENDS)}</description>"
        f"<metadata>{metas}</metadata></storage_snapshot>"
    )
    return "application/xml", text.encode(), ""


def multipart(pairs: dict[str, str]) -> bytes:
    parts = []
    for name, value in pairs.items():
        # As browsers write a name: only the quote and the line ends are encoded.
        shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'--bOuNd\r\nContent-Disposition: form-data; name="{shown}"\r\n\r\n'
        parts.append(f"{head}{value}\r\n".encode())
    return b"".join(parts) + b"--bOuNd--\r\n"


def put(server: Server, snapshot_id: str, given: Body, format_: str) -> None:
    content_type, data, query = given
    headers = {"Content-Type": content_type} if content_type else {}
    path = f"{LIST}/{snapshot_id}" + (f"?{query}" if query else "")
    answer = server.request("PUT", path, data=data, headers={**headers, **accept(format_)})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def changing(server: Server, make_image: Callable[..., str]) -> str:
    """The id of a snapshot whose texts change."""
    made = facts(server.request("POST", LIST, data={"volume_id": make_image()}))
    server.wait_until(f"{LIST}/{made['id']}")
    return str(made["id"])


@pytest.mark.parametrize("kind", KINDS)
@FULL
@given(data=st.data())
def test_any_text_comes_back_as_it_was_given(
    server: Server, changing: str, kind: str, data: st.DataObject
) -> None:
    name, description = data.draw(texts(30)), data.draw(texts(40))
    # A multipart name is a header, of which not every character survives; keys go by value there.
    key = st.text("abcxyz é€😀[]", min_size=1, max_size=9) if kind == "multipart" else texts(12, 1)
    if kind in {
        "form",
        "query",
        "multipart",
    }:  # name[a][b] would be a map in a map, which is refused
        key = key.filter(lambda text: "][" not in text)
    metadata = data.draw(st.dictionaries(key, texts(20), max_size=3))
    put(
        server,
        changing,
        body(kind, name, description, metadata),
        data.draw(st.sampled_from(["xml", "json"])),
    )
    for format_ in ("xml", "json"):
        found = facts(server.request("GET", f"{LIST}/{changing}", headers=accept(format_)))
        unnamed = changing if format_ == "xml" else None
        assert found["name"] == (name or unnamed)
        assert found["description"] == (description or None)
        if metadata or kind in {"json", "xml"}:  # a form cannot say "no metadata"
            assert found["metadata"] == metadata


@FULL
@given(key=texts(12, 1), value=texts(12))
def test_any_metadata_key_can_be_reached_by_its_url(
    server: Server, changing: str, key: str, value: str
) -> None:
    path = f"{LIST}/{changing}/metadata/{quote(key, safe='').replace('.', '%2E')}"
    answer = server.request("PUT", path, data={"value": value})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"meta": {key: value}}
    assert server.request("GET", path).json() == {"meta": {key: value}}
    assert server.request("DELETE", path).status_code == 204
    assert server.request("GET", path).status_code == 404


NASTY = [
    "a\r\nb\rc\nd\te",
    " lead and trail ",
    "]]>",
    "<![CDATA[x]]>",
    "&amp;&#0;&lt;",
    "\"'`<>&",
    "\u0085\u2028\u2029\ufeff",
    "e\u0301 \u00e9",
    "\U0001f9d1\u200d\U0001f680",
    "\U0010ffff\U0001fffe",
    "\u202eabc",
    "%00%ff%2e",
    "\x7f\x80\x9f",
    "null",
    "true",
    "0123",
    "{}",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_nasty_text_comes_back_as_it_was_given(
    server: Server, changing: str, kind: str, text: str
) -> None:
    put(server, changing, body(kind, text, text, {"k": text}), "xml")
    for format_ in ("xml", "json"):
        found = facts(server.request("GET", f"{LIST}/{changing}", headers=accept(format_)))
        assert (found["name"], found["description"]) == (text, text)
        assert found["metadata"] == {"k": text}


@pytest.mark.parametrize("kind", ["form", "query", "multipart", "json"])
def test_every_character_that_xml_cannot_carry_is_refused_by_name(
    server: Server, changing: str, kind: str
) -> None:
    before = server.request("GET", f"{LIST}/{changing}").json()
    surrogates = [0xD800, 0xDBFF, 0xDC00, 0xDFFF] if kind == "json" else []
    for code in [*ILLEGAL, *surrogates]:
        bad = f"a{chr(code)}b"
        for texts_ in ((bad, "d", {}), ("n", bad, {}), ("n", "d", {"k": bad})):
            content_type, data, query = body(kind, *texts_)
            headers = {"Content-Type": content_type} if content_type else {}
            answer = server.request(
                "PUT",
                f"{LIST}/{changing}" + (f"?{query}" if query else ""),
                data=data,
                headers={**headers, **accept("json")},
            )
            assert answer.status_code == 400, (hex(code), answer.text)
            assert f"U+{code:04X}" in problem(answer)["message"]
    assert server.request("GET", f"{LIST}/{changing}").json() == before


@pytest.mark.parametrize("raw", ["\x00", "\x01", "\x0b", "\x1f", "\ufffe", "\uffff", "&#1;"])
def test_an_xml_body_with_such_a_character_is_refused(
    server: Server, changing: str, raw: str, format_: str
) -> None:
    data = f"<storage_snapshot><name>a{raw}b</name></storage_snapshot>".encode()
    headers = {"Content-Type": "application/xml", **accept(format_)}
    answer = server.request("PUT", f"{LIST}/{changing}", data=data, headers=headers)
    assert answer.status_code == 400
    assert "XML" in problem(answer)["message"]


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8"])
def test_an_xml_body_may_declare_its_encoding(server: Server, changing: str, encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><storage_snapshot name='é'/>"
    headers = {"Content-Type": "application/xml", **accept("json")}
    data = text.encode(encoding)
    answer = server.request("PUT", f"{LIST}/{changing}", data=data, headers=headers)
    assert answer.status_code == 200, answer.text
    assert facts(answer)["name"] == "é"
