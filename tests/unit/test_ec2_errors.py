import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from drivers.ec2 import errors
from drivers.ec2.driver import Ec2Driver
from gateway.driver import Deadline, DriverError, ErrorCode

SECRET = "wJalrXUtnFEMI"
AUTH, DENIED, GONE = ErrorCode.UNAUTHENTICATED, ErrorCode.DENIED, ErrorCode.NOT_FOUND
SLOW, QUOTA, CONFLICT = ErrorCode.RATE_LIMITED, ErrorCode.QUOTA, ErrorCode.CONFLICT
INVALID, DOWN, CANNOT = ErrorCode.INVALID, ErrorCode.UNAVAILABLE, ErrorCode.UNSUPPORTED

# EC2's code, the status that it comes with, what it means
ROWS = [
    ("AuthFailure", 401, AUTH),
    ("IncompleteSignature", 400, AUTH),
    ("InvalidAccessKeyId", 403, AUTH),
    ("InvalidClientTokenId", 403, AUTH),
    ("MissingAuthenticationToken", 403, AUTH),
    ("SignatureDoesNotMatch", 403, AUTH),
    ("UnrecognizedClientException", 400, AUTH),
    ("ExpiredToken", 400, AUTH),
    ("ExpiredTokenException", 400, AUTH),
    ("RequestExpired", 400, AUTH),
    ("AccessDenied", 403, DENIED),
    ("AccessDeniedException", 400, DENIED),
    ("Blocked", 403, DENIED),
    ("OperationNotPermitted", 400, DENIED),
    ("OptInRequired", 401, DENIED),
    ("PendingVerification", 400, DENIED),
    ("UnauthorizedOperation", 403, DENIED),
    ("InvalidSnapshot.NotFound", 400, GONE),
    ("InvalidSnapshotID.Malformed", 400, GONE),
    ("InvalidSnapshotID.NotFound", 400, GONE),
    ("InvalidVolume.NotFound", 400, GONE),
    ("InvalidVolumeID.Malformed", 400, GONE),
    ("InvalidVolumeID.NotFound", 400, GONE),
    ("InvalidID", 400, GONE),
    ("ConcurrentTagAccess", 400, SLOW),
    ("EC2ThrottledException", 503, SLOW),
    ("PriorRequestNotComplete", 400, SLOW),
    ("RequestLimitExceeded", 503, SLOW),
    ("RequestThrottled", 400, SLOW),
    ("RequestThrottledException", 400, SLOW),
    ("SlowDown", 503, SLOW),
    ("ThrottledException", 400, SLOW),
    ("Throttling", 400, SLOW),
    ("ThrottlingException", 400, SLOW),
    ("TooManyRequestsException", 429, SLOW),
    ("SnapshotCreationPerVolumeRateExceeded", 400, SLOW),
    ("ConcurrentSnapshotLimitExceeded", 400, SLOW),
    ("SnapshotLimitExceeded", 400, QUOTA),
    ("VolumeLimitExceeded", 400, QUOTA),
    ("MaxIOPSLimitExceeded", 400, QUOTA),
    ("ResourceLimitExceeded", 400, QUOTA),
    ("InvalidSnapshot.InUse", 400, CONFLICT),
    ("VolumeInUse", 400, CONFLICT),
    ("IncorrectState", 400, CONFLICT),
    ("IncorrectVolumeState", 400, CONFLICT),
    ("IdempotentParameterMismatch", 400, ErrorCode.KEY_REUSED),
    ("InvalidZone.NotFound", 400, INVALID),
    ("UnknownVolumeType", 400, INVALID),
    ("TagLimitExceeded", 400, INVALID),
    ("InvalidTagKey.Malformed", 400, INVALID),
    ("InvalidParameterValue", 400, INVALID),
    ("InvalidParameterCombination", 400, INVALID),
    ("MissingParameter", 400, INVALID),
    ("UnknownParameter", 400, INVALID),
    ("InvalidAction", 400, CANNOT),
    ("UnsupportedOperation", 400, CANNOT),
    ("InternalError", 500, DOWN),
    ("InternalFailure", 500, DOWN),
    ("ServiceUnavailable", 503, DOWN),
    ("Unavailable", 503, DOWN),
    ("InsufficientVolumeCapacity", 503, DOWN),
]
RETRY_AFTER = {
    **{code: 5 for code, _, meaning in ROWS if meaning is SLOW},
    "SnapshotCreationPerVolumeRateExceeded": 15,
    "ConcurrentSnapshotLimitExceeded": 60,
}
FIELDS = {
    "InvalidZone.NotFound": "zone",
    "UnknownVolumeType": "media",
    "TagLimitExceeded": "metadata",
    "InvalidTagKey.Malformed": "metadata",
}


