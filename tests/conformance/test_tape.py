"""A tape gives back what is on it, and says what is not."""

from pathlib import Path

from tests.conformance.proxy import Answer, Request
from tests.conformance.tape import Player, Recorder, Tape

HERE = "http://127.0.0.1:8776"


def _plain(text: str) -> str:
    return text.replace(HERE, "http://cinder.test").replace("hunter2", "<password>")


def _recorded(*exchanges: tuple[str, Request, Answer]) -> Tape:
    tape = Tape({"now": "then"})
    record = Recorder(tape, _plain)
    for case, request, answer in exchanges:
        tape.begin(case)
        record(HERE, request, answer)
    return tape


def _get(path: str = "/v3/x") -> Request:
    return Request("GET", path, {"X-Auth-Token": "secret"}, b"")


def _answer(text: str) -> Answer:
    headers = [("Content-Type", "text/plain"), ("Date", "today"), ("X-Subject-Token", "gAAAA")]
    return Answer(200, headers, text.encode())


def test_answers_come_in_their_order_and_the_last_one_stays(tmp_path: Path) -> None:
    recorded = _recorded(("a", _get(), _answer("creating")), ("a", _get(), _answer("available")))
    recorded.save(tmp_path / "tape")
    tape = Tape.load(tmp_path / "tape")
    tape.begin("a")
    play = Player(tape)
    found = [play("http://cinder.test", _get()).body for _ in range(4)]
    assert found == [b"creating", b"available", b"available", b"available"]
    assert tape.facts == {"now": "then"}
    assert tape.missing == []


def test_a_case_has_its_own_answers_and_those_of_before() -> None:
    tape = _recorded(("", _get(), _answer("before")), ("a", _get(), _answer("of a")))
    play = Player(tape)
    for case, expected in (("a", b"of a"), ("b", b"before")):
        tape.begin(case)
        assert play("http://cinder.test", _get()).body == expected


def test_what_is_not_on_the_tape_is_told() -> None:
    tape = _recorded(("a", _get(), _answer("x")), ("b", _get("/v3/y"), _answer("y")))
    tape.begin("a")
    assert Player(tape)("http://cinder.test", _get("/v3/y")).status == 501
    assert tape.missing == ["a: GET http://cinder.test/v3/y"]


def test_nothing_secret_or_local_is_kept(tmp_path: Path) -> None:
    asked = Request("POST", "/v3/auth/tokens", {}, b'{"password": "hunter2", "a": 1}')
    recorded = _recorded(("a", asked, _answer(f"see {HERE}/v3 of hunter2")))
    recorded.save(tmp_path / "tape")
    tape = Tape.load(tmp_path / "tape")
    tape.begin("a")
    again = Request("POST", "/v3/auth/tokens", {}, b'{"a": 1, "password": "<password>"}')
    found = Player(tape)("http://cinder.test", again)
    assert found.body == b"see http://cinder.test/v3 of <password>"
    assert dict(found.headers) == {
        "Content-Type": "text/plain",
        "X-Subject-Token": "recorded-token",
    }
