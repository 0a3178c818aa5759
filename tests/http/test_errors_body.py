"""Bodies that are too large, of a foreign type, or that end too soon."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.http.tools import accept, problem, send
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
LIST = "/storage_snapshots"
MIB = 1 << 20
FORM = "application/x-www-form-urlencoded"


def chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


def too_large(image: str, more: int) -> dict[str, tuple[str, bytes]]:
    """Return bodies of a good request that are ``more`` bytes over the limit."""
    form = f"volume_id={image}".encode()
    json = f'{{"volume_id": "{image}"}}'.encode()
    xml = f"<storage_snapshot volume_id='{image}'/>".encode()
    part = b'--b\r\nContent-Disposition: form-data; name="volume_id"\r\n\r\n' + image.encode()
    multipart = b"--b--\r\n"
    return {
        "form": (FORM, form + b"&" * (MIB + more - len(form))),
        "json": ("application/json", json + b" " * (MIB + more - len(json))),
        "xml": ("application/xml", xml + b" " * (MIB + more - len(xml))),
        "multipart": (
            "multipart/form-data; boundary=b",
            part + b"\r\n" + multipart + b"x" * (MIB + more - len(part) - 2 - len(multipart)),
        ),
    }


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("more", [1, 3 * MIB])
@pytest.mark.parametrize("kind", ["form", "json", "xml", "multipart"])
def test_a_body_over_one_mib_is_refused_and_the_client_reads_why(
    server: Server,
    make_image: Callable[..., str],
    unharmed: Unharmed,
    kind: str,
    more: int,
    *,
    chunked: bool,
) -> None:
    content_type, body = too_large(make_image(), more)[kind]
    with unharmed():
        for format_ in ("xml", "json"):
            data = chunks(body) if chunked else body
            headers = {"Content-Type": content_type, **accept(format_)}
            answer = server.request("POST", LIST, data=data, headers=headers)
            assert answer.status_code == 413, answer.text
            found = problem(answer)
            assert (found["code"], found["error"]) == (413, "too_large")
            assert "1 MiB" in found["message"]


@pytest.mark.parametrize("kind", ["form", "json", "xml"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_one_mib_is_read(
    server: Server, make_image: Callable[..., str], kind: str, *, chunked: bool
) -> None:
    content_type, body = too_large(make_image(), 0)[kind]
    assert len(body) == MIB
    headers = {"Content-Type": content_type, **accept("json")}
    data = chunks(body) if chunked else body
    answer = server.request("POST", LIST, data=data, headers=headers)
    if kind == "form":  # some thousand empty fields, which count as fields or as nothing
        assert answer.status_code in {201, 400}
    else:
        assert answer.status_code == 201


def test_a_promise_of_too_much_is_refused_before_it_comes(
    server: Server, unharmed: Unharmed
) -> None:
    headers = {"Content-Type": FORM, "Content-Length": str(10**12), **accept("json")}
    with unharmed():
        answer = send(server, "POST", f"/api{LIST}", headers=headers)
    assert answer.status == 413
    assert answer.json()["error"] == "too_large"


def test_a_large_body_without_credentials_asks_for_them(server: Server) -> None:
    answer = server.request("POST", LIST, data=b"x" * (2 * MIB), auth=None)
    assert answer.status_code in {401, 413}
    assert answer.json()["code"] == answer.status_code


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/octet-stream", "application/yaml", "text/html", "nonsense"],
)
def test_a_foreign_content_type_is_refused(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, content_type: str
) -> None:
    image = make_image()
    with unharmed():
        for format_ in ("xml", "json"):
            headers = {"Content-Type": content_type, **accept(format_)}
            data = f"volume_id={image}"
            answer = server.request("POST", LIST, data=data, headers=headers)
            assert answer.status_code == 415
            found = problem(answer)
            assert (found["code"], found["error"]) == (415, "unsupported_media_type")
            assert content_type in found["message"]
            assert "application/json" in found["message"]


@pytest.mark.parametrize("end", ["", "/metadata", "/metadata/tier", "/clone"])
def test_a_foreign_content_type_is_refused_on_every_path(
    server: Server, kept: str, unharmed: Unharmed, end: str
) -> None:
    method = {"": "PATCH", "/clone": "POST"}.get(end, "PUT")
    headers = {"Content-Type": "text/plain", **accept("json")}
    with unharmed():
        answer = server.request(method, f"{LIST}/{kept}{end}", data="name=x", headers=headers)
    assert answer.status_code == 415
