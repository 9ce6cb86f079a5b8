"""The demo LMS's gradebook: live changes, and what it refuses."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.demo.lms_gradebook import Gradebook
from lti_tool.demo.story_people import LEARNERS, SCORES
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
def gradebook():
    return Gradebook(lambda: NOON)


def test_begins_with_the_story(gradebook):
    assert gradebook.grade("fish-health-check", "chloe-lefevre").score.state == "excused"
    assert [column.key for column in gradebook.columns()][-2:] == ["system-plan", "final-project"]
    assert len(gradebook.columns(tool_owned_only=True)) == 4


@pytest.mark.parametrize("name", ["learner-03", "jules-tremblay", LEARNERS[2].sub])
def test_a_person_is_named_by_key_slug_or_sub(gradebook, name):
    gradebook.set_score("water-log", name, 14)
    grade = gradebook.grade("water-log", "learner-03")
    assert (grade.score.points, grade.changed_at) == (Decimal(14), NOON)


@pytest.mark.parametrize(
    ("score", "points"), [(69.5, Decimal("69.5")), ("34,75", Decimal("34.75")), (0, Decimal(0)), (None, None)]
)
def test_scores_stay_exact(gradebook, score, points):
    assert gradebook.set_score("bed-design", "ada-okafor", score).score.points == points


def test_a_cleared_grade_is_still_a_result(gradebook):
    gradebook.set_score("water-log", "ada-okafor", None)
    found = {grade.person_key: grade.score for grade in gradebook.results("water-log")}
    assert found["learner-01"].state == "ungraded"
    assert "learner-24" not in found


@pytest.mark.parametrize("score", [-1, "many", "NaN", "Infinity", float("inf")])
def test_refuses_what_is_no_score(gradebook, score):
    with pytest.raises(InvalidInputError):
        gradebook.set_score("water-log", "ada-okafor", score)
    assert gradebook.grade("water-log", "ada-okafor").score == SCORES["water-log", "learner-01"]


@pytest.mark.parametrize(
    ("item", "person"), [("nothing", "ada-okafor"), ("water-log", "nobody"), ("water-log", "admin")]
)
def test_refuses_who_or_what_is_not_there(gradebook, item, person):
    with pytest.raises(NotFoundError):
        gradebook.set_score(item, person, 1)


def test_the_courses_own_columns_are_not_the_tools(gradebook):
    with pytest.raises(NotFoundError):
        gradebook.column("final-project", tool_owned_only=True)
    with pytest.raises(NotFoundError):
        gradebook.post_score("final-project", "ada-okafor", Decimal(1), timestamp=NOON, comment=None)


def test_an_older_score_does_not_replace_a_newer_one(gradebook):
    gradebook.post_score("water-log", "ada-okafor", Decimal(20), timestamp=NOON, comment="Well done")
    with pytest.raises(ConflictError):
        gradebook.post_score("water-log", "ada-okafor", Decimal(1), timestamp=NOON, comment=None)
    grade = gradebook.grade("water-log", "ada-okafor")
    assert (grade.score.points, grade.comment) == (Decimal(20), "Well done")


def test_two_gradebooks_do_not_share_grades(gradebook):
    gradebook.set_score("water-log", "ada-okafor", 1)
    assert Gradebook(lambda: NOON).grade("water-log", "ada-okafor").score.points == Decimal(19)


def test_many_threads_may_change_it(gradebook):
    def add():
        for _ in range(50):
            gradebook.add_column(gradebook.column("water-log"))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gradebook.columns()) == 6 + 4 * 50
