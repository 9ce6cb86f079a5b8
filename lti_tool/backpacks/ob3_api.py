"""A client of Open Badges 3.0 API hosts (Open Badges 3.0, sections 6 and 7; base path ``/ims/ob/v3p0``)."""

import base64
import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin, urlunsplit

from lti_tool.backpacks.base import (
    BadgeDocument,
    Face,
    HostDescription,
    HostProfile,
    Outcome,
    Receipt,
    Tokens,
)
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
from lti_tool.errors import BackpackAnswerError, BackpackRefusedError
from lti_tool.outbound import Answer, HttpClient, origin_of

BASE_PATH: Final = "/ims/ob/v3p0"
SCOPE: Final = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
READ, UPSERT, READ_PROFILE = f"{SCOPE}credential.readonly", f"{SCOPE}credential.upsert", f"{SCOPE}profile.readonly"
JSON_TYPES: Final = ("application/json", "application/ld+json", "application/vc+ld+json")
"""Media types of a credential as JSON, in the order they are tried; hosts seen refuse ``application/vc``."""
DISCOVERY_REDIRECTS: Final = 3
OUTCOMES: Final = {200: Outcome.REPLACED, 201: Outcome.CREATED, 304: Outcome.UNCHANGED}


class OpenBadgesApi(OAuthHost):
    """Delivers to Open Badges 3.0 API hosts; see ``Backpack`` for what each method answers and raises."""

    faces = (Face.OB3_JSON, Face.OB3_JWT)
    can_withdraw = False

    def __init__(self, http: HttpClient, *, now: Callable[[], datetime] = utc_now) -> None:
        # The profile is never changed by this tool, so profile.update is never asked for.
        super().__init__(http, wanted=(UPSERT, READ, READ_PROFILE), required=(UPSERT,), now=now)

    def discover(self, address: str) -> HostDescription:
        """Read the service description; ``address`` may be the host, its API base or the discovery document."""
        answer = self._http.get(_discovery_url(address), max_redirects=DISCOVERY_REDIRECTS)
        raise_for_failure(answer, "describe its API")
        description = json_object(answer)
        info = _member(description, "info")
        scheme = _member(_member(_member(description, "components"), "securitySchemes"), "OAuth2ACG")
        flow = _member(_member(scheme, "flows"), "authorizationCode")
        token_url = self._http.required_address(flow.get("tokenUrl"), answer, "token")
        scopes = flow.get("scopes")
        return HostDescription(
            api_url=_api_url(description, answer.url),
            name=first_text(info.get("title"), scheme.get("x-imssf-name")) or host_of(answer.url),
            registration_url=self._http.required_address(scheme.get("x-imssf-registrationUrl"), answer, "registration"),
            authorization_url=self._http.required_address(flow.get("authorizationUrl"), answer, "authorization"),
            token_url=token_url,
            refresh_url=self._http.named_address(flow.get("refreshUrl"), answer) or token_url,
            scopes=tuple(str(one) for one in scopes) if isinstance(scopes, dict | list) else (),
            # Not in the standard: the description has no place for the address of RFC 7009, but some hosts add it.
            revocation_url=self._http.named_address(scheme.get("x-imssf-revocationUrl"), answer),
            terms_url=https_page(info.get("termsOfService"), scheme.get("x-imssf-termsOfServiceUrl")),
            privacy_url=https_page(info.get("x-imssf-privacyPolicyUrl"), scheme.get("x-imssf-privacyPolicyUrl")),
            image_url=https_page(info.get("x-imssf-image"), scheme.get("x-imssf-image")),
        )

    def push(self, host: HostDescription, tokens: Tokens, document: BadgeDocument) -> Receipt:
        """Upsert the credential (section 6.2.3): exactly these bytes, as JSON or as a compact JWS."""
        types = JSON_TYPES if document.face is Face.OB3_JSON else ("text/plain",)
        for content_type in types:
            answer = self._http.post_bytes(
                f"{host.api_url}/credentials", document.text.encode(), content_type, token=tokens.access_token
            )
            if not _refuses_type(answer):
                break
        else:
            raise BackpackRefusedError(
                f"{host_of(host.api_url)} takes no badges in this form.",
                code="backpack_form_refused",
                http_status=answer.status,
            )
        outcome = OUTCOMES.get(answer.status)
        if outcome is None:
            raise_for_failure(answer, "take the badge")
            raise BackpackAnswerError(
                f"{host_of(host.api_url)} did not say what became of the badge.", http_status=answer.status
            )
        return Receipt(outcome, answer.status, _echoed_id(answer, document.text), self._now())

    def can_read(self, tokens: Tokens) -> bool:
        """Whether ``credential.readonly`` was granted."""
        return READ in tokens.scope.split()

    def find(self, host: HostDescription, tokens: Tokens, ids: Collection[str]) -> dict[str, str]:
        """Read credentials back: pages are read until all were found."""
        pages = iter_listed(self._http, host.api_url, "/credentials", tokens.access_token, _listed)
        return find_listed(pages, ids)

    def withdraw(self, host: HostDescription, tokens: Tokens, document_id: str, reason: str) -> bool:  # noqa: ARG002
        """The API has no operation for it: the credential's status says that it is revoked."""
        return False

    def profile(self, host: HostDescription, tokens: Tokens) -> HostProfile:
        """Read whose account this is (section 6.2.4)."""
        answer = self._http.get(f"{host.api_url}/profile", token=tokens.access_token)
        raise_for_failure(answer, "show the profile")
        document = json_object(answer)
        identifier = document.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise BackpackAnswerError(f"{host_of(host.api_url)} shows a profile without an id.")
        return HostProfile(identifier, first_text(document.get("name")), first_text(document.get("email")))


