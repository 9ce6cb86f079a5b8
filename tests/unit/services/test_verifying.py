"""Checking a badge from a file or an address, with the issuer on a real HTTP server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from badge_site import BadgeSite
from werkzeug.wrappers import Response

from lti_tool.errors import CredentialInvalidError, OutboundError
from lti_tool.openbadges.report import Verdict
from lti_tool.outbound import HttpClient
from lti_tool.services import verifying

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HTTP = HttpClient(timeout=(2.0, 5.0), allowed_private_hosts=("127.0.0.1",))


@pytest.fixture
def site(live: Callable[[Any], str]) -> BadgeSite:
    """An issuer's site with one badge."""
    return BadgeSite.on(live)


def test_a_file_is_verified(site: BadgeSite) -> None:
    report = verifying.verify(site.badge(), HTTP, NOW)
    assert report.outcome is Verdict.VALID
    assert verifying.lines(report) == [
        "valid",
        "           ok  The file holds a badge that can be read",
        "           ok  It has everything the standard asks for",
        "           ok  It is as it was signed",
        "           ok  The key belongs to the issuer",
        "           ok  The issuer has not revoked it",
        "           ok  It is valid today",
        "  not checked  It belongs to the person named",
    ]


def test_an_address_is_fetched_and_verified(site: BadgeSite) -> None:
    site.put("/credentials/1", site.badge())
    site.pages["/moved"] = Response(status=302, headers={"Location": f"{site.url}/credentials/1"})
    for path in ("/credentials/1", "/moved"):
        assert verifying.verify(site.url + path, HTTP, NOW).outcome is Verdict.VALID


@pytest.mark.parametrize(
    ("change", "verdict", "line"),
    [
        ({"name": "Another badge"}, Verdict.TAMPERED, "       FAILED  It is as it was signed (proof_invalid)"),
        ({"proof": None}, Verdict.INVALID, "       FAILED  It is as it was signed (proof_missing)"),
    ],
)
def test_an_altered_file(site: BadgeSite, change: dict[str, Any], verdict: Verdict, line: str) -> None:
    document = json.loads(site.badge()) | change
    altered = json.dumps({key: value for key, value in document.items() if value is not None})
    report = verifying.verify(altered.encode(), HTTP, NOW)
    assert report.outcome is verdict
    assert line in verifying.lines(report)


def test_a_revoked_badge(site: BadgeSite) -> None:
    site.revoke()
    report = verifying.verify(site.badge(), HTTP, NOW)
    assert report.outcome is Verdict.REVOKED
    assert "       FAILED  The issuer has not revoked it (revoked)" in verifying.lines(report)


def test_an_issuer_that_is_down_is_no_fault_of_the_badge(site: BadgeSite) -> None:
    badge = site.badge()
    site.pages.clear()
    report = verifying.verify(badge, HTTP, NOW)
    assert report.outcome is Verdict.CANNOT_CHECK
    assert any(line.startswith("   can't tell  ") for line in verifying.lines(report))


def test_whose_badge_it_is(site: BadgeSite) -> None:
    for address, verdict in ((" ADA@example.org", Verdict.VALID), ("eve@example.org", Verdict.INVALID)):
        assert verifying.verify(site.badge(), HTTP, NOW, recipient_email=address).outcome is verdict


def test_an_address_that_answers_no_badge(site: BadgeSite) -> None:
    with pytest.raises(OutboundError) as missing:
        verifying.verify(f"{site.url}/nothing", HTTP, NOW)
    assert missing.value.code == "badge_not_found"
    with pytest.raises(OutboundError):
        verifying.verify("http://127.0.0.1:9/badge", HTTP, NOW)


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(CredentialInvalidError) as refusal:
        verifying.verify(b"x" * (verifying.MAX_FILE_BYTES + 1), HTTP, NOW)
    assert refusal.value.code == "file_too_large"
