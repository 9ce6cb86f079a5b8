"""Dry runs: who gains, who loses, who is unknown, by name; and exactly what a live evaluation then does."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from award_world import PERSON, WHY, award_of, crowd, grade_all, rows, set_policy, take
from courses import Course, course_on
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lti_tool.domain.competency_plan import Part
from lti_tool.domain.simulate import Change
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError, RuleError
from lti_tool.models import Achievement, AchievementState, Award, AwardRunItem, LearnerNotice, Trace, User
from lti_tool.services import achievements, revoking, simulating
from lti_tool.services.course_rules import load_course
from lti_tool.services.simulating import Simulation


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        yield course


def dry(course: Course, badge: int, **change: Any) -> Simulation:
    with course.database.read() as session:
        return simulating.simulate_publish(session, course.context_id, badge, course.now, **change)


def kinds(found: Simulation) -> dict[int, str]:
    return {line.user_id: line.outcome.change.value for line in found.lines}


def draft(course: Course, badge: int) -> None:
    with course.database.write() as session:
        session.get_one(Achievement, badge).state = AchievementState.DRAFT


def test_before_publishing_everybody_is_named_with_what_decides(course: Course) -> None:
    column, (ada, ben, eve) = course.column(), crowd(course, 3)
    badge = course.badge_for(column)
    draft(course, badge)
    course.grade(column, ada, "90")
    course.grade(column, ben, "69.5")
    with course.database.write() as session:
        session.get_one(User, ada).name = "Ada"
    found = dry(course, badge)
    assert kinds(found) == {ada: "gains", ben: "not_yet", eve: "unknown"}
    assert found.lines[0].name == "Ada"
    assert {line.user_id: line.outcome.deciding.judgement.reason.code.value for line in found.lines} == {
        ada: "threshold_met",
        ben: "below_threshold",
        eve: "not_graded",
    }
    assert (found.proposed.learners, found.proposed.offers, found.hold) == (3, 1, None)
    assert rows(course, Award) == rows(course, Trace) == rows(course, LearnerNotice) == []


def test_before_an_edit_who_would_lose_is_told_apart(course: Course) -> None:
    column, (ada, ben, eve) = course.column(), crowd(course, 3)
    badge = course.badge_for(column)
    for user_id, score in ((ada, "95"), (ben, "75"), (eve, "60")):
        course.grade(column, user_id, score)
    course.evaluate()
    take(course, ben)
    stricter = {"column": "essay", "percent": {"at_least": "80"}}
    assert kinds(dry(course, badge, rule=stricter)) == {ada: "keeps", ben: "loses", eve: "not_yet"}
    milder = {"column": "essay", "percent": {"at_least": "50"}}
    assert kinds(dry(course, badge, rule=milder)) == {ada: "keeps", ben: "keeps", eve: "gains"}
    ignoring = dry(course, badge, rule=stricter, policy={"grade_change": "ignore"})
    assert kinds(ignoring)[ben] == "keeps"
    later = {"hold_until": "2099-01-01T00:00:00+00:00"}
    assert kinds(dry(course, badge, rule=milder, policy=later))[eve] == "waits"


def test_what_builds_on_the_badge_is_shown_too(course: Course) -> None:
    column, people = course.column(), crowd(course, 3)
    badge = course.badge_for(column)
    top = course.badge("Top", {"achievement": course.public_id(badge)})
    grade_all(course, column, people, "60")
    course.evaluate()
    found = dry(course, badge, rule={"column": "essay", "percent": {"at_least": "50"}})
    assert [(one.achievement_id, one.name, one.gains, one.losses) for one in found.side_effects] == [(top, "Top", 3, 0)]


def test_other_thresholds_are_tried_on_every_badge(course: Course) -> None:
    column, (ada, ben) = course.column(), crowd(course, 2)
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    course.grade(column, ben, "60")
    course.evaluate()
    with course.database.read() as session:
        plans = load_course(session, course.context_id).plans
        changed = {
            name: replace(plan, parts=tuple(Part(part.slot, Decimal(50)) for part in plan.parts))
            for name, plan in plans.items()
        }
        (found,) = simulating.simulate_mapping(session, course.context_id, changed, course.now)
    assert (found.achievement_id, kinds(found)) == (badge, {ada: "keeps", ben: "gains"})


def test_what_was_confirmed_passes_the_circuit_breaker(course: Course) -> None:
    column, people = course.column(), crowd(course, 25)
    badge = course.badge_for(column)
    course.grade(column, people[0], "90")
    course.evaluate()
    grade_all(course, column, people[1:], "60")
    rule = {"column": "essay", "percent": {"at_least": "50"}}
    found = dry(course, badge, rule=rule)
    assert (found.counts[Change.GAINS], found.hold.code.value if found.hold else None) == (24, "many_offers")
    with course.database.write() as session:
        achievements.write_rule(session, session.get_one(Achievement, badge), rule, course.now)
        simulating.vouch(session, badge, found)
    counts = course.evaluate()
    assert (counts.offered, counts.held) == (24, 0)


def test_without_a_term_nobody_is_looked_at(course: Course) -> None:
    column, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    found = dry(course, badge, policy={"duplicates": "per_term"})
    assert (found.lines, found.no_occasion) == ((), 1)
    set_policy(course, badge, duplicates="per_term")
    assert course.evaluate().offered == 0


def test_what_cannot_be_tried_is_refused(course: Course) -> None:
    badge = course.badge_for(course.column())
    with pytest.raises(NotFoundError):
        dry(course, 404)
    with pytest.raises(RuleError):
        dry(course, badge, rule={"all": []})
    with pytest.raises(InvalidInputError) as refusal:
        dry(course, badge, policy={"grace_days": 0})
    assert refusal.value.code == "policy_value_invalid"
    with course.database.write() as session:
        session.get_one(Achievement, badge).current_rule_id = None
    with pytest.raises(ConflictError) as conflict:
        dry(course, badge)
    assert conflict.value.code == "badge_incomplete"


# -- dry run = live ---------------------------------------------------------------------------------------------------

LEARNERS, COLUMNS = 6, 3
SCORES = st.one_of(st.none(), st.integers(0, 100).map(str))
GRADES = st.lists(st.lists(SCORES, min_size=COLUMNS, max_size=COLUMNS), min_size=LEARNERS, max_size=LEARNERS)


def leaf() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda slot, least: {"column": f"work-{slot}", "percent": {"at_least": str(least)}},
        st.integers(0, COLUMNS - 1),
        st.sampled_from([30, 50, 70]),
    )


def rule() -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(leaf(), min_size=1, max_size=3, unique_by=repr)
    return st.one_of(
        leaf(), several.map(lambda clauses: {"all": clauses}), several.map(lambda clauses: {"any": clauses})
    )


POLICIES = st.sampled_from(
    [
        {},
        {"claim_mode": "auto"},
        {"grade_change": "ignore"},
        {"grade_change": "revoke_after_grace", "grace_days": 3},
        {"hold_until": "2099-01-01T00:00:00+00:00"},
        {"needs_posted_grades": True},
        {"duplicates": "renew", "validity_days": 10, "renewal_window_days": 5},
    ]
)
THING = st.sampled_from(["nothing", "claimed", "revoked", "barred", "held"])


def simulated(found: Simulation) -> dict[int, tuple[str | None, bool]]:
    """What the dry run says will be done, by learner: the step, and whether a review opens."""
    decisions = {line.user_id: line.outcome.decision for line in found.lines}
    return {
        user_id: (decision.action.value if decision.action else None, decision.needs_review)
        for user_id, decision in decisions.items()
        if decision.action is not None or decision.needs_review
    }


def done(course: Course, badge: int, since: int) -> dict[int, tuple[str | None, bool]]:
    """What the runs say was done since."""
    items = rows(course, AwardRunItem, AwardRunItem.id > since, AwardRunItem.achievement_id == badge)
    return {
        item.user_id: (None, True) if item.action == "review" else (item.action, False)
        for item in items
        if item.applied_at is not None
    }


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example is a database: shrinking takes minutes
)
@given(
    first=GRADES,
    second=GRADES,
    old=rule(),
    new=rule(),
    policy=POLICIES,
    things=st.lists(THING, min_size=LEARNERS, max_size=LEARNERS),
)
def test_a_dry_run_is_what_the_live_evaluation_then_does(
    any_fresh: Any, first: Any, second: Any, old: Any, new: Any, policy: Any, things: list[str]
) -> None:
    with any_fresh() as course:
        columns = [course.column(f"Work {number}") for number in range(COLUMNS)]
        for number, column in enumerate(columns):
            course.skill(f"Skill {number}", {column: "70"})
        people = crowd(course, LEARNERS)
        enter(course, columns, people, first)
        badge = course.badge("Writer", old)
        course.badge("Top", {"achievement": course.public_id(badge)})
        course.evaluate()
        live_through(course, badge, people, things)
        course.later(days=8)
        course.read_again(*columns)
        enter(course, columns, people, second)
        found = dry(course, badge, rule=new, policy=policy)
        last = max((item.id for item in rows(course, AwardRunItem)), default=0)
        with course.database.write() as session:
            achievements.write_rule(session, session.get_one(Achievement, badge), new, course.now)
            session.get_one(Achievement, badge).policy = policy
        course.evaluate()
        assert done(course, badge, last) == simulated(found)
        assert course.evaluate().run_id is None


def enter(course: Course, columns: list[int], people: list[int], grades: list[list[str | None]]) -> None:
    for user_id, line in zip(people, grades, strict=True):
        for column, score in zip(columns, line, strict=True):
            course.grade(column, user_id, score, graded_at=course.now)


def live_through(course: Course, badge: int, people: list[int], things: list[str]) -> None:
    awarded = {award.user_id for award in rows(course, Award, Award.achievement_id == badge)}
    for user_id, thing in zip(people, things, strict=True):
        if user_id in awarded and thing in ("claimed", "revoked"):
            take(course, user_id, badge)
        with course.database.write() as session:
            if thing == "barred":
                revoking.bar(session, badge, user_id, WHY, PERSON, course.now)
            elif user_id in awarded and thing == "revoked":
                revoking.revoke_award(session, award_of(course, user_id, badge).id, WHY, PERSON, course.now)
            elif user_id in awarded and thing == "held":
                revoking.hold(session, award_of(course, user_id, badge).id, WHY, PERSON, course.now)


@pytest.fixture
def any_fresh(migrated_sqlite_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes courses, each in a database of its own."""
    import shutil
    from itertools import count
    from pathlib import Path

    from sqlalchemy.engine import make_url

    template = Path(str(make_url(migrated_sqlite_url).database))
    folder, numbers = tmp_path_factory.mktemp("courses"), count()

    def fresh() -> Any:
        copy = folder / f"{next(numbers)}.db"
        shutil.copy(template, copy)
        return course_on(f"sqlite:///{copy}")

    return fresh
