"""Runs: what was decided in one go. A held one is released or dismissed by a person; what was done can be undone.

Every decision here names who and why, in the run and in the audit trail, and is safe to make twice.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Award, AwardRun, AwardRunItem, RunState
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.interventions import act, checked_reason
from lti_tool.services.run_items import OFFERS, record_run
from lti_tool.services.run_steps import Releasing, Undoing, keep

DISMISSED = "dismissed"


@dataclass(slots=True)
class RunOutcome:
    """What a release, a dismissal or an undoing came to: item ids that were acted on, and why others were not.

    ``left``: item id to a reason: ``not_met``, ``unknown`` (they wait on), ``barred``, ``other`` (something else would
    be done now), ``gone`` (somebody decided about it alone), ``final`` (declined, revoked), ``waits``.
    """

    acted: list[int] = field(default_factory=list)
    left: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run as a list shows it; ``actions`` counts its items by what they do."""

    run: AwardRun
    actions: dict[str, int]


# -- looking ----------------------------------------------------------------------------------------------------------


def get_run(session: Session, context_id: int, run_id: int, *, lock: bool = False) -> AwardRun:
    """Return a run of this course; ``lock``: nobody adds to it meanwhile. Raises ``NotFoundError``."""
    run = session.get(AwardRun, run_id, with_for_update=lock or None)
    if run is None or run.context_id != context_id:
        raise NotFoundError("There is no such run in this course.")
    return run


def list_runs(session: Session, context_id: int, limit: int = 50) -> list[RunEntry]:
    """Return the runs of a course: the held one first, then the newest."""
    found = select(AwardRun).where(AwardRun.context_id == context_id)
    runs = session.scalars(found.order_by(AwardRun.state != RunState.HELD, AwardRun.id.desc()).limit(limit))
    return [RunEntry(run, count_actions(session, run.id)) for run in runs]


def count_actions(session: Session, run_id: int) -> dict[str, int]:
    """Return how many items of a run do what."""
    counted = select(AwardRunItem.action, func.count()).where(AwardRunItem.award_run_id == run_id)
    return {action: number for action, number in session.execute(counted.group_by(AwardRunItem.action))}


def run_items(session: Session, run_id: int) -> list[AwardRunItem]:
    """Return the items of a run, badge by badge."""
    found = select(AwardRunItem).where(AwardRunItem.award_run_id == run_id)
    return list(session.scalars(found.order_by(AwardRunItem.achievement_id, AwardRunItem.user_id)))


# -- releasing --------------------------------------------------------------------------------------------------------


def release_run(session: Session, run_id: int, reason: str, actor: str, now: datetime) -> RunOutcome:
    """Do what a held run holds, as far as today's evidence still says the same; the rest is reported.

    Each item is judged again. An offer that is not earned any more lapses unseen; one that cannot be told stays held,
    and releasing again tries again. Releasing twice is once. Raises ``InvalidInputError`` (``reason_missing`` …),
    ``ConflictError`` (``run_dismissed``, ``run_undone``, ``run_not_held``).
    """
    reason = checked_reason(reason)
    run = _locked(session, run_id)
    _require(run, {RunState.HELD, RunState.RELEASED})
    items = [item for item in run_items(session, run.id) if item.applied_at is None]
    if run.state is RunState.RELEASED and not items:
        return RunOutcome()
    releasing = Releasing(session, run, items, now)
    outcome = RunOutcome()
    for item in items:
        left = releasing.release(item, reason, actor)
        if left is None:
            item.applied_at = now
            outcome.acted.append(item.id)
        else:
            outcome.left[item.id] = left
    _decided(run, RunState.RELEASED, reason, actor, now)
    record_run(session, "award_run.released", run, actor, now, _payload(reason, outcome))
    want_evaluation(session, run.context_id)
    session.flush()
    return outcome


# -- dismissing -------------------------------------------------------------------------------------------------------


