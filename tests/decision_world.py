"""Lakeside's course with awards to decide about: Ada claimed hers and lost the grade, Ben is short, a run is held."""

import re
from typing import Any

from instructor_world import CourseWorld, lakeside
from sqlalchemy import select
from web_world import World

from lti_tool.models import Achievement, AchievementState, Award, AwardRun, Review, ReviewKind, RunState
from lti_tool.services import claiming, review_decisions


def decisions(world: World) -> CourseWorld:
    """A live badge that Ada claimed."""
    course = lakeside(world)
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=True)
    course.evaluate()
    claim(course, "ada")
    return course


def claim(course: CourseWorld, who: str) -> int:
    """Let a learner claim what they were offered; returns the award's number."""
    world = course.world
    with world.services.database.write() as session:
        award_id = session.scalars(select(Award.id).where(Award.user_id == course.users[who])).one()
        claiming.claim(session, course.context_id, award_id, course.users[who], show_name=False, now=world.now[0])
    return award_id


def lose_grade(course: CourseWorld, who: str = "ada") -> int:
    """The grade changes after the claim; returns the number of the review that this opens."""
    course.world.later(minutes=1)
    course.add_column("quiz", "Nitrogen cycle quiz", {who: "20"})
    course.evaluate()
    return review(course, ReviewKind.NO_LONGER_EARNED).id


def appeal(course: CourseWorld, who: str = "ben", text: str = "My quiz was marked wrongly.") -> int:
    """A learner writes about the badge; returns the review's number."""
    with course.world.services.database.write() as session:
        now = course.world.now[0]
        return review_decisions.appeal(session, course.context_id, course.badges["water"], course.users[who], text, now)


def hold_run(course: CourseWorld) -> int:
    """More earn the badge than its preview said, so the run is held; returns its number."""
    for number in range(4):
        course.add_learner(f"new-{number}", f"New Learner {number}")
    course.world.later(minutes=1)
    scores: dict[str, Any] = {f"new-{number}": "95" for number in range(4)}
    course.add_column("quiz", "Nitrogen cycle quiz", scores)
    course.add_column("log", "Water log", scores)
    with course.world.services.database.write() as session:
        session.get_one(Achievement, course.badges["water"]).previewed_count = 0
    course.evaluate()
    with course.world.services.database.read() as session:
        return session.scalars(select(AwardRun.id).where(AwardRun.state == RunState.HELD)).one()


def review(course: CourseWorld, kind: ReviewKind) -> Review:
    """The newest review of a kind."""
    with course.world.services.database.read() as session:
        found = select(Review).where(Review.kind == kind).order_by(Review.id.desc()).limit(1)
        return session.scalars(found).one()


def award(course: CourseWorld, who: str) -> Award | None:
    """A learner's newest award."""
    with course.world.services.database.read() as session:
        found = select(Award).where(Award.user_id == course.users[who]).order_by(Award.id.desc()).limit(1)
        return session.scalars(found).one_or_none()


def state(course: CourseWorld, who: str) -> str | None:
    """The state of a learner's newest award."""
    found = award(course, who)
    return None if found is None else found.state.value


def retire(course: CourseWorld, name: str) -> None:
    """End a badge."""
    with course.world.services.database.write() as session:
        session.get_one(Achievement, course.badges[name]).state = AchievementState.RETIRED


def hidden(page: str, name: str) -> list[str]:
    """The values of hidden fields."""
    return re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
