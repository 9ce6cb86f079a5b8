"""Many learners and one badge: what giving it, or taking one step about it, would do for each, before it is done.

A preview has a digest of what it showed; whoever confirms sends it back, and nothing else than that is done.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lti_tool.domain.award_states import TRANSITIONS, AwardAction
from lti_tool.models import Achievement
from lti_tool.services.achievements import get_achievement
from lti_tool.services.hand_awards import Giving, find_targets, get_giveable
from lti_tool.services.overview import Learner, course_learners
from lti_tool.services.standings import load_book

ALREADY = "already"
"""So already: nothing is done."""
IMPOSSIBLE = "impossible"
"""There is no award, or its state does not allow the step."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One learner of a preview. ``award_id``: what the step is about, or what they have."""

    learner: Learner
    outcome: str
    award_id: int | None = None


@dataclass(frozen=True, slots=True)
class SelectionPreview:
    """What would happen. ``does``: the outcome of those to whom something happens; ``digest`` vouches for just them."""

    achievement: Achievement
    does: str
    people: tuple[Chosen, ...]

    @property
    def digest(self) -> str:
        """A short text that is another one as soon as the step would do something else."""
        parts = sorted(f"{one.learner.user_id}:{one.award_id}" for one in self.affected)
        shown = f"{self.achievement.id}|{self.does}|{','.join(parts)}"
        return hashlib.sha256(shown.encode()).hexdigest()[:32]

    @property
    def affected(self) -> list[Chosen]:
        """To whom something happens."""
        return self.who(self.does)

    def who(self, outcome: str) -> list[Chosen]:
        """The learners with one outcome, by name."""
        return [one for one in self.people if one.outcome == outcome]


def preview_giving(
    session: Session, context_id: int, achievement_id: int, user_ids: Collection[int], now: datetime
) -> SelectionPreview:
    """Say what giving a badge by hand would do.

    Raises ``NotFoundError`` for a badge of another course, ``ConflictError`` (``achievement_not_live``).
    """
    get_achievement(session, context_id, achievement_id)
    achievement = get_giveable(session, achievement_id)
    learners = _chosen(session, context_id, user_ids)
    targets = find_targets(session, achievement, [one.user_id for one in learners], now)
    people = [
        Chosen(one, targets[one.user_id].outcome.value, award.id if (award := targets[one.user_id].award) else None)
        for one in learners
    ]
    return SelectionPreview(achievement, Giving.GIVEN.value, tuple(people))


def preview_step(
    session: Session, context_id: int, achievement_id: int, action: AwardAction, user_ids: Collection[int]
) -> SelectionPreview:
    """Say what one step about each one's newest award would do. Raises ``NotFoundError`` as above."""
    achievement = get_achievement(session, context_id, achievement_id)
    book = load_book(session, [achievement_id])
    targets = {target for (_, step), target in TRANSITIONS.items() if step is action}
    people = []
    for learner in _chosen(session, context_id, user_ids):
        awards = book.awards.get((achievement_id, learner.user_id))
        award = awards[-1] if awards else None
        if award is not None and (award.state, action) in TRANSITIONS:
            outcome = action.value
        else:
            outcome = ALREADY if award is not None and award.state in targets else IMPOSSIBLE
        people.append(Chosen(learner, outcome, None if award is None else award.id))
    return SelectionPreview(achievement, action.value, tuple(people))


def _chosen(session: Session, context_id: int, user_ids: Collection[int]) -> list[Learner]:
    """The course's own learners among these; anybody else is left out without a word, as if not there."""
    wanted = set(user_ids)
    return [one for one in course_learners(session, context_id) if one.user_id in wanted]
