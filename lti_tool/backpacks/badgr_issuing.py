"""A Badgr host as an institution's issuing platform (v2 API): issuer, badge class, awards in batches, revocation.

What stands at the host is told by what it says: an issuer by its web address and name, a badge class by its criteria
address (the achievement's id), an award by an evidence address (the credential's id). So nothing has to be remembered
between a call and its answer, and whoever repeats a call that may have arrived looks first.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from lti_tool.backpacks import badgr_api
from lti_tool.backpacks.badgr_api import entity_id, read_one, read_refusal, read_results
from lti_tool.backpacks.badgr_documents import (
    BadgeClassCard,
    IssuerCard,
    NewAward,
    compose_assertion,
    compose_badge_class,
)
from lti_tool.backpacks.base import Tokens
from lti_tool.backpacks.host_http import HostHttp, host_of, next_link, raise_for_failure
from lti_tool.backpacks.oauth_host import utc_now
from lti_tool.errors import BackpackAnswerError
from lti_tool.outbound import Answer, HttpClient

BATCH: Final = 50
"""Awards in one call; a batch of so many is issued in about a second."""
QUERY_LENGTH: Final = 3000
"""Characters of recipients in one question: servers refuse addresses much longer."""
PAGE_LIMIT: Final = 200
REVOCATION: Final = "Revoked by the issuer."
"""The reason the host publishes; what the institution wrote to the learner stays with the learner."""


@dataclass(frozen=True, slots=True)
class IssuedAward:
    """One award as the host shows it to its issuer."""

    id: str
    open_badge_id: str
    email: str
    evidence_urls: frozenset[str]
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch came to; ``refused`` by evidence URL: a code. Either all of a batch is issued, or none of it."""

    issued: tuple[IssuedAward, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


RECIPIENT_REFUSED: Final = "issuing_recipient_refused"
AWARD_REFUSED: Final = "issuing_award_refused"
HELD_ALREADY: Final = "issuing_held_already"
"""The recipient holds the badge class already: look up which award that is."""


class BadgrIssuing:
    """The client. ``address`` is a host's base (``badgr_api.read_address``).

    Raises ``BackpackError`` (worth trying again), ``BackpackThrottledError``, ``BackpackAnswerError``,
    ``BackpackRefusedError`` and ``BackpackConsentError`` (the account has to sign in again).
    """

    def __init__(self, http: HttpClient, *, now: Callable[[], datetime] = utc_now) -> None:
        self._http = HostHttp(http)
        self._now = now

    # -- the account --------------------------------------------------------------------------------------------------

    def sign_in(self, address: str, account: str, password: str) -> Tokens:
        """Sign the institution's account in."""
        self._http.check_address(address)
        return badgr_api.sign_in(self._http, address, account, password, self._now())

    def refresh(self, address: str, tokens: Tokens) -> Tokens:
        """Get new tokens; the old refresh token is spent, so store the answer at once."""
        return badgr_api.refresh(self._http, address, tokens, self._now())

    def account_emails(self, address: str, tokens: Tokens) -> tuple[str, ...]:
        """Return the account's verified addresses, the main one first."""
        answer = self._http.get(f"{address}/v2/users/self", token=tokens.access_token)
        listed = read_one(answer, "show the account").get("emails")
        emails = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        good = [one for one in emails if one.get("verified") is not False and isinstance(one.get("email"), str)]
        return tuple(str(one["email"]) for one in sorted(good, key=lambda one: one.get("primary") is not True))

    # -- issuers and badge classes ------------------------------------------------------------------------------------

    def ensure_issuer(self, address: str, tokens: Tokens, card: IssuerCard) -> str:
        """Return the id of the account's issuer of this name and web address, made when there is none."""
        answer = self._http.get(f"{address}/v2/issuers", token=tokens.access_token)
        for issuer in read_results(answer, "list issuers"):
            if (issuer.get("name"), _bare(issuer.get("url"))) == (card.name, _bare(card.url)) and entity_id(issuer):
                return entity_id(issuer)
        emails = self.account_emails(address, tokens)
        known = {one.lower(): one for one in emails}
        email = known.get((card.email or "").lower()) or (emails[0] if emails else card.email)
        document = {"name": card.name, "url": card.url, "email": email, "description": card.description}
        made = self._http.post_json(f"{address}/v2/issuers", document, token=tokens.access_token)
        return entity_id(read_one(made, "make an issuer"))

    def ensure_badge_class(self, address: str, tokens: Tokens, issuer_id: str, card: BadgeClassCard) -> str:
        """Return the id of the issuer's badge class of this achievement, made when there is none.

        One that is there may say something else: ``update_badge_class`` afterwards.
        """
        url = f"{address}/v2/issuers/{issuer_id}/badgeclasses"
        for answer in self._pages(url, tokens, "list badge classes"):
            for found in read_results(answer, "list badge classes"):
                if found.get("criteriaUrl") == card.criteria_url and entity_id(found):
                    return entity_id(found)
        document = {"issuer": issuer_id, **compose_badge_class(card)}
        made = self._http.post_json(f"{address}/v2/badgeclasses", document, token=tokens.access_token)
        return entity_id(read_one(made, "make a badge class"))

    def update_badge_class(self, address: str, tokens: Tokens, badge_class_id: str, card: BadgeClassCard) -> None:
        """Let the badge class say what the achievement says now."""
        url, document = f"{address}/v2/badgeclasses/{badge_class_id}", compose_badge_class(card)
        read_one(self._http.send_json("PUT", url, document, token=tokens.access_token), "change a badge class")

    # -- awards -------------------------------------------------------------------------------------------------------

    def issue(self, address: str, tokens: Tokens, badge_class_id: str, awards: Sequence[NewAward]) -> BatchOutcome:
        """Issue up to ``BATCH`` awards in one call. A host that refuses one of them issues none."""
        url = f"{address}/v2/badgeclasses/{badge_class_id}/issue"
        document = {"create_notification": False, "assertions": [compose_assertion(one) for one in awards]}
        answer = self._http.post_json(url, document, token=tokens.access_token)
        if answer.status == 400:
            refused = _refused(answer, awards)
            if refused:
                return BatchOutcome(refused=refused)
        issued = tuple(_issued(one, answer) for one in read_results(answer, "issue badges"))
        _check_batch(issued, awards, answer)
        return BatchOutcome(issued=issued)

    def find_issued(
        self, address: str, tokens: Tokens, badge_class_id: str, emails: Collection[str]
    ) -> tuple[IssuedAward, ...]:
        """Return every award of a badge class to these recipients, revoked and expired ones too."""
        found: dict[str, IssuedAward] = {}
        for query in _queries(sorted(set(emails))):
            url = f"{address}/v2/badgeclasses/{badge_class_id}/assertions?{query}"
            for answer in self._pages(url, tokens, "list badges"):
                for one in read_results(answer, "list badges"):
                    issued = _issued(one, answer)
                    found[issued.id] = issued
        return tuple(found.values())

    def readdress(self, address: str, tokens: Tokens, award_id: str, award: NewAward) -> bool:
        """Make an award out to another address (vendor code); ``False`` when it is not there any more."""
        url, document = f"{address}/v2/assertions/{award_id}", compose_assertion(award)
        answer = self._http.send_json("PUT", url, document, token=tokens.access_token)
        if answer.status == 404:
            return False
        read_one(answer, "change a badge")
        return True

    def revoke(self, address: str, tokens: Tokens, award_id: str) -> None:
        """Revoke an award; one that is revoked already, or gone, is left as it is."""
        url = f"{address}/v2/assertions/{award_id}"
        answer = self._http.send_json("DELETE", url, {"revocation_reason": REVOCATION}, token=tokens.access_token)
        if 200 <= answer.status < 300 or answer.status == 404:
            return
        if answer.status == 400 and self._is_revoked(address, tokens, award_id):
            return
        raise_for_failure(answer, "revoke a badge")

    def _is_revoked(self, address: str, tokens: Tokens, award_id: str) -> bool:
        answer = self._http.get(f"{address}/v2/assertions/{award_id}", token=tokens.access_token)
        return answer.status == 404 or read_one(answer, "show a badge").get("revoked") is True

    def _pages(self, url: str | None, tokens: Tokens, doing: str) -> Iterator[Answer]:
        seen: set[str] = set()
        while url is not None:
            if url in seen or len(seen) == PAGE_LIMIT:
                raise BackpackAnswerError(f"{host_of(url)} lists without end.")
            seen.add(url)
            answer = self._http.get(url, token=tokens.access_token)
            raise_for_failure(answer, doing)
            yield answer
            url = next_link(answer, url) if answer.headers.get("Link") else None


def _bare(url: object) -> str:
    return str(url or "").rstrip("/").lower()


def _issued(entity: dict[str, Any], answer: Answer) -> IssuedAward:
    recipient, evidence = entity.get("recipient"), entity.get("evidence")
    recipient = recipient if isinstance(recipient, dict) else {}
    email = recipient.get("plaintextIdentity") or recipient.get("identity")
    if not entity_id(entity) or not isinstance(email, str):
        raise BackpackAnswerError(f"{host_of(answer.url)} shows a badge that this tool cannot read.")
    items = evidence if isinstance(evidence, list) else []
    urls = frozenset(str(one.get("url") or one.get("id")) for one in items if isinstance(one, dict))
    open_badge_id = str(entity.get("openBadgeId") or "")
    return IssuedAward(entity_id(entity), open_badge_id, email.lower(), urls, entity.get("revoked") is True)


def _check_batch(issued: Sequence[IssuedAward], awards: Sequence[NewAward], answer: Answer) -> None:
    """Every award must be in the answer, to its recipient; otherwise nobody knows what was issued."""
    got = {(url, one.email) for one in issued for url in one.evidence_urls if not one.is_revoked}
    if any((one.evidence_url, one.email.lower()) not in got for one in awards):
        raise BackpackAnswerError(f"{host_of(answer.url)} did not say what became of every badge.")


def _refused(answer: Answer, awards: Sequence[NewAward]) -> tuple[tuple[str, str], ...]:
    """Which awards of a batch a 400 is about; all of a batch of one, nothing when it does not say."""
    refusal = read_refusal(answer)
    places = refusal.places
    if len(awards) == 1 and len(places) != 1:
        places = (refusal.fields or {"": list(refusal.names)},)
    if len(places) != len(awards):
        return ()
    pairs = zip(awards, places, strict=True)
    return tuple((award.evidence_url, _reason(place)) for award, place in pairs if place)


def _reason(place: Any) -> str:
    if "recipient" in place:
        return RECIPIENT_REFUSED
    return HELD_ALREADY if "previous award" in str(place).lower() else AWARD_REFUSED


def _queries(emails: Sequence[str]) -> Iterator[str]:
    """Questions about recipients, each short enough for an address."""
    usual = [("include_revoked", "1"), ("include_expired", "1")]
    chosen: list[tuple[str, str]] = []
    for email in emails:
        if chosen and len(urlencode([*chosen, ("recipient", email)])) > QUERY_LENGTH:
            yield urlencode([*chosen, *usual])
            chosen = []
        chosen.append(("recipient", email))
    if chosen:
        yield urlencode([*chosen, *usual])
