"""Whatever is changed in trouble: all of it or nothing, or nobody is told so."""

from tests.faults.backends import CHANGES
from tests.faults.cases import Case, cases
from tests.faults.trials import change_in_trouble


@cases(CHANGES)
def test_a_change_in_trouble_is_made_or_told(case: Case) -> None:
    change_in_trouble(case)
