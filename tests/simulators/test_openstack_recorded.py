"""What was recorded of the real Keystone and Cinder, asked again of the simulator.

Two stories are told from their beginning to their end: each exchange is sent in its turn,
with the simulator's ids taken from the recording, and the answers are compared in status,
headers and body to the byte, but for times, ids of requests and tokens, and ports.
"""

import re
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.golden_cinder import IDENTITY, Exchange, exchange, exchanges
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import token_of
from tests.simulators.openstack_state import Region

NOT_IMITATED = {
    231: "attachments: tests give a volume the status in-use",
    242: "attachments, and this is a failure of the real one",
    330: "manageable snapshots are for administrators who adopt what is on a disk",
    404: "attachments",
    405: "attachments",
    416: "attachments",
    418: "groups: tests give a snapshot a group_snapshot_id",
    419: "groups",
    421: "groups",
    423: "groups",
}
SECOND_STORY = 501
_UNDER_WAY = {*range(12, 18), *range(278, 281), *range(300, 304)}
"""What was asked while something was going on behind it."""
_MESSAGES = {244: 245, 249: 250}
"""Where a failure comes to light, and where its message is shown."""
_SAME = ("Date", "Content-Length", "Connection")
_VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", "<time>"),
    (r"req-[0-9a-f-]{36}", "<request>"),
    (r'"[\w-]{22}"', "<audit>"),
)
Answer = tuple[int, dict[str, str], str]


class Story:
    """The simulator, and what of the story cannot be told by requests."""

    def __init__(self, openstack: OpenStack, ids: deque[str]) -> None:
        self._openstack = openstack
        self._ids = ids
        names = [user.name for user in openstack.identity.users]
        self._tokens = {f"<token of {name}>": token_of(openstack, name).id for name in names}
        self._region: Region = openstack.region()
        self._before: dict[int, Callable[[], None]] = {
            232: lambda: self._attach(232),
            235: lambda: self._region.order("create_snapshot", "error", "error", "error"),
            243: lambda: self._region.order("create_snapshot", "error"),
            248: lambda: self._region.order("delete_snapshot", "error_deleting"),
            295: self._take_of_nobody,
            406: lambda: self._attach(406),
            417: self._detach,
            424: self._take_of_group,
            510: self._give_credential,
        }

    def tell(self, one: Exchange) -> Answer:
        """Do what came before an exchange, and ask the simulator."""
        if one.number in _MESSAGES:
            self._ids.append(exchange(_MESSAGES[one.number]).answer["messages"][0]["id"])
        if one.number not in _UNDER_WAY:
            self._openstack.settle()
        self._before.get(one.number, lambda: None)()
        if one.method == "POST" and one.status == 202 and one.answer is not None:
            self._ids.append(next(iter(one.answer.values()))["id"])
        return self._ask(one)

    def _ask(self, one: Exchange) -> Answer:
        url = self._openstack.auth_url if one.service == IDENTITY else self._openstack.volume_url()
        connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
        target = one.path + (f"?{one.query}" if one.query else "")
        sent = {"Accept": "application/json", **one.headers}
        headers = {name: self._with_tokens(value) for name, value in sent.items()}
        connection.request(one.method, target, self._with_tokens(one.body or ""), headers)
        with connection.getresponse() as response:
            body = response.read().decode()
        connection.close()
        answered = dict(response.getheaders())
        if one.name.startswith("keystone token for "):
            self._tokens[f"<token of {one.name.split()[-1]}>"] = answered["X-Subject-Token"]
        for name, token in self._tokens.items():
            answered = {key: value.replace(token, name) for key, value in answered.items()}
        return response.status, answered, body

    def _with_tokens(self, text: str) -> str:
        for name, token in self._tokens.items():
            text = text.replace(name, token)
        return text

    def _attach(self, number: int) -> None:
        shown = exchange(number).answer["volume"]
        volume = self._region.volumes[shown["id"]]
        volume.status, volume.attachments = "in-use", shown["attachments"]

    def _detach(self) -> None:
        volume = self._region.volumes[exchange(417).answer["volume"]["id"]]
        volume.status, volume.attachments = "available", []

    def _take_of_nobody(self) -> None:
        """Put the snapshots here whose creation nobody recorded."""
        volume = self._region.volumes[exchange(294).answer["volume"]["id"]]
        shown = exchange(321).answer["snapshots"]
        for one in reversed([one for one in shown if one["volume_id"] == volume.id]):
            now = self._region.now()
            self._region.add_snapshot(volume, id=one["id"], name=one["name"], updated_at=now)

    def _give_credential(self) -> None:
        shown = exchange(510).answer["token"]["application_credential"]
        self._openstack.identity.add_application_credential(id=shown["id"], name=shown["name"])

    def _take_of_group(self) -> None:
        shown = exchange(424).answer["snapshots"][0]
        self._region.add_snapshot(
            volume_id=shown["volume_id"],
            id=shown["id"],
            name=shown["name"],
            group_snapshot_id=shown["group_snapshot_id"],
            updated_at=self._region.now(),
        )


@pytest.fixture(scope="module")
def told() -> dict[int, Answer]:
    """The simulator's answers by the number of the exchange."""
    imitated = [one for one in exchanges() if one.number not in NOT_IMITATED]
    first = [one for one in imitated if one.number < SECOND_STORY]
    return _tell(first) | _tell(imitated[len(first) :])


def _tell(story: list[Exchange]) -> dict[int, Answer]:
    ids: deque[str] = deque()
    with running_openstack() as openstack:
        settings = openstack.settings
        made_up = settings.new_id
        settings.new_id = lambda: ids.popleft() if ids else made_up()
        openstack.hold()
        narrator = Story(openstack, ids)
        answers = {one.number: narrator.tell(one) for one in story}
        urls = {
            urlsplit(openstack.auth_url).netloc: "127.0.0.1:15000",
            urlsplit(openstack.volume_url()).netloc: "127.0.0.1:18776",
        }
    return {number: _with_ports(answer, urls) for number, answer in answers.items()}


@pytest.mark.parametrize(
    "one",
    [one for one in exchanges() if one.number not in NOT_IMITATED],
    ids=lambda one: f"{one.number}-{one.name}",
)
def test_the_simulator_answers_as_the_real_one(told: dict[int, Answer], one: Exchange) -> None:
    status, headers, body = told[one.number]
    assert status == one.status
    assert _plain(body) == _plain(one.answer_bytes.decode())
    answered = {name: _plain(value) for name, value in headers.items() if name not in _SAME}
    assert answered == {name: _plain(value) for name, value in one.answer_headers.items()}


def test_all_that_is_not_imitated_was_recorded() -> None:
    assert set(NOT_IMITATED) < {one.number for one in exchanges()}


def _with_ports(answer: Answer, urls: dict[str, str]) -> Answer:
    status, headers, body = answer
    for mine, recorded in urls.items():
        headers = {name: value.replace(mine, recorded) for name, value in headers.items()}
        body = body.replace(mine, recorded)
    return status, headers, body


def _plain(text: str) -> str:
    for pattern, name in _VARYING:
        text = re.sub(pattern, name, text)
    return text
