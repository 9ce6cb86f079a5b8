"""What instructors see of a course: counts, the board, who is close, which badges may be asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
from instructor_world import CourseWorld, lakeside, make_course
from web_world import make_world

from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, AchievementState, Award
from lti_tool.services import course_sync, overview
from lti_tool.services.gathering import load_course

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Ada has both grades, Ben lacks 0.5 %, Cho is not graded, Dee left; a live badge, a draft, one without a rule."""
    world = make_world(migrated_sqlite_url)
    course = lakeside(world)
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=True)
    course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    course.add_badge("half", "Half a badge")
    yield course
    world.services.database.engine.dispose()


def cards(course: CourseWorld) -> dict[str, overview.BadgeCard]:
    names = {number: name for name, number in course.badges.items()}
    with course.world.services.database.read() as session:
        found = overview.badge_cards(session, course.context_id, course.world.now[0])
    return {names[card.achievement.id]: card for card in found}


def counts(card: overview.BadgeCard) -> tuple[int, ...]:
    return card.learners, card.earned, card.offered, card.claimed, card.unknown, card.not_yet


def board(course: CourseWorld, **more: Any) -> overview.Board:
    with course.world.services.database.read() as session:
        return overview.load_board(session, course.context_id, course.world.now[0], **more)


def set_award(course: CourseWorld, state: AwardState) -> None:
    with course.world.services.database.write() as session:
        session.query(Award).one().state = state


# -- counts -----------------------------------------------------------------------------------------------------------


def test_counts_before_and_after_an_evaluation_and_a_claim(course: CourseWorld) -> None:
    assert counts(cards(course)["water"]) == (4, 1, 0, 0, 1, 2)
    course.evaluate()
    assert counts(cards(course)["water"]) == (4, 1, 1, 0, 1, 2)
    set_award(course, AwardState.CLAIMED)
    assert counts(cards(course)["water"]) == (4, 1, 0, 1, 1, 2)


