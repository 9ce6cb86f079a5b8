"""An Open Badges 3.0 API host with the dialect of one that was run.

In a test::

    with Ob3Host() as host:
        host.add_user("ada@school.example")
        url = host.approve(authorization_url, "ada@school.example")
        assert host.stored("ada@school.example") == [credential_id]
        assert host.verdicts("ada@school.example") == {credential_id: "intact"}     # openbadgeslib's word

Ground, each captured from an Open Badges 3.0 host (2026) unless said otherwise:

- registration takes ``grant_types`` only as exactly ``["authorization_code"]`` and refuses ``offline_access``; refresh
  tokens are issued all the same and rotate; whoever is not signed in is sent back with ``access_denied``;
- a token call without ``scope`` is 400 ``scope is required`` (a refresh needs none); PKCE and state are mandatory;
- a body as ``application/vc`` is refused, JSON, JSON-LD and text are taken; 201 first, 200 later; a JWS needs ``kid``
  or ``jwk``; a credential needs an ``id``; nothing is verified on the way in;
- lists hold ``credential`` and ``compactJwsString``, ``X-Total-Count`` and ``Link`` with next, last and first;
- discovery follows the standard's OpenAPI form (constructed). ``dialect="badgr-like"`` turns the two words about
  registration round (refuses ``["authorization_code"]`` alone): constructed, for the other half of the retry.
"""

import base64
import json
import time
from html import escape
from typing import Any
from urllib.parse import urlsplit

from hosts.badgr_oauth import CONSENT_PAGE
from hosts.desk import Client, Desk, Grant, basic_credentials, query_of, with_query
from hosts.processes import serve_from_command_line
from hosts.serving import Account, Host, People, Refusal, answer
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from lti_tool.demo.backpack_check import CredentialCheck
from lti_tool.outbound import HttpClient

BASE = "/ims/ob/v3p0"
SCOPE = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
SCOPES = tuple(
    SCOPE + one for one in ("credential.readonly", "credential.upsert", "profile.readonly", "profile.update")
)
REQUIRED = ("client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri", "software_id", "software_version")
MEDIA_TYPES = ("application/json", "application/ld+json", "application/vc+ld+json", "text/plain")
LARGEST_PAGE = 100


