"""Who calls: EC2's checks of a signed request.

Source: AWS EC2 API reference, 2016-11-15, "Common client error codes", for the codes.
Wordings, statuses and the order of the checks are from memory; for a region that is
not there, and for a request that is not signed at all, so are the codes.
"""

from datetime import UTC, datetime, timedelta

from tests.simulators.ec2_errors import Ec2Error
from tests.simulators.ec2_state import Account, Cloud, Region
from tests.simulators.sigv4 import (
    Authorization,
    BadAuthorization,
    SignedRequest,
    is_signed,
    read_authorization,
    read_date,
    unsigned_headers,
)

_MAX_SKEW = timedelta(minutes=5)
_TOKEN_HEADER = "x-amz-security-token"


def authenticate(request: SignedRequest, cloud: Cloud, skew: timedelta) -> tuple[Account, Region]:
    """Return the account that signed a request, and the region that it is for.

    Args:
        request: the request.
        cloud: with the accounts and the regions.
        skew: how far the server's clock is ahead of the true time, which clients sign.
    """
    authorization, signed_at = _read(request)
    account = cloud.accounts.get(authorization.access_key)
    if account is None:
        raise _invalid("AWS was not able to validate the provided access credentials")
    if abs(datetime.now(UTC) + skew - signed_at) > _MAX_SKEW:
        raise Ec2Error("RequestExpired", "Request has expired.")
    region = _check_scope(authorization, signed_at, cloud)
    _check_token(request, account)
    _check_signature(request, authorization, account)
    if account.expired:
        raise Ec2Error("RequestExpired", "Request has expired.")
    return account, region


def _read(request: SignedRequest) -> tuple[Authorization, datetime]:
    header = request.headers.get("authorization")
    if header is None:
        raise _invalid("AWS was not able to validate the provided access credentials")
    try:
        authorization = read_authorization(header)
        signed_at = read_date(request)
    except BadAuthorization as error:
        raise Ec2Error("IncompleteSignature", str(error)) from error
    unsigned = unsigned_headers(request, authorization)
    if unsigned:
        text = f"These headers must be signed: {', '.join(unsigned)}."
        raise Ec2Error("IncompleteSignature", text)
    return authorization, signed_at


def _check_scope(authorization: Authorization, signed_at: datetime, cloud: Cloud) -> Region:
    if authorization.day != f"{signed_at:%Y%m%d}":
        text = "Date in Credential scope does not match the date of the request."
        raise Ec2Error("SignatureDoesNotMatch", text)
    if authorization.service != "ec2":
        raise _invalid("Credential should be scoped to correct service: 'ec2'.")
    if authorization.region not in cloud.regions:
        raise _invalid("Credential should be scoped to a valid region.")
    return cloud.regions[authorization.region]


def _check_token(request: SignedRequest, account: Account) -> None:
    if request.headers.get(_TOKEN_HEADER) != account.session_token:
        text = "The security token included in the request is invalid."
        raise Ec2Error("InvalidClientTokenId", text)


def _check_signature(
    request: SignedRequest, authorization: Authorization, account: Account
) -> None:
    if not is_signed(request, authorization, account.secret):
        raise Ec2Error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )


def _invalid(text: str) -> Ec2Error:
    return Ec2Error("AuthFailure", text)
