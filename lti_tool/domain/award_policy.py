"""How a badge is awarded: who claims, what a changed grade does, how often and for how long. One policy a badge."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from lti_tool.domain.assessments import MOST_ASSESSORS
from lti_tool.errors import InvalidInputError

MAX_GRACE_DAYS = 365
MAX_VALIDITY_DAYS = 36_500

_Choice = TypeVar("_Choice", bound=StrEnum)


class ClaimMode(StrEnum):
    """Who claims: the learner, or nobody needs to (bound to the platform's identity, private)."""

    LEARNER = "learner"
    AUTO = "auto"


class GradeChange(StrEnum):
    """What follows when a claimed badge is no longer earned."""

    IGNORE = "ignore"
    FLAG = "flag"
    REVOKE_AFTER_GRACE = "revoke_after_grace"


class Duplicates(StrEnum):
    """How often one learner may have the badge."""

    ONCE = "once"
    PER_TERM = "per_term"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class AwardPolicy:
    """The policy of one badge; the defaults are what an empty document means.

    ``hold_until``: no offer before this moment. ``needs_posted_grades``: no offer while any grade the rule looks at is
    hidden. ``validity_days``: counted from the claim, ``None`` for ever. ``renewal_window_days``: how long before the
    end a badge can be earned anew. ``assessors``: how many people have to assess at a checkpoint that is meant for it.

    Raises ``InvalidInputError`` with ``field``: ``policy_value_invalid``, ``policy_renewal_without_validity``,
    ``policy_window_too_long``.
    """

    claim_mode: ClaimMode = ClaimMode.LEARNER
    grade_change: GradeChange = GradeChange.FLAG
    grace_days: int = 14
    hold_until: datetime | None = None
    needs_posted_grades: bool = False
    duplicates: Duplicates = Duplicates.ONCE
    validity_days: int | None = None
    renewal_window_days: int = 0
    assessors: int = 1

    def __post_init__(self) -> None:
        _check_days("grace_days", self.grace_days, 1, MAX_GRACE_DAYS)
        _check_days("renewal_window_days", self.renewal_window_days, 0, MAX_VALIDITY_DAYS)
        if self.assessors not in (1, MOST_ASSESSORS):
            raise _invalid("one or two people assess", "assessors")
        if self.hold_until is not None and self.hold_until.utcoffset() is None:
            raise _invalid("the date needs a time zone", "hold_until")
        if self.validity_days is not None:
            _check_days("validity_days", self.validity_days, 1, MAX_VALIDITY_DAYS)
            if self.renewal_window_days > self.validity_days:
                raise _invalid(
                    "renewal cannot open before the badge is valid", "renewal_window_days", "window_too_long"
                )
        elif self.duplicates is Duplicates.RENEW:
            raise _invalid("what never ends cannot be renewed", "validity_days", "renewal_without_validity")

    @property
    def grace(self) -> timedelta:
        """How long a learner has before a badge that is no longer earned is revoked."""
        return timedelta(days=self.grace_days)

    def valid_until(self, claimed_at: datetime) -> datetime | None:
        """When a badge claimed then ceases to be valid; ``None``: never."""
        return None if self.validity_days is None else claimed_at + timedelta(days=self.validity_days)

    def to_document(self) -> dict[str, object]:
        """The policy as JSON, every key written; ``from_document`` reads an equal one."""
        return {
            "claim_mode": self.claim_mode.value,
            "grade_change": self.grade_change.value,
            "grace_days": self.grace_days,
            "hold_until": None if self.hold_until is None else self.hold_until.isoformat(),
            "needs_posted_grades": self.needs_posted_grades,
            "duplicates": self.duplicates.value,
            "validity_days": self.validity_days,
            "renewal_window_days": self.renewal_window_days,
            "assessors": self.assessors,
        }

    @classmethod
    def from_document(cls, document: object) -> "AwardPolicy":
        """Read a policy; what is left out has its default. Raises as the class does, and ``policy_key_unknown``."""
        if not isinstance(document, Mapping):
            raise _invalid("a policy must be an object", None)
        known = {field.name for field in fields(cls)}
        for key in document:
            if key not in known:
                raise _invalid("the policy has a key too many", str(key), "key_unknown")
        given = dict(document)
        return cls(
            claim_mode=_choice(ClaimMode, given, "claim_mode", ClaimMode.LEARNER),
            grade_change=_choice(GradeChange, given, "grade_change", GradeChange.FLAG),
            grace_days=_whole(given, "grace_days", DEFAULT_AWARD_POLICY.grace_days),
            hold_until=_moment(given, "hold_until"),
            needs_posted_grades=_flag(given, "needs_posted_grades"),
            duplicates=_choice(Duplicates, given, "duplicates", Duplicates.ONCE),
            validity_days=None if given.get("validity_days") is None else _whole(given, "validity_days", 0),
            renewal_window_days=_whole(given, "renewal_window_days", 0),
            assessors=_whole(given, "assessors", 1),
        )


def _choice(kind: type[_Choice], given: Mapping[str, object], key: str, default: _Choice) -> _Choice:
    value = given.get(key, default)
    try:
        return kind(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _invalid(f"{key} must be one of {', '.join(kind)}", key) from error


def _whole(given: Mapping[str, object], key: str, default: int) -> int:
    value = given.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(f"{key} must be a whole number", key)
    return value


def _flag(given: Mapping[str, object], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise _invalid(f"{key} must be true or false", key)
    return value


def _moment(given: Mapping[str, object], key: str) -> datetime | None:
    value = given.get(key)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _invalid("a date is written in ISO 8601", key) from error


def _check_days(field: str, days: int, least: int, most: int) -> None:
    if not least <= days <= most:
        raise _invalid(f"{field} must be between {least} and {most}", field)


def _invalid(message: str, field: str | None, code: str = "value_invalid") -> InvalidInputError:
    return InvalidInputError(message, code=f"policy_{code}", field=field)


DEFAULT_AWARD_POLICY = AwardPolicy()