def _discovery_url(address: str) -> str:
    address = address.strip()
    parts = split_url(address if "://" in address else f"https://{address}")
    if parts is None or not parts.hostname:
        raise BackpackRefusedError("This is not the address of a backpack.", code="backpack_address_invalid")
    path = parts.path.rstrip("/").removesuffix("/discovery")
    if not path.endswith(BASE_PATH):
        path += BASE_PATH
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/discovery", "", ""))


def _api_url(description: dict[str, Any], discovery_url: str) -> str:
    """The base of the API: the first server named, if on the origin that was asked; else where the document was."""
    servers = description.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    named = first.get("url")
    if isinstance(named, str) and "{" not in named and split_url(named) is not None:
        url = urljoin(discovery_url, named).rstrip("/")
        if origin_of(url) == origin_of(discovery_url) and url.endswith(BASE_PATH):
            return url
    return discovery_url.partition("?")[0].rstrip("/").removesuffix("/discovery")


def _member(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _echoed_id(answer: Answer, sent: str) -> str | None:
    """The id in the echo, ``None`` without an echo; raises when the answer is no credential, or another one."""
    if answer.status == 304 or not answer.body.strip():
        return None
    if answer.text.strip() == sent.strip() and "html" not in answer.headers.get("Content-Type", "").lower():
        return _credential_id(sent)
    identifier = json_object(answer).get("id")
    if identifier is not None and identifier != _credential_id(sent):
        raise BackpackAnswerError(f"{host_of(answer.url)} answered with another badge.", http_status=answer.status)
    return _credential_id(sent) if identifier is not None else None


def _credential_id(text: str) -> str | None:
    """The id of a credential as text: ``id`` of the JSON, or ``id`` (else ``jti``) in the payload of a JWS."""
    try:
        if not text.lstrip().startswith("{"):
            payload = text.strip().split(".")[1]
            text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        document = json.loads(text)
        identifier = document.get("id") or document.get("jti")
    except (ValueError, IndexError, AttributeError, RecursionError):
        return None
    return identifier if isinstance(identifier, str) else None


def _listed(answer: Answer) -> list[tuple[str | None, str]]:
    """The (id, text) pairs of one page; an absent member, ``null`` and an empty list mean the same."""
    document = json_object(answer)
    credentials, tokens = document.get("credential") or [], document.get("compactJwsString") or []
    if not isinstance(credentials, list) or not isinstance(tokens, list):
        raise BackpackAnswerError(f"{host_of(answer.url)} lists badges in a form this tool cannot read.")
    texts = [json.dumps(one, ensure_ascii=False) for one in credentials if isinstance(one, dict)]
    return [(_credential_id(one), one) for one in (*texts, *(one for one in tokens if isinstance(one, str)))]


def _refuses_type(answer: Answer) -> bool:
    """Whether it is the media type that a host does not take; some say so by 400 and a sentence."""
    if answer.status == 400:
        return "content-type" in answer.text[:2000].lower()
    return answer.status in {406, 415}
