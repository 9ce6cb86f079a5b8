"""Two assessors, rubrics and what becomes evidence: who agrees, who does not, what is told and what is known."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import select

from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.rubrics import Rubric
from lti_tool.domain.rules import Facts
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import (
    Achievement,
    Checkpoint,
    CheckpointKind,
    Context,
    EvidenceColumn,
    ScorePost,
    ScoreState,
    SlotBinding,
)
from lti_tool.services import assessing, award_policies, checkpoints, needs, outcomes, submissions
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.course_rules import load_course
from lti_tool.services.gathering import gather_facts

RUBRIC = Rubric.from_text("Depth: none = 0; some = 3; full = 6\nRecords: no = 0; yes = 4")


class Desk:
    """A checkpoint that two people assess, with three who may and two learners."""

    def __init__(self, course: Course, **values: Any) -> None:
        self.course = course
        self.first, self.second, self.third = (course.person(f"teacher-{one}", is_learner=False) for one in "abc")
        self.ada, self.ben = course.person("ada"), course.person("ben")
        plain = {"kind": CheckpointKind.RECOGNITION, "title": "Earlier work", "maximum": Decimal(10)}
        draft = Draft(**plain | {"assessors_needed": 2} | values)
        with course.database.write() as session:
            context = session.get_one(Context, course.context_id)
            made = checkpoints.create(session, context, draft, "user:1", course.now)
            self.id, self.public_id = made.id, made.public_id

    def hand_in(self, user_id: int) -> None:
        self.course.later(minutes=1)
        with self.course.database.write() as session:
            checkpoint = session.get_one(Checkpoint, self.id)
            submissions.hand_in(session, checkpoint, user_id, self.course.now, text="I was a keeper for years.")

    def say(
        self, assessor: int, user_id: int, score: str | None, marks: Mapping[str, int] | None = None, comment: str = ""
    ) -> int | None:
        self.course.later(minutes=1)
        number = None if score is None else Decimal(score)
        with self.course.database.write() as session:
            checkpoint = session.get_one(Checkpoint, self.id)
            return assessing.assess(session, checkpoint, user_id, assessor, number, comment, self.course.now, marks)

    def state(self, user_id: int) -> str:
        with self.course.database.read() as session:
            rows = assessing.rows(session, session.get_one(Checkpoint, self.id))
            return assessing.get_row(rows, user_id)[0].state

    def posts(self) -> list[tuple[str, Decimal | None]]:
        with self.course.database.read() as session:
            found = select(ScorePost).where(ScorePost.state != ScoreState.SUPERSEDED).order_by(ScorePost.id)
            return [(one.grading_progress, one.score_given) for one in session.scalars(found)]

    def facts(self, user_id: int) -> Facts:
        with self.course.database.read() as session:
            course = load_course(session, self.course.context_id, drafts=True)
            return gather_facts(session, course, [user_id], self.course.now)[user_id]

    def verdict(self, user_id: int) -> Verdict | None:
        return self.facts(user_id).assessments.get(self.public_id)

    def column(self) -> EvidenceColumn | None:
        with self.course.database.read() as session:
            return outcomes.find_column(session, session.get_one(Checkpoint, self.id))


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        yield course


@pytest.fixture
def desk(course: Course) -> Desk:
    return Desk(course)


def test_nothing_is_settled_or_told_before_both_agree(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    told = desk.posts()
    assert desk.say(desk.first, desk.ada, "8") is None
    assert (desk.state(desk.ada), desk.verdict(desk.ada), desk.column()) == ("partly", None, None)
    assert desk.posts() == told, "the platform hears nothing of half an outcome"
    assert desk.say(desk.second, desk.ada, "7") is not None
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("assessed", Verdict.MET)
    assert desk.posts() == [("FullyGraded", Decimal("7.5"))]
    assert desk.course.is_due(), "an outcome is evidence at once"


def test_the_same_person_is_not_both_and_nobody_assesses_themselves(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")
    desk.say(desk.first, desk.ada, "9")
    assert desk.state(desk.ada) == "partly"
    with pytest.raises(ConflictError) as caught:
        desk.say(desk.ada, desk.ada, "10")
    assert caught.value.code == "assesses_own_work"


def test_a_disagreement_waits_for_a_person_who_changes_their_mind(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")
    assert desk.say(desk.second, desk.ada, "3") is None
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("disagreeing", None)
    with desk.course.database.read() as session:
        assert needs.needs_of(session, desk.course.context_id, desk.course.now).moderation == 1
    desk.say(desk.second, desk.ada, "7")
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("assessed", Verdict.MET)
    assert desk.posts()[-1] == ("FullyGraded", Decimal("7.5"))


def test_a_third_person_settles_a_disagreement(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8", comment="Well done")
    desk.say(desk.second, desk.ada, "3", comment="Too thin")
    desk.say(desk.third, desk.ada, "4", comment="I agree with that")
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("assessed", Verdict.NOT_MET)
    with desk.course.database.read() as session:
        work = submissions.work_of(session, session.get_one(Checkpoint, desk.id), desk.ada)
        assert (work.score, work.comments) == (Decimal("3.5"), ("Too thin", "I agree with that"))


def test_what_is_taken_back_is_unknown_again(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")
    desk.say(desk.second, desk.ada, "8")
    desk.say(desk.second, desk.ada, None)
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("partly", None)
    assert desk.posts() == [("PendingManual", None)]
    column = desk.column()
    assert column is not None
    states = [one.state for one in desk.course.observations(column.id)]
    assert states == [EvidenceState.GRADED, EvidenceState.UNGRADED]


def test_an_earlier_result_holds_while_new_work_is_assessed(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")
    desk.say(desk.second, desk.ada, "8")
    desk.hand_in(desk.ada)
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("handed_in", Verdict.MET)
    assert desk.say(desk.first, desk.ada, "2") is None
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("partly", Verdict.MET)
    desk.say(desk.second, desk.ada, "3")
    assert desk.verdict(desk.ada) is Verdict.NOT_MET


def test_who_may_see_what_the_other_said(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")

    def sees(assessor: int) -> bool:
        with desk.course.database.read() as session:
            found = outcomes.standings(session, session.get_one(Checkpoint, desk.id), desk.ada)
            return found[desk.ada].is_open_to(assessor)

    assert sees(desk.first)
    assert not sees(desk.second)
    desk.say(desk.second, desk.ada, "3")
    assert sees(desk.second)
    assert not sees(desk.third), "whoever settles it looks without the others' marks, too"
    desk.say(desk.third, desk.ada, "8")
    assert sees(desk.third)


def test_a_rubric_makes_the_score_and_the_maximum(course: Course) -> None:
    desk = Desk(course, rubric=RUBRIC.to_document(), maximum=Decimal(3), assessors_needed=1)
    desk.hand_in(desk.ada)
    with course.database.read() as session:
        assert session.get_one(Checkpoint, desk.id).maximum == 10
    desk.say(desk.first, desk.ada, "1", {"0": 1, "1": 1})
    assert desk.verdict(desk.ada) is Verdict.MET, "three and four of ten are seventy percent"
    with pytest.raises(InvalidInputError):
        desk.say(desk.first, desk.ada, "1", {"0": 1})
    (event,) = [one for one in course.events("assessment.made") if one.commitment is not None][-1:]
    assert event.actor == f"user:{desk.first}"


def test_a_tick_is_a_yes_and_two_people_tick(course: Course) -> None:
    desk = Desk(course, kind=CheckpointKind.CHECK_OFF, maximum=Decimal(1))

    def tick(assessor: int) -> list[int]:
        with course.database.write() as session:
            checkpoint = session.get_one(Checkpoint, desk.id)
            return assessing.tick(session, checkpoint, [desk.ada, desk.ben], assessor, course.now)

    assert tick(desk.first) == []
    assert tick(desk.first) == []
    assert len(tick(desk.second)) == 2
    assert (desk.verdict(desk.ada), desk.verdict(desk.ben)) == (Verdict.MET, Verdict.MET)


def test_a_badge_that_asks_for_two_asks_at_its_checkpoints(course: Course) -> None:
    column = course.column()
    badge = course.badge_for(column)
    desk = Desk(course, assessors_needed=1, achievement_id=badge)
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "9")
    assert desk.verdict(desk.ada) is Verdict.MET

    def ask_for(number: int) -> None:
        with course.database.write() as session:
            achievement = session.get_one(Achievement, badge)
            award_policies.write_policy(session, achievement, {"assessors": number}, "user:1", course.now)

    ask_for(2)
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("partly", None)
    desk.say(desk.second, desk.ada, "8")
    assert desk.verdict(desk.ada) is Verdict.MET
    ask_for(1)
    assert (desk.state(desk.ada), desk.verdict(desk.ada)) == ("assessed", Verdict.MET)


def test_prior_learning_earns_a_badge_from_the_submission_to_the_offer(desk: Desk) -> None:
    course = desk.course
    badge = course.badge("Keeper", {"assessor": desk.public_id})
    desk.hand_in(desk.ada)
    assert course.evaluate().offered == 0
    desk.say(desk.first, desk.ada, "8")
    desk.say(desk.second, desk.ada, "9")
    assert course.evaluate().offered == 1
    assert course.states() == {(badge, desk.ada): AwardState.OFFERED}
    desk.say(desk.second, desk.ada, "2")
    course.evaluate()
    assert course.states() == {(badge, desk.ada): AwardState.OFFERED}, "what is unknown takes nothing away"
    desk.say(desk.first, desk.ada, "3")
    course.evaluate()
    assert course.states() == {(badge, desk.ada): AwardState.LAPSED}


def test_without_a_line_item_the_outcome_counts_for_the_skill_by_itself(course: Course) -> None:
    identifier = course.skill("Keep the fish healthy", {})
    with course.database.read() as session:
        item = load_course(session, course.context_id).plans[identifier]
        assert item.parts == ()
        from lti_tool.services.frameworks import course_items

        item_id = course_items(session, course.context_id)[0].id
    desk = Desk(course, item_id=item_id, threshold=Decimal(60), assessors_needed=1)
    badge = course.badge("Keeper", {"competency": identifier})
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "6")
    course.evaluate()
    assert course.states() == {(badge, desk.ada): AwardState.OFFERED}
    with course.database.read() as session:
        assert len(session.scalars(select(SlotBinding)).all()) == 1


def test_an_outcome_never_gets_old(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.say(desk.first, desk.ada, "8")
    desk.say(desk.second, desk.ada, "8")
    desk.course.later(days=400)
    assert desk.verdict(desk.ada) is Verdict.MET
