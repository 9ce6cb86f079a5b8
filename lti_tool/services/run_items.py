"""The rows of award runs: one run for what an evaluation did, one for what the circuit breaker holds of a course."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardAction, AwardState
from lti_tool.domain.decisions import Decision
from lti_tool.models import Award, AwardRun, AwardRunItem, Context, RunKind, RunState
from lti_tool.services import audit
from lti_tool.services.planning import Plan, Proposal
from lti_tool.services.standings import Pair
from lti_tool.services.upsert import insert_once, insert_once_among

REVIEW = "review"
"""The action of an item that opens a review and leaves the award as it is."""
ONE_HELD = "state = 'held' AND kind = 'evaluation'"
OFFERS = {AwardAction.OFFER.value, AwardAction.OFFER_AGAIN.value}
"""What is held as an award of its own, in the state *held*; every other held item is only a wish."""


def action_of(decision: Decision) -> str | None:
    """Return a decision as runs name it; ``None`` for one that runs do not keep."""
    if decision.action is not None:
        return decision.action.value
    return REVIEW if decision.needs_review else None


def record_run(
    session: Session, action: str, run: AwardRun, actor: str, now: datetime, payload: Mapping[str, Any] | None = None
) -> None:
    """Write one audit event about a run."""
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"award_run:{run.id}",
        organization_id=session.get_one(Context, run.context_id).organization_id,
        payload=payload,
        now=now,
    )


class Recorder:
    """Keeps what an evaluation, or a person, did as one run; no run is kept of nothing."""

    def __init__(
        self,
        session: Session,
        context_id: int,
        actor: str,
        now: datetime,
        kind: RunKind = RunKind.EVALUATION,
        reason: str | None = None,
    ) -> None:
        self._session, self._now = session, now
        self._values = {"context_id": context_id, "actor": actor, "kind": kind, "reason": reason}
        self._run: AwardRun | None = None
        self._counts: Counter[str] = Counter()

    def id_for(self, decision: Decision) -> int | None:
        """Return the run's id, for a decision that it is to keep."""
        if action_of(decision) is None:
            return None
        if self._run is None:
            self._run = AwardRun(state=RunState.DONE, figures={}, created_at=self._now, **self._values)
            self._session.add(self._run)
            self._session.flush()
        return self._run.id

    @property
    def run(self) -> AwardRun:
        """The run; ask for its id first."""
        if self._run is None:
            raise RuntimeError("ask for the run's id first")
        return self._run

    def add(self, proposal: Proposal, award_id: int) -> None:
        """Keep a decision that was carried out."""
        action, one = action_of(proposal.decision), proposal.look
        if action is not None:
            before = None if one.award is None else _state_before(proposal)
            self.add_item(one.judged.achievement.id, one.user_id, award_id, action, before)

    def add_item(self, achievement_id: int, user_id: int, award_id: int, action: str, before: str | None) -> None:
        """Keep one thing that was done."""
        self._counts[action] += 1
        self._session.add(
            AwardRunItem(
                award_run_id=self.run.id,
                achievement_id=achievement_id,
                user_id=user_id,
                award_id=award_id,
                action=action,
                state_before=before,
                applied_at=self._now,
            )
        )

    def finish(self, learners: int) -> int | None:
        """End the run; returns its id, or ``None`` when nothing was done."""
        if self._run is None:
            return None
        if not self._counts:
            self._session.delete(self._run)
            self._session.flush()
            return None
        self._run.figures = {"learners": learners, "actions": dict(self._counts)}
        self._session.flush()
        return self._run.id


_BEFORE = {
    AwardAction.OFFER_AGAIN: AwardState.LAPSED,
    AwardAction.LAPSE: AwardState.OFFERED,
    AwardAction.CLAIM: AwardState.OFFERED,
    AwardAction.REVOKE: AwardState.CLAIMED,
    None: AwardState.CLAIMED,
}


def _state_before(proposal: Proposal) -> str | None:
    """What the award was: it was refreshed since, but an evaluation takes each of its steps from one state only."""
    state = _BEFORE.get(proposal.decision.action)
    return None if state is None else state.value