def failure(code: str, status: int = 400, message: str | None = "") -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "DescribeSnapshots")


def classified(exc: Exception) -> DriverError:
    error = errors.classify(exc)
    assert error is not None
    return error


@pytest.mark.parametrize(("code", "status", "meaning"), ROWS)
def test_each_code_of_ec2_has_its_meaning(code: str, status: int, meaning: ErrorCode) -> None:
    error = classified(failure(code, status))
    assert (error.code, error.backend_code) == (meaning, code)
    assert error.retry_after_s == RETRY_AFTER.get(code)
    assert set(error.fields) == {FIELDS[code]} if code in FIELDS else not error.fields


def test_each_row_of_the_drivers_table_is_among_these() -> None:
    assert {code for code, _, _ in ROWS} == set(errors.ERRORS)


@pytest.mark.parametrize("status", [0, 200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("RequestLimitExceeded", SLOW),
        ("SnapshotCreationPerVolumeRateExceeded", SLOW),
        ("SnapshotLimitExceeded", QUOTA),
        ("InvalidSnapshot.NotFound", GONE),
        ("InternalError", DOWN),
    ],
)
def test_the_status_does_not_change_what_a_known_code_means(
    code: str, meaning: ErrorCode, status: int
) -> None:
    assert classified(failure(code, status)).code is meaning


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("InvalidAMIID.NotFound", 400, GONE),
        ("InvalidKeyPair.NotFound", 404, GONE),
        ("InvalidSubnetID.Malformed", 400, GONE),
        ("SnapshotNotFound", 400, GONE),
        ("VolumeModificationSizeLimitExceeded", 400, QUOTA),
        ("GatewayLimitExceeded", 400, QUOTA),
        ("InvalidSomething", 400, INVALID),
        ("Malformed", 400, INVALID),
        ("Whatever", 499, INVALID),
        ("Whatever", 500, DOWN),
        ("Invented.NotFound", 503, DOWN),
        ("InventedLimitExceeded", 503, DOWN),
        ("503", 503, DOWN),
        ("", 502, DOWN),
        ("", 400, ErrorCode.BACKEND),
        ("", 302, ErrorCode.BACKEND),
        ("404", 404, ErrorCode.BACKEND),
        ("401", 401, AUTH),
        ("403", 403, DENIED),
        ("Whatever", 0, ErrorCode.BACKEND),
    ],
)
def test_a_code_that_nobody_knows_goes_by_its_form(
    code: str, status: int, meaning: ErrorCode
) -> None:
    error = classified(failure(code, status))
    assert (error.code, error.backend_code) == (meaning, code or None)
    assert (error.retry_after_s, error.fields) == (None, {})


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Value (eu-west-9z) for parameter availabilityZone is invalid. No such zone", "zone"),
        ("The request must contain the parameter AvailabilityZone", "zone"),
        ("Invalid value '0' for parameter size", "size_bytes"),
        ("The request must contain the parameter size or snapshotId", "size_bytes"),
        ("Value (x) for parameter volumeType is invalid.", "media"),
        ("Value ( x ) for parameter TagKey is invalid.", "metadata"),
        ("Value ( x ) for parameter tagValue is invalid.", "metadata"),
        ("Value for parameter: 'Description' is too long", "description"),
        ("Value (x) for parameter clientToken is invalid.", None),
        ("Invalid value for parameter", None),
        ("Value (x) for subparameter size is odd", None),
        ("something else", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("code", ["InvalidParameterValue", "MissingParameter", "UnknownParameter"])
def test_a_bad_value_names_the_field_that_ec2s_message_names(
    code: str, message: str | None, field: str | None
) -> None:
    error = classified(failure(code, message=message))
    assert (error.code, error.backend_code) == (INVALID, code)
    assert list(error.fields) == ([] if field is None else [field])


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Value (x) for parameter volumeId is invalid. Expected: 'vol-...'.", "no volume of that"),
        ("Value (x) for parameter snapshotId is invalid.", "no snapshot of that id"),
        ("Value (x) for parameter SourceSnapshotId is invalid.", "no snapshot of that id"),
    ],
)
def test_what_has_not_even_the_form_of_an_id_is_not_found(message: str, says: str) -> None:
    error = classified(failure("InvalidParameterValue", message=message))
    assert (error.code, error.fields) == (GONE, {})
    assert says in error.message


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        ("InvalidSnapshot.NotFound", "The snapshot 'snap-0a1' does not exist.", "'snap-0a1'"),
        ("InvalidVolume.NotFound", "The volume 'vol-0a1' does not exist.", "'vol-0a1'"),
        ("InvalidSnapshot.NotFound", None, "no snapshot of that id"),
        ("InvalidVolume.NotFound", "gone", "no volume of that id"),
        ("InvalidID", "The ID 'x' is not valid", "no resource of that id"),
        ("InvalidAMIID.NotFound", "The image 'ami-0a1' is gone", "no resource of that id"),
    ],
)
def test_what_is_not_found_is_named_if_ec2_names_it(
    code: str, message: str | None, says: str
) -> None:
    assert says in classified(failure(code, message=message)).message


