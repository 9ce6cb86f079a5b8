"""The clients of a Badgr host's v2 API, against a host with the recorded shapes and quirks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hosts.badgr_host import BadgrHost
from hosts.desk import query_of

from lti_tool.backpacks import badgr_api
from lti_tool.backpacks.badgr import BadgrBackpack
from lti_tool.backpacks.badgr_documents import BadgeClassCard, IssuerCard, NewAward
from lti_tool.backpacks.badgr_issuing import AWARD_REFUSED, HELD_ALREADY, RECIPIENT_REFUSED, BadgrIssuing
from lti_tool.backpacks.base import BadgeDocument, ClientRegistration, Face, HostDescription, Outcome, Tokens
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
)
from lti_tool.outbound import HttpClient

REGISTRAR = "registrar@lakeside.example"
TOOL = "https://tool.example"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER = IssuerCard("Lakeside", "https://lakeside.example", "badges@lakeside.example", "A college")
PNG = b"\x89PNG\r\n\x1a\n"
CARD = BadgeClassCard("Writer", "Writes.", f"{TOOL}/achievements/1", "Write.", PNG, (("Writes", TOOL, "W1", "Skills"),))


@pytest.fixture
def host() -> Iterator[BadgrHost]:
    with BadgrHost(verifies=False, throttle_seconds=0.5) as host:
        host.add_user(REGISTRAR, more=("office@lakeside.example",))
        yield host


@pytest.fixture
def http() -> HttpClient:
    return HttpClient(allowed_private_hosts=["127.0.0.1"])


@pytest.fixture
def client(http: HttpClient) -> BadgrIssuing:
    return BadgrIssuing(http, now=lambda: NOW)


def award(number: int, email: str | None = None, **more: Any) -> NewAward:
    return NewAward(f"{TOOL}/credentials/{number}", email or f"l{number}@lakeside.example", NOW, **more)


@pytest.fixture
def tokens(host: BadgrHost, client: BadgrIssuing) -> Tokens:
    return client.sign_in(host.base_url, REGISTRAR, "secret")


@pytest.fixture
def badge_class(host: BadgrHost, client: BadgrIssuing, tokens: Tokens) -> str:
    issuer_id = client.ensure_issuer(host.base_url, tokens, ISSUER)
    return client.ensure_badge_class(host.base_url, tokens, issuer_id, CARD)


# -- the account ------------------------------------------------------------------------------------------------------


def test_an_account_signs_in_and_its_tokens_are_renewed(host: BadgrHost, client: BadgrIssuing, tokens: Tokens) -> None:
    assert (tokens.expires_at, tokens.scope) == (NOW + timedelta(days=1), badgr_api.ISSUER_SCOPES)
    renewed = client.refresh(host.base_url, tokens)
    assert renewed.access_token != tokens.access_token
    assert client.account_emails(host.base_url, renewed) == (REGISTRAR, "office@lakeside.example")
    with pytest.raises(BackpackConsentError) as caught:
        client.refresh(host.base_url, tokens)
    assert caught.value.code == "issuing_account_refused"
    assert tokens.access_token not in repr(tokens)


def test_after_a_failed_sign_in_the_next_one_is_told_how_long_to_wait(host: BadgrHost, client: BadgrIssuing) -> None:
    with pytest.raises(BackpackConsentError):
        client.sign_in(host.base_url, REGISTRAR, "wrong")
    with pytest.raises(BackpackThrottledError) as caught:
        client.sign_in(host.base_url, REGISTRAR, "secret")
    assert caught.value.retry_after == 0.5


@pytest.mark.parametrize(
    ("typed", "base"),
    [("api.badgr.io", "https://api.badgr.io"), (" https://x.example:8/v2/ ", "https://x.example:8")],
)
def test_an_address_as_people_type_it(typed: str, base: str) -> None:
    assert badgr_api.read_address(typed) == base


@pytest.mark.parametrize("typed", ["", "ftp://x.example", "https://", "https://[x"])
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(BackpackRefusedError):
        badgr_api.read_address(typed)


# -- issuing ----------------------------------------------------------------------------------------------------------


def test_issuer_and_badge_class_are_made_once(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str
) -> None:
    issuer_id = client.ensure_issuer(host.base_url, tokens, ISSUER)
    assert client.ensure_badge_class(host.base_url, tokens, issuer_id, CARD) == badge_class
    (issuer,) = host.all_issuers.values()
    assert issuer["email"] == REGISTRAR, "Badgr takes verified addresses of the account only"
    (made,) = host.all_badge_classes.values()
    assert made["alignments"] == [
        {"targetName": "Writes", "targetUrl": TOOL, "targetCode": "W1", "targetFramework": "Skills"}
    ]


def test_a_batch_is_one_call_and_can_be_read_back(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str
) -> None:
    awards = [award(number, expires=NOW.replace(year=2031)) for number in range(50)]
    outcome = client.issue(host.base_url, tokens, badge_class, awards)
    assert len(outcome.issued) == 50
    assert host.count("POST /v2/badgeclasses/.*/issue") == 1
    there = client.find_issued(host.base_url, tokens, badge_class, [one.email for one in awards])
    assert {one.id for one in there} == {one.id for one in outcome.issued}
    assert {url for one in there for url in one.evidence_urls} == {one.evidence_url for one in awards}
    assert client.find_issued(host.base_url, tokens, badge_class, ["nobody@lakeside.example"]) == ()


def test_questions_about_many_recipients_are_split_to_fit_an_address(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str
) -> None:
    awards = [award(number, f"{'x' * 60}{number}@lakeside.example") for number in range(50)]
    client.issue(host.base_url, tokens, badge_class, awards)
    host.clear_calls()
    found = client.find_issued(host.base_url, tokens, badge_class, [one.email for one in awards])
    assert len(found) == 50
    assert len(host.calls) == 2
    assert max(len(call.query) for call in host.calls) < 3100


def test_a_refused_award_is_named_and_nothing_was_issued(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str
) -> None:
    client.issue(host.base_url, tokens, badge_class, [award(1)])
    late = NewAward(f"{TOOL}/credentials/9", "l9@lakeside.example", datetime(2999, 1, 1, tzinfo=UTC))
    batch = [award(1), award(2), award(3, "nobody"), late]
    outcome = client.issue(host.base_url, tokens, badge_class, batch)
    assert dict(outcome.refused) == {
        batch[0].evidence_url: HELD_ALREADY,
        batch[2].evidence_url: RECIPIENT_REFUSED,
        late.evidence_url: AWARD_REFUSED,
    }
    assert len(host.issued()) == 1
    assert len(client.issue(host.base_url, tokens, badge_class, [award(1, may_repeat=True)]).issued) == 1


def test_an_answer_that_leaves_out_an_award_is_not_believed(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_shown", lambda entity: {**entity, "evidence": []})
    with pytest.raises(BackpackAnswerError):
        client.issue(host.base_url, tokens, badge_class, [award(1)])


def test_a_revocation_may_be_repeated(host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str) -> None:
    (issued,) = client.issue(host.base_url, tokens, badge_class, [award(1)]).issued
    for _ in range(2):
        client.revoke(host.base_url, tokens, issued.id)
    client.revoke(host.base_url, tokens, "gone")
    (there,) = client.find_issued(host.base_url, tokens, badge_class, [issued.email])
    assert there.is_revoked


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("html", BackpackAnswerError),
        ("not_json", BackpackAnswerError),
        ("wrong_shape", BackpackAnswerError),
        ("status 401", BackpackConsentError),
        ("status 500", BackpackError),
        ("throttle", BackpackThrottledError),
        ("die_after", BackpackError),
    ],
)
def test_failures_are_told_apart(
    host: BadgrHost, client: BadgrIssuing, tokens: Tokens, badge_class: str, how: str, error: type[Exception]
) -> None:
    host.fail("POST .*/issue", how)
    with pytest.raises(error):
        client.issue(host.base_url, tokens, badge_class, [award(1)])


# -- a learner's import -----------------------------------------------------------------------------------------------


@pytest.fixture
def backpack(http: HttpClient) -> BadgrBackpack:
    return BadgrBackpack(http, now=lambda: NOW)


def connect(host: BadgrHost, backpack: BadgrBackpack) -> tuple[HostDescription, Tokens]:
    known = backpack.discover(host.base_url)
    given = host.add_application("Tool", f"{TOOL}/cb")
    client = ClientRegistration(given["client_id"], given["client_secret"], scope="rw:backpack")
    asked = backpack.authorization_request(known, client, f"{TOOL}/cb")
    code = query_of(host.approve(asked.url, REGISTRAR))["code"]
    return known, backpack.exchange_code(known, client, code, f"{TOOL}/cb", asked.code_verifier)


def document(number: int) -> BadgeDocument:
    url = f"{TOOL}/a/{number}"
    return BadgeDocument(Face.OB2_HOSTED, url, f'{{"id": "{url}", "badge": "{url}/badge"}}')


def test_a_badge_is_imported_once_and_read_back(host: BadgrHost, backpack: BadgrBackpack) -> None:
    known, tokens = connect(host, backpack)
    assert backpack.push(known, tokens, document(1)).outcome is Outcome.CREATED
    assert backpack.push(known, tokens, document(1)).outcome is Outcome.UNCHANGED
    assert host.stored(REGISTRAR) == [f"{TOOL}/a/1"]
    assert list(backpack.find(known, tokens, [f"{TOOL}/a/1"])) == [f"{TOOL}/a/1"]
    assert backpack.profile(known, tokens).email == REGISTRAR
    assert backpack.can_read(tokens)


def test_a_badge_the_host_cannot_fetch_may_be_tried_again(http: HttpClient, backpack: BadgrBackpack) -> None:
    with BadgrHost() as host:
        host.add_user(REGISTRAR)
        known, tokens = connect(host, backpack)
        unreachable = BadgeDocument(Face.OB2_HOSTED, "http://127.0.0.1:1/a", "{}")
        with pytest.raises(BackpackError) as caught:
            backpack.push(known, tokens, unreachable)
    assert (caught.value.code, caught.value.retryable) == ("backpack_cannot_fetch", True)


def test_the_host_registers_nobody_for_it(host: BadgrHost, backpack: BadgrBackpack) -> None:
    known = backpack.discover(host.base_url)
    with pytest.raises(BackpackRefusedError) as caught:
        backpack.register(known, f"{TOOL}/cb", "Tool", TOOL, f"{TOOL}/l", f"{TOOL}/t", f"{TOOL}/p")
    assert caught.value.code == "backpack_registration_refused"
