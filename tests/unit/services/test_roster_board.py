"""The roster board: what a cell says, with and without judging, on the occasion that counts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from award_world import award_of, crowd, grade_all, set_policy, take
from courses import Course, course_on
from sqlalchemy import update

from lti_tool.models import Award, Review, ReviewKind
from lti_tool.services import overview, reviews, roster_board, terms
from lti_tool.services.roster_board import BoardPage, BoardQuery, Show


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    """A course in an empty database."""
    with course_on(migrated_sqlite_url) as made:
        yield made


def board(course: Course, **query: object) -> BoardPage:
    """The board as asked for."""
    with course.database.read() as session:
        return roster_board.load_page(session, course.context_id, BoardQuery(**query), course.now)  # type: ignore[arg-type]


def test_it_says_what_judging_everybody_says(course: Course) -> None:
    essay, lab = course.column("Essay"), course.column("Lab")
    people = crowd(course, 6)
    badges = [course.badge_for(essay, name="Writer"), course.badge_for(lab, name="Tester")]
    for user_id, score in zip(people, ("90", "69.9", "70", None, "10", "100"), strict=True):
        course.grade(essay, user_id, score)
    grade_all(course, lab, people[:2], "80")
    course.evaluate()
    found = board(course)
    with course.database.read() as session:
        whole = overview.load_board(session, course.context_id, course.now)
    for badge in badges:
        for user_id in people:
            assert found.cells[badge, user_id].state == whole.cells[user_id, badge].state
    for show in (Show.UNKNOWN, Show.OFFERED):
        expected = {user_id for (user_id, _), cell in whole.cells.items() if cell.state == show}
        assert set(board(course, show=show).matching) == expected
        assert found.counts[show] == len(expected)


def test_a_claimed_badge_that_ended_is_expired_and_one_in_question_is_in_review(course: Course) -> None:
    essay, (ada, ben) = course.column(), crowd(course, 2)
    badge = course.badge_for(essay)
    grade_all(course, essay, (ada, ben), "90")
    course.evaluate()
    take(course, ada)
    take(course, ben)
    with course.database.write() as session:
        session.execute(update(Award).where(Award.user_id == ada).values(valid_until=course.now - timedelta(days=1)))
        about = {"achievement_id": badge, "user_id": ben, "award_id": award_of(course, ben).id}
        reviews.open_review(session, ReviewKind.UNDONE, **about, now=course.now)
    found = board(course)
    assert [found.cells[badge, user_id].state for user_id in (ada, ben)] == ["expired", "in_review"]
    assert board(course, show=Show.IN_REVIEW).matching == [ben]
    assert dict(found.awards[badge]) == {"expired": 1, "in_review": 1}


def test_an_appeal_alone_puts_nothing_in_question(course: Course) -> None:
    essay, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(essay)
    grade_all(course, essay, (ada,), "90")
    course.evaluate()
    take(course, ada)
    with course.database.write() as session:
        about = {"achievement_id": badge, "user_id": ada, "award_id": award_of(course, ada).id}
        assert reviews.open_review(session, ReviewKind.APPEAL, **about, now=course.now) is not None
        assert session.query(Review).count() == 1
    assert board(course).cells[badge, ada].state == "claimed"


def test_a_new_term_begins_anew_and_the_old_badge_is_another_occasions(course: Course) -> None:
    essay, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(essay)
    set_policy(course, badge, duplicates="per_term")
    with course.database.write() as session:
        start = course.now - timedelta(days=30)
        for name in ("Winter", "Summer"):
            terms.add_term(session, course.organization_id, name, start, start + timedelta(days=60), "staff:1", start)
            start += timedelta(days=60)
    grade_all(course, essay, (ada,), "90")
    course.evaluate()
    take(course, ada)
    assert board(course).cells[badge, ada].state == "claimed"
    course.later(days=60)
    course.read_again(essay)
    found = board(course).cells[badge, ada]
    assert (found.state, found.award_id) == ("not_yet", None)
    course.later(days=60)
    assert board(course).cells[badge, ada].state == "claimed"  # no term is running: the newest one shows


def test_what_lapsed_and_cannot_be_told_now_is_unknown(course: Course) -> None:
    essay, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(essay)
    grade_all(course, essay, (ada,), "90")
    course.evaluate()
    grade_all(course, essay, (ada,), "10")
    course.later(minutes=1)
    grade_all(course, essay, (ada,), "10")
    course.evaluate()
    assert board(course).cells[badge, ada].state == "lapsed"
    course.set_column(essay, failed_code="platform_unavailable")
    assert board(course).cells[badge, ada].state == "unknown"


def test_a_badge_of_another_course_filters_nothing(course: Course) -> None:
    essay, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(essay)
    found = board(course, achievement_id=badge + 1)
    assert [one.id for one in found.badges] == [badge]
    assert found.matching == [ada]