@pytest.mark.parametrize("code", [*errors.ERRORS, "Invented", "Invented.NotFound", ""])
def test_what_ec2_says_is_never_repeated(code: str) -> None:
    message = (
        f"{SECRET} for parameter size: the key AKIA{SECRET} of arn:aws:iam::1:user/{SECRET} may "
        f"not. Encoded authorization failure message: 4Jx{SECRET}. snap-1 vol-1"
    )
    for status in (400, 500):
        error = classified(failure(code, status, message))
        told = f"{error!r} {error} {error.message} {error.fields} {error.args}"
        assert SECRET not in told


URL = f"https://{SECRET}.example"


@pytest.mark.parametrize(
    ("exc", "code", "says"),
    [
        (sdk.ConnectTimeoutError(endpoint_url=URL), DOWN, "in time"),
        (sdk.ReadTimeoutError(endpoint_url=URL), ErrorCode.TIMEOUT, "in time"),
        (sdk.EndpointConnectionError(endpoint_url=URL), DOWN, "cannot be reached"),
        (sdk.ConnectionClosedError(endpoint_url=URL), DOWN, "broke"),
        (sdk.SSLError(endpoint_url=URL, error=SECRET), DOWN, "ca_bundle"),
        (sdk.ProxyConnectionError(proxy_url=URL, error=SECRET), DOWN, "proxy"),
        (sdk.HTTPClientError(error=SECRET), DOWN, "HTTP"),
        (sdk.ResponseStreamingError(error=SECRET), DOWN, "HTTP"),
        (ResponseParserError(SECRET), ErrorCode.BACKEND, "no answer"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_exchange_is_not_the_gateways_fault(
    exc: Exception, code: ErrorCode, says: str
) -> None:
    error = classified(exc)
    assert (error.code, error.backend_code, error.fields) == (code, None, {})
    assert says in error.message
    assert SECRET not in repr(error)


@pytest.mark.parametrize(
    "exc",
    [
        KeyError("SnapshotId"),
        ValueError("x"),
        TypeError("x"),
        AttributeError("x"),
        OSError(2, "x"),
        sdk.ParamValidationError(report="Unknown parameter in input"),
        DriverError(QUOTA, ""),
        Deadline(1).error(),
    ],
    ids=repr,
)
def test_a_bug_is_not_explained_away(exc: Exception) -> None:
    assert errors.classify(exc) is None


def test_the_driver_classifies_like_this() -> None:
    error = Ec2Driver.classify(failure("SlowDown"))
    assert error is not None
    assert error.code is SLOW
    assert Ec2Driver.classify(KeyError()) is None
