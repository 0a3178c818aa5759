"""Credentials stay where they are: no repr, log, error or cause shows them."""

import base64
from collections.abc import Iterator

from gateway.conformance.gates import requires
from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, account_of, outcome, refused
from gateway.driver import (
    Capability,
    Credentials,
    DriverError,
    ErrorCode,
    Query,
    StorageSnapshot,
    StorageVolume,
)

_SHORTEST = 4


def secrets_of(credentials: Credentials) -> list[str]:
    """Return what of credentials must never be seen, in the spellings in which it is sent."""
    given = (credentials.password, credentials.token, credentials.session_token)
    found = [text for text in given if text and len(text) >= _SHORTEST]
    if credentials.username and credentials.password:
        pair = f"{credentials.username}:{credentials.password}"
        found.append(base64.b64encode(pair.encode()).decode())
    return found


def told_by(error: BaseException) -> Iterator[str]:
    """Yield all that an error, and what caused it, says of itself."""
    one: BaseException | None = error
    while one is not None:
        yield from (str(one), repr(one), repr(one.args))
        if isinstance(one, DriverError):
            yield f"{one.message} {one.fields} {one.backend_code}"
        one = one.__cause__ or one.__context__


def _shown(item: StorageSnapshot | StorageVolume) -> str:
    return f"{item!r} {item.native!r} {item.metadata!r}"


class SecretCases:
    """Where credentials could leak. That no case logs them is looked after for all cases."""

    def test_the_driver_does_not_show_them(self, harness: SnapshotHarness) -> None:
        shown = f"{harness.driver!r} {harness.driver}"
        assert not [secret for secret in secrets_of(harness.credentials) if secret in shown]

    def test_snapshots_do_not_show_them(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        for snapshot in (*subject.listed().values(), subject.get(trio[0].id)):
            shown = _shown(snapshot)
            assert not [s for s in secrets_of(subject.harness.credentials) if s in shown]

    @requires(Capability.SNAPSHOT_CREATE)
    def test_the_answer_to_a_creation_does_not_show_them(
        self, subject: Subject, volume: str
    ) -> None:
        shown = _shown(subject.create(volume, "made"))
        assert not [s for s in secrets_of(subject.harness.credentials) if s in shown]

    @requires(Capability.VOLUME_READ)
    def test_volumes_do_not_show_them(self, subject: Subject, volume: str) -> None:
        found = [*subject.account.list_volumes(Query()).items(), subject.account.get_volume(volume)]
        shown = "".join(map(_shown, found))
        assert not [s for s in secrets_of(subject.harness.credentials) if s in shown]

    def test_a_cursor_does_not_carry_them(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        cursor = next(subject.pages(Query(), 1)).next_cursor or ""
        for secret in secrets_of(subject.harness.credentials):
            assert secret not in cursor
            assert base64.b64encode(secret.encode()).decode().rstrip("=") not in cursor

    def test_the_error_for_an_unknown_snapshot_does_not_show_them(self, subject: Subject) -> None:
        error = refused(subject.get, subject.harness.missing_id())
        shown = "\n".join(told_by(error))
        assert not [s for s in secrets_of(subject.harness.credentials) if s in shown]

    def test_wrong_credentials_are_told_so(self, harness: SnapshotHarness) -> None:
        """At once, or with every call: never as an empty list."""
        driver = outcome(type(harness.driver), harness.open_refused)
        if isinstance(driver, DriverError):
            assert driver.code is ErrorCode.UNAUTHENTICATED
            return
        account = account_of(driver, timeout_s=harness.wait_s)
        missing = harness.missing_id()
        for call in (
            account.check_credentials,
            lambda: list(account.list_snapshots(Query()).items()),
            lambda: account.get_snapshot(missing),
        ):
            assert refused(call).code is ErrorCode.UNAUTHENTICATED
        driver.close()

    def test_good_credentials_are_accepted(self, subject: Subject) -> None:
        subject.account.check_credentials()
