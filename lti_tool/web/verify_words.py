"""What a verification found, in words: a verdict, one line for each check, and what no check can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.errors import ToolError
from lti_tool.openbadges.report import Check, CheckOutcome, Verdict, VerificationReport
from lti_tool.web.messages import message_for
from lti_tool.web.wording import LATER, Message

PASSED, FAILED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """A verdict: the headline, what it means, and how it shows (tone of Bootstrap, symbol)."""

    title: Any
    meaning: Any
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check: how it ended in words and symbol, what was checked, and the reason with its code, if there is one."""

    label: Any
    icon: str
    tone: str
    text: Any
    reason: Any
    code: str


VERDICTS: Mapping[Verdict, VerdictWords] = {
    Verdict.VALID: VerdictWords(
        _l("This badge is valid"), _l("It is as its issuer signed it, and it holds today."), "success", "check"
    ),
    Verdict.INVALID: VerdictWords(
        _l("This is not a valid badge"), _l("A check failed. Do not rely on it."), "danger", "x"
    ),
    Verdict.REVOKED: VerdictWords(
        _l("This badge was revoked"), _l("The issuer took it back. It does not hold any more."), "danger", "x"
    ),
    Verdict.SUSPENDED: VerdictWords(
        _l("This badge is suspended"), _l("The issuer has put it on hold. Ask the issuer."), "warning", "pause"
    ),
    Verdict.EXPIRED: VerdictWords(
        _l("This badge has expired"), _l("It was valid, but its time is over."), "warning", "clock"
    ),
    Verdict.NOT_YET_VALID: VerdictWords(
        _l("This badge is not valid yet"), _l("It begins to hold at a later date."), "warning", "clock"
    ),
    Verdict.TAMPERED: VerdictWords(
        _l("This badge was altered"),
        _l("Its content is not what the issuer signed. Do not rely on it."),
        "danger",
        "exclamation",
    ),
    Verdict.CANNOT_CHECK: VerdictWords(
        _l("This badge could not be checked completely"),
        _l("That does not make it false. The lines below say what is missing."),
        "warning",
        "question",
    ),
}

HOSTED = VerdictWords(
    _l("This badge is valid"),
    _l("Its issuer vouches for it at the badge's own address, and it holds today."),
    "success",
    "check",
)

OTHER_RECIPIENT = VerdictWords(
    _l("This badge was not issued to that e-mail address"),
    _l("No other check failed. Do not take it for this person's badge before you know which address they used."),
    "danger",
    "x",
)

CHECKS: Mapping[str, Mapping[CheckOutcome, Any]] = {
    "readable": {
        PASSED: _l("There is a badge in it that can be read."),
        FAILED: _l("There is no badge in it that can be read."),
        UNKNOWN: _l("It is a badge of a kind that is not read here."),
    },
    "shape": {
        PASSED: _l("It has everything the standard asks for."),
        FAILED: _l("Parts are missing that the standard asks for."),
        UNKNOWN: _l("It follows another version of the standard, which is not checked here."),
    },
    "intact": {
        PASSED: _l("Nothing was changed since it was signed."),
        FAILED: _l("It is not as it was signed."),
        UNKNOWN: _l("Whether something was changed since it was signed can't be told."),
    },
    "signed_by": {
        PASSED: _l("The issuer it names lists the key it was signed with."),
        FAILED: _l("The issuer it names does not list the key it was signed with."),
        UNKNOWN: _l("The issuer could not be asked whether the key is theirs."),
    },
    "status": {
        PASSED: _l("The issuer has not revoked it."),
        FAILED: _l("The issuer has taken it back or put it on hold."),
        UNKNOWN: _l("The issuer's list of revoked badges could not be read or relied on."),
    },
    "dates": {
        PASSED: _l("It is valid today."),
        FAILED: _l("Today is not within the time it is valid for."),
    },
    "recipient": {
        PASSED: _l("It was issued to the e-mail address you entered."),
        FAILED: _l("It was not issued to the e-mail address you entered."),
        UNKNOWN: _l("It names no e-mail address to compare with."),
    },
}

HOSTED_CHECKS: Mapping[str, Mapping[CheckOutcome, Any]] = {
    "intact": {
        PASSED: _l("It is kept at an address of its own. That address was asked, and what it answered was checked.")
    },
    "signed_by": {
        PASSED: _l("The address belongs to the issuer it names."),
        FAILED: _l("The address does not belong to the issuer it names."),
    },
}
"""The same checks where nothing is signed: an Open Badges 2.0 badge that its address vouches for."""

NOT_CHECKED: Mapping[str, Any] = {
    "signed_by": _l("Whose key it is was not checked, because the signature does not hold."),
    "status": _l("Whether it was revoked was not checked, because an earlier check did not pass."),
    "recipient": _l("Whose badge it is was not checked: enter the person's e-mail address to check that."),
}

