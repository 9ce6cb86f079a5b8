"""Checking anybody's badge: the same checks for the command line and the public page."""

import json
from datetime import datetime
from http import HTTPStatus

from lti_tool.errors import CredentialInvalidError, OutboundError
from lti_tool.openbadges.reading import V2_CONTEXT
from lti_tool.openbadges.report import CheckOutcome, VerificationReport
from lti_tool.openbadges.verify import HttpFetch, verify_credential
from lti_tool.outbound import MEGABYTE, HttpClient

ACCEPT = "application/vc+ld+json, application/ld+json, application/json, image/png, image/svg+xml"
MAX_FILE_BYTES = 10 * MEGABYTE
OK, GONE = HTTPStatus.OK, HTTPStatus.GONE

_CHECKS = {
    "readable": "The file holds a badge that can be read",
    "shape": "It has everything the standard asks for",
    "intact": "It is as it was signed",
    "signed_by": "The key belongs to the issuer",
    "status": "The issuer has not revoked it",
    "dates": "It is valid today",
    "recipient": "It belongs to the person named",
}
_MARKS = {
    CheckOutcome.PASSED: "ok",
    CheckOutcome.FAILED: "FAILED",
    CheckOutcome.UNKNOWN: "can't tell",
    CheckOutcome.NOT_CHECKED: "not checked",
}


def verify(
    source: bytes | str, http: HttpClient, now: datetime, *, recipient_email: str | None = None
) -> VerificationReport:
    """Verify a file's content, or the badge at an address (a text with ``://``).

    Raises ``OutboundError`` when the address cannot be read, ``CredentialInvalidError`` (``file_too_large``).
    """
    content = source if isinstance(source, bytes) else _fetch(source, http)
    if len(content) > MAX_FILE_BYTES:
        raise CredentialInvalidError("The file is larger than 10 MB.", code="file_too_large")
    return verify_credential(content, fetch=HttpFetch(http), now=now, recipient_email=recipient_email)


def _fetch(url: str, http: HttpClient) -> bytes:
    answer = http.get(url, headers={"Accept": ACCEPT}, max_bytes=MAX_FILE_BYTES, max_redirects=3)
    return badge_at(url, answer.status, answer.body)


def badge_at(url: str, status: int, body: bytes) -> bytes:
    """Return what to check of an address's answer; raises ``OutboundError`` (``badge_not_found``).

    *Gone* is how a hosted assertion of Open Badges 2.0 says that it was revoked; whatever comes with it, the address
    itself is what is checked.
    """
    if status == GONE:
        return json.dumps({"@context": V2_CONTEXT, "id": url}).encode()
    if status != OK:
        raise OutboundError(f"The address answered {status}.", code="badge_not_found")
    return body


def lines(report: VerificationReport) -> list[str]:
    """Return the report as lines for a terminal: the verdict, then each check."""
    found = [f"{report.outcome.value}"]
    for check in report.checks:
        reason = f" ({check.reason})" if check.reason else ""
        found.append(f"  {_MARKS[check.outcome]:>11}  {_CHECKS.get(check.code, check.code)}{reason}")
    return found
