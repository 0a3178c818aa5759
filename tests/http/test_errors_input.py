"""Bad input: a 400 that names what is wrong, in the format asked for, and nothing happens."""

import contextlib
from collections.abc import Callable

import pytest

from tests.http.tools import accept, problem, send
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
LIST = "/storage_snapshots"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
XML = "application/xml"
ENTITY_BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    "<storage_snapshot><volume_id>IMAGE</volume_id><name>&d;</name></storage_snapshot>"
)
SCRIPT_FILE = (
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    "<storage_snapshot><volume_id>IMAGE</volume_id><name>&f;</name></storage_snapshot>"
)

BAD_CREATES = [
    # (content type, body with IMAGE for a volume's id, what the answer must name)
    (FORM, "", "volume_id"),
    (FORM, "name=x", "volume_id"),
    (FORM, "volume_id=", "volume_id"),
    (FORM, "volume_id=IMAGE&colour=red", "colour"),
    (FORM, "volume_id=IMAGE&Name=x", "Name"),
    (FORM, "volume_id=IMAGE&volume_id=IMAGE", "volume_id"),
    (FORM, "volume_id=IMAGE&name=a&name=b", "name"),
    (FORM, "volume_id[]=IMAGE", "volume_id[]"),
    (FORM, "volume_id[a]=IMAGE", "volume_id"),
    (FORM, "volume_id=IMAGE&metadata=x", "metadata"),
    (FORM, "volume_id=IMAGE&metadata[k]=1&metadata[k]=2", "metadata[k]"),
    (FORM, "volume_id=IMAGE&metadata[k]=1&metadata=2", "metadata"),
    (FORM, "volume_id=IMAGE&metadata[a%00b]=1", "U+0000"),
    (FORM, "volume_id=IMAGE&metadata[k]=a%1Fb", "U+001F"),
    (FORM, "volume_id=IMAGE&name=a%00b", "U+0000"),
    (FORM, "volume_id=IMAGE&name=a%EF%BF%BFb", "U+FFFF"),
    (FORM, "volume_id=IMAGE&description=a%0Bb", "U+000B"),
    (FORM, "volume_id=IMAGE&name=%ff", "UTF-8"),
    (FORM, "volume_id=IMAGE&%ff=x", "UTF-8"),
    (FORM, "volume_id=IMAGE&name=" + "n" * 256, "name"),
    (FORM, "volume_id=IMAGE&description=" + "d" * 4097, "description"),
    (FORM, "volume_id=IMAGE&metadata[" + "k" * 256 + "]=v", "metadata"),
    (FORM, "volume_id=IMAGE&metadata[key]=" + "v" * 4097, "metadata[key]"),
    (FORM, "volume_id=IMAGE&" + "&".join(f"metadata[{i}]=v" for i in range(257)), "256"),
    (FORM, "volume_id=IMAGE&" + "&".join(f"p{i}=v" for i in range(1001)), "1000"),
    (FORM, "volume_id=IMAGE&in_use=maybe", "in_use"),
    (FORM, "volume_id=IMAGE&location=moon", "location"),
    (JSON, "", "volume_id"),
    (JSON, "{", "JSON"),
    (JSON, '{"volume_id": "IMAGE"', "JSON"),
    (JSON, "[]", "object"),
    (JSON, '"IMAGE"', "object"),
    (JSON, "null", "object"),
    (JSON, '{"volume_id": null}', "volume_id"),
    (JSON, '{"volume_id": ["IMAGE"]}', "volume_id"),
    (JSON, '{"volume_id": 1}', "volume_id"),
    (JSON, '{"volume_id": "IMAGE", "name": 1}', "name"),
    (JSON, '{"volume_id": "IMAGE", "name": ["x"]}', "name"),
    (JSON, '{"volume_id": "IMAGE", "name": {"a": "b"}}', "name"),
    (JSON, '{"volume_id": "IMAGE", "volume_id": "IMAGE"}', "volume_id"),
    (JSON, '{"volume_id": "IMAGE", "metadata": ["x"]}', "metadata"),
    (JSON, '{"volume_id": "IMAGE", "metadata": null}', "metadata"),
    (JSON, '{"volume_id": "IMAGE", "metadata": {"key": 1}}', "metadata[key]"),
    (JSON, '{"volume_id": "IMAGE", "metadata": {"key": null}}', "metadata[key]"),
    (JSON, '{"volume_id": "IMAGE", "metadata": {"key": {"a": "b"}}}', "metadata[key]"),
    (JSON, '{"volume_id": "IMAGE", "metadata": {"": "v"}}', "metadata"),
    (JSON, '{"volume_id": "IMAGE", "name": "a\\u0000b"}', "U+0000"),
    (JSON, '{"volume_id": "IMAGE", "name": "a\\ud800b"}', "U+D800"),
    (JSON, '{"volume_id": "IMAGE", "metadata": {"\\u0001": "v"}}', "U+0001"),
    (JSON, '{"volume_id": "IMAGE", "na\\u0000me": "v"}', "unknown parameter"),
    (JSON, '{"volume_id": "IMAGE", "\\ud800": "v"}', "unknown parameter"),
    (JSON, '{"storage_volume": {"volume_id": "IMAGE"}}', "storage_volume"),
    (JSON, "[" * 100_000, "JSON"),
    (JSON, '{"volume_id": "IMAGE", "name": ' + "9" * 10_000 + "}", "JSON"),
    (JSON, '{"volume_id": "IMAGE", "name": NaN}', "name"),
    (XML, "<storage_snapshot>", "XML"),
    (XML, "not xml", "XML"),
    (XML, "<snapshot><volume_id>IMAGE</volume_id></snapshot>", "snapshot"),
    (XML, "<storage_snapshot/>", "volume_id"),
    (XML, "<storage_snapshot><volume_id/></storage_snapshot>", "volume_id"),
    (XML, "<storage_snapshot><volume_id><b>IMAGE</b></volume_id></storage_snapshot>", "volume_id"),
    (
        XML,
        "<storage_snapshot volume_id='IMAGE'><volume_id>IMAGE</volume_id></storage_snapshot>",
        "volume_id",
    ),
    (XML, "<storage_snapshot volume_id='IMAGE'><colour>red</colour></storage_snapshot>", "colour"),
    (
        XML,
        "<storage_snapshot volume_id='IMAGE'><metadata><k>v</k></metadata></storage_snapshot>",
        "metadata",
    ),
    (XML, "<storage_snapshot volume_id='IMAGE'><name>&#0;</name></storage_snapshot>", "XML"),
    (XML, "<!DOCTYPE x><storage_snapshot volume_id='IMAGE'/>", "DOCTYPE"),
    (XML, ENTITY_BOMB, "DOCTYPE"),
    (XML, SCRIPT_FILE, "DOCTYPE"),
]