class Ob3Host(Host):
    """The host; see the module."""

    RULES = (
        ("GET", f"{BASE}/discovery", "discovery"),
        ("POST", f"{BASE}/oauth/register", "register"),
        ("GET", f"{BASE}/oauth/authorize", "authorize"),
        ("POST", "/consent", "consent"),
        ("POST", f"{BASE}/oauth/token", "token"),
        ("POST", f"{BASE}/oauth/revoke", "revoke"),
        ("GET", f"{BASE}/credentials", "list_credentials"),
        ("POST", f"{BASE}/credentials", "upsert"),
        ("GET PUT", f"{BASE}/profile", "profile"),
    )
    CONTROL = frozenset(
        {"add_user", "approve", "forget_clients", "expire_tokens", "end_consents", "stored", "verdicts", "created"}
    )

    def __init__(
        self,
        *,
        requires_https: bool = False,
        token_life: float = 3600,
        dialect: str = "captured",
        shows_email: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.requires_https, self.dialect, self.shows_email = requires_https, dialect, shows_email
        self.desk, self.people = Desk(token_life=token_life), People()
        self.created: list[tuple[str, str]] = []
        """(address of the account, credential id) for every 201, in order."""

    # -- what a test orders and asks ----------------------------------------------------------------------------------

    def add_user(self, email: str, password: str = "secret", name: str = "Ada", more: tuple[str, ...] = ()) -> None:
        """Open an account."""
        emails = [one.lower() for one in (email, *more)]
        with self.lock:
            self.people.accounts.append(Account(f"did:key:z6Mk{emails[0]}", name, password, emails))

    def forget_clients(self) -> None:
        """Know no client any more."""
        with self.lock:
            self.desk.clients.clear()

    def expire_tokens(self) -> None:
        """Let every access token be too old."""
        with self.lock:
            self.desk.expire_access()

    def end_consents(self) -> None:
        """Let everybody have withdrawn what they allowed."""
        with self.lock:
            self.desk.end_grants()

    def stored(self, email: str) -> list[str]:
        """Ids of the credentials in somebody's backpack, oldest first."""
        with self.lock:
            account = self.people.find(email)
            return [] if account is None else list(account.assertions)

    def text_of(self, email: str, credential_id: str) -> str:
        """A credential exactly as it was received."""
        with self.lock:
            account = self.people.find(email)
            assert account is not None
            return str(account.assertions[credential_id]["text"])

    def verdicts(self, email: str) -> dict[str, str]:
        """What openbadgeslib says of each: ``intact``, ``altered``, ``revoked``, ``expired`` or ``unchecked``."""
        check = CredentialCheck(HttpClient(allowed_private_hosts=["127.0.0.1", "localhost"]))
        texts = {one: self.text_of(email, one) for one in self.stored(email)}
        return {one: check.verdict(text).state.value for one, text in texts.items()}

    def approve(self, url: str, email: str, *, allow: bool = True) -> str:
        """Consent as ``email`` to the authorization request ``url``; returns where the browser is sent."""
        values = query_of(url)
        with self.lock:
            client = self.desk.clients.get(values.get("client_id", ""))
            if client is None or values.get("redirect_uri") not in client.redirect_uris:
                raise ValueError("unknown client or redirect_uri")
            state = {"state": values["state"]} if values.get("state") else {}
            if not allow:
                words = "Resource owner denied the request"
                return with_query(
                    values["redirect_uri"], {"error": "access_denied", "error_description": words} | state
                )
            problem = _authorization_problem(client, values)
            if problem:
                return with_query(values["redirect_uri"], {"error": problem} | state)
            scope = tuple(values["scope"].split())
            grant = Grant(email.lower(), client.client_id, scope)
            code = self.desk.give_code(grant, values["redirect_uri"], values["code_challenge"])
        return with_query(values["redirect_uri"], {"code": code, "scope": values["scope"]} | state)

    # -- discovery and registration -----------------------------------------------------------------------------------

    def discovery(self, request: Request) -> Response:
        base, oauth = f"{self.base_url}{BASE}", f"{self.base_url}{BASE}/oauth"
        flow = {
            "authorizationUrl": f"{oauth}/authorize",
            "tokenUrl": f"{oauth}/token",
            "refreshUrl": f"{oauth}/token",
            "scopes": {one: one.removeprefix(SCOPE) for one in SCOPES},
        }
        scheme = {
            "type": "oauth2",
            "x-imssf-registrationUrl": f"{oauth}/register",
            "x-imssf-revocationUrl": f"{oauth}/revoke",
            "flows": {"authorizationCode": flow},
        }
        return answer(
            {
                "openapi": "3.0.1",
                "info": {
                    "title": "Passport",
                    "version": "3.0",
                    "termsOfService": "https://passport.example/terms",
                    "x-imssf-privacyPolicyUrl": "https://passport.example/privacy",
                    "x-imssf-image": "https://passport.example/logo.png",
                },
                "servers": [{"url": base}],
                "components": {"securitySchemes": {"OAuth2ACG": scheme}},
            }
        )

    def register(self, request: Request) -> Response:
        document = request.get_json(silent=True)
        problem = self._registration_problem(document)
        if problem:
            return answer({"error": problem[0], "error_description": problem[1]}, 400)
        with self.lock:
            client = self.desk.add_client(
                document["client_name"], tuple(document["redirect_uris"]), tuple(document["scope"].split())
            )
        return answer(
            {
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "client_id_issued_at": int(time.time()),
                "client_secret_expires_at": 0,
                "redirect_uris": document["redirect_uris"],
                "grant_types": document["grant_types"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "client_secret_basic",
                "scope": document["scope"],
                "client_name": document["client_name"],
            },
            201,
        )

    def _registration_problem(self, document: Any) -> tuple[str, str] | None:
        if not isinstance(document, dict) or not all(isinstance(document.get(name), str) for name in REQUIRED):
            return "invalid_client_metadata", "A required member is missing"
        uris = [*document.get("redirect_uris", []), *(document[name] for name in REQUIRED[1:5])]
        if not document.get("redirect_uris") or not all(map(self._is_https, uris)):
            return "invalid_redirect_uri", "Every address must be https"
        wanted = ["authorization_code"] if self.dialect == "captured" else ["authorization_code", "refresh_token"]
        if document.get("grant_types") != wanted:
            return "invalid_client_metadata", "Only authorization_code grant type is currently supported"
        if document.get("token_endpoint_auth_method") != "client_secret_basic":
            return "invalid_client_metadata", "Only client_secret_basic is supported"
        if not set(str(document.get("scope", "")).split()) <= set(SCOPES) or not document.get("scope"):
            return "invalid_scope", "Requested scope contains unsupported values"
        return None

    def _is_https(self, uri: Any) -> bool:
        parts = urlsplit(str(uri))
        is_here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
        return parts.scheme == "https" or (is_here and not self.requires_https)

    # -- consent and tokens -------------------------------------------------------------------------------------------

    def authorize(self, request: Request) -> Response:
        """With ``Sec-Fetch-Mode: navigate``, as browsers send, a page that asks (constructed); else as captured."""
        with self.lock:
            client = self.desk.clients.get(request.args.get("client_id", ""))
        redirect_uri = request.args.get("redirect_uri", "")
        if client is None or redirect_uri not in client.redirect_uris:
            return answer({"error": "invalid_request"}, 400)
        if request.headers.get("Sec-Fetch-Mode") == "navigate":
            page = CONSENT_PAGE.format(name=escape(client.name), query=escape(request.query_string.decode()))
            return Response(page, content_type="text/html; charset=utf-8")
        words = "Resource owner is not authenticated"
        refusal = {"error": "access_denied", "error_description": words, "state": request.args.get("state", "")}
        return redirect(with_query(redirect_uri, refusal), 302)

    def consent(self, request: Request) -> Response:
        """A plain POST: ``query`` (of the authorization request), ``email``, ``allow`` (``yes`` or ``no``)."""
        email = request.form.get("email", "")
        if self.people.find(email) is None:
            return answer({"error": "no such account"}, 400)
        try:
            return redirect(self.approve(f"/?{request.form['query']}", email, allow=request.form.get("allow") != "no"))
        except ValueError as error:
            return answer({"error": str(error)}, 400)

    def token(self, request: Request) -> Response:
        with self.lock:
            client, form = self._client(request), request.form
            if form.get("grant_type") == "refresh_token":
                grant = self.desk.spend_refresh(form.get("refresh_token", ""), client.client_id)
            elif not form.get("scope"):
                return answer({"error": "invalid_request", "error_description": "scope is required"}, 400)
            else:
                grant = self.desk.spend_code(
                    form.get("code", ""), client, form.get("redirect_uri", ""), form.get("code_verifier", "")
                )
            if grant is None:
                return answer({"error": "invalid_grant", "error_description": "The grant is invalid or expired"}, 400)
            access, refresh = self.desk.give_tokens(grant)
        return answer(
            {
                "access_token": access,
                "refresh_token": refresh,
                "token_type": "Bearer",
                "expires_in": int(self.desk.token_life),
                "scope": " ".join(grant.scope),
            }
        )

    def revoke(self, request: Request) -> Response:
        with self.lock:
            self.desk.revoke(request.form.get("token", ""), self._client(request).client_id)
        return Response("", content_type="text/plain; charset=UTF-8")

    def _client(self, request: Request) -> Client:
        client_id, secret = basic_credentials(request.headers.get("Authorization"))
        client = self.desk.clients.get(client_id)
        if client is None or secret != client.client_secret:
            raise Refusal(
                answer({"error": "invalid_client"}, 401, {"WWW-Authenticate": 'Basic realm="Open Badges API"'})
            )
        return client

    # -- the API ------------------------------------------------------------------------------------------------------

    def upsert(self, request: Request) -> Response:
        account = self._account(request, "credential.upsert")
        text, media_type = request.get_data(as_text=True), request.mimetype
        if media_type not in MEDIA_TYPES:
            raise _refusal(400, f"content-type must be {', '.join(MEDIA_TYPES[:-1])}, or {MEDIA_TYPES[-1]}")
        credential_id = _jws_id(text) if media_type == "text/plain" else _json_id(text)
        with self.lock:
            is_new = credential_id not in account.assertions
            account.assertions.pop(credential_id, None)
            account.assertions[credential_id] = {"text": text, "is_jws": media_type == "text/plain"}
            if is_new:
                self.created.append((account.emails[0], credential_id))
        return Response(text, 201 if is_new else 200, content_type=f"{media_type}; charset=utf-8")

    def list_credentials(self, request: Request) -> Response:
        account = self._account(request, "credential.readonly")
        limit = min(request.args.get("limit", LARGEST_PAGE, int), LARGEST_PAGE)
        offset = request.args.get("offset", 0, int)
        with self.lock:
            kept = list(reversed(account.assertions.values()))
        page = kept[offset : offset + limit]
        documents = ",".join(one["text"] for one in page if not one["is_jws"])
        tokens = json.dumps([one["text"].strip() for one in page if one["is_jws"]])
        response = Response(
            f'{{"credential":[{documents}],"compactJwsString":{tokens}}}', content_type="application/json"
        )
        response.headers["X-Total-Count"] = str(len(kept))
        places = {"next": offset + limit} if offset + limit < len(kept) else {}
        places |= {"last": max(len(kept) - 1, 0) // limit * limit, "first": 0}
        address = f"{self.base_url}{BASE}/credentials"
        links = [f'<{address}?limit={limit}&offset={place}>; rel="{rel}"' for rel, place in places.items()]
        response.headers["Link"] = ", ".join(links)
        return response

    def profile(self, request: Request) -> Response:
        account = self._account(request, "profile.readonly" if request.method == "GET" else "profile.update")
        shown: dict[str, Any] = {"id": account.id, "type": ["Profile"], "name": account.name}
        if self.shows_email:
            shown["email"] = account.emails[0]
        return answer(shown)

    def _account(self, request: Request, scope: str) -> Account:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise _refusal(401, "Bearer access token is required")
        with self.lock:
            grant = self.desk.find(token)
            account = self.people.find(grant.email) if grant else None
        if grant is None or account is None:
            raise _refusal(401, "Access token is invalid or expired")
        if SCOPE + scope not in grant.scope:
            raise _refusal(403, "Access token does not include the required scope")
        return account


def _authorization_problem(client: Client, values: dict[str, str]) -> str:
    if values.get("response_type") != "code" or not values.get("state"):
        return "invalid_request"
    if values.get("code_challenge_method") != "S256" or len(values.get("code_challenge", "")) != 43:
        return "invalid_request"
    scope = set(values.get("scope", "").split())
    return "" if scope and scope <= set(client.scope) else "invalid_scope"


def _refusal(status: int, words: str) -> Refusal:
    headers = {"WWW-Authenticate": 'Bearer realm="Open Badges API"'} if status == 401 else None
    document = {"imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_description": words}
    return Refusal(answer(document, status, headers))


def _json_id(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        raise _refusal(400, "Request body must be valid JSON") from None
    identifier = document.get("id") if isinstance(document, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise _refusal(400, "Credential payload must include a non-empty id")
    return identifier


def _jws_id(text: str) -> str:
    try:
        header, payload = (json.loads(_decoded(part)) for part in text.strip().split(".")[:2])
    except (ValueError, TypeError):
        raise _refusal(400, "Request body must be a compact JWS") from None
    if not (header.get("kid") or header.get("jwk")):
        raise _refusal(400, "JOSE header must include kid or jwk")
    identifier = payload.get("id") or payload.get("jti")
    if not isinstance(identifier, str) or not identifier:
        raise _refusal(400, "Credential payload must include a non-empty id")
    return identifier


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


if __name__ == "__main__":
    serve_from_command_line(Ob3Host)
