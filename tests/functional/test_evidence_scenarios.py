"""Every evidence scenario, through the whole engine: what platforms say, which facts hold, what rules make of them."""

from collections import Counter
from typing import Any

import pytest
from courses import Course
from evidence_moments import Scenario
from evidence_scenarios import SCENARIOS
from evidence_stages import STAGES, stage
from platforms.moodle_api import GRADES
from sqlalchemy import Engine, select

from lti_tool.db import make_engine
from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import Context, Review, ReviewState
from lti_tool.services import claiming, issuers

GROUNDS = ("captured", "vendor document", "vendor code", "other tools' code", "constructed", "AGS 2.0", "NRPS 2.0")


def about(key: str) -> tuple[str, str]:
    """Person and column: ``ann``, or ``ann/Quiz``; the column is the essay where none is named."""
    person, _, title = key.partition("/")
    return person, title or "Essay"


def play_through(engine: Engine, scenario: Scenario) -> None:
    """Let a scenario happen, and compare what holds after each of its moments."""
    with stage(engine, scenario.stage) as here:
        for number, moment in enumerate(scenario.moments):
            for name, args, more in moment.says:
                getattr(here, name)(*args, **more)
            here.wait(hours=1)
            ended = here.read(moment.reason)
            facts = {key: here.fact(*about(key)) for key in moment.facts}
            verdicts = {key: here.verdict(*about(key.split(": ")[0]), key.split(": ")[1]) for key in moment.verdicts}
            counting = {person: here.counts(person) for person in moment.counts}
            words = {key: here.observations(*about(key)) for key in moment.observations}
            assert (number, ended, facts) == (number, moment.ends, moment.facts)
            assert (number, verdicts) == (number, moment.verdicts)
            assert (number, words) == (number, moment.observations)
            assert (number, counting) == (number, moment.counts)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.stage}: {one.name}")
def test_facts_and_verdicts_are_right(engine: Engine, scenario: Scenario) -> None:
    play_through(engine, scenario)


@pytest.mark.parametrize("kind", STAGES)
def test_they_are_right_on_postgresql_too(pg_url: str, kind: str) -> None:
    """The longest scenario of each kind: databases differ in what they store, not in what is asked of platforms."""
    engine = make_engine(pg_url)
    try:
        play_through(engine, max((one for one in SCENARIOS if one.stage == kind), key=lambda one: len(one.moments)))
    finally:
        engine.dispose()


def test_there_are_scenarios_enough_of_every_kind() -> None:
    kinds = Counter(one.stage for one in SCENARIOS)
    assert kinds.keys() == STAGES.keys()
    assert kinds.total() >= 30
    names = [(one.stage, one.name) for one in SCENARIOS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.stage}: {one.name}")
def test_a_scenario_names_its_ground_and_expects_something(scenario: Scenario) -> None:
    assert scenario.ground.startswith(GROUNDS)
    assert any(one.facts or one.verdicts for one in scenario.moments)


def test_a_large_moodle_course_goes_on_where_it_was_broken_off(engine: Engine) -> None:
    """Sixty people and more work than is read at once: the second attempt asks only for those it has not stored."""
    with stage(engine, "moodle") as here:
        play: Any = here
        play.work()
        play.crowd(60)
        play.grade("ann", "70")
        api = play.api
        asked: list[str] = []

        def fail() -> None:
            asked.extend(form["userid"] for form in api.calls if form.get("wsfunction") == GRADES)
            for _ in range(4):  # as often as it is tried
                api.answer_next("", 503)

        api.before[45] = fail
        assert here.read() == "platform_unavailable"
        assert 25 < len(asked) < 60
        api.calls.clear()
        assert here.read() == "done"
        later = [form["userid"] for form in api.calls if form.get("wsfunction") == GRADES]
        assert here.fact("ann", "Essay") == "graded 70/100"
        everybody = {str(one) for one in api.courses[2].people}
        assert {*asked, *later} >= everybody
        assert len(later) <= 1 + len(everybody) - 25, "the first page of 25 was not asked for again"


# -- what becomes of a badge ------------------------------------------------------------------------------------------


def course_of(here: Any) -> Course:
    """The course of a stage, with a badge that needs 70 % of the essay."""
    world = here.world
    course = Course(world.database, world.clock(), world.context.id, vault=world.vault)
    with world.database.write() as session:
        context = session.get_one(Context, course.context_id)
        course.organization_id, course.deployment_id = context.organization_id, context.deployment_id
        course.registration_id = context.deployment.registration_id
        profile = issuers.ensure_issuer(
            session, course.organization_id, "https://badges.example", course.vault, course.now
        )
        course.issuer_id = profile.id
    course.badge_for(here.column("Essay").id)
    return course


def judged(here: Any, course: Course) -> AwardState:
    """Time passes, the course is read and evaluated; the state of the one award."""
    here.wait(hours=1)
    here.read()
    course.now = here.world.clock()
    course.evaluate()
    return course.award().state


KINDS = ("ags", "moodle", "canvas")


@pytest.mark.parametrize("kind", KINDS)
def test_a_grade_lowered_after_the_claim_is_for_a_person_to_look_at(engine: Engine, kind: str) -> None:
    with stage(engine, kind) as here:
        play: Any = here
        play.work()
        play.grade("ann", "70")
        here.read()
        course = course_of(here)
        assert judged(here, course) is AwardState.OFFERED
        award = course.award()
        with here.world.database.write() as session:
            claiming.claim(session, course.context_id, award.id, award.user_id, show_name=False, now=course.now)
        play.grade("ann", "40")
        assert judged(here, course) is AwardState.CLAIMED
        with here.world.database.read() as session:
            assert [one.state for one in session.scalars(select(Review))] == [ReviewState.OPEN]
        play.grade("ann", "71")
        assert judged(here, course) is AwardState.CLAIMED
        with here.world.database.read() as session:
            assert [one.state for one in session.scalars(select(Review))] == [ReviewState.SETTLED]


FAILURES = [
    ("moodle", "revoke"),
    ("moodle", "services_off"),
    ("moodle", "disable_account"),
    ("moodle", "lose"),
    ("moodle", "maintenance"),
    ("canvas", "revoke"),
    ("canvas", "narrow"),
    ("canvas", "disable_account"),
    ("ags", "scope_taken_away"),
]


@pytest.mark.parametrize(("kind", "failure"), FAILURES)
def test_a_source_that_fails_changes_no_award(engine: Engine, kind: str, failure: str) -> None:
    """Neither does it take away what was earned, nor offer what was not: the better grade cannot be seen."""
    with stage(engine, kind) as here:
        play: Any = here
        play.work()
        play.grade("ann", "70")
        play.grade("ben", "30")
        here.read()
        course = course_of(here)
        assert judged(here, course) is AwardState.OFFERED
        getattr(here, failure)()
        play.grade("ann", "0")
        play.grade("ben", "90")
        assert judged(here, course) is AwardState.OFFERED
        assert here.fact("ann", "Essay").startswith("graded 70/100")
        assert here.verdict("ann", "Essay", "percent 70") == "unknown"
        assert here.verdict("ben", "Essay", "percent 70") == "unknown"
