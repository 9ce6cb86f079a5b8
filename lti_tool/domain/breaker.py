"""The circuit breaker: holds a run that would award or take away unusually much of one badge, for a person to look at.

What a person saw in a preview when they published passes; so does what is small in absolute numbers.
"""

from dataclasses import dataclass
from enum import StrEnum

from lti_tool.domain.decisions import Decision
from lti_tool.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a run is unusual. Raises ``InvalidInputError`` (``limit_invalid``) for a negative limit.

    ``losses_floor`` and ``losses_percent`` of the learners: the larger of both may go. ``offers_percent`` of the
    learners, in courses of at least ``offers_learners``: so many may come to a badge that was live already.
    ``preview_percent`` of what a preview counted, or ``preview_floor`` more than it, may come (or go) after publishing.
    """

    losses_floor: int = 10
    losses_percent: int = 25
    offers_learners: int = 20
    offers_percent: int = 60
    preview_percent: int = 110
    preview_floor: int = 2

    def __post_init__(self) -> None:
        for field in self.__slots__:
            if getattr(self, field) < 0:
                raise InvalidInputError("a limit must not be negative", code="limit_invalid", field=field)


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ProposedChanges:
    """What a run would do with one badge: ``losses`` are offers that lapse, badges revoked and reviews opened."""

    learners: int
    offers: int = 0
    losses: int = 0

    def adding(self, decision: Decision) -> "ProposedChanges":
        """The same with one more decision in it (learners are counted apart)."""
        return ProposedChanges(self.learners, self.offers + decision.gains, self.losses + decision.loses)


@dataclass(frozen=True, slots=True)
class History:
    """What is known about the badge from before the run.

    ``previewed_offers`` and ``previewed_losses``: what the person who published saw, when this is the first evaluation
    since; ``None`` otherwise. ``was_live``: it was evaluated before, in whatever version.
    """

    was_live: bool
    previewed_offers: int | None = None
    previewed_losses: int | None = None


class HoldCode(StrEnum):
    """Why a run is held, with its figures: ``learners``, ``count`` (offers or losses), ``limit``."""

    MANY_OFFERS = "many_offers"
    MORE_OFFERS_THAN_PREVIEWED = "more_offers_than_previewed"  # and previewed
    MANY_LOSSES = "many_losses"
    MORE_LOSSES_THAN_PREVIEWED = "more_losses_than_previewed"  # and previewed


@dataclass(frozen=True, slots=True)
class Hold:
    """A run that waits for a person; ``figures`` for the text."""

    code: HoldCode
    figures: dict[str, int]


def check(run: ProposedChanges, history: History, limits: Limits = DEFAULT_LIMITS) -> Hold | None:
    """Whether the run is to be held: losses first, since they are worse."""
    return _check_losses(run, history, limits) or _check_offers(run, history, limits)


def _check_losses(run: ProposedChanges, history: History, limits: Limits) -> Hold | None:
    limit = max(limits.losses_floor, run.learners * limits.losses_percent // 100)
    if run.losses <= limit:
        return None
    if history.previewed_losses is None:
        return _hold(HoldCode.MANY_LOSSES, run, run.losses, limit)
    return _against_preview(HoldCode.MORE_LOSSES_THAN_PREVIEWED, run, run.losses, history.previewed_losses, limits)


def _check_offers(run: ProposedChanges, history: History, limits: Limits) -> Hold | None:
    if history.previewed_offers is not None:
        code = HoldCode.MORE_OFFERS_THAN_PREVIEWED
        return _against_preview(code, run, run.offers, history.previewed_offers, limits)
    limit = run.learners * limits.offers_percent // 100
    if not history.was_live or run.learners < limits.offers_learners or run.offers <= limit:
        return None
    return _hold(HoldCode.MANY_OFFERS, run, run.offers, limit)


def _against_preview(code: HoldCode, run: ProposedChanges, count: int, previewed: int, limits: Limits) -> Hold | None:
    limit = max(previewed * limits.preview_percent // 100, previewed + limits.preview_floor)
    return None if count <= limit else _hold(code, run, count, limit, previewed=previewed)


def _hold(code: HoldCode, run: ProposedChanges, count: int, limit: int, **more: int) -> Hold:
    return Hold(code, {"learners": run.learners, "count": count, "limit": limit, **more})
