"""Which courses look alike, and which work in two of them is the same."""

import pytest

from lti_tool.domain.course_likeness import Work, is_same_course, is_same_title, plain_title, same_titles, same_work


@pytest.mark.parametrize(
    "title",
    [
        "Aquaponics 101",
        "Aquaponics 101 (Fall 2026)",
        "Aquaponics 101 – Spring 2027",
        "AQUAPONICS 101 F26",
        "Aquaponics 101 2026/27",
        "Aquaponics 101, 2026-2027",
        "Copy of Aquaponics 101",
        "Copie de Aquaponics 101",
        "Aquaponics 101 Copy 2",
        "Aquaponics 101 Term 3 Section 2",
        "Aquaponics 101 – Automne 2026",
        "Aquaponics 101 WS 2026",
    ],
)
def test_a_term_is_no_part_of_the_title(title: str) -> None:
    assert plain_title(title) == "aquaponics 101"
    assert is_same_title(title, "Aquaponics 101")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aquaponics 101", "Aquaponics 102"),
        ("Aquaponics 101 Fall 2026", "Hydroponics 101 Fall 2026"),
        ("MA101", "MA102"),
        ("Fall 2026", "Fall 2026"),  # says nothing but the term
        ("WS", "ws"),
        (None, None),
        ("", "Aquaponics"),
    ],
)
def test_other_courses_and_mere_terms_are_not_the_same(one: str | None, other: str | None) -> None:
    assert not is_same_title(one, other)


def test_the_platforms_names_go_before_titles_and_must_be_unique() -> None:
    theirs = [
        Work(1, "ags", "Quiz", "q-1", None),
        Work(2, "ags", "Log", None, "log"),
        Work(3, "ags", "Twin", None, "twin"),
        Work(4, "ags", "Twin", None, "twin"),
        Work(5, "ags", "Essay"),
        Work(6, "canvas", "Foreign", "q-1"),
    ]
    ours = [
        Work(11, "ags", "Renamed quiz", "q-1", None),
        Work(12, "ags", "Another log", "new-id", "log"),
        Work(13, "ags", "Twin", None, "twin"),
        Work(15, "ags", "  essay "),
        Work(16, "csv", "Foreign", "q-1"),
    ]
    assert same_work(theirs, ours) == {1: 11, 2: 12}
    assert same_titles(theirs, ours) == {5: 15, 6: 16}


def test_most_of_the_work_makes_a_course_alike() -> None:
    theirs = [Work(number, "ags", f"Work {number}") for number in range(5)]
    same = [Work(10 + number, "ags", f"Work {number}") for number in range(3)]
    assert is_same_course(theirs, same)
    assert not is_same_course(theirs, same[:2])
    others = [Work(20 + number, "ags", f"Other {number}") for number in range(3)]
    assert not is_same_course(theirs, [*same, *others])
    assert not is_same_course([], [])
