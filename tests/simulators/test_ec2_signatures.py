"""The EC2 simulator's checks of credentials and signatures."""

from datetime import timedelta

import pytest
import requests

from tests.simulators.conftest import VERSION, Connect, Send
from tests.simulators.ec2 import Simulator
from tests.simulators.judge import refusal
from tests.simulators.sigv4 import Authorization, SignedRequest, signature_of


@pytest.mark.parametrize(
    ("method", "query", "signature"),
    [
        ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "GET",
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signatures_are_those_of_the_published_examples(
    method: str, query: str, signature: str
) -> None:
    headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
    authorization = Authorization(
        "AKIDEXAMPLE", "20150830", "us-east-1", "service", ("host", "x-amz-date"), ""
    )
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    request = SignedRequest(method, "/", query, headers, b"")
    assert signature_of(request, authorization, secret) == signature


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"aws_access_key_id": "AKIANOBODY"}, ("AuthFailure", 401)),
        ({"aws_secret_access_key": "wrong"}, ("SignatureDoesNotMatch", 403)),
        ({"region": "eu-west-9"}, ("AuthFailure", 401)),
        ({"aws_session_token": "more"}, ("InvalidClientTokenId", 403)),
    ],
)
def test_bad_credentials_are_refused(
    connect: Connect, options: dict[str, str], expected: tuple[str, int]
) -> None:
    assert refusal(connect(**options).describe_snapshots) == expected


def test_a_temporary_key_needs_its_token(simulator: Simulator, connect: Connect) -> None:
    account = simulator.add_account("ASIATEMPORARY", "s", session_token="t/+=")
    key = {"aws_access_key_id": "ASIATEMPORARY", "aws_secret_access_key": "s"}
    good = connect(**key, aws_session_token="t/+=")
    good.describe_snapshots()
    for wrong in ({}, {"aws_session_token": "other"}):
        answer = refusal(connect(**key, **wrong).describe_snapshots)
        assert answer == ("InvalidClientTokenId", 403)
    account.expired = True
    assert refusal(good.describe_snapshots) == ("RequestExpired", 400)


@pytest.mark.parametrize(("minutes", "is_refused"), [(4, False), (6, True), (-6, True)])
def test_clocks_may_differ_by_five_minutes(
    simulator: Simulator, connect: Connect, minutes: int, is_refused: bool
) -> None:
    simulator.skew = timedelta(minutes=minutes)
    client = connect()
    if is_refused:
        assert refusal(client.describe_snapshots) == ("RequestExpired", 400)
    else:
        client.describe_snapshots()


def test_an_account_may_be_denied_an_action(simulator: Simulator, connect: Connect) -> None:
    simulator.add_account("AKIAREADER", "s", account_id="2", denied={"DeleteSnapshot"})
    reader = connect(aws_access_key_id="AKIAREADER", aws_secret_access_key="s")
    reader.describe_snapshots()
    given = {"SnapshotId": "snap-0123456789abcdef0"}
    assert refusal(reader.delete_snapshot, **given) == ("UnauthorizedOperation", 403)
    assert refusal(reader.delete_snapshot, DryRun=True, **given)[1] == 403


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, None),
        ({"Authorization": ""}, "IncompleteSignature"),
        ({"Authorization": "Basic eDp5"}, "IncompleteSignature"),
        ({"X-Amz-Date": "yesterday"}, "IncompleteSignature"),
        ({"X-Amz-Date": "20200101T000000Z"}, "RequestExpired"),
        ({"X-Amz-More": "unsigned"}, "IncompleteSignature"),
        ({"Host": "elsewhere"}, "SignatureDoesNotMatch"),
        ({"body": f"Action=DescribeVolumes&Version={VERSION}"}, "SignatureDoesNotMatch"),
        ({"service": "s3"}, "AuthFailure"),
    ],
)
def test_what_was_signed_must_be_what_came(
    send: Send, options: dict[str, str], code: str | None
) -> None:
    answer = send({"Action": "DescribeSnapshots", "Version": VERSION}, **options)
    assert answer.ok is (code is None)
    assert code is None or f"<Code>{code}</Code>" in answer.text


def test_an_unsigned_request_is_refused(simulator: Simulator) -> None:
    answer = requests.post(simulator.url, data={"Action": "DescribeSnapshots"}, timeout=5)
    assert answer.status_code == 401
