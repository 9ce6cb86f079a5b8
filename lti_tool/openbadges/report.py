"""What verifying a credential found: one verdict and each check behind it, as codes that pages put into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lti_tool.openbadges.contexts import JsonObject


class CheckOutcome(StrEnum):
    """How one check ended; ``unknown`` means that it could not be made, which is not the same as failed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not_checked"


class Verdict(StrEnum):
    """What a verifier can tell the person who asks (Open Badges 3.0, section 8)."""

    VALID = "valid"
    INVALID = "invalid"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    TAMPERED = "tampered"
    CANNOT_CHECK = "cannot_check"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: ``code`` readable, shape, intact, signed_by, status, dates or recipient; ``reason`` a stable code.

    ``params`` holds the facts for a sentence: missing members, times, addresses of documents, never a learner's data.
    """

    code: str
    outcome: CheckOutcome
    reason: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The verdict, the checks in order, and the credential as read (``None`` when nothing could be read)."""

    outcome: Verdict
    checks: tuple[Check, ...]
    credential: JsonObject | None = None

    def check(self, code: str) -> Check:
        """Return the check named ``code``; raises ``KeyError`` when it was not made."""
        return {check.code: check for check in self.checks}[code]

    def to_document(self) -> JsonObject:
        """Return the report as a JSON document, without the credential."""
        return {
            "outcome": self.outcome.value,
            "checks": [
                {
                    "code": check.code,
                    "outcome": check.outcome.value,
                    "reason": check.reason,
                    "params": dict(check.params),
                }
                for check in self.checks
            ],
        }


_STATUS_VERDICTS = {"revoked": Verdict.REVOKED, "suspended": Verdict.SUSPENDED}
_DATE_VERDICTS = {"expired": Verdict.EXPIRED, "not_yet_valid": Verdict.NOT_YET_VALID}
_NO_PROOF = {"proof_missing", "proof_expired"}


def verdict_of(checks: tuple[Check, ...]) -> Verdict:
    """Return the verdict: what is certainly wrong first, then what could not be checked."""
    failed = {check.code: check.reason for check in checks if check.outcome is CheckOutcome.FAILED}
    if "readable" in failed or "shape" in failed or "signed_by" in failed:
        # A document whose signature does not fit was tampered with, whatever else is wrong with its key.
        return Verdict.TAMPERED if failed.get("intact") == "proof_invalid" else Verdict.INVALID
    if "intact" in failed:
        return Verdict.INVALID if failed["intact"] in _NO_PROOF else Verdict.TAMPERED
    if "status" in failed:
        return _STATUS_VERDICTS.get(failed["status"], Verdict.INVALID)
    if "dates" in failed:
        return _DATE_VERDICTS.get(failed["dates"], Verdict.INVALID)
    if "recipient" in failed:
        return Verdict.INVALID
    if any(check.outcome is CheckOutcome.UNKNOWN for check in checks):
        return Verdict.CANNOT_CHECK
    return Verdict.VALID