@pytest.mark.parametrize(
    ("content_type", "body", "named"),
    BAD_CREATES,
    ids=[f"{i}-{kind}-{named}" for i, (kind, _, named) in enumerate(BAD_CREATES)],
)
def test_a_bad_create_is_refused_and_makes_nothing(
    *,
    server: Server,
    make_image: Callable[..., str],
    unharmed: Unharmed,
    content_type: str,
    body: str,
    named: str,
) -> None:
    data = body.replace("IMAGE", make_image()).encode()
    with unharmed():
        for format_ in ("xml", "json"):
            headers = {"Content-Type": content_type, **accept(format_)}
            answer = server.request("POST", LIST, data=data, headers=headers)
            assert answer.status_code == 400, answer.text
            found = problem(answer)
            assert (found["code"], found["error"]) == (400, "invalid")
            assert found["retryable"] is False
            assert found["fields"]
            assert named in found["message"] or named in " ".join(found["fields"])
            assert "root:" not in answer.text
            assert len(answer.content) < 20_000


RAW_BYTES = [
    (FORM, b"volume_id=IMAGE&name=\xff"),
    (JSON, b'{"volume_id": "IMAGE", "name": "\xff"}'),
    (JSON, b'\xff\xfe{\x00"\x00v\x00'),
    (XML, b"<storage_snapshot volume_id='IMAGE'><name>\xff</name></storage_snapshot>"),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="volume_id"\r\n\r\nIMAGE\r\n'
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--b--\r\n',
    ),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="volume_id"\r\n\r\nIMAGE\r\n'
        b'--b\r\nContent-Disposition: form-data; name="name"; filename="x"\r\n\r\nx\r\n--b--\r\n',
    ),
    ("multipart/form-data; boundary=b", b"no boundary here"),
    ("multipart/form-data; boundary=b", b"--b\r\nContent-Disp"),
    ("multipart/form-data", b"--b\r\n\r\n--b--\r\n"),
]


