"""Which occasion of a badge an evaluation looks at: once, this term, or the next renewal.

An occasion is a text that is unique with badge and learner: empty, the name of a term, or ``renewal 1``, ``renewal 2``
and so on. Work that earned an earlier occasion does not earn a later one by itself: :func:`rule_since` asks for newer.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from lti_tool.domain.award_policy import AwardPolicy, Duplicates
from lti_tool.domain.award_states import AwardState, NoticeCode
from lti_tool.domain.clauses import (
    After,
    All,
    AnyOf,
    AtLeast,
    Before,
    Clause,
    ColumnClause,
    CompetencyClause,
    Not,
    Rule,
)
from lti_tool.domain.decisions import AwardStanding

ONCE = ""
_RENEWAL = re.compile(r"renewal ([1-9][0-9]{0,6})", re.ASCII)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class OccasionReason(StrEnum):
    """Why this occasion."""

    ONCE = "once"
    TERM = "term"
    NO_TERM = "no_term"
    """The badge is earned once a term, and none is running: nothing is evaluated."""
    FIRST = "first"
    RENEWAL_NOT_OPEN = "renewal_not_open"
    RENEWAL_OPEN = "renewal_open"


class Term(NamedTuple):
    """A stretch of time that an admin named."""

    name: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an evaluation looks at. ``key``: ``None`` when there is nothing to look at now.

    ``counts_from``: only work done since then counts. ``opens_at``: when the next renewal opens, where it is known.
    ``notice``: what the learner is to be told, once.
    """

    key: str | None
    reason: OccasionReason
    counts_from: datetime | None = None
    opens_at: datetime | None = None
    notice: NoticeCode | None = None


def occasion(
    policy: AwardPolicy, term: Term | None, existing_awards: Collection[AwardStanding], now: datetime
) -> Occasion:
    """Decide it from all awards of this badge that the learner has, in whatever state."""
    match policy.duplicates:
        case Duplicates.PER_TERM:
            return _in_term(term, existing_awards)
        case Duplicates.RENEW:
            return _renewal(policy, existing_awards, now)
        case _:
            newest = _newest(existing_awards)
            return Occasion(ONCE if newest is None else newest.occasion, OccasionReason.ONCE)


def rule_since(rule: Rule, since: datetime | None) -> Rule:
    """The rule, with only the work done since then counting; badges, sections and assessments are left as they are."""
    if since is None:
        return rule
    if isinstance(rule, ColumnClause | CompetencyClause):
        return After(since, rule)
    if isinstance(rule, All | AnyOf | AtLeast):
        clauses: tuple[Clause, ...] = tuple(rule_since(clause, since) for clause in rule.clauses)
        return replace(rule, clauses=clauses)
    if isinstance(rule, Not | Before | After):
        return replace(rule, clause=rule_since(rule.clause, since))
    return rule


def renewal_number(key: str) -> int:
    """The number of a renewal; 0 for every other occasion."""
    found = _RENEWAL.fullmatch(key)
    return int(found[1]) if found else 0


def _in_term(term: Term | None, awards: Collection[AwardStanding]) -> Occasion:
    """An award of another occasion that came in this term is this term's: a changed policy gives nothing twice."""
    if term is None:
        return Occasion(None, OccasionReason.NO_TERM)
    if any(award.occasion == term.name for award in awards):
        return Occasion(term.name, OccasionReason.TERM, counts_from=_since_term(term, awards))
    newest = _newest(awards)
    if newest is not None and _date(newest) >= term.starts_at:
        return Occasion(newest.occasion, OccasionReason.TERM)
    return Occasion(term.name, OccasionReason.TERM, counts_from=_since_term(term, awards))


def _since_term(term: Term, awards: Collection[AwardStanding]) -> datetime | None:
    return term.starts_at if any(award.occasion != term.name for award in awards) else None


def _renewal(policy: AwardPolicy, awards: Collection[AwardStanding], now: datetime) -> Occasion:
    newest = _newest(awards)
    if newest is None:
        return Occasion(ONCE, OccasionReason.FIRST)
    opens_at = _opens_at(policy, newest)
    if opens_at is None or now < opens_at:
        former = _newest([award for award in awards if award is not newest and award.claimed_at is not None])
        counts_from = None if former is None else former.claimed_at
        return Occasion(newest.occasion, OccasionReason.RENEWAL_NOT_OPEN, counts_from, opens_at)
    notice = None if NoticeCode.RENEWABLE in newest.told else NoticeCode.RENEWABLE
    key = f"renewal {renewal_number(newest.occasion) + 1}"
    return Occasion(key, OccasionReason.RENEWAL_OPEN, newest.claimed_at, opens_at, notice)


def _opens_at(policy: AwardPolicy, award: AwardStanding) -> datetime | None:
    """Only a badge that was claimed, and ends, can be renewed; what was revoked or suspended is a person's matter."""
    if award.state is not AwardState.CLAIMED or award.valid_until is None:
        return None
    return award.valid_until - timedelta(days=policy.renewal_window_days)


def _newest(awards: Collection[AwardStanding]) -> AwardStanding | None:
    return max(awards, key=lambda award: (renewal_number(award.occasion), _date(award), award.occasion), default=None)


def _date(award: AwardStanding) -> datetime:
    return award.claimed_at or award.offered_at or _LONG_AGO