def test_drafts_count_who_would_earn_them_and_a_badge_without_a_rule_counts_nobody(course: CourseWorld) -> None:
    assert counts(cards(course)["fish"]) == (4, 0, 0, 0, 4, 0)
    assert counts(cards(course)["half"]) == (4, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("state", [AwardState.REVOKED, AwardState.HELD, AwardState.DECLINED])
def test_an_award_that_does_not_stand_is_not_earned(course: CourseWorld, state: AwardState) -> None:
    course.evaluate()
    set_award(course, state)
    assert counts(cards(course)["water"]) == (4, 0, 0, 0, 1, 3)


def test_retired_badges_are_left_out(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        session.get_one(Achievement, course.badges["fish"]).state = AchievementState.RETIRED
    assert set(cards(course)) == {"water", "half"}


# -- board ------------------------------------------------------------------------------------------------------------


def test_the_board_has_live_badges_and_drafts_when_asked(course: CourseWorld) -> None:
    assert [one.id for one in board(course).badges] == [course.badges["water"]]
    assert len(board(course, drafts=True).badges) == 2


def test_learners_come_by_name_the_nameless_last_and_staff_and_test_users_never(course: CourseWorld) -> None:
    assert [(one.name, one.has_left) for one in board(course).learners] == [
        ("Ada Okafor", False),
        ("Ben Noor", False),
        ("Dee Park", True),
        (None, False),
    ]


def test_every_cell_says_how_it_stands(course: CourseWorld) -> None:
    course.evaluate()
    found = board(course)
    states = {name: found.cells[course.users[name], course.badges["water"]] for name in ("ada", "ben", "cho", "dee")}
    assert {name: cell.state for name, cell in states.items()} == {
        "ada": "offered",
        "ben": "not_yet",
        "cho": "unknown",
        "dee": "not_yet",
    }
    assert {name for name, cell in states.items() if cell.is_close} == {"ben", "cho", "dee"}
    assert states["ada"].award is not None


def test_a_learner_is_found_in_their_own_course_only(course: CourseWorld) -> None:
    other = make_course(course.world, "course-2")
    with course.world.services.database.read() as session:
        assert overview.get_learner(session, course.context_id, course.users["ada"]).name == "Ada Okafor"
        for context_id, user in ((other.context_id, "ada"), (course.context_id, "tess")):
            with pytest.raises(NotFoundError):
                overview.get_learner(session, context_id, course.users[user])


def test_titles_name_skills_badges_and_work(course: CourseWorld) -> None:
    with course.world.services.database.read() as session:
        titles = overview.titles_of(load_course(session, course.context_id, drafts=True))
        badge = session.get_one(Achievement, course.badges["fish"])
    assert titles[course.identifier("water")] == "Balance the water chemistry"
    assert titles[badge.public_id] == "Fish friend"
    assert titles["quiz"] == "Nitrogen cycle quiz"


# -- how somebody stands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("award", "verdict", "state"),
    [
        (None, MET, "met"),
        (None, NOT_MET, "not_yet"),
        (None, UNKNOWN, "unknown"),
        (AwardState.OFFERED, UNKNOWN, "offered"),
        (AwardState.CLAIMED, NOT_MET, "claimed"),
        (AwardState.LAPSED, NOT_MET, "lapsed"),
        (AwardState.LAPSED, UNKNOWN, "unknown"),
        (AwardState.LAPSED, MET, "met"),
        (AwardState.REVOKED, MET, "revoked"),
    ],
)
def test_standing(award: AwardState | None, verdict: Verdict, state: str) -> None:
    judgement = Judgement(verdict, Kind.COLUMN, Reason(ReasonCode.NOT_GRADED))
    assert overview.standing_state(judgement, Award(state=award) if award else None) == state


def counted(kind: Kind, verdict: Verdict, have: int, needed: int, *children: Judgement) -> Judgement:
    code = ReasonCode.ENOUGH if verdict is MET else ReasonCode.NEEDS_MORE
    return Judgement(verdict, kind, Reason(code, {"have": have, "needed": needed, "unknown": 0}), None, children)


LEAF = Judgement(NOT_MET, Kind.COLUMN, Reason(ReasonCode.BELOW_THRESHOLD, {"title": "x", "value": "1", "needed": "2"}))
TWO = (LEAF, LEAF)


@pytest.mark.parametrize(
    ("judgement", "close"),
    [
        (counted(Kind.ALL, NOT_MET, 1, 2, *TWO), True),
        (counted(Kind.ALL, UNKNOWN, 3, 4, *TWO, *TWO), True),
        (counted(Kind.ALL, NOT_MET, 1, 3, *TWO, LEAF), False),
        (counted(Kind.ALL, NOT_MET, 0, 1, LEAF), False),
        (counted(Kind.ALL, NOT_MET, 0, 2, *TWO), False),
        (counted(Kind.AT_LEAST, NOT_MET, 1, 2, *TWO), True),
        (counted(Kind.ANY, NOT_MET, 0, 1, *TWO), False),
        (counted(Kind.COMPETENCY, NOT_MET, 2, 3, *TWO, LEAF), True),
        (counted(Kind.ALL, NOT_MET, 0, 1, counted(Kind.COMPETENCY, NOT_MET, 1, 2, *TWO)), True),
        (counted(Kind.ALL, MET, 2, 2, *TWO), False),
        (LEAF, False),
    ],
)
def test_close_is_one_thing_missing_with_one_there(judgement: Judgement, close: bool) -> None:
    assert overview.is_close(judgement) is close


# -- sources and choices ----------------------------------------------------------------------------------------------


def test_the_state_of_a_course_names_its_platform_and_counts_a_reading(course: CourseWorld) -> None:
    database, now = course.world.services.database, course.world.now[0]
    with database.write() as session:
        (run_id,) = course_sync.due_runs(session, now)
        course_sync.take_run(session, run_id, now)
        course_sync.renew_lease(session, run_id, now, {"members": 3})
    with database.read() as session:
        state = overview.course_state(session, course.context_id)
        assert (state.platform, state.freshness.is_reading, state.counts) == ("Lakeside", True, {"members": 3})
        with pytest.raises(NotFoundError):
            overview.course_state(session, 9999)


def test_a_badge_may_ask_for_all_that_do_not_ask_for_it_in_turn(course: CourseWorld) -> None:
    public_ids = {}
    with course.world.services.database.read() as session:
        for name, badge in course.badges.items():
            public_ids[name] = session.get_one(Achievement, badge).public_id
    course.add_badge("second", "Second", {"any": [{"achievement": public_ids["half"]}]})
    with course.world.services.database.read() as session:
        second = session.get_one(Achievement, course.badges["second"]).public_id
    course.add_badge(
        "third", "Third", {"all": [{"not": {"achievement": second}}, {"competency": course.identifier("water")}]}
    )

    def choosable(name: str) -> set[str]:
        names = {number: name for name, number in course.badges.items()}
        with course.world.services.database.read() as session:
            found = overview.choosable_badges(session, course.context_id, course.badges[name])
            return {names[one.id] for one in found}

    assert choosable("half") == {"water", "fish"}
    assert choosable("second") == {"water", "fish", "half"}
    assert choosable("third") == {"water", "fish", "half", "second"}


@pytest.mark.parametrize("state", list(AchievementState))
def test_who_may_publish_may_change_everything_others_only_drafts(state: AchievementState) -> None:
    achievement = Achievement(state=state)
    assert overview.is_editable(achievement, can_publish=True)
    assert overview.is_editable(achievement, can_publish=False) is (state is AchievementState.DRAFT)
