"""Awards: offered at most once, taken back only before the claim, always with the reason kept."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, select

from lti_tool.domain.explain import ReasonCode, judgement_from_document, missing
from lti_tool.domain.lifecycle import AwardAction, AwardState
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, AuditPayload, Award, Context, Trace, TraceMoment
from lti_tool.services import awarding
from lti_tool.services.achievements import write_rule

OFFERED, LAPSED, CLAIMED = AwardState.OFFERED, AwardState.LAPSED, AwardState.CLAIMED


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    """A course."""
    with course_on(migrated_sqlite_url) as course:
        yield course


@pytest.fixture
def either(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def earned(course: Course, score: str = "90") -> tuple[int, int, int]:
    """A learner who earned a badge that was offered: column, user, achievement."""
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    course.grade(column, ada, score)
    assert course.evaluate().offered == 1
    return column, ada, badge


def claim(course: Course) -> None:
    """Claim the one award, as ``issuing.claim`` does it."""
    with course.database.write() as session:
        award = session.scalars(select(Award)).one()
        standing = awarding.standings(session, course.context_id, award.user_id, course.now)[0]
        assert awarding.change_state(
            session, award, AwardAction.CLAIM, standing.judgement, award.award_rule_id, course.now, actor="user:1"
        )


def actions(course: Course) -> list[str]:
    """What the audit trail says about awards."""
    return [event.action for event in course.events()]


# -- the verdict at the edges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "maximum", "offered", "unknown"),
    [
        ("70", "100", 1, 0),
        ("69.5", "100", 0, 0),
        ("69.9999", "100", 0, 0),
        ("7", "10", 1, 0),
        ("0", "100", 0, 0),
        (None, "100", 0, 1),
        ("110", "100", 1, 0),
        ("0", "0", 0, 1),
    ],
    ids=["70 %", "69.5 %", "nearly", "of ten", "zero", "no score", "bonus", "of nothing"],
)
def test_what_a_score_comes_to(course: Course, score: str | None, maximum: str, offered: int, unknown: int) -> None:
    column, ada = course.column(maximum=maximum), course.person("ada")
    course.badge_for(column, "70")
    course.grade(column, ada, score, maximum)
    counts = course.evaluate()
    assert (counts.learners, counts.offered, counts.unknown, counts.attained) == (1, offered, unknown, offered)
    assert len(course.states()) == offered


@pytest.mark.parametrize(
    ("changes", "later"),
    [({"failed_code": "platform_not_found"}, {}), ({"is_gone": True}, {}), ({}, {"days": 7, "seconds": 1})],
    ids=["failed", "gone", "stale"],
)
def test_what_cannot_be_trusted_neither_awards_nor_takes_away(
    course: Course, changes: dict[str, Any], later: dict[str, float]
) -> None:
    column, ada, badge = earned(course)
    ben = course.person("ben")
    course.grade(column, ben, "95")
    course.grade(column, ada, "10")
    course.set_column(column, **changes)
    course.later(**later)
    counts = course.evaluate()
    assert (counts.offered, counts.lapsed, counts.unknown) == (0, 0, 2)
    assert course.states() == {(badge, ada): OFFERED}


def test_who_departed_keeps_and_still_earns(course: Course) -> None:
    column, ada, badge = earned(course)
    ben = course.person("ben")
    course.depart()
    course.grade(column, ben, "75")
    assert course.evaluate().offered == 1
    assert course.states() == {(badge, ada): OFFERED, (badge, ben): OFFERED}


def test_staff_and_test_users_never_earn(course: Course) -> None:
    column = course.column()
    course.badge_for(column)
    for sub, kind in (("teacher", {"is_learner": False}), ("preview", {"is_test_user": True})):
        course.grade(column, course.person(sub, **kind), "100")  # type: ignore[arg-type]
    assert (course.evaluate().learners, course.states()) == (0, {})


# -- at most once -----------------------------------------------------------------------------------------------------


def test_evaluating_again_does_nothing_more(course: Course) -> None:
    earned(course)
    before = course.award()
    course.later(hours=1)
    counts = course.evaluate()
    assert (counts.offered, counts.award_ids) == (0, [])
    assert (course.award().changed_at, course.award().id) == (before.changed_at, before.id)
    assert (len(course.traces()), actions(course)) == (1, ["award.offered"])


def test_evaluations_in_parallel_offer_once(either: Course) -> None:
    column = either.column()
    either.badge_for(column)
    for number in range(5):
        either.grade(column, either.person(f"learner-{number}"), "90")
    counts: list[int] = []
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        counts.append(either.evaluate().offered)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 4
    assert sum(counts) == 5
    assert len(either.states()) == len(either.traces()) == len(actions(either)) == 5


def test_an_award_pins_version_and_rule(course: Course) -> None:
    _, _, badge = earned(course)
    award = course.award()
    with course.database.write() as session:
        achievement = session.get_one(Achievement, badge)
        assert (award.achievement_version_id, award.award_rule_id) == (
            achievement.current_version_id,
            achievement.current_rule_id,
        )
        write_rule(session, achievement, {"column": "essay", "percent": {"at_least": "80"}}, course.now)
    course.evaluate()
    assert course.award().award_rule_id == award.award_rule_id


# -- lapsing and coming back ------------------------------------------------------------------------------------------


def test_an_offer_lapses_with_the_reason_and_comes_back(course: Course) -> None:
    column, ada, _ = earned(course)
    course.later(hours=1)
    course.grade(column, ada, "40")
    assert course.evaluate().lapsed == 1
    award = course.award()
    assert (award.state, award.reason_code, award.changed_at) == (LAPSED, "needs_more", course.now)
    course.later(hours=1)
    course.grade(column, ada, "75")
    counts = course.evaluate()
    award = course.award()
    assert (counts.offered, counts.lapsed) == (1, 0)
    assert (award.state, award.reason_code, award.offered_at) == (OFFERED, None, course.now)
    assert [trace.moment for trace in course.traces()] == [
        TraceMoment.OFFERED,
        TraceMoment.LAPSED,
        TraceMoment.OFFERED,
    ]
    assert actions(course) == ["award.offered", "award.lapsed", "award.offered"]


def test_a_result_that_vanished_takes_nothing_away(course: Course) -> None:
    column, ada, badge = earned(course)
    course.grade(column, ada, None)
    assert course.evaluate().unknown == 1
    assert course.states() == {(badge, ada): OFFERED}


def test_events_name_nobody(course: Course) -> None:
    earned(course)
    (event,) = course.events()
    award = course.award()
    assert (event.actor, event.subject, event.organization_id) == ("job", f"award:{award.id}", course.organization_id)


def test_who_comes_second_moves_nothing(either: Course) -> None:
    """A learner claims between the look and the act of an evaluation: the claim stands, and nothing is counted."""
    _, ada, _ = earned(either)
    with either.database.write() as session:
        award = session.scalars(select(Award)).one()
        judgement = awarding.standings(session, either.context_id, ada, either.now)[0].judgement
        session.execute(Award.__table__.update().values(state="claimed"))  # type: ignore[attr-defined]
        assert award.state is OFFERED
        assert not awarding.change_state(session, award, AwardAction.LAPSE, judgement, award.award_rule_id, either.now)
        assert award.state is CLAIMED
    assert (len(either.traces()), actions(either)) == (1, ["award.offered"])


def test_a_step_that_does_not_exist_is_refused(course: Course) -> None:
    earned(course)
    with course.database.write() as session:
        award = session.scalars(select(Award)).one()
        judgement = awarding.standings(session, course.context_id, award.user_id, course.now)[0].judgement
        with pytest.raises(ConflictError) as refusal:
            awarding.change_state(session, award, AwardAction.RESTORE, judgement, award.award_rule_id, course.now)
    assert refusal.value.code == "transition_refused"


# -- claimed, and no longer earned ------------------------------------------------------------------------------------


def test_a_claimed_award_no_longer_earned_asks_for_a_review_once(course: Course) -> None:
    column, ada, _ = earned(course)
    claim(course)
    course.grade(column, ada, "40")
    for _ in range(3):
        course.later(hours=1)
        counts = course.evaluate()
        assert (counts.lapsed, counts.offered) == (0, 0)
    award = course.award()
    assert (award.state, award.reason_code) == (CLAIMED, "no_longer_earned")
    assert actions(course) == ["award.offered", "award.claimed", "award.review_needed"]
    with course.database.read() as session:
        payload = session.get_one(AuditPayload, course.events()[-1].id).payload
    assert payload["award_rule_id"] == award.award_rule_id
    judgement = judgement_from_document(payload["judgement"])
    assert (judgement.verdict, [one.reason.code for one in missing(judgement)]) == (
        Verdict.NOT_MET,
        [ReasonCode.BELOW_THRESHOLD],
    )


def test_earned_again_settles_the_review_and_a_new_fall_asks_anew(course: Course) -> None:
    column, ada, _ = earned(course)
    claim(course)
    for score, reason in (
        ("40", "no_longer_earned"),
        (None, "no_longer_earned"),
        ("80", None),
        ("30", "no_longer_earned"),
    ):
        course.grade(column, ada, score)
        course.evaluate()
        assert course.award().reason_code == reason
    assert actions(course)[2:] == ["award.review_needed", "award.review_settled", "award.review_needed"]


def test_not_knowing_asks_for_no_review(course: Course) -> None:
    column, _, _ = earned(course)
    claim(course)
    course.set_column(column, failed_code="platform_not_found")
    course.evaluate()
    assert (course.award().reason_code, actions(course)) == (None, ["award.offered", "award.claimed"])


def test_evaluations_in_parallel_ask_for_one_review(either: Course) -> None:
    column, ada, _ = earned(either)
    claim(either)
    either.grade(column, ada, "40")
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        either.evaluate()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert actions(either).count("award.review_needed") == 1


# -- pathways ---------------------------------------------------------------------------------------------------------


def pathway(course: Course) -> tuple[int, int, int, int]:
    """A badge on a badge on a badge, the last one made first: column, then the three."""
    column = course.column()
    first = course.badge_for(column, name="First")
    second = course.badge("Second", {"achievement": course.public_id(first)})
    third = course.badge("Third", {"achievement": course.public_id(second)})
    return column, first, second, third


def test_a_badge_on_badges_is_earned_in_the_same_run(course: Course) -> None:
    column, *badges = pathway(course)
    ada = course.person("ada")
    course.grade(column, ada, "90")
    assert course.evaluate().offered == 3
    assert course.states() == {(badge, ada): OFFERED for badge in badges}


def test_a_badge_made_before_the_one_it_builds_on_is_earned_in_the_same_run(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    base = course.badge("Base", {"column": "essay", "percent": {"at_least": "70"}})
    course.skill("Any", {column: "70"})  # binds the slot
    top = course.badge("Top", {"column": "essay", "percent": {"at_least": "70"}})
    with course.database.write() as session:
        rule = {"achievement": course.public_id(top)}
        write_rule(session, session.get_one(Achievement, base), rule, course.now)
    course.grade(column, ada, "90")
    assert course.evaluate().offered == 2
    assert set(course.states()) == {(base, ada), (top, ada)}


def test_what_a_badge_built_on_lapses_with_it_in_the_same_run(course: Course) -> None:
    column, *badges = pathway(course)
    ada = course.person("ada")
    course.grade(column, ada, "90")
    course.evaluate()
    course.grade(column, ada, "10")
    assert course.evaluate().lapsed == 3
    assert course.states() == {(badge, ada): LAPSED for badge in badges}


# -- traces -----------------------------------------------------------------------------------------------------------


def test_a_trace_can_be_rebuilt_and_equals_the_judgement(either: Course) -> None:
    column, other, ada = either.column("Essay"), either.column("Lab", "30"), either.person("ada")
    skill = either.skill("Write", {column: "70"})
    either.skill("Measure", {other: "50"})
    rule = {"all": [{"competency": skill}, {"any": [{"column": "lab", "points": {"at_least": "20"}},
                                                    {"column": "essay", "submitted": True}]}]}  # fmt: skip
    either.badge("Scientist", rule)
    either.grade(column, ada, "70.125", submitted_at=START, graded_at=START + timedelta(minutes=5))
    either.grade(other, ada, "21.5", "30")
    with either.database.read() as session:
        (standing,) = awarding.standings(session, either.context_id, ada, either.now)
    assert either.evaluate().offered == 1
    (trace,) = either.traces()
    assert judgement_from_document(trace.document) == standing.judgement
    assert standing.judgement.verdict is Verdict.MET
    assert (trace.award_rule_id, trace.taken_at) == (either.award().award_rule_id, START)


# -- when it is due ---------------------------------------------------------------------------------------------------


def test_what_was_wanted_is_done_and_what_is_wanted_meanwhile_stays_due(either: Course) -> None:
    either.want()
    either.want()
    assert either.is_due()
    either.evaluate()
    assert not either.is_due()
    either.want()
    with either.database.write() as session:
        session.scalar(select(func.count(Trace.id)))
        awarding.evaluate_course(session, either.context_id, either.now)
        # Somebody's wish, committed while this transaction went on.
        session.execute(
            Context.__table__.update().values(evaluation_wanted=Context.evaluation_wanted + 1)  # type: ignore[attr-defined]
        )
    assert either.is_due()
    either.evaluate()
    assert not either.is_due()


def test_a_wish_during_an_evaluation_stays_due_on_postgresql(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with course_on(pg_url) as course:
        course.badge_for(course.column())
        course.evaluate()
        course.want()
        load = awarding.load_course

        def load_while_somebody_maps(*args: Any, **options: Any) -> Any:
            course.want()
            return load(*args, **options)

        monkeypatch.setattr(awarding, "load_course", load_while_somebody_maps)
        course.evaluate()
        assert course.is_due()


def test_an_older_evaluation_does_not_undo_a_newer_one(course: Course) -> None:
    course.want()
    with course.database.write() as session:
        session.get_one(Context, course.context_id).evaluation_done = 5
        awarding.evaluate_course(session, course.context_id, course.now)
        assert session.scalar(select(Context.evaluation_done)) == 5


def test_a_course_that_does_not_exist(course: Course) -> None:
    with course.database.write() as session, pytest.raises(NotFoundError):
        awarding.evaluate_course(session, 404, course.now)


# -- looking ----------------------------------------------------------------------------------------------------------


def test_trying_out_judges_as_in_earnest_and_changes_nothing(course: Course) -> None:
    column, ada, ben = course.column(), course.person("ada"), course.person("ben")
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    course.grade(column, ben, "10")
    with course.database.write() as session:
        session.get_one(Achievement, badge).state = "draft"  # type: ignore[assignment]
    with course.database.read() as session:
        tried = awarding.try_out(session, course.context_id, badge, course.now)
        assert awarding.standings(session, course.context_id, ada, course.now) == []
    assert {user_id: one.verdict for user_id, one in tried.items()} == {ada: Verdict.MET, ben: Verdict.NOT_MET}
    assert course.states() == {}


def test_a_badge_of_another_course_cannot_be_tried(course: Course) -> None:
    with course.database.read() as session, pytest.raises(NotFoundError):
        awarding.try_out(session, course.context_id, 404, course.now)
