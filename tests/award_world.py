"""What tests of awarding do often: many learners at once, policies, looking at what was told and recorded."""

from collections.abc import Iterable
from typing import Any

from courses import Course
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import Achievement, Award, AwardRun, AwardRunItem, LearnerNotice, Review, RunState
from lti_tool.services import award_policies

PERSON = "user:99"
WHY = "Looked at it with the class."


def crowd(course: Course, number: int, prefix: str = "learner") -> list[int]:
    """Add learners; returns their numbers."""
    return [course.person(f"{prefix}-{one}") for one in range(number)]


def grade_all(course: Course, column: int, people: Iterable[int], score: str | None) -> None:
    """Give everybody the same grade, now."""
    for user_id in people:
        course.grade(column, user_id, score, graded_at=course.now)


def set_policy(course: Course, badge: int, **policy: Any) -> None:
    """Change how a badge is awarded."""
    with course.database.write() as session:
        award_policies.write_policy(session, session.get_one(Achievement, badge), policy, PERSON, course.now)


def rows(course: Course, table: type[Any], *conditions: Any) -> list[Any]:
    """Every such row, oldest first."""
    with course.database.read() as session:
        return list(session.scalars(select(table).where(*conditions).order_by(table.id)))


def award_of(course: Course, user_id: int, badge: int | None = None) -> Award:
    """A learner's newest award."""
    found = rows(course, Award, Award.user_id == user_id, *([Award.achievement_id == badge] if badge else []))
    award: Award = found[-1]
    return award


def state_of(course: Course, user_id: int, badge: int | None = None) -> AwardState:
    """The state of a learner's newest award."""
    return award_of(course, user_id, badge).state


def told(course: Course, user_id: int) -> list[str]:
    """The codes of everything a learner was told."""
    return [row.code for row in rows(course, LearnerNotice, LearnerNotice.user_id == user_id)]


def held_run(course: Course) -> AwardRun:
    """The run that the circuit breaker holds."""
    (run,) = rows(course, AwardRun, AwardRun.state == RunState.HELD)
    found: AwardRun = run
    return found


def items(course: Course, run_id: int) -> list[AwardRunItem]:
    """The items of a run."""
    return rows(course, AwardRunItem, AwardRunItem.award_run_id == run_id)


def reviews(course: Course, *conditions: Any) -> list[Review]:
    """Reviews, oldest first."""
    return rows(course, Review, *conditions)


def take(course: Course, user_id: int, badge: int | None = None) -> None:
    """Claim a learner's newest award."""
    from lti_tool.services import claiming

    with course.database.write() as session:
        award_id = award_of(course, user_id, badge).id
        claiming.claim(session, course.context_id, award_id, user_id, show_name=False, now=course.now)
