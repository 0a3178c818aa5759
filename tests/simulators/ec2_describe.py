"""What DescribeSnapshots and DescribeVolumes share: ids, filters and pages.

Source: AWS EC2 API reference, 2016-11-15, "Filter" and "Pagination"; wordings from memory.
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from tests.simulators.ec2_call import Call, is_id, malformed
from tests.simulators.ec2_errors import Ec2Error, invalid_value, lacks, missing
from tests.simulators.ec2_state import Resource

_Found = TypeVar("_Found", bound=Resource)
Seen = tuple[_Found, Mapping[str, str]]
"""A resource and the tags that this call sees on it."""
_Test = Callable[[Seen[_Found]], bool]

_MAX_FILTER_VALUES = 200
_MIN_PAGE, _MAX_PAGE = 5, 1000


class Filters(Generic[_Found]):
    """The filters of an action: any value of a filter (OR), every filter (AND)."""

    def __init__(self, values: Mapping[str, Callable[[_Found], str]], lacking: Sequence[str]):
        """Describe the filters of an action.

        Args:
            values: the text that a filter compares with, by the filter's name.
            lacking: filters that EC2 knows and the simulator does not.
        """
        self._values = values
        self._lacking = lacking

    def tests(self, call: Call) -> list[_Test[_Found]]:
        """Return a test for each filter of a call.

        Raises:
            Ec2Error: an unknown filter, one without a value, or more than 200 values
                (FilterLimitExceeded, observed).
        """
        given = [
            (part.required("Name"), part.texts("Value")) for part in call.parameters.parts("Filter")
        ]
        if sum(len(values) for _, values in given) > _MAX_FILTER_VALUES:
            raise Ec2Error(
                "FilterLimitExceeded",
                "The maximum number of filter values specified on a single call is 200",
            )
        return [self._test(name, values) for name, values in given]

    def _test(self, name: str, values: Sequence[str]) -> _Test[_Found]:
        if name in self._lacking:
            raise lacks(f"the filter {name}")
        if name not in self._values and name != "tag-key" and not re.match("tag:.", name):
            raise Ec2Error("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not values:
            raise missing(f"Filter.Value of '{name}'")
        pattern = re.compile("|".join(_regex(value) for value in values), re.DOTALL)
        return lambda seen: any(pattern.fullmatch(text) for text in self._texts(name, seen))

    def _texts(self, name: str, seen: Seen[_Found]) -> list[str]:
        resource, tags = seen
        if name == "tag-key":
            return list(tags)
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            return [tags[key]] if key in tags else []
        return [self._values[name](resource)]


def see(resources: Mapping[str, _Found], call: Call, after: str = "") -> Iterator[Seen[_Found]]:
    """Yield what the account sees, ordered by id: EC2 promises no order, so none of meaning.

    Args:
        resources: by their ids.
        call: who asks.
        after: the id where the page before ended; what was on it is not read again.
    """
    for resource_id in sorted(one for one in resources if one > after):
        resource = resources[resource_id]
        if resource.is_visible_to(call.account):
            tags = resource.read()
            if tags is not None:
                yield resource, tags


def check_ids(ids: Sequence[str], kind: str, *, with_page: bool) -> None:
    """Refuse malformed ids, and ids together with a page size.

    Source: API reference, MaxResults: "You cannot specify this parameter and the
    snapshot IDs parameter in the same request".
    """
    for resource_id in ids:
        if not is_id(resource_id, kind):
            raise malformed(resource_id, kind)
    if ids and with_page:
        names = {"snap": "snapshotIds", "vol": "volumeIds"}
        raise Ec2Error(
            "InvalidParameterCombination",
            f"The parameter {names[kind]} cannot be used with the parameter maxResults",
        )


class Page:
    """The part of a listing that a call asks for.

    The token stands for the last id of the page before: whatever is deleted
    meanwhile, nothing is left out and nothing comes twice. It holds for one
    action, account and region. A token that is none: InvalidParameterValue,
    observed with DescribeVpcs as "The token is invalid.".
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.size = call.parameters.integer("MaxResults")
        if self.size is not None and not _MIN_PAGE <= self.size <= _MAX_PAGE:
            raise invalid_value(
                self.size, "MaxResults", f"Expecting a value between {_MIN_PAGE} and {_MAX_PAGE}."
            )
        token = call.parameters.text("NextToken")
        self.after = "" if token is None else self._read(token)
        """The id where the page before ended."""

    def cut(
        self, seen: Iterable[Seen[_Found]], tests: Sequence[_Test[_Found]]
    ) -> tuple[list[Seen[_Found]], str | None]:
        """Return as much of what passes the tests as fits, and the token for the next page."""
        rest = iter(seen)
        if not self._call.settings.short_pages:
            rest = (one for one in rest if _passes(one, tests))
        page = list(itertools.islice(rest, self.size))
        has_more = self.size is not None and next(rest, None) is not None
        token = self._write(page[-1][0].id) if has_more else None
        return [one for one in page if _passes(one, tests)], token

    def _write(self, last: str) -> str:
        return base64.urlsafe_b64encode(self._seal(last) + last.encode()).decode()

    def _read(self, token: str) -> str:
        try:
            content = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
            last = content[16:].decode()
        except (binascii.Error, ValueError):
            raise invalid_value(token, "NextToken", "The token is invalid.") from None
        if not hmac.compare_digest(content[:16], self._seal(last)):
            raise invalid_value(token, "NextToken", "The token is invalid.")
        return last

    def _seal(self, last: str) -> bytes:
        call = self._call
        text = f"{call.action} {call.account.account_id} {call.region.name} {last}"
        return hmac.new(call.cloud.token_secret, text.encode(), hashlib.sha256).digest()[:16]


def _passes(seen: Seen[_Found], tests: Sequence[_Test[_Found]]) -> bool:
    return all(test(seen) for test in tests)


def _regex(value: str) -> str:
    r"""Return the regular expression of a filter's value.

    Source: EC2 user guide, "List and filter": * is zero or more characters, ? is
    zero or one (from memory; old API references say exactly one), a backslash
    escapes the next character, case counts.
    """
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return "".join(_regex_part(part) for part in parts)


def _regex_part(part: str) -> str:
    if part == "*":
        return ".*"
    if part == "?":
        return ".?"
    if len(part) == 2:
        return re.escape(part[1])
    return re.escape(part)
