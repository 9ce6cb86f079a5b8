"""Badges: immutable versions of content and rule, alignment, the way from draft to live, what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from instructor_world import CourseWorld, lakeside, make_course
from web_world import make_world

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError, RuleError
from lti_tool.models import Achievement, AchievementState, AchievementVersion, AuditEvent, AwardRule, Context
from lti_tool.services import achievements

ACTOR = "user:7"


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Two skills, and a badge without a rule."""
    world = make_world(migrated_sqlite_url)
    course = lakeside(world)
    course.add_badge("water", "Water keeper")
    yield course
    world.services.database.engine.dispose()


def content_of(course: CourseWorld, name: str = "water") -> achievements.Content:
    with course.world.services.database.read() as session:
        version = session.get_one(Achievement, course.badges[name]).current_version
        assert version is not None
        return achievements.Content(**{field: getattr(version, field) for field in achievements.CONTENT})


def write(course: CourseWorld, **changes: str) -> int:
    """Write content; returns the number of the version that holds."""
    with course.world.services.database.write() as session:
        badge = session.get_one(Achievement, course.badges["water"])
        content = replace(content_of(course), **changes)
        return achievements.write_content(session, badge, content, course.world.now[0]).number


def rule(course: CourseWorld, document: dict[str, Any]) -> int:
    """Write a rule; returns the number of the version that holds."""
    with course.world.services.database.write() as session:
        badge = session.get_one(Achievement, course.badges["water"])
        return achievements.write_rule(session, badge, document, course.world.now[0]).number


def skill(course: CourseWorld, name: str) -> dict[str, str]:
    return {"competency": course.identifier(name)}


def aligned(course: CourseWorld) -> list[str]:
    with course.world.services.database.read() as session:
        version_id = session.get_one(Achievement, course.badges["water"]).current_version_id
        assert version_id is not None
        return [item.full_statement for item in achievements.aligned_items(session, version_id)]


def step(course: CourseWorld, way: str) -> AchievementState:
    """Publish, ask or send back; returns the state after it."""
    with course.world.services.database.write() as session:
        badge = session.get_one(Achievement, course.badges["water"])
        getattr(achievements, way)(session, badge, ACTOR, course.world.now[0])
        return badge.state


# -- content ----------------------------------------------------------------------------------------------------------


def test_a_change_is_a_new_version_and_the_old_one_stays(course: CourseWorld) -> None:
    assert write(course, name="Water master") == 2
    with course.world.services.database.read() as session:
        names = [one.name for one in session.query(AchievementVersion).order_by(AchievementVersion.number)]
    assert names == ["Water keeper", "Water master"]


