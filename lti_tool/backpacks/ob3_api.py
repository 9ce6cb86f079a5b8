"""A client of Open Badges 3.0 API hosts (Open Badges 3.0, sections 6 and 7; base path ``/ims/ob/v3p0``)."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

from lti_tool.backpacks.base import (
    AuthorizationRequest,
    ClientRegistration,
    HostDescription,
    HostProfile,
    Outcome,
    Receipt,
    Tokens,
)
from lti_tool.backpacks.host_http import HostHttp, host_of, json_object, raise_for_failure
from lti_tool.backpacks.oauth import OAuthClient
from lti_tool.errors import BackpackAnswerError, BackpackRefusedError
from lti_tool.outbound import Answer, HttpClient, origin_of

BASE_PATH: Final = "/ims/ob/v3p0"
SCOPE: Final = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
READ, UPSERT, READ_PROFILE = f"{SCOPE}credential.readonly", f"{SCOPE}credential.upsert", f"{SCOPE}profile.readonly"
PAGE_SIZE: Final = 100
PAGE_LIMIT: Final = 100
"""Pages read at most: ten thousand credentials."""
DISCOVERY_REDIRECTS: Final = 3
OUTCOMES: Final = {200: Outcome.REPLACED, 201: Outcome.CREATED, 304: Outcome.UNCHANGED}


class OpenBadgesApi:
    """Delivers to Open Badges 3.0 API hosts; see ``Backpack`` for what each method answers and raises."""

    def __init__(self, http: HttpClient, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._http = HostHttp(http)
        self._now = now
        # The profile is never changed by this tool, so profile.update is never asked for.
        self._oauth = OAuthClient(self._http, wanted=(UPSERT, READ, READ_PROFILE), required=(UPSERT,), now=now)

    def discover(self, address: str) -> HostDescription:
        """Read the service description; ``address`` may be the host, its API base or the discovery document."""
        answer = self._http.get(_discovery_url(address), max_redirects=DISCOVERY_REDIRECTS)
        raise_for_failure(answer, "describe its API")
        description = json_object(answer)
        info = _member(description, "info")
        scheme = _member(_member(_member(description, "components"), "securitySchemes"), "OAuth2ACG")
        flow = _member(_member(scheme, "flows"), "authorizationCode")
        token_url = self._required(flow.get("tokenUrl"), answer, "token")
        scopes = flow.get("scopes")
        return HostDescription(
            api_url=_api_url(description, answer.url),
            name=_first_text(info.get("title"), scheme.get("x-imssf-name")) or host_of(answer.url),
            registration_url=self._required(scheme.get("x-imssf-registrationUrl"), answer, "registration"),
            authorization_url=self._required(flow.get("authorizationUrl"), answer, "authorization"),
            token_url=token_url,
            refresh_url=self._optional(flow.get("refreshUrl"), answer) or token_url,
            scopes=tuple(str(one) for one in scopes) if isinstance(scopes, dict | list) else (),
            # Not in the standard: the description has no place for the address of RFC 7009, but some hosts add it.
            revocation_url=self._optional(scheme.get("x-imssf-revocationUrl"), answer),
            terms_url=_page(info.get("termsOfService"), scheme.get("x-imssf-termsOfServiceUrl")),
            privacy_url=_page(info.get("x-imssf-privacyPolicyUrl"), scheme.get("x-imssf-privacyPolicyUrl")),
            image_url=_page(info.get("x-imssf-image"), scheme.get("x-imssf-image")),
        )

    def _required(self, value: object, answer: Answer, what: str) -> str:
        url = self._optional(value, answer)
        if url is None:
            raise BackpackAnswerError(f"{host_of(answer.url)} names no {what} address.", http_status=answer.status)
        return url

    def _optional(self, value: object, answer: Answer) -> str | None:
        """An address of the description, made absolute and checked: it may be called, or open in a browser."""
        if not isinstance(value, str) or not value.strip():
            return None
        if _split(value.strip()) is None:
            raise BackpackAnswerError(f"{host_of(answer.url)} names an address that cannot be read.")
        url = urljoin(answer.url, value.strip())
        self._http.check_address(url)
        return url

    def register(
        self,
        host: HostDescription,
        redirect_uri: str,
        client_name: str,
        client_uri: str,
        logo_uri: str,
        tos_uri: str,
        policy_uri: str,
    ) -> ClientRegistration:
        """Make this tool known to the host."""
        metadata = {
            "client_name": client_name,
            "client_uri": client_uri,
            "logo_uri": logo_uri,
            "tos_uri": tos_uri,
            "policy_uri": policy_uri,
        }
        return self._oauth.register(host, redirect_uri, metadata)

    def authorization_request(
        self, host: HostDescription, client: ClientRegistration, redirect_uri: str
    ) -> AuthorizationRequest:
        """Begin a connection."""
        return self._oauth.authorization_request(host, client, redirect_uri)

    def exchange_code(
        self, host: HostDescription, client: ClientRegistration, code: str, redirect_uri: str, code_verifier: str
    ) -> Tokens:
        """Turn a code into tokens."""
        return self._oauth.exchange_code(host, client, code, redirect_uri, code_verifier)

    def refresh(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> Tokens:
        """Get new tokens."""
        return self._oauth.refresh(host, client, tokens)

    def revoke(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> bool:
        """End the consent at the host."""
        return self._oauth.revoke(host, client, tokens)

    def push(self, host: HostDescription, tokens: Tokens, document_text: str) -> Receipt:
        """Upsert the credential (section 6.2.3): exactly these bytes, as JSON or as a compact JWS."""
        is_json = document_text.lstrip().startswith("{")
        answer = self._http.post_bytes(
            f"{host.api_url}/credentials",
            document_text.encode(),
            "application/json" if is_json else "text/plain",
            token=tokens.access_token,
        )
        outcome = OUTCOMES.get(answer.status)
        if outcome is None:
            raise_for_failure(answer, "take the badge")
            raise BackpackAnswerError(
                f"{host_of(host.api_url)} did not say what became of the badge.", http_status=answer.status
            )
        return Receipt(outcome, answer.status, _echoed_id(answer, document_text), self._now())

    def find(self, host: HostDescription, tokens: Tokens, credential_id: str) -> str | None:
        """Read a credential back: the text the host lists for this id, or ``None``."""
        for text in self.iter_credentials(host, tokens):
            if _credential_id(text) == credential_id:
                return text
        return None

    def iter_credentials(self, host: HostDescription, tokens: Tokens) -> Iterator[str]:
        """Page through the learner's credentials as texts (section 6.4: ``Link``, else ``X-Total-Count``).

        Raises ``BackpackAnswerError`` when pages repeat, never end, or lead to another origin.
        """
        url: str | None = f"{host.api_url}/credentials?{urlencode({'limit': PAGE_SIZE, 'offset': 0})}"
        seen: set[str] = set()
        received = 0
        while url is not None:
            if url in seen or len(seen) == PAGE_LIMIT:
                raise BackpackAnswerError(f"{host_of(host.api_url)} lists badges without end.")
            seen.add(url)
            answer = self._http.get(url, token=tokens.access_token)
            raise_for_failure(answer, "list badges")
            texts = _listed(answer)
            yield from texts
            received += len(texts)
            url = _next_page(answer, host, received) if texts else None

    def profile(self, host: HostDescription, tokens: Tokens) -> HostProfile:
        """Read whose account this is (section 6.2.4)."""
        answer = self._http.get(f"{host.api_url}/profile", token=tokens.access_token)
        raise_for_failure(answer, "show the profile")
        document = json_object(answer)
        identifier = document.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise BackpackAnswerError(f"{host_of(host.api_url)} shows a profile without an id.")
        return HostProfile(identifier, _first_text(document.get("name")), _first_text(document.get("email")))


def _discovery_url(address: str) -> str:
    address = address.strip()
    parts = _split(address if "://" in address else f"https://{address}")
    if parts is None or not parts.hostname:
        raise BackpackRefusedError("This is not the address of a backpack.", code="backpack_address_invalid")
    path = parts.path.rstrip("/").removesuffix("/discovery")
    if not path.endswith(BASE_PATH):
        path += BASE_PATH
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/discovery", "", ""))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _api_url(description: dict[str, Any], discovery_url: str) -> str:
    """The base of the API: the first server named, if on the origin that was asked; else where the document was."""
    servers = description.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    named = first.get("url")
    if isinstance(named, str) and "{" not in named and _split(named) is not None:
        url = urljoin(discovery_url, named).rstrip("/")
        if origin_of(url) == origin_of(discovery_url) and url.endswith(BASE_PATH):
            return url
    return discovery_url.partition("?")[0].rstrip("/").removesuffix("/discovery")


def _member(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _first_text(*values: object) -> str | None:
    return next((one.strip() for one in values if isinstance(one, str) and one.strip()), None)


def _page(*values: object) -> str | None:
    """An https page to show as a link; anything else is left out."""
    return next((one for one in values if isinstance(one, str) and one.startswith("https://")), None)


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


def _listed(answer: Answer) -> list[str]:
    """The texts of one page; an absent member, ``null`` and an empty list mean the same."""
    document = json_object(answer)
    credentials, tokens = document.get("credential") or [], document.get("compactJwsString") or []
    if not isinstance(credentials, list) or not isinstance(tokens, list):
        raise BackpackAnswerError(f"{host_of(answer.url)} lists badges in a form this tool cannot read.")
    texts = [json.dumps(one, ensure_ascii=False) for one in credentials if isinstance(one, dict)]
    return texts + [one for one in tokens if isinstance(one, str)]


def _next_page(answer: Answer, host: HostDescription, received: int) -> str | None:
    header = answer.headers.get("Link")
    if header:
        return _next_link(header, answer.url, host)
    total = answer.headers.get("X-Total-Count", "")
    if total.isascii() and total.isdigit() and received < int(total[:9]):
        return f"{host.api_url}/credentials?{urlencode({'limit': PAGE_SIZE, 'offset': received})}"
    return None


def _next_link(header: str, page_url: str, host: HostDescription) -> str | None:
    for target, parameters in re.findall(r"<([^>]*)>([^<]*)", header):
        if not re.search(r';\s*rel\s*=\s*"?[^";]*\bnext\b', parameters, re.IGNORECASE):
            continue
        if _split(target) is None:
            raise BackpackAnswerError(f"{host_of(host.api_url)} names a page that cannot be read.")
        url: str = urljoin(page_url, target)
        if urlsplit(host.api_url).scheme == "https" and url.startswith("http://"):
            # Hosts behind a proxy that ends TLS often write their own pages with http.
            url = "https://" + url.removeprefix("http://")
        if origin_of(url) != origin_of(host.api_url):
            # The next page would receive the learner's token.
            raise BackpackAnswerError(f"{host_of(host.api_url)} sends this tool to another host for more badges.")
        return url
    return None
