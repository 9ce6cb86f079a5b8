"""Rubrics: what a person types, what is kept, and what marks add up to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool.domain.rubrics import Criterion, Level, Rubric
from lti_tool.errors import InvalidInputError

TEXT = """Explains the cycle: not shown = 0; in part = 2; fully = 4

Keeps records: no = 0; yes = 1,5"""


def test_a_line_is_a_criterion() -> None:
    rubric = Rubric.from_text(TEXT)
    assert [one.title for one in rubric.criteria] == ["Explains the cycle", "Keeps records"]
    assert rubric.criteria[1].levels == (Level("no", Decimal(0)), Level("yes", Decimal("1.5")))
    assert rubric.maximum == Decimal("5.5")


def test_marks_add_up_exactly_and_all_are_needed() -> None:
    rubric = Rubric.from_text(TEXT)
    assert rubric.total({"0": 1, "1": 1}) == Decimal("3.5")
    assert rubric.total(rubric.best()) == rubric.maximum
    with pytest.raises(InvalidInputError) as caught:
        rubric.total({"0": 2})
    assert (caught.value.code, caught.value.field) == ("rubric_mark_missing", "mark-1")
    with pytest.raises(InvalidInputError):
        rubric.total({"0": 3, "1": 0})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "rubric_empty"),
        ("No levels here", "rubric_line_invalid"),
        ("A: one = 1", "rubric_levels"),
        ("A: one = x; two = 2", "rubric_line_invalid"),
        ("A: one = -1; two = 2", "rubric_line_invalid"),
        ("A: = 1; two = 2", "rubric_line_invalid"),
        ("A: one = 1; One = 2", "rubric_repeated"),
        ("A: no = 0; yes = 1\na: no = 0; yes = 1", "rubric_repeated"),
        ("A: no = 0; never = 0", "rubric_worthless"),
        ("\n".join(f"C{number}: no = 0; yes = 1" for number in range(21)), "rubric_too_long"),
        ("A: " + "; ".join(f"L{number} = {number}" for number in range(11)), "rubric_levels"),
        ("A: no = 0; yes = 1.23456", "rubric_line_invalid"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Rubric.from_text(text)
    assert (caught.value.code, caught.value.field) == (code, "rubric")


@pytest.mark.parametrize("document", [None, "A", [1], [{"title": "A"}], [{"title": "A", "levels": [{"title": "x"}]}]])
def test_a_document_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(InvalidInputError):
        Rubric.from_document(document)


titles = st.text("abcdefgh ", min_size=1, max_size=12).map(str.strip).filter(bool)
points = st.decimals(0, 999, places=4, allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(titles, st.dictionaries(titles, points, min_size=2, max_size=5), min_size=1, max_size=5).filter(
        lambda found: any(max(levels.values()) > 0 for levels in found.values())
    )
)
def test_text_and_document_give_the_same_rubric_back(found: dict[str, dict[str, Decimal]]) -> None:
    rubric = Rubric(
        tuple(
            Criterion(title, tuple(Level(name, worth) for name, worth in levels.items()))
            for title, levels in found.items()
        )
    )
    assert Rubric.from_document(rubric.to_document()) == rubric
    assert Rubric.from_text(rubric.to_text()) == rubric
