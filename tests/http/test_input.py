"""Every way to say the same: form, multipart, JSON, XML, query string, old clients."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.tools import facts, send
from tests.servers import Server

LIST = "/storage_snapshots"
Body = tuple[str, str]
BOUNDARY = "boundary-5d41402a"


def multipart(fields: dict[str, str]) -> str:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join(parts) + f"--{BOUNDARY}--\r\n"


def bodies(volume_id: str) -> dict[str, Body]:
    """Return the same request in every input format: content type and body."""
    form = {"volume_id": volume_id, "name": "é <&>", "description": "d", "metadata[k y]": "v"}
    json = (
        f'{{"volume_id": "{volume_id}", "name": "é <&>", "description": "d",'
        ' "metadata": {"k y": "v"}}'
    )
    inner = "<name>é &lt;&amp;&gt;</name><metadata><meta key='k y'>v</meta></metadata>"
    xml = (
        f"<storage_snapshot><volume_id>{volume_id}</volume_id>{inner}"
        "<description>d</description></storage_snapshot>"
    )
    attributes = (
        f"<storage_snapshot volume_id='{volume_id}' description='d'>{inner}</storage_snapshot>"
    )
    return {
        "form": ("application/x-www-form-urlencoded", urlencode(form)),
        "form with a charset": (
            "application/x-www-form-urlencoded; charset=utf-8",
            urlencode(form),
        ),
        "multipart": (f"multipart/form-data; boundary={BOUNDARY}", multipart(form)),
        "json": ("application/json", json),
        "json with a charset": ("application/json; charset=utf-8", json),
        "json with a root": ("application/json", f'{{"storage_snapshot": {json}}}'),
        "xml": ("application/xml", xml),
        "xml of text/xml": ("text/xml; charset=utf-8", "<?xml version='1.0'?>" + xml),
        "xml with attributes": ("application/xml", attributes),
        "xml with comments": ("application/xml", f"<!-- c --><?pi x?>{xml}"),
    }


@pytest.mark.parametrize("kind", bodies(""))
def test_every_input_format_says_the_same(
    server: Server, make_image: Callable[..., str], kind: str
) -> None:
    image = make_image()
    content_type, body = bodies(image)[kind]
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    answer = server.request("POST", LIST, data=body.encode(), headers=headers)
    check_and_delete(server, answer.status_code, facts(answer), image)


def test_the_query_string_says_the_same(server: Server, make_image: Callable[..., str]) -> None:
    image = make_image()
    query = {"volume_id": image, "name": "é <&>", "description": "d", "metadata[k y]": "v"}
    answer = server.request("POST", LIST, params=query)
    check_and_delete(server, answer.status_code, facts(answer), image)


def check_and_delete(server: Server, status: int, made: dict[str, Any], image: str) -> None:
    assert status == 201
    assert (made["name"], made["description"]) == ("é <&>", "d")
    assert made["metadata"] == {"k y": "v"}
    assert made["storage_volume"]["id"] == image
    server.wait_until(f"{LIST}/{made['id']}")
    assert server.request("DELETE", f"{LIST}/{made['id']}").status_code == 204


def test_the_body_beats_the_query_string(server: Server, make_image: Callable[..., str]) -> None:
    answer = server.request(
        "POST",
        LIST,
        params={"volume_id": make_image(), "name": "query"},
        data={"name": "body"},
    )
    assert facts(answer)["name"] == "body"


def test_an_old_client_sends_a_form_without_saying_so(
    server: Server, make_image: Callable[..., str]
) -> None:
    body = f"volume_id={make_image()}&name=old".encode()
    answer = send(server, "POST", f"/api{LIST}", body=body)
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/xml"
    assert b"<name>old</name>" in answer.body


def test_a_form_of_raw_utf8_is_understood(server: Server, make_image: Callable[..., str]) -> None:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    body = f"volume_id={make_image()}&name=ä€".encode()
    assert facts(server.request("POST", LIST, data=body, headers=headers))["name"] == "ä€"


def test_a_plus_and_a_percent_mean_what_forms_say(
    server: Server, make_image: Callable[..., str]
) -> None:
    for where in ("params", "data"):
        text = f"volume_id={make_image()}&name=a+b%2Bc%25"
        headers = {"Accept": "application/json"}
        given: dict[str, Any] = {where: text}
        assert facts(server.request("POST", LIST, headers=headers, **given))["name"] == "a b+c%"


def test_a_body_may_come_in_chunks(server: Server, make_image: Callable[..., str]) -> None:
    image = make_image()
    for content_type, body in (bodies(image)["form"], bodies(image)["json"], bodies(image)["xml"]):
        data = body.encode()
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        parts = iter([data[:7], data[7:]])
        answer = server.request("POST", LIST, data=parts, headers=headers)
        check_and_delete(server, answer.status_code, facts(answer), image)


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(
    server: Server, make_image: Callable[..., str]
) -> None:
    headers = {"Expect": "100-continue", "Accept": "application/json"}
    answer = server.request("POST", LIST, data={"volume_id": make_image()}, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "name=c&size_bytes=4096"),
        ("application/json", '{"name": "c", "size_bytes": 4096}'),
        ("application/json", '{"clone": {"name": "c", "size_bytes": "4096"}}'),
        ("application/xml", "<clone><name>c</name><size_bytes>4096</size_bytes></clone>"),
    ],
)
def test_a_clone_is_asked_for_in_every_format(
    server: Server, kept: str, content_type: str, body: str
) -> None:
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    answer = server.request("POST", f"{LIST}/{kept}/clone", data=body, headers=headers)
    assert answer.status_code == 201
    assert (facts(answer)["name"], facts(answer)["size_bytes"]) == ("c", 4096)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "name=v&size_bytes=4096"),
        ("application/json", '{"storage_volume": {"name": "v", "size_bytes": 4096}}'),
        (
            "application/xml",
            "<storage_volume><name>v</name><size_bytes>4096</size_bytes></storage_volume>",
        ),
    ],
)
def test_a_volume_is_asked_for_in_every_format(
    server: Server, content_type: str, body: str
) -> None:
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    answer = server.request("POST", "/storage_volumes", data=body, headers=headers)
    assert answer.status_code == 201
    assert (facts(answer)["name"], facts(answer)["size_bytes"]) == ("v", 4096)
