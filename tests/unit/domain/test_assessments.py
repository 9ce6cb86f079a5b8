"""What assessors' marks come to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool.domain.assessments import Mark, Outcome, OutcomeState, Passing, held_outcome, settle

PASSING = Passing(Decimal(70), Decimal(10))
ONE, TWO, THREE = 1, 2, 3


def marks(*given: tuple[int, str | None]) -> list[Mark]:
    return [Mark(assessor, None if score is None else Decimal(score)) for assessor, score in given]


@pytest.mark.parametrize(
    ("given", "needed", "state", "score"),
    [
        ([], 1, "open", None),
        ([(ONE, "7")], 1, "settled", "7"),
        ([(ONE, "7"), (TWO, "3")], 1, "settled", "3"),
        ([(ONE, "7"), (ONE, None)], 1, "open", None),
        ([(ONE, "7")], 2, "partly", None),
        ([(ONE, "7"), (ONE, "8")], 2, "partly", None),
        ([(ONE, "7"), (TWO, "8")], 2, "settled", "7.5"),
        ([(ONE, "2"), (TWO, "5")], 2, "settled", "3.5"),
        ([(ONE, "7"), (TWO, "6.9999")], 2, "disagreeing", None),
        ([(ONE, "7"), (TWO, "3"), (TWO, "9")], 2, "settled", "8"),
        ([(ONE, "7"), (TWO, "3"), (THREE, "9")], 2, "settled", "8"),
        ([(ONE, "7"), (TWO, "3"), (THREE, "4")], 2, "settled", "3.5"),
        ([(ONE, "7"), (TWO, "8"), (TWO, None)], 2, "partly", None),
        ([(ONE, "7"), (TWO, "3"), (THREE, "4"), (4, "9")], 2, "disagreeing", None),
    ],
)
def test_what_marks_come_to(given: list[tuple[int, str | None]], needed: int, state: str, score: str | None) -> None:
    outcome = settle(marks(*given), needed, PASSING)
    assert outcome.state == state
    assert outcome.score == (None if score is None else Decimal(score))
    if outcome.score is not None:
        assert outcome.is_passed is (outcome.score >= 7)


def test_a_mean_of_three_is_rounded_away_from_the_threshold() -> None:
    passed = settle(marks((ONE, "7"), (TWO, "7"), (THREE, "7.0001")), 2, PASSING)
    failed = settle(marks((ONE, "6.9999"), (TWO, "6.9999"), (THREE, "6.9998")), 2, PASSING)
    assert (passed.score, passed.is_passed) == (Decimal("7.0001"), True)
    assert (failed.score, failed.is_passed) == (Decimal("6.9998"), False)


def test_an_outcome_holds_until_a_later_try_has_one() -> None:
    first = marks((ONE, "7"), (TWO, "8"))
    assert held_outcome([first], 2, PASSING).score == Decimal("7.5")
    assert held_outcome([marks((ONE, "3")), first], 2, PASSING).score == Decimal("7.5")
    assert held_outcome([marks((ONE, "3"), (TWO, "9")), first], 2, PASSING).score == Decimal("7.5")
    assert held_outcome([marks((ONE, "3"), (TWO, "4")), first], 2, PASSING).score == Decimal("3.5")
    assert held_outcome([marks((ONE, "3"), (ONE, None)), first], 2, PASSING) == Outcome(OutcomeState.OPEN)
    assert held_outcome([], 2, PASSING) == Outcome(OutcomeState.OPEN)


scores = st.decimals(0, 10, places=2, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(1, 5), scores), max_size=8))
def test_who_came_first_does_not_matter_and_a_settled_score_passes_as_its_marks_do(
    given: list[tuple[int, Decimal]],
) -> None:
    found = [Mark(assessor, score) for assessor, score in {one: score for one, score in given}.items()]
    outcome = settle(found, 2, PASSING)
    assert settle(found[::-1], 2, PASSING) == outcome
    if outcome.score is not None:
        assert PASSING.is_passed(outcome.score) is outcome.is_passed
        assert 0 <= outcome.score <= 10