# -- held -------------------------------------------------------------------------------------------------------------


def find_held(session: Session, context_id: int, *, lock: bool = False) -> AwardRun | None:
    """Return the run of a course that the circuit breaker holds; ``lock``: nobody decides about it meanwhile."""
    found = select(AwardRun).where(
        AwardRun.context_id == context_id,
        AwardRun.state == RunState.HELD,
        AwardRun.kind == RunKind.EVALUATION,
    )
    return session.scalar(found.with_for_update() if lock else found)


def waiting_pairs(session: Session, run: AwardRun) -> frozenset[Pair]:
    """Return whose badges wait for a person in a held run without being held awards themselves."""
    rows = session.execute(
        select(AwardRunItem.achievement_id, AwardRunItem.user_id).where(
            AwardRunItem.award_run_id == run.id, AwardRunItem.action.not_in(OFFERS)
        )
    )
    return frozenset((achievement_id, user_id) for achievement_id, user_id in rows)


def refresh_held(session: Session, run: AwardRun, plan: Plan, now: datetime) -> int:
    """Take out of a held run what is not to be done any more; returns how many items that were.

    A loss is dropped when the badge is earned again or cannot be told, an offer when a person decided about that award
    alone. A run with nothing left is dismissed.
    """
    items = list(session.scalars(select(AwardRunItem).where(AwardRunItem.award_run_id == run.id)))
    awards = select(Award.id).where(Award.award_run_id == run.id, Award.state == AwardState.HELD)
    held = set(session.scalars(awards))
    gone = []
    for item in items:
        if item.action in OFFERS:
            is_due = item.award_id in held
        else:
            decision = plan.waited.get((item.achievement_id, item.user_id))
            is_due = decision is not None and action_of(decision) == item.action
        if not is_due:
            gone.append(item.id)
    if gone:
        session.execute(delete(AwardRunItem).where(AwardRunItem.id.in_(gone)))
    if len(gone) == len(items):
        run.state, run.decided_by, run.decided_at = RunState.DISMISSED, "job", now
        record_run(session, "award_run.dismissed", run, "job", now, {"reason": "nothing_left"})
        session.flush()
    return len(gone)


class HeldRecorder:
    """Puts decisions into the held run of a course; at most one is held at a time."""

    def __init__(self, session: Session, context_id: int, plan: Plan, now: datetime) -> None:
        self._session, self._context_id, self._plan, self._now = session, context_id, plan, now
        self._run: AwardRun | None = None

    @property
    def run_id(self) -> int:
        """The held run's id; it is made when it is asked for."""
        if self._run is None:
            self._run = self._ensure()
        return self._run.id

    def _ensure(self) -> AwardRun:
        first = next(iter(self._plan.holds.values()))
        made = insert_once_among(
            self._session,
            AwardRun,
            ["context_id"],
            ONE_HELD,
            context_id=self._context_id,
            kind=RunKind.EVALUATION,
            state=RunState.HELD,
            actor="job",
            hold_code=first.code.value,
            figures={},
            created_at=self._now,
        )
        run = find_held(self._session, self._context_id)
        if run is None:
            raise RuntimeError("a held run ended while it was made")
        holds = {
            str(achievement_id): {"code": hold.code.value, **hold.figures}
            for achievement_id, hold in self._plan.holds.items()
        }
        run.figures = {"learners": len(self._plan.facts), "badges": {**run.figures.get("badges", {}), **holds}}
        if made is not None:
            record_run(self._session, "award_run.held", run, "job", self._now, run.figures)
        return run

    def add(self, proposal: Proposal, award_id: int | None) -> bool:
        """Keep a decision that waits; ``False`` when it waits already."""
        one = proposal.look
        added = insert_once(
            self._session,
            AwardRunItem,
            ["award_run_id", "achievement_id", "user_id"],
            award_run_id=self.run_id,
            achievement_id=one.judged.achievement.id,
            user_id=one.user_id,
            award_id=award_id,
            action=action_of(proposal.decision) or REVIEW,
            state_before=None if one.award is None else _state_before(proposal),
        )
        return added is not None
