"""A client of Badge Connect hosts (Open Badges 2.1, final of 27 November 2023), Badgr's kind included.

The host is told the address of a hosted assertion, and fetches and checks it during the call; so the 2.0 face has to be
served before it is pushed. Hosts seen answer the manifest by a redirect, list under ``results`` instead of
``assertions``, and say ``400 DUPLICATE_BADGE`` to what they have.
"""

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlunsplit

from lti_tool.backpacks.base import BadgeDocument, Face, HostDescription, HostProfile, Outcome, Receipt, Tokens
from lti_tool.backpacks.host_http import (
    first_text,
    host_of,
    https_page,
    json_object,
    raise_for_failure,
    split_url,
)
from lti_tool.backpacks.oauth_host import OAuthHost, utc_now
from lti_tool.backpacks.paging import find_listed, iter_listed
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
)
from lti_tool.outbound import Answer, HttpClient

MANIFEST_PATH: Final = "/.well-known/badgeconnect.json"
SCOPE: Final = "https://purl.imsglobal.org/spec/ob/v2p1/scope/"
READ, CREATE, READ_PROFILE = f"{SCOPE}assertion.readonly", f"{SCOPE}assertion.create", f"{SCOPE}profile.readonly"
DISCOVERY_REDIRECTS: Final = 3
DUPLICATES: Final = frozenset({"DUPLICATE_BADGE"})
MISMATCHES: Final = frozenset({"RECIPIENT_PROFILE_MISMATCH", "VERIFY_RECIPIENT_IDENTIFIER"})
"""The standard's word, and Badgr's, for a badge that is not addressed to the account."""
UNREADABLE: Final = frozenset({"FETCH_HTTP_NODE"})
"""The host could not fetch the assertion, the badge class or the issuer: that may pass."""