@pytest.mark.parametrize(("content_type", "body"), RAW_BYTES)
def test_bytes_that_are_no_text_are_refused(
    server: Server,
    make_image: Callable[..., str],
    unharmed: Unharmed,
    content_type: str,
    body: bytes,
) -> None:
    data = body.replace(b"IMAGE", make_image().encode())
    with unharmed():
        for format_ in ("xml", "json"):
            headers = {"Content-Type": content_type, **accept(format_)}
            answer = server.request("POST", LIST, data=data, headers=headers)
            assert answer.status_code == 400, answer.text
            assert problem(answer)["error"] == "invalid"


def test_every_bad_field_is_named_at_once(server: Server, format_: str) -> None:
    fields = {"nme": "x", "in_use": "maybe", "name": ["x"], "metadata": {"a": 1}}
    answer = server.request("POST", LIST, json=fields, headers=accept(format_))
    assert answer.status_code == 400
    found = problem(answer)
    assert found["fields"].keys() == {"nme", "in_use", "name", "metadata[a]", "volume_id"}
    assert all(name in found["message"] for name in found["fields"])
    assert "volume_id, name, description" in found["fields"]["nme"]


BAD_QUERIES = [
    ("/storage_snapshots?colour=red", "colour"),
    ("/storage_snapshots?Name=x", "Name"),
    ("/storage_snapshots?id=a&id=b", "id"),
    ("/storage_snapshots?name=%ff", "UTF-8"),
    ("/storage_snapshots?%ff=x", "UTF-8"),
    ("/storage_snapshots?format=json&format=xml", "format"),
    ("/storage_snapshots/KEPT?x=1", "x"),
    ("/storage_snapshots/KEPT/metadata?x=1", "x"),
    ("/storage_snapshots/KEPT/metadata/tier?x=1", "x"),
    ("/storage_snapshots/schema?x=1", "x"),
    ("/storage_volumes?colour=red", "colour"),
    ("/storage_volumes?volume_id=x", "volume_id"),
    ("/drivers?x=1", "x"),
    ("/drivers/local?x=1", "x"),
    ("?x=1", "x"),
]


@pytest.mark.parametrize(("path", "named"), BAD_QUERIES)
def test_a_bad_query_is_refused(
    server: Server, kept: str, path: str, named: str, format_: str
) -> None:
    answer = server.request("GET", path.replace("KEPT", kept), headers=accept(format_))
    assert answer.status_code == 400
    found = problem(answer)
    assert any(named in f"{name} {text}" for name, text in found["fields"].items())


@pytest.mark.parametrize("end", ["?x=1", "/metadata/tier?x=1", "?name=a&name=b", "?name=%ff"])
def test_a_bad_query_keeps_a_delete_from_happening(
    server: Server, kept: str, unharmed: Unharmed, end: str
) -> None:
    with unharmed():
        assert server.request("DELETE", f"{LIST}/{kept}{end}").status_code == 400


@pytest.mark.parametrize(
    "query", ["volume_id=IMAGE&name=%ff", "volume_id=IMAGE&x=1", "volume_id=IMAGE&volume_id=IMAGE"]
)
def test_a_bad_query_of_a_post_makes_nothing(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, query: str
) -> None:
    path = f"/api{LIST}?{query.replace('IMAGE', make_image())}"
    with unharmed():
        answer = send(server, "POST", path, headers=accept("json"), body=b"")
    assert answer.status == 400
    assert answer.json()["fields"]
