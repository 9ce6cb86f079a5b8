"""The page that checks anybody's badge: line by line, what it cannot tell, and hostile things refused clearly."""

import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from claims import TOOL, Wallets, wallets_on
from flask.testing import FlaskClient

from lti_tool.models import CredentialVersion
from lti_tool.openbadges.report import Check, CheckOutcome, Verdict, VerificationReport
from lti_tool.services import status
from lti_tool.web.public_verify import limiter
from lti_tool.web.verify_words import check_lines, verdict_words

JSON = {"Accept": "application/json"}


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def anyone(wallets: Wallets) -> FlaskClient:
    """A browser that never launched."""
    return wallets.app.test_client()


@pytest.fixture
def url(wallets: Wallets) -> str:
    """The address of Ada's signed badge."""
    return f"{TOOL}/credentials/{wallets.public_id(wallets.claim())}"


def report(client: FlaskClient, **form: Any) -> dict[str, Any]:
    answer = client.post("/verify", data=form, headers=JSON, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def file(content: bytes, name: str = "badge") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


@pytest.mark.parametrize(
    "path",
    [
        "credentials/../verify",
        "credentials/%2e%2e/verify",
        "credentials//verify",
        "credentials/%00",
        "credentials/a%0d%0ab",
        "credentials/x\r\ny",
        "credentials/[",
        "issuers//[::1/x",
        "status/" + "x" * 5000,
        "status/é?a=\ud800",
        "achievements/#/verify",
    ],
)
def test_an_odd_address_of_this_tool_leads_to_no_other_page(anyone: FlaskClient, path: str) -> None:
    answer = anyone.post("/verify", data={"url": f"{TOOL}/{path}".encode("utf-8", "replace").decode()}, headers=JSON)
    assert (answer.status_code, answer.json["error"]) == (502, "badge_not_found")


def test_the_address_of_a_badge_is_checked_line_by_line(anyone: FlaskClient, url: str) -> None:
    page = anyone.post("/verify", data={"url": url}).text
    assert 'data-outcome="valid"' in page
    for line in (
        "Nothing was changed",
        "lists the key",
        "has not revoked it",
        "It is valid today",
        "Whose badge it is",
    ):
        assert line in page
    assert "What this cannot tell" in page
    assert "Lakeside College" in page


@pytest.mark.parametrize("suffix", [".json", ".png"])
def test_the_files_of_a_badge_are_checked(anyone: FlaskClient, url: str, suffix: str) -> None:
    content = anyone.get(url.removeprefix(TOOL) + suffix).data
    assert report(anyone, file=file(content))["outcome"] == "valid"


def test_pasted_text_and_a_json_body_are_checked(wallets: Wallets, anyone: FlaskClient, url: str) -> None:
    text = anyone.get(url.removeprefix(TOOL) + ".json").text
    assert report(anyone, document=text)["outcome"] == "valid"
    answer = anyone.post("/verify", data=text, content_type="application/vc+ld+json")
    assert answer.json is not None
    assert answer.json["outcome"] == "valid"


def test_an_altered_badge_is_found(wallets: Wallets, anyone: FlaskClient, url: str) -> None:
    document = wallets.document(1)
    document["credentialSubject"]["achievement"]["name"] = "Professor"
    page = anyone.post("/verify", data={"document": json.dumps(document)}).text
    assert 'data-outcome="tampered"' in page
    assert "It is not as it was signed" in page


def test_a_revoked_badge_is_found_at_once(wallets: Wallets, anyone: FlaskClient, url: str) -> None:
    assert report(anyone, url=url)["outcome"] == "valid"
    wallets.course.later(minutes=1)
    with wallets.services.database.write() as session:
        status.revoke(session, session.get_one(CredentialVersion, 1), wallets.course.now)
    assert report(anyone, url=url)["outcome"] == "revoked"


@pytest.mark.parametrize(
    ("email", "outcome"), [("ada@lakeside.example", "passed"), ("eve@lakeside.example", "failed"), ("", "not_checked")]
)
def test_whose_badge_it_is(anyone: FlaskClient, url: str, email: str, outcome: str) -> None:
    checks = {check["code"]: check["outcome"] for check in report(anyone, url=url, email=email)["checks"]}
    assert checks["recipient"] == outcome


def test_nothing_to_check_is_said_with_the_form(anyone: FlaskClient) -> None:
    page = anyone.post("/verify", data={"email": "ada@lakeside.example"})
    assert page.status_code == 422
    assert "nothing_to_verify" in page.text
    assert 'value="ada@lakeside.example"' in page.text
    assert anyone.post("/verify", headers=JSON).json["error"] == "nothing_to_verify"  # type: ignore[index]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "http://10.0.0.1/",
        "https://user@badges.example/",
    ],
)
def test_addresses_inside_are_never_asked(anyone: FlaskClient, address: str) -> None:
    page = anyone.post("/verify", data={"url": address})
    assert page.status_code == 422
    assert "address_refused" in page.text