class BadgeConnect(OAuthHost):
    """Delivers to Badge Connect hosts; see ``Backpack`` for what each method answers and raises."""

    faces = (Face.OB2_HOSTED,)
    can_withdraw = False

    def __init__(self, http: HttpClient, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(http, wanted=(READ, CREATE, READ_PROFILE), required=(CREATE,), now=now)

    def discover(self, address: str) -> HostDescription:
        """Read the manifest; ``address`` may be the host or the manifest. The first API it names is used."""
        answer = self._http.get(_manifest_url(address), max_redirects=DISCOVERY_REDIRECTS)
        raise_for_failure(answer, "describe its API")
        described = json_object(answer).get("badgeConnectAPI")
        apis = described if isinstance(described, list) else [described]
        api: dict[str, Any] = next((one for one in apis if isinstance(one, dict)), {})
        token_url = self._http.required_address(api.get("tokenUrl"), answer, "token")
        scopes = api.get("scopesOffered")
        return HostDescription(
            api_url=self._http.required_address(api.get("apiBase"), answer, "API").rstrip("/"),
            name=first_text(api.get("name")) or host_of(answer.url),
            registration_url=self._http.required_address(api.get("registrationUrl"), answer, "registration"),
            authorization_url=self._http.required_address(api.get("authorizationUrl"), answer, "authorization"),
            token_url=token_url,
            refresh_url=token_url,
            scopes=tuple(str(one) for one in scopes) if isinstance(scopes, list) else (),
            revocation_url=self._http.named_address(api.get("tokenRevocationUrl"), answer),
            terms_url=https_page(api.get("termsOfServiceUrl")),
            privacy_url=https_page(api.get("privacyPolicyUrl")),
            image_url=https_page(api.get("image")),
        )

    def push(self, host: HostDescription, tokens: Tokens, document: BadgeDocument) -> Receipt:
        """Tell the host the address of the assertion; what it has already counts as there."""
        answer = self._http.post_json(
            f"{host.api_url}/assertions", {"assertion": {"id": document.id}}, token=tokens.access_token
        )
        status, words = _status(answer)
        if 200 <= status < 300:
            # Whatever else was said, a page that says 200 is no backpack.
            json_object(answer)
            return Receipt(Outcome.CREATED, answer.status, document.id, self._now())
        if words & DUPLICATES:
            return Receipt(Outcome.UNCHANGED, answer.status, document.id, self._now())
        raise _refusal(answer, status, words)

    def can_read(self, tokens: Tokens) -> bool:
        """Whether ``assertion.readonly`` was granted."""
        return READ in tokens.scope.split()

    def find(self, host: HostDescription, tokens: Tokens, ids: Collection[str]) -> dict[str, str]:
        """Read assertions back by their addresses: pages are read, newest first, until all were found."""
        pages = iter_listed(self._http, host.api_url, "/assertions", tokens.access_token, _listed)
        return find_listed(pages, ids)

    def withdraw(self, host: HostDescription, tokens: Tokens, document_id: str, reason: str) -> bool:  # noqa: ARG002
        """The API has no operation for it: the hosted assertion says that it is revoked."""
        return False

    def profile(self, host: HostDescription, tokens: Tokens) -> HostProfile:
        """Read whose account this is; hosts answer ``profile``, or a list ``results`` with one."""
        answer = self._http.get(f"{host.api_url}/profile", token=tokens.access_token)
        _raise_for_envelope(answer, "show the profile")
        document = json_object(answer)
        results = document.get("results")
        listed = results if isinstance(results, list) else []
        profile = next((one for one in (document.get("profile"), *listed) if isinstance(one, dict)), {})
        email = profile.get("email")
        address = first_text(email, *(email if isinstance(email, list) else ()))
        identifier = first_text(profile.get("id"), address)
        if identifier is None:
            raise BackpackAnswerError(f"{host_of(host.api_url)} shows a profile without an id or e-mail.")
        return HostProfile(identifier, first_text(profile.get("name")), address)


def _manifest_url(address: str) -> str:
    address = address.strip()
    parts = split_url(address if "://" in address else f"https://{address}")
    if parts is None or not parts.hostname:
        raise BackpackRefusedError("This is not the address of a backpack.", code="backpack_address_invalid")
    path = parts.path if parts.path.endswith(".json") else MANIFEST_PATH
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _status(answer: Answer) -> tuple[int, frozenset[str]]:
    """The status of an answer with everything its envelope says: ``statusText`` and the names of the errors.

    A failure in the envelope counts although the HTTP status says that all is well.
    """
    try:
        status = json_object(answer).get("status")
    except BackpackAnswerError:
        return answer.status, frozenset()
    if not isinstance(status, dict):
        return answer.status, frozenset()
    code, error = status.get("statusCode"), status.get("error")
    errors = error if isinstance(error, list) else [error]
    words = {one.get("name") if isinstance(one, dict) else one for one in errors} | {status.get("statusText")}
    named = frozenset(one for one in words if isinstance(one, str))
    if isinstance(code, int) and 400 <= code < 600 and answer.status < 300:
        return code, named
    return answer.status, named


def _raise_for_envelope(answer: Answer, doing: str) -> None:
    status, words = _status(answer)
    if not 200 <= status < 300:
        raise _refusal(answer, status, words, doing)


def _refusal(answer: Answer, status: int, words: frozenset[str], doing: str = "take the badge") -> BackpackError:
    """The error of a status and of what the envelope calls it."""
    host = host_of(answer.url)
    if status == 401 or "UNAUTHENTICATED" in words:
        return BackpackConsentError(f"{host} no longer accepts the consent. Connect again.", http_status=status)
    if "PERMISSION_DENIED" in words:
        return BackpackConsentError(
            f"{host} was not allowed to {doing}. Connect again and allow it.",
            code="backpack_scope_missing",
            http_status=status,
        )
    if words & MISMATCHES:
        return BackpackRefusedError(
            f"{host} says that the badge is addressed to somebody else.", code="recipient_mismatch", http_status=status
        )
    if words & UNREADABLE:
        return BackpackError(
            f"{host} could not fetch the badge from this tool.", code="backpack_cannot_fetch", http_status=status
        )
    if status == 400:
        return BackpackRefusedError(
            f"{host} found the badge invalid.", code="backpack_badge_invalid", http_status=status
        )
    try:
        raise_for_failure(Answer(answer.url, status, answer.headers, answer.body), doing)
    except BackpackError as error:
        return error
    return BackpackAnswerError(f"{host} did not say what became of the badge.", http_status=answer.status)


def _listed(answer: Answer) -> list[tuple[str | None, str]]:
    """The (id, text) pairs of one page; absent, ``null`` and empty lists mean the same. Signed ones have no address."""
    _raise_for_envelope(answer, "list badges")
    document = json_object(answer)
    pairs: list[tuple[str | None, str]] = []
    for name in ("assertions", "results", "signedAssertions"):
        members = document.get(name) or []
        if not isinstance(members, list):
            raise BackpackAnswerError(f"{host_of(answer.url)} lists badges in a form this tool cannot read.")
        for one in members:
            if isinstance(one, dict):
                identifier = one.get("id")
                text = json.dumps(one, ensure_ascii=False)
                pairs.append((identifier if isinstance(identifier, str) else None, text))
            elif isinstance(one, str):  # a compact JWS, or the address of a hosted assertion
                pairs.append((one, json.dumps({"id": one}) if "://" in one else one))
    return pairs