def test_the_same_content_again_changes_nothing(course: CourseWorld) -> None:
    assert write(course) == 1


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("name", "  ", "name_empty"),
        ("name", "x" * 256, "name_too_long"),
        ("description", "", "description_empty"),
        ("description", "x" * 4001, "description_too_long"),
        ("criteria_narrative", "\n", "criteria_narrative_empty"),
        ("criteria_narrative", "x" * 4001, "criteria_narrative_too_long"),
    ],
)
def test_content_that_cannot_be_used(course: CourseWorld, field: str, text: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        write(course, **{field: text})
    assert (caught.value.code, caught.value.field) == (code, field)
    assert content_of(course).name == "Water keeper"


# -- rules ------------------------------------------------------------------------------------------------------------


def test_a_rule_is_versioned_and_the_same_again_changes_nothing(course: CourseWorld) -> None:
    assert rule(course, {"all": [skill(course, "water")]}) == 1
    assert rule(course, {"all": [skill(course, "water")]}) == 1
    assert rule(course, {"any": [skill(course, "water")]}) == 2
    with course.world.services.database.read() as session:
        assert [list(one.document) for one in session.query(AwardRule).order_by(AwardRule.number)] == [["all"], ["any"]]


def test_a_rule_aligns_the_badge_to_its_skills(course: CourseWorld) -> None:
    rule(course, {"all": [skill(course, "water")]})
    assert aligned(course) == ["Balance the water chemistry"]
    assert content_of(course).name == "Water keeper"


def test_a_badge_that_was_aligned_otherwise_gets_a_new_version(course: CourseWorld) -> None:
    rule(course, {"all": [skill(course, "water")]})
    rule(course, {"all": [skill(course, "water"), skill(course, "fish")]})
    assert aligned(course) == ["Balance the water chemistry", "Keep the fish healthy"]
    with course.world.services.database.read() as session:
        first, second = session.query(AchievementVersion).order_by(AchievementVersion.number)
        assert [one.full_statement for one in achievements.aligned_items(session, first.id)] == [
            "Balance the water chemistry"
        ]
        assert (second.number, second.name) == (2, "Water keeper")


def test_new_content_keeps_the_alignment(course: CourseWorld) -> None:
    rule(course, {"all": [skill(course, "fish")]})
    write(course, name="Fish keeper")
    assert aligned(course) == ["Keep the fish healthy"]


@pytest.mark.parametrize("document", [{}, {"all": []}, {"nonsense": 1}, {"at_least": 3, "of": [{"achievement": "x"}]}])
def test_a_rule_that_cannot_be_read(course: CourseWorld, document: dict[str, Any]) -> None:
    with pytest.raises(RuleError):
        rule(course, document)


def test_a_rule_cannot_name_another_courses_skill(course: CourseWorld) -> None:
    other = make_course(course.world, "course-2")
    other.add_item("write", "Write well")
    with pytest.raises(InvalidInputError) as caught:
        rule(course, {"all": [skill(other, "write")]})
    assert caught.value.code == "rule_competency_unknown"


# -- from draft to live -----------------------------------------------------------------------------------------------


def wanted(course: CourseWorld) -> int:
    with course.world.services.database.read() as session:
        return session.get_one(Context, course.context_id).evaluation_wanted


def actions(course: CourseWorld) -> list[tuple[str, str]]:
    with course.world.services.database.read() as session:
        events = session.query(AuditEvent).filter(AuditEvent.action.like("achievement.%")).order_by(AuditEvent.id)
        return [(event.action, event.actor) for event in events]


@pytest.mark.parametrize("way", ["publish", "ask_to_publish"])
def test_a_badge_without_a_rule_goes_nowhere(course: CourseWorld, way: str) -> None:
    with pytest.raises(ConflictError) as caught:
        step(course, way)
    assert caught.value.code == "badge_incomplete"


def test_asking_and_approving_is_written_down_and_asks_for_an_evaluation(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    assert step(course, "ask_to_publish") is AchievementState.REVIEW
    before = wanted(course)
    assert step(course, "publish") is AchievementState.LIVE
    assert wanted(course) == before + 1
    assert actions(course) == [("achievement.approval_asked", ACTOR), ("achievement.published", ACTOR)]


def test_steps_taken_twice_are_one(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    for way in ("ask_to_publish", "ask_to_publish", "publish", "publish"):
        step(course, way)
    assert [action for action, _actor in actions(course)] == ["achievement.approval_asked", "achievement.published"]


def test_what_waits_is_sent_back_and_what_is_live_is_not(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    step(course, "ask_to_publish")
    assert step(course, "send_back") is AchievementState.DRAFT
    step(course, "publish")
    assert step(course, "send_back") is AchievementState.LIVE


def test_asking_for_what_is_live_changes_nothing(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    step(course, "publish")
    assert step(course, "ask_to_publish") is AchievementState.LIVE


def test_a_new_rule_of_a_live_badge_asks_for_an_evaluation_of_a_draft_does_not(course: CourseWorld) -> None:
    before = wanted(course)
    rule(course, skill(course, "water"))
    assert wanted(course) == before
    step(course, "publish")
    before = wanted(course)
    rule(course, skill(course, "fish"))
    assert wanted(course) == before + 1


def test_the_list_of_what_waits_is_the_oldest_first(course: CourseWorld) -> None:
    for name in ("a", "b"):
        course.add_badge(name, name, skill(course, "water"))
    with course.world.services.database.write() as session:
        for name in ("b", "a"):
            badge = session.get_one(Achievement, course.badges[name])
            achievements.ask_to_publish(session, badge, ACTOR, course.world.now[0])
        waiting = achievements.waiting_for_approval(session)
    assert [one.id for one in waiting] == [course.badges["a"], course.badges["b"]]


# -- looking up -------------------------------------------------------------------------------------------------------


def test_a_badge_belongs_to_its_course(course: CourseWorld) -> None:
    other = make_course(course.world, "course-2")
    with course.world.services.database.read() as session:
        assert achievements.get_achievement(session, course.context_id, course.badges["water"]).state == "draft"
        for context_id, badge in ((other.context_id, course.badges["water"]), (course.context_id, 9999)):
            with pytest.raises(NotFoundError):
                achievements.get_achievement(session, context_id, badge)


def test_a_draft_is_not_public_and_a_retired_badge_is_off_the_list(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    with course.world.services.database.write() as session:
        badge = session.get_one(Achievement, course.badges["water"])
        with pytest.raises(NotFoundError):
            achievements.find_public(session, badge.public_id)
        achievements.publish(session, badge, ACTOR, course.world.now[0])
        assert achievements.find_public(session, badge.public_id) is badge
        badge.state = AchievementState.RETIRED
        session.flush()
        assert achievements.course_achievements(session, course.context_id) == []
        assert achievements.find_public(session, badge.public_id) is badge


def test_a_change_of_what_is_live_is_on_record_with_who_made_it(course: CourseWorld) -> None:
    rule(course, skill(course, "water"))
    write(course, description="While it is a draft")
    assert actions(course) == []
    with course.world.services.database.write() as session:
        badge, now = session.get_one(Achievement, course.badges["water"]), course.world.now[0]
        achievements.publish(session, badge, ACTOR, now)
        for _ in range(2):  # the same again is no change
            achievements.write_rule(session, badge, {"column": "essay", "submitted": True}, now, actor="user:8")
            content = replace(content_of(course), name="Renamed")
            achievements.write_content(session, badge, content, now, actor="user:9")
    assert actions(course) == [
        ("achievement.published", ACTOR),
        ("achievement.rule_changed", "user:8"),
        ("achievement.content_changed", "user:9"),
    ]
