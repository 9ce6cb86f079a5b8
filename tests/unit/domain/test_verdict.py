"""Kleene's tables, line by line."""

import pytest

from lti_tool.domain.verdict import Verdict, all_of, any_of, at_least, negate

MET, NOT, UNK = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


@pytest.mark.parametrize(("verdict", "expected"), [(MET, NOT), (NOT, MET), (UNK, UNK)])
def test_not(verdict, expected):
    assert negate(verdict) is expected


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (MET, MET, MET, MET),
        (MET, NOT, NOT, MET),
        (MET, UNK, UNK, MET),
        (NOT, MET, NOT, MET),
        (NOT, NOT, NOT, NOT),
        (NOT, UNK, NOT, UNK),
        (UNK, MET, UNK, MET),
        (UNK, NOT, NOT, UNK),
        (UNK, UNK, UNK, UNK),
    ],
)
def test_and_and_or(left, right, both, either):
    assert all_of([left, right]) is both
    assert any_of([left, right]) is either


@pytest.mark.parametrize(
    ("k", "verdicts", "expected"),
    [
        (1, [MET, NOT, NOT], MET),
        (2, [MET, MET, UNK], MET),
        (2, [MET, NOT, UNK], UNK),
        (2, [MET, NOT, NOT], NOT),
        (2, [UNK, UNK, NOT], UNK),
        (2, [UNK, NOT, NOT], NOT),
        (3, [MET, MET, UNK], UNK),
        (3, [MET, MET, NOT], NOT),
        (3, [MET, UNK, NOT], NOT),
    ],
)
def test_at_least(k, verdicts, expected):
    assert at_least(k, verdicts) is expected
    assert at_least(k, iter(verdicts)) is expected


def test_of_nothing():
    assert all_of([]) is MET
    assert any_of([]) is NOT
    assert at_least(1, []) is NOT
