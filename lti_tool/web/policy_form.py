"""The form of how a badge is awarded, as typed. Moments are meant in UTC, as all moments on these pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC

from flask import request

from lti_tool.domain.assessments import MOST_ASSESSORS
from lti_tool.domain.award_policy import AwardPolicy, Duplicates, GradeChange
from lti_tool.errors import InvalidInputError
from lti_tool.web.badge_form import problem
from lti_tool.web.field_texts import field_text
from lti_tool.web.rule_nodes import read_moment

_DAYS = ("grace_days", "validity_days", "renewal_window_days")


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """How a badge is awarded: every field is text, not empty when ticked (``needs_posted_grades``, ``assessors``)."""

    claim_mode: str = ""
    grade_change: str = ""
    grace_days: str = ""
    hold_until: str = ""
    needs_posted_grades: str = ""
    duplicates: str = ""
    validity_days: str = ""
    renewal_window_days: str = ""
    assessors: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_policy(cls, policy: AwardPolicy) -> "PolicyForm":
        """Return the form that makes this policy."""
        until = policy.hold_until
        return cls(
            policy.claim_mode.value,
            policy.grade_change.value,
            str(policy.grace_days),
            "" if until is None else until.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "yes" if policy.needs_posted_grades else "",
            policy.duplicates.value,
            "" if policy.validity_days is None else str(policy.validity_days),
            str(policy.renewal_window_days) if policy.renewal_window_days else "",
            "two" if policy.assessors == MOST_ASSESSORS else "",
        )

    @classmethod
    def from_request(cls) -> "PolicyForm":
        """Return the form as sent."""

        def text(name: str) -> str:
            return request.form.get(name, "").strip()[:64]

        return cls(
            text("claim_mode"),
            text("grade_change"),
            text("grace_days"),
            text("hold_until"),
            text("needs_posted_grades"),
            text("duplicates"),
            text("validity_days"),
            text("renewal_window_days"),
            text("assessors"),
        )

    def checked(self) -> "PolicyForm":
        """Return the form with what is wrong with it in ``errors``, by field."""
        errors = self._entry_problems()
        if not errors:
            try:
                self.policy()
            except InvalidInputError as error:
                name = error.field or "claim_mode"
                is_days = name in _DAYS and error.code == "policy_value_invalid"
                errors[name] = problem("policy_days_invalid") if is_days else field_text(error)
        return replace(self, errors=errors)

    def _entry_problems(self) -> dict[str, str]:
        errors = {}
        for name in _DAYS:
            text = getattr(self, name)
            if text and self._counts(name) and not (text.isascii() and text.isdigit() and len(text) < 8):
                errors[name] = problem("policy_days_invalid")
        if self.grade_change == GradeChange.REVOKE_AFTER_GRACE and not self.grace_days:
            errors["grace_days"] = problem("policy_days_invalid")
        if self.hold_until and read_moment(self.hold_until) is None:
            errors["hold_until"] = problem("policy_date_invalid")
        return errors

    def _counts(self, name: str) -> bool:
        """Whether what stands in a field of days matters with the choices made."""
        return {
            "grace_days": self.grade_change == GradeChange.REVOKE_AFTER_GRACE,
            "validity_days": True,
            "renewal_window_days": self.duplicates == Duplicates.RENEW,
        }[name]

    def policy(self) -> AwardPolicy:
        """Return the policy. Raises ``InvalidInputError`` (``policy_…``) with ``field``."""
        return AwardPolicy.from_document(self.document())

    def document(self) -> Mapping[str, object]:
        """The policy as a document; days that do not matter keep their default."""
        until = read_moment(self.hold_until) if self.hold_until else None
        document: dict[str, object] = {
            "claim_mode": self.claim_mode,
            "grade_change": self.grade_change,
            "hold_until": None if until is None else until.isoformat(),
            "needs_posted_grades": bool(self.needs_posted_grades),
            "duplicates": self.duplicates,
            "assessors": MOST_ASSESSORS if self.assessors else 1,
        }
        days = {name: int(getattr(self, name)) for name in _DAYS if getattr(self, name) and self._counts(name)}
        return document | days
