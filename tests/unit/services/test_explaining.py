"""Explaining one pair: today's verdict with its remedies, what was decided then, and what a learner may not read."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from award_world import PERSON, crowd, grade_all, held_run, set_policy
from claims import Wallets, wallets_on
from learner_states import States, every_state
from sqlalchemy import select

from lti_tool.domain.decisions import DecisionReason
from lti_tool.domain.explain import evidence_seen
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.remedies import RemedyCode
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, AchievementState, Award, Membership, Observation, Term, TraceMoment
from lti_tool.services import explaining, revoking
from lti_tool.services.course_wallet import CourseWallet, course_wallet
from lti_tool.services.explaining import Explanation, Idle
from lti_tool.services.rebuilding import RebuildOutcome
from lti_tool.services.withholding import for_learner


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def states(wallets: Wallets) -> States:
    """Ada has a badge in every state."""
    return every_state(wallets)


def explain(states: States, name: str, user_id: int | None = None, *, drafts: bool = False) -> Explanation:
    course = states.course
    with course.database.read() as session:
        return explaining.explain(
            session, course.context_id, user_id or states.ada, states.badges[name], course.now, drafts=drafts
        )


def wallet_of(states: States) -> CourseWallet:
    with states.course.database.read() as session:
        return course_wallet(session, states.course.context_id, states.ada, states.course.now)


# -- now --------------------------------------------------------------------------------------------------------------

EXPECTED = {
    "ready": ("ready", Verdict.MET, DecisionReason.STILL_EARNED, None),
    "not_yet": ("not_yet", Verdict.NOT_MET, DecisionReason.NOT_EARNED, RemedyCode.SCORE_MORE),
    "unknown": ("unknown", Verdict.UNKNOWN, DecisionReason.CANNOT_TELL, RemedyCode.NOT_GRADED_YET),
    "hidden": ("unknown", Verdict.UNKNOWN, DecisionReason.CANNOT_TELL, RemedyCode.WAIT_FOR_RELEASE),
    "waits": ("waits_for_date", Verdict.MET, DecisionReason.WAITS_FOR_DATE, None),
    "claimed": ("claimed", Verdict.MET, DecisionReason.STILL_EARNED, None),
    "expired": ("expired", Verdict.MET, DecisionReason.EXPIRED, None),
    "graced": ("in_review", Verdict.NOT_MET, DecisionReason.IN_GRACE, RemedyCode.SCORE_MORE),
    "flagged": ("in_review", Verdict.NOT_MET, DecisionReason.NO_LONGER_EARNED, RemedyCode.SCORE_MORE),
    "suspended": ("suspended", Verdict.MET, DecisionReason.WAITS_FOR_PERSON, None),
    "revoked": ("revoked", Verdict.MET, DecisionReason.FINAL, None),
    "lapsed": ("lapsed", Verdict.NOT_MET, DecisionReason.NOT_EARNED, RemedyCode.SCORE_MORE),
    "declined": ("declined", Verdict.MET, DecisionReason.FINAL, None),
    "held": ("held", Verdict.MET, DecisionReason.WAITS_FOR_PERSON, None),
    "given": ("claimed", Verdict.MET, DecisionReason.STILL_EARNED, None),
}


def test_every_state_is_explained(states: States) -> None:
    found = {}
    for name in EXPECTED:
        one = explain(states, name)
        assert one.judgement is not None
        assert one.decision is not None
        remedy = one.remedies[0].code if one.remedies else None
        found[name] = one.state, one.judgement.verdict, one.decision.reason, remedy
    assert found == EXPECTED


def test_all_of_a_course_are_the_same_as_one_by_one(states: States) -> None:
    with states.course.database.read() as session:
        together = explaining.explain_all(session, states.course.context_id, states.ada, states.course.now)
    assert [one.achievement.id for one in together] == list(states.badges.values())
    for name, one in zip(states.badges, together, strict=True):
        alone = explain(states, name)
        assert (one.judgement, one.decision, one.remedies) == (alone.judgement, alone.decision, alone.remedies)


def test_looking_changes_nothing(states: States) -> None:
    def rows() -> list[tuple[AwardState, object]]:
        with states.course.database.read() as session:
            return [(one.state, one.changed_at) for one in session.scalars(select(Award).order_by(Award.id))]

    before, events = rows(), len(states.course.events(""))
    explain(states, "graced")
    wallet_of(states)
    assert (rows(), len(states.course.events(""))) == (before, events)


def test_the_remedy_says_how_much_is_missing(states: States) -> None:
    (remedy,) = explain(states, "not_yet").remedies
    assert (remedy.params["missing"], remedy.params["maximum"], remedy.path) == ("6", "100", "$.parts[0]")


def test_a_grace_ends_at_the_date_that_was_said(states: States) -> None:
    found = explain(states, "graced")
    assert found.decision is not None
    assert found.decision.not_before == found.reviews[0].due_at
    assert found.policy.grace_days == 14


def test_a_renewal_says_since_when_work_counts(states: States) -> None:
    set_policy(states.course, states.badges["expired"], duplicates="renew", validity_days=1)
    found = explain(states, "expired")
    claimed_at = states.award("expired").claimed_at
    assert found.occasion is not None
    assert (found.award, found.occasion.key, found.occasion.counts_from) == (None, "renewal 1", claimed_at)
    assert [one.code for one in found.remedies] == [RemedyCode.DO_AGAIN_SINCE]
    (again,) = [one for one in wallet_of(states).coming if one.achievement_id == states.badges["expired"]]
    assert again.state == "not_yet"


def test_a_badge_of_a_term_waits_for_the_next_one(states: States) -> None:
    set_policy(states.course, states.badges["unknown"], duplicates="per_term")
    assert explain(states, "unknown").idle is Idle.NO_TERM
    now = states.course.now
    with states.course.database.write() as session:
        organization_id = states.course.organization_id
        ends_at = now + timedelta(days=90)
        session.add(Term(organization_id=organization_id, name="spring", starts_at=now, ends_at=ends_at))
    found = explain(states, "unknown")
    assert found.idle is None
    assert found.occasion is not None
    assert found.occasion.key == "spring"


def test_nothing_is_decided_about_who_is_no_learner(states: States) -> None:
    teacher = states.course.person("teacher", is_learner=False)
    assert explain(states, "ready", teacher).idle is Idle.NOT_A_LEARNER
    with states.course.database.write() as session:
        session.scalars(select(Membership).where(Membership.user_id == states.ada)).one().is_test_user = True
    found = explain(states, "not_yet")
    assert (found.idle, found.decision) == (Idle.NOT_A_LEARNER, None)
    assert found.judgement is not None


@pytest.mark.parametrize("state", [AchievementState.DRAFT, AchievementState.REVIEW])
def test_a_badge_that_was_never_published_is_explained_to_staff_only(states: States, state: AchievementState) -> None:
    with states.course.database.write() as session:
        session.get_one(Achievement, states.badges["unknown"]).state = state
    with pytest.raises(NotFoundError):
        explain(states, "unknown")
    found = explain(states, "unknown", drafts=True)
    assert found.idle is Idle.NOT_LIVE
    assert found.judgement is not None
    assert found.judgement.verdict is Verdict.UNKNOWN


def test_a_retired_badge_shows_its_award_and_what_was_decided(states: States) -> None:
    with states.course.database.write() as session:
        session.get_one(Achievement, states.badges["claimed"]).state = AchievementState.RETIRED
    found = explain(states, "claimed")
    assert (found.idle, found.judgement, found.state) == (Idle.RETIRED, None, "claimed")
    assert [one.moment for one in found.kept] == [TraceMoment.OFFERED, TraceMoment.CLAIMED]


def test_a_badge_of_another_course_is_not_explained(states: States) -> None:
    other = states.course.add_course("course-2")
    with states.course.database.read() as session, pytest.raises(NotFoundError):
        explaining.explain(session, other, states.ada, states.badges["ready"], states.course.now)


# -- then -------------------------------------------------------------------------------------------------------------


def test_what_was_decided_then_stands_beside_what_is_seen_now(states: States) -> None:
    found = explain(states, "graced")
    assert [one.moment for one in found.kept] == [TraceMoment.OFFERED, TraceMoment.CLAIMED, TraceMoment.REVIEWED]
    assert {one.outcome for one in found.kept} == {RebuildOutcome.SAME}
    assert [one.rule_number for one in found.kept] == [1, 1, 1]
    scores = [str(evidence_seen(one.judgement)[0].score) for one in found.kept if one.judgement is not None]
    assert [score.split(".")[0] for score in scores] == ["80", "80", "40"]
    assert found.judgement is not None
    assert found.judgement.verdict is Verdict.NOT_MET


def test_what_a_person_did_and_what_was_altered_are_told_apart(states: States) -> None:
    assert explain(states, "revoked").kept[-1].outcome is RebuildOutcome.BY_HAND
    with states.course.database.write() as session:
        for row in session.scalars(select(Observation).where(Observation.column_id == states.columns["claimed"])):
            row.score = 12
    assert {one.outcome for one in explain(states, "claimed").kept} == {RebuildOutcome.DIFFERENT}


# -- what a learner may read ------------------------------------------------------------------------------------------


def test_the_value_of_a_hidden_grade_is_kept_from_the_learner(states: States) -> None:
    found = explain(states, "hidden")
    assert found.judgement is not None
    assert [str(one.score) for one in evidence_seen(found.judgement)] == ["91"]
    shown = for_learner(found)
    assert shown.judgement is not None
    assert [(one.score, one.letter, one.graded_at) for one in evidence_seen(shown.judgement)] == [(None, None, None)]
    assert shown.judgement.verdict is Verdict.UNKNOWN


def test_an_offer_that_was_held_before_it_was_seen_does_not_show(states: States) -> None:
    states.add("secret", None)
    earn_at_once(states, "secret", previewed=0)
    assert explain(states, "secret").state == "held"
    shown = for_learner(explain(states, "secret"))
    assert (shown.state, shown.award, shown.decision, shown.kept) == ("met", None, None, ())


def earn_at_once(states: States, name: str, *, previewed: int) -> list[int]:
    """Ada and thirty others earn a badge in one evaluation; it is held unless a person saw so many coming."""
    people = [*crowd(states.course, 30), states.ada]
    grade_all(states.course, states.columns[name], people, "90")
    states.course.later(minutes=1)
    with states.course.database.write() as session:
        session.get_one(Achievement, states.badges[name]).previewed_count = previewed
    states.course.evaluate()
    return people


def test_an_offer_that_was_taken_back_shows_as_that(states: States) -> None:
    shown = for_learner(explain(states, "held"))
    assert (shown.state, shown.is_withdrawn) == ("held", True)
    assert TraceMoment.HELD not in [one.moment for one in shown.kept]


def test_what_waits_in_a_held_run_is_not_announced(wallets: Wallets) -> None:
    course, states = wallets.course, States(wallets)
    people = earn_at_once(states, "ready", previewed=40)
    course.later(days=1)
    grade_all(course, wallets.essay, people, "10")
    course.evaluate()
    assert held_run(course)
    found = explain(states, "ready")
    assert found.decision is not None
    assert found.decision.reason is DecisionReason.HELD_BACK
    shown = for_learner(found)
    assert (shown.decision, shown.state) == (None, "ready")


def test_who_was_barred_learns_that_and_not_why(states: States) -> None:
    with states.course.database.write() as session:
        revoking.bar(session, states.badges["unknown"], states.ada, "Copied twice.", PERSON, states.course.now)
    found = explain(states, "unknown")
    assert (found.is_barred, found.bar_reason) == (True, "Copied twice.")
    shown = for_learner(found)
    assert (shown.is_barred, shown.bar_reason) == (True, None)


def test_the_wallet_sorts_what_is_over_to_the_end(states: States) -> None:
    mine = wallet_of(states)
    assert [one.name for one in mine.ready] == ["Writer"]
    assert [one.state for one in mine.coming][-1] == "declined"
    assert {one.state for one in mine.kept} == {"claimed", "expired", "in_review", "suspended", "revoked"}
    assert all(one.credential_id for one in mine.kept)
