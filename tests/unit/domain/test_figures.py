"""Exact comparison, and showing a percentage so that it never reads as reached when it is not."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.domain.figures import EVERYTHING, percent_of, plain_decimal, reaches, shown_percent

percentages = st.decimals(min_value=0, max_value=200, places=8)
thresholds = st.decimals(min_value=0, max_value=150, places=2)


@pytest.mark.parametrize(
    ("score", "maximum", "needed", "expected"),
    [
        ("69.5", "100", "70", False),
        ("69.999999999999", "100", "70", False),
        ("70", "100", "70", True),
        ("7", "10", "70.0", True),
        ("2", "3", "66.666666666", True),
        ("2", "3", "66.666666667", False),
        ("11", "10", "105", True),
        ("0", "10", "0", True),
        ("-1", "10", "0", False),
    ],
)
def test_reaches_compares_exactly(score, maximum, needed, expected):
    assert reaches((Decimal(score), Decimal(maximum)), Decimal(needed)) is expected


def test_comparison_does_not_depend_on_the_threads_context():
    with localcontext(prec=2):
        assert not reaches((Decimal("69.96"), Decimal(100)), Decimal(70))
        assert percent_of((Decimal("69.96"), Decimal(100))) == Decimal("69.96")


def test_percent_of_rounds_down():
    assert percent_of((Decimal(2), Decimal(3))) < Decimal(200) / Decimal(3)
    assert percent_of((Decimal(-1), Decimal(3))) < Decimal("-33.3333")
    assert percent_of(EVERYTHING) == 100


@pytest.mark.parametrize(
    ("value", "text"),
    [("70", "70"), ("70.00", "70"), ("7E+1", "70"), ("69.50", "69.5"), ("0", "0"), ("-0.0", "0"), ("100", "100")],
)
def test_plain_decimal(value, text):
    assert plain_decimal(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "needed", "shown"),
    [
        ("69.5", "70", "69.5"),
        ("69.96", "70", "69.96"),
        ("69.996", "70", "69.996"),
        ("69.9999", "70", "69.9999"),
        ("69.99999999", "70", "69.9999"),
        ("64", "70", "64"),
        ("64.26", "70", "64.3"),
        ("70", "70", "70"),
        ("70.04", "70", "70"),
        ("69.49", "69.5", "69.49"),
        ("69.499", "69.5", "69.499"),
        ("66.666666666666666", "70.0", "66.7"),
        ("120", "1E+2", "120"),
    ],
)
def test_shown_percent(value, needed, shown):
    assert shown_percent(Decimal(value), Decimal(needed)) == shown


@settings(deadline=None)
@given(percentages, thresholds)
def test_what_is_shown_stands_on_the_side_of_the_threshold_where_the_value_stands(value, needed):
    assert (Decimal(shown_percent(value, needed)) >= needed) == (value >= needed)


@settings(deadline=None)
@given(percentages, thresholds)
def test_what_is_shown_is_close_to_the_value(value, needed):
    assert abs(Decimal(shown_percent(value, needed)) - value) <= Decimal("0.05")