def test_an_unknown_badge_of_ours_is_not_found(anyone: FlaskClient) -> None:
    page = anyone.post("/verify", data={"url": f"{TOOL}/credentials/unknown"})
    assert page.status_code == 422
    assert "badge_not_found" in page.text


def bomb() -> bytes:
    """A PNG whose text chunk unpacks to 64 MB."""
    packed = zlib.compress(b"0" * (64 << 20), 9)
    body = b"iTXtopenbadgecredential\0\x01\0\0\0" + packed
    head = b"IHDR" + bytes.fromhex("00000001000000010800000000")
    chunks = [head, body, b"IEND"]
    framed = [(len(c) - 4).to_bytes(4, "big") + c + zlib.crc32(c).to_bytes(4, "big") for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02",
        b"{",
        b"[" * 5000,
        b'{"a": 1, "a": 2}',
        b"\x89PNG\r\n\x1a\nnonsense",
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        b'{"issuer": {"id": 1}, "type": "OpenBadgeCredential", "credentialSubject": []}',
        bomb(),
    ],
    ids=["bytes", "cut", "deep", "double", "png", "xml", "shape", "bomb"],
)
def test_hostile_files_end_in_a_clear_refusal(anyone: FlaskClient, content: bytes) -> None:
    answer = anyone.post("/verify", data={"file": file(content)})
    assert answer.status_code == 200
    assert 'data-outcome="invalid"' in answer.text or 'data-outcome="cannot_check"' in answer.text
    assert 'data-outcome="valid"' not in answer.text


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 12 * 1024 * 1024])
def test_more_than_ten_megabytes_is_too_large(anyone: FlaskClient, size: int) -> None:
    # Written by hand: the test client would leave the temporary file of such a form open.
    head = b'--end\r\nContent-Disposition: form-data; name="file"; filename="badge"\r\n\r\n'
    form = head + bytes(size) + b"\r\n--end--\r\n"
    answer = anyone.post("/verify", data=form, content_type="multipart/form-data; boundary=end")
    assert answer.status_code == 413
    assert "too_large" in answer.text
    assert "larger" in answer.text


def test_names_of_a_stranger_stay_text(anyone: FlaskClient) -> None:
    text = json.dumps({"credentialSubject": {"achievement": {"name": "<script>x</script>"}}, "issuer": {"id": [1]}})
    page = anyone.post("/verify", data={"document": text}).text
    assert "&lt;script&gt;x" in page
    assert "<script>x" not in page


def test_checking_is_limited_in_number(wallets: Wallets, anyone: FlaskClient) -> None:
    statuses = [anyone.post("/verify", headers=JSON).status_code for _ in range(61)]
    assert statuses[:60] == [422] * 60
    assert statuses[60] == 429
    limiter.reset()


def test_another_sites_form_is_refused(anyone: FlaskClient) -> None:
    answer = anyone.post("/verify", data={"document": "{}"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("outcome", Verdict)
def test_every_verdict_has_words(wallets: Wallets, outcome: Verdict) -> None:
    with wallets.app.test_request_context():
        words = verdict_words(VerificationReport(outcome, ()))
        assert str(words.title)
        assert str(words.meaning)


@pytest.mark.parametrize(
    ("failed", "title"),
    [
        (("recipient",), "This badge was not issued to that e-mail address"),
        (("signed_by", "recipient"), "This is not a valid badge"),
    ],
)
def test_a_badge_of_somebody_else_is_not_called_false(wallets: Wallets, failed: tuple[str, ...], title: str) -> None:
    checks = tuple(Check(code, CheckOutcome.FAILED, "recipient_other") for code in failed)
    with wallets.app.test_request_context():
        assert str(verdict_words(VerificationReport(Verdict.INVALID, checks)).title) == title


POSSIBLE = {
    "readable": {CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN},
    "shape": {CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN},
    "intact": {CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN},
    "signed_by": set(CheckOutcome),
    "status": set(CheckOutcome),
    "dates": {CheckOutcome.PASSED, CheckOutcome.FAILED},
    "recipient": set(CheckOutcome),
}


@pytest.mark.parametrize(
    ("code", "outcome"), [(code, one) for code, all_of in POSSIBLE.items() for one in sorted(all_of)]
)
def test_every_check_has_a_line_however_it_ends(wallets: Wallets, code: str, outcome: CheckOutcome) -> None:
    with wallets.app.test_request_context():
        (line,) = check_lines(VerificationReport(Verdict.VALID, (Check(code, outcome, "never_heard_of"),)))
        assert str(line.text)
        assert str(line.label)