REASONS: Mapping[str, Any] = {
    "json_invalid": _l("What was given is not a JSON document."),
    "json_duplicate_key": _l("The document says the same thing twice, so two readers could see two badges."),
    "json_too_deep": _l("The document is nested too deeply."),
    "document_too_large": _l("The document is too large."),
    "picture_unreadable": _l("The picture is damaged."),
    "picture_ambiguous": _l("The picture holds more than one badge."),
    "picture_without_credential": _l(
        "The picture holds no badge. Copying or editing a picture often loses it: use the file as you received it."
    ),
    "jws_malformed": _l("It looks like a signed text, but a part of it is damaged."),
    "version_unsupported": _l("It is perhaps an Open Badges 1.0 badge or an older draft."),
    "members_missing": _l("Missing: %(members)s"),
    "proof_missing": _l("It is not signed."),
    "proof_expired": _l("The signature was only good until a date that is past."),
    "proof_invalid": _l("The signature does not fit the content."),
    "proof_unsupported": _l("It is signed in a way that is not known here."),
    "context_unknown": _l("It uses words whose meaning is not known here."),
    "issuer_mismatch": _l("The key belongs to somebody else."),
    "key_not_listed": _l("The issuer's page does not list this key."),
    "key_unknown": _l("The key could not be had from the issuer."),
    "key_not_named": _l("The signature does not say which key it was made with."),
    "claims_differ": _l("The envelope says something else than the badge in it: %(members)s"),
    "assertion_without_address": _l("It names no address where it is kept, and it is not signed either."),
    "assertion_other": _l("Its address answers with another badge."),
    "key_ended": _l("The key was no longer in use when the badge was signed."),
    "key_unsupported": _l("The key is of a kind that is not known here."),
    "recipient_other": _l("People have several addresses: ask which one their course knew them by."),
    "revoked": _l("The issuer revoked it."),
    "suspended": _l("The issuer suspended it."),
    "no_status": _l("The badge has no list to look it up in, so it cannot be revoked."),
    "host_unavailable": _l("The host does not answer."),
    "host_slow": _l("The host took too long."),
    "address_refused": _l("The address is not one that can be asked from here."),
    "document_unavailable": _l("The document is not there."),
    "answer_malformed": _l("The host answered something that is not a document."),
    "answer_too_large": _l("The host answered too much."),
    "status_list_untrusted": _l("The list is not signed by the issuer of the badge, or is out of date."),
    "not_yet_valid": _l("Valid from %(valid_from)s"),
    "expired": _l("Valid until %(valid_until)s"),
}

LIMITS = (
    _l("Whether the person who shows you the badge is the one it was given to: compare the e-mail address with them."),
    _l("Whether the institution is recognised or accredited: ask the authority of its country or field."),
    _l("How good the work behind it was: read how it was assessed, or ask the issuer."),
)
"""What no check of a document can tell."""

NO_ANSWER = Message(
    _l("This address does not answer"),
    _l("Nothing usable came back from it, so there is nothing to check."),
    (_l("Check the address, or use the badge's file instead."), LATER),
)

REFUSALS: Mapping[str, Message] = {
    "nothing_to_verify": Message(
        _l("There is nothing to check yet"),
        _l("No file was chosen, no address was entered, and no document was pasted."),
        (_l("Choose one of the three, then check again."),),
    ),
    "badge_not_found": Message(
        _l("There is no badge at this address"),
        _l("The address answered, but not with a badge."),
        (_l("Check the address, or use the badge's file instead."),),
    ),
    "address_refused": Message(
        _l("This address cannot be asked"),
        _l("Only https addresses on the public internet are asked from here."),
        (_l("Use the badge's file instead."),),
    ),
    "host_unavailable": NO_ANSWER,
    "host_slow": NO_ANSWER,
}


def refusal(error: ToolError) -> Message:
    """Return the texts for an error that kept the checks from beginning."""
    return REFUSALS.get(error.code) or message_for(error)


_LOOKS = {
    CheckOutcome.PASSED: (_l("Checked"), "check", "success"),
    CheckOutcome.FAILED: (_l("Failed"), "x", "danger"),
    CheckOutcome.UNKNOWN: (_l("Can't tell"), "question", "warning"),
    CheckOutcome.NOT_CHECKED: (_l("Not checked"), "circle", "secondary"),
}


def verdict_words(report: VerificationReport) -> VerdictWords:
    """Return the verdict in words; a badge that is only somebody else's is not called false."""
    if {check.code for check in report.checks if check.outcome is FAILED} == {"recipient"}:
        return OTHER_RECIPIENT
    return HOSTED if report.outcome is Verdict.VALID and _is_hosted(report) else VERDICTS[report.outcome]


def check_lines(report: VerificationReport) -> list[CheckLine]:
    """Return one line for each check, in the order they were made."""
    is_hosted = _is_hosted(report)
    return [_line(check, is_hosted=is_hosted) for check in report.checks]


def _is_hosted(report: VerificationReport) -> bool:
    return any(check.reason == "hosted" for check in report.checks)


def _line(check: Check, *, is_hosted: bool) -> CheckLine:
    label, icon, tone = _LOOKS[check.outcome]
    if check.outcome is CheckOutcome.NOT_CHECKED:
        return CheckLine(label, icon, tone, NOT_CHECKED[check.code], "", "")
    said = HOSTED_CHECKS.get(check.code, {}).get(check.outcome) if is_hosted else None
    if said is not None:
        return CheckLine(label, icon, tone, said, "", "" if check.outcome is PASSED else check.reason)
    reason = REASONS.get(check.reason, "")
    text = str(reason) % check.params if reason and check.params else reason
    return CheckLine(label, icon, tone, CHECKS[check.code][check.outcome], text, check.reason)