def dismiss_run(session: Session, run_id: int, reason: str, actor: str, now: datetime) -> RunOutcome:
    """Decide that nothing of a held run is done, and that no evaluation proposes it again.

    Offers stay held, each until somebody releases it or lets it lapse (``reconsider_run`` does the latter for all);
    who would have lost something keeps it, as after a review. Dismissing twice is once. Raises as ``release_run`` does.
    """
    reason = checked_reason(reason)
    run = _locked(session, run_id)
    if run.state is RunState.DISMISSED:
        return RunOutcome()
    _require(run, {RunState.HELD})
    outcome = RunOutcome()
    for item in run_items(session, run.id):
        award = None if item.award_id is None else session.get_one(Award, item.award_id, with_for_update=True)
        if award is None or (item.action in OFFERS and award.state is not AwardState.HELD):
            outcome.left[item.id] = "gone"  # or somebody decided about it alone
        elif item.action in OFFERS:
            award.reason_code, award.note = DISMISSED, reason
            outcome.acted.append(item.id)
        else:
            keep(session, award, run, reason, actor, now)
            outcome.acted.append(item.id)
    _decided(run, RunState.DISMISSED, reason, actor, now)
    record_run(session, "award_run.dismissed", run, actor, now, _payload(reason, outcome))
    session.flush()
    return outcome


def reconsider_run(session: Session, run_id: int, reason: str, actor: str, now: datetime) -> RunOutcome:
    """Let the offers that a dismissed run holds lapse, so that the next evaluation decides anew: after a correction.

    Raises ``InvalidInputError`` (``reason_missing`` …), ``ConflictError`` (``run_not_dismissed``).
    """
    reason = checked_reason(reason)
    run = _locked(session, run_id)
    if run.state is not RunState.DISMISSED:
        raise ConflictError("The run was not dismissed.", code="run_not_dismissed")
    outcome = RunOutcome()
    for item in run_items(session, run.id):
        award = None if item.award_id is None else session.get_one(Award, item.award_id, with_for_update=True)
        if award is None or award.state is not AwardState.HELD or item.action not in OFFERS:
            outcome.left[item.id] = "gone"
        elif act(session, award, AwardAction.LAPSE, reason, actor, now, reason_code=DISMISSED):
            outcome.acted.append(item.id)
    record_run(session, "award_run.reconsidered", run, actor, now, _payload(reason, outcome))
    want_evaluation(session, run.context_id)
    session.flush()
    return outcome


# -- undoing ----------------------------------------------------------------------------------------------------------


def undo_run(session: Session, run_id: int, reason: str, actor: str, now: datetime) -> RunOutcome:
    """Take back what a run did, by evaluation or by hand, as far as that is fair to the learners.

    An open offer is held; a claimed badge goes to a person (a review), never just away; what lapsed is offered again
    where it is earned by today's evidence; a review that the run opened ends with the badge kept. Undoing twice is
    once. Raises ``InvalidInputError`` (``reason_missing`` …), ``ConflictError`` (``run_held``, ``run_dismissed``).
    """
    reason = checked_reason(reason)
    run = _locked(session, run_id)
    if run.state is RunState.UNDONE:
        return RunOutcome()
    _require(run, {RunState.DONE, RunState.RELEASED})
    items = [item for item in run_items(session, run.id) if item.applied_at is not None and item.undone_at is None]
    undoing = Undoing(session, run, items, now)
    outcome = RunOutcome()
    for item in items:
        left = undoing.undo(item, reason, actor)
        item.undone_at = now
        if left is None:
            outcome.acted.append(item.id)
        else:
            outcome.left[item.id] = left
    _decided(run, RunState.UNDONE, reason, actor, now)
    record_run(session, "award_run.undone", run, actor, now, _payload(reason, outcome))
    session.flush()
    return outcome


# -- all of them ------------------------------------------------------------------------------------------------------


def _locked(session: Session, run_id: int) -> AwardRun:
    run = session.get(AwardRun, run_id, populate_existing=True, with_for_update=True)
    if run is None:
        raise NotFoundError("There is no such run.")
    return run


def _require(run: AwardRun, states: set[RunState]) -> None:
    if run.state not in states:
        code = "run_not_held" if run.state is RunState.DONE else f"run_{run.state.value}"
        raise ConflictError(f"The run is {run.state.value}.", code=code)


def _decided(run: AwardRun, state: RunState, reason: str, actor: str, now: datetime) -> None:
    run.state, run.reason, run.decided_by, run.decided_at = state, reason, actor, now


def _payload(reason: str, outcome: RunOutcome) -> dict[str, object]:
    return {"reason": reason, "acted": len(outcome.acted), "left": dict(Counter(outcome.left.values()))}
