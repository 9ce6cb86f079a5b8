"""Every life in ``lifecycle_scenarios``, lived by the services on SQLite and on PostgreSQL.

States, notices, audit events, reviews and occasions come out of the tables; verdicts come about by grades.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on
from lifecycle_scenarios import SCENARIOS, Scenario
from sqlalchemy import select

from lti_tool.domain import breaker
from lti_tool.domain.award_states import AwardAction
from lti_tool.domain.breaker import Hold, HoldCode
from lti_tool.domain.decisions import ReviewOutcome
from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.lifecycle import hold_back
from lti_tool.errors import NotClaimableError
from lti_tool.evidence.base import ObservationReading
from lti_tool.models import (
    Achievement,
    AuditEvent,
    Award,
    AwardRun,
    AwardRunItem,
    LearnerNotice,
    Review,
    ReviewKind,
    ReviewState,
    RunKind,
    RunState,
    Term,
)
from lti_tool.services import (
    award_policies,
    award_runs,
    claiming,
    hand_awards,
    interventions,
    observing,
    planning,
    rebuilding,
    review_decisions,
    revoking,
)
from lti_tool.services.gathering import evaluated_user_ids, gather, load_course
from lti_tool.services.standings import load_book

PERSON = "user:99"
WHY = "Because of the scenario."
HAND_ACTIONS = {
    "release": revoking.release,
    "suspend": revoking.suspend,
    "restore": revoking.restore,
    "revoke": revoking.revoke_award,
    "hold": revoking.hold,
    "lapse": revoking.let_lapse,
}


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def policy_document(document: dict[str, Any]) -> dict[str, Any]:
    if "hold_until" not in document:
        return document
    return document | {"hold_until": at(document["hold_until"]).isoformat()}


@dataclass
class Life:
    """One learner and one badge: earned by 70 % in the essay or in the lab, where the lab is graded 0."""

    course: Course
    badge: int = 0
    ada: int = 0
    essay: int = 0
    lab: int = 0
    reason: str | None = None
    seen: dict[type[Any], int] = field(default_factory=dict)

    def begin(self, scenario: Scenario) -> None:
        course = self.course
        self.essay, self.lab = course.column("Essay"), course.column("Lab")
        course.skill("Writing", {self.essay: "70"})
        course.skill("Measuring", {self.lab: "70"})
        clauses = [{"column": slot, "percent": {"at_least": "70"}} for slot in ("essay", "lab")]
        self.ada = course.person("ada")
        self.badge = course.badge("Writer", {"any": clauses})
        self.set_policy(scenario.policy)
        if scenario.term:
            self.begin_term(scenario.term)

    def set_policy(self, document: dict[str, Any]) -> None:
        with self.course.database.write() as session:
            achievement = session.get_one(Achievement, self.badge)
            award_policies.write_policy(session, achievement, policy_document(document), PERSON, self.course.now)

    def begin_term(self, name: str) -> None:
        now = self.course.now
        with self.course.database.write() as session:
            for term in session.scalars(select(Term).where(Term.ends_at > now)):
                term.ends_at = now
            year = timedelta(days=3650)
            term = Term(organization_id=self.course.organization_id, name=name, starts_at=now, ends_at=now + year)
            session.add(term)

    # -- what happens -------------------------------------------------------------------------------------------------

    def show(self, verdict: str, *, lab: EvidenceState = EvidenceState.GRADED) -> None:
        """Let the grades say this: a new grade of today, or an essay that cannot be read."""
        course = self.course
        failed = "platform_not_found" if verdict == "unknown" else None
        score = "90" if verdict == "met" else "10"
        course.grade(self.essay, self.ada, score, graded_at=course.now)
        reading = ObservationReading(
            platform_user_id="", state=lab, score=Decimal(0), maximum=Decimal(100), graded_at=course.now
        )
        with course.database.write() as session:
            observing.store_observations(session, self.lab, [(self.ada, reading)], course.now)
        course.read_again(self.essay, self.lab)
        course.set_column(self.essay, failed_code=failed)

    def live(self, event: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        name, _, rest = event.partition(": ")
        verb = name.split(", ")[0].split(" ")[0]
        self.reason = None
        if verb in ("met", "not_met", "unknown"):
            lab = EvidenceState.HIDDEN if "hidden grades" in name else EvidenceState.GRADED
            self.show(verb, lab=lab)
            self.evaluate(monkeypatch, is_held="run held" in name)
        elif verb == "claim":
            self.show(name.split(" ")[-1])
            self.claim()
        elif verb == "policy":
            self.set_policy(more["policy"])
        elif verb == "term":
            self.begin_term(rest)
        else:
            self.decide(verb, rest)

    def evaluate(self, monkeypatch: pytest.MonkeyPatch, *, is_held: bool) -> None:
        with monkeypatch.context() as patch:
            if is_held:
                patch.setattr(breaker, "check", always_held)
            else:
                self.release_losses()
            self.reason = self.reason_now(is_held=is_held)
            self.course.evaluate()

    def release_losses(self) -> None:
        """A person looks at a held run before the next evaluation, and lets it take away what it holds."""
        with self.course.database.write() as session:
            run = session.scalar(select(AwardRun).where(AwardRun.state == RunState.HELD))
            if run is None:
                return
            if all(item.action not in ("offer", "offer_again") for item in award_runs.run_items(session, run.id)):
                award_runs.release_run(session, run.id, WHY, PERSON, self.course.now)

    def reason_now(self, *, is_held: bool) -> str | None:
        """What an evaluation would give as its reason."""
        with self.course.database.read() as session:
            course = load_course(session, self.course.context_id)
            ids = evaluated_user_ids(session, self.course.context_id)
            facts = gather(session, course, ids, self.course.now).facts
            book = load_book(session, [self.badge])
            plan = planning.make_plan(course, facts, book, self.course.now, keep=[self.badge])
            one, decision = plan.looks[self.badge, self.ada]
            standing = None if one.award is None else book.standing(one.award)
            return (hold_back(standing, decision) if is_held else decision).reason.value

    def claim(self) -> None:
        award = self.newest()
        assert award is not None
        try:
            with self.course.database.write() as session:
                claiming.claim(
                    session, self.course.context_id, award.id, self.ada, show_name=False, now=self.course.now
                )
        except NotClaimableError as refusal:
            self.reason = {"evidence_unknown": "cannot_tell", "award_barred": "barred"}[refusal.code]

    def decide(self, verb: str, rest: str) -> None:
        now, newest = self.course.now, self.newest()
        with self.course.database.write() as session:
            if verb == "bar":
                revoking.bar(session, self.badge, self.ada, WHY, PERSON, now)
            elif verb == "unbar":
                revoking.lift_bar(session, self.badge, self.ada, WHY, PERSON, now)
            elif rest == "offer":
                hand_awards.award_by_hand(session, self.badge, [self.ada], WHY, None, PERSON, now)
            else:
                assert newest is not None
                self.decide_about(session, newest, verb, rest)

    def decide_about(self, session: Any, award: Award, verb: str, rest: str) -> None:
        now = self.course.now
        if verb == "decline":
            claiming.decline(session, self.course.context_id, award.id, self.ada, now)
        elif verb == "appeal":
            review_decisions.appeal(session, self.course.context_id, self.badge, self.ada, "I did the work.", now)
        elif verb == "undo":
            award_runs.undo_run(session, self.run_of(session, award), WHY, PERSON, now)
        elif verb == "review":
            review = self.open_review(session)
            assert review is not None
            review_decisions.decide_review(session, review.id, ReviewOutcome(rest), WHY, PERSON, now)
        elif rest == "offer_again":
            locked = interventions.locked(session, award.id)
            interventions.act(session, locked, AwardAction.OFFER_AGAIN, WHY, PERSON, now)
        else:
            HAND_ACTIONS[rest](session, award.id, WHY, PERSON, now)

    def run_of(self, session: Any, award: Award) -> int:
        """The run that made the award; a held one that a person let pass item by item counts as released."""
        items = session.scalars(select(AwardRunItem).where(AwardRunItem.award_id == award.id))
        item = next(one for one in items if one.action in ("offer", "offer_again"))
        run = session.get_one(AwardRun, item.award_run_id)
        if run.state is RunState.UNDONE:  # undoing twice, as the scenario asks, of the same award
            run.state, item.undone_at = RunState.DONE, None
        if run.state is RunState.HELD:
            run.state, item.applied_at = RunState.RELEASED, self.course.now
        assert run.kind in RunKind
        session.flush()
        return run.id

    # -- what came of it ----------------------------------------------------------------------------------------------

    def newest(self) -> Award | None:
        with self.course.database.read() as session:
            return session.scalar(select(Award).order_by(Award.id.desc()).limit(1))

    def open_review(self, session: Any) -> Review | None:
        found = select(Review).where(Review.state == ReviewState.OPEN, Review.kind != ReviewKind.APPEAL)
        return session.scalar(found)

    def review(self) -> Any:
        with self.course.database.read() as session:
            review = self.open_review(session)
        if review is None:
            return "-"
        return "open" if review.due_at is None else (review.due_at - START) / timedelta(days=1)

    def news(self, table: type[Any]) -> list[Any]:
        """Rows since the last look, oldest first."""
        with self.course.database.read() as session:
            rows = list(session.scalars(select(table).where(table.id > self.seen.get(table, 0)).order_by(table.id)))
        if rows:
            self.seen[table] = rows[-1].id
        return rows

    def told(self) -> list[str]:
        return [row.code.removeprefix("award.") for row in self.news(LearnerNotice)]

    def audited(self) -> list[str]:
        """Events about the award itself."""
        rows = [row for row in self.news(AuditEvent) if row.subject.startswith("award:")]
        return [row.action.removeprefix("award.") for row in rows]


def always_held(run: breaker.ProposedChanges, *_: Any) -> Hold | None:
    is_something = run.offers or run.losses
    return Hold(HoldCode.MANY_OFFERS, {"learners": 1, "count": 1, "limit": 0}) if is_something else None


@pytest.fixture
def life(any_database: str) -> Iterator[Life]:
    """A course with one learner and one badge, on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield Life(course)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_life(life: Life, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    life.begin(scenario)
    life.told(), life.audited()
    review: Any = "-"
    for day, event, state, more in scenario.steps:
        life.course.now = at(day)
        life.live(event, more, monkeypatch)
        newest = life.newest()
        where = f"day {day}: {event}"
        assert ("-" if newest is None else newest.state.value) == state, where
        assert life.told() == ([more["notice"]] if "notice" in more else []), where
        assert life.audited() == more.get("audit", []), where
        review = more.get("review", review)
        assert life.review() == review, where
        if "occasion" in more and newest is not None:
            assert newest.occasion == more["occasion"], where
        if life.reason is not None and "reason" in more:
            assert life.reason == more["reason"], where
    assert_traces(life)


def assert_traces(life: Life) -> None:
    """Every award of the life rebuilds from its traces."""
    with life.course.database.read() as session:
        for award in session.scalars(select(Award)):
            rebuilt = rebuilding.rebuild(session, award.id)
            assert rebuilt
            assert [one.outcome.value for one in rebuilt if not one.is_sound] == []


def test_there_are_sixty_lives() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) >= 60
