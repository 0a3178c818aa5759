"""Whatever is made in trouble: one of it, and the truth about it."""

from tests.faults.backends import CREATIONS
from tests.faults.cases import Case, cases
from tests.faults.trials import creation_in_trouble, creation_without_a_key


@cases(CREATIONS)
def test_a_creation_in_trouble_makes_one_and_tells_the_truth(case: Case) -> None:
    creation_without_a_key(case)
    creation_in_trouble(case)
