"""Evidence: its percentage, its moment, and what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness, percent
from lti_tool.errors import InvalidInputError

EARLY, LATE = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC)


def work(state="graded", freshness="fresh", score="7", maximum="10", **more):
    return Evidence(
        "quiz",
        "Quiz",
        "ags",
        EvidenceState(state),
        Freshness(freshness),
        None if score is None else Decimal(score),
        None if maximum is None else Decimal(maximum),
        **more,
    )


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (work(), "70"),
        (work(score="69.5", maximum="100"), "69.5"),
        (work(score="12"), "120"),
        (work(score="0"), "0"),
        (work("completed"), "70"),
        (work(score=None), None),
        (work(maximum=None), None),
        (work(maximum="0"), None),
        (work(maximum="-1"), None),
        *((work(state), None) for state in ("ungraded", "excused", "hidden", "missing", "submitted", "not_opened")),
        *((work(freshness=freshness), None) for freshness in ("stale", "failed", "disagreeing")),
    ],
)
def test_percent(evidence, expected):
    assert percent(evidence) == (None if expected is None else Decimal(expected))


def test_percent_of_a_third_is_never_rounded_up():
    shown = percent(work(score="1", maximum="3"))
    assert shown is not None
    assert Fraction(shown) < Fraction(100, 3)
    assert Fraction(100, 3) - Fraction(shown) < Fraction(1, 10**40)


def test_moment_is_when_it_was_handed_in_else_graded():
    assert work(submitted_at=EARLY, graded_at=LATE).moment == EARLY
    assert work(graded_at=LATE).moment == LATE
    assert work().moment is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("name", ["score", "maximum"])
def test_a_score_is_a_finite_number(name, number):
    with pytest.raises(InvalidInputError) as caught:
        work(**{name: number})
    assert (caught.value.code, caught.value.field) == ("score_invalid", "quiz")
