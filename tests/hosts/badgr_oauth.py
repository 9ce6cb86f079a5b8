"""The OAuth side of a Badgr host: registration for Badge Connect, consent, tokens, the throttle, the password grant.

Ground, each captured from a Badgr host (2026) unless said otherwise:

- registration wants eight members, every address https and all on one host and port; the refusal is
  ``{"error": "<member>: <words>", "error_description": the same}``; the picture is downloaded during the call; only
  ``client_secret_basic``; ``offline_access`` in the scope answers 400 (its words are constructed); ``grant_types`` come
  back as ``["authorization_code"]`` whatever was asked, and a refresh token is issued, works and rotates;
- an unknown client or a wrong secret at the token endpoint is ``{"error": "invalid client_id"}`` or ``{"error":
  "invalid client_secret"}`` with 400 (vendor code: badgr-server, ``TokenView``);
- after a failed token call the next gets 429 ``{"error": "login attempts throttled", "expires": 2}``;
- ``POST /o/authorize`` with JSON answers ``{"success_url": …}``; that it wants the user's session as a bearer token,
  and the page with a form at ``/auth/oauth2/authorize``, are constructed;
- the password grant with ``username``, ``password`` and a scope of ``rw:…`` words, refused with 401 (vendor code).
"""

import time
from html import escape
from typing import Any
from urllib.parse import urlsplit

import requests
from hosts.desk import Client, Desk, Grant, basic_credentials, query_of, with_query
from hosts.serving import Account, Host, People, Refusal, answer
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

SCOPE = "https://purl.imsglobal.org/spec/ob/v2p1/scope/"
BADGE_CONNECT_SCOPES = tuple(SCOPE + name for name in ("assertion.readonly", "assertion.create", "profile.readonly"))
OWN_SCOPES = ("rw:profile", "rw:issuer", "rw:backpack")
ADDRESSES = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
REQUIRED = ("client_name", *ADDRESSES, "software_id", "software_version")
CONSENT_PAGE = """<!doctype html><html lang="en"><title>Allow {name}?</title><h1>Allow {name}?</h1>
<form method="post" action="/consent"><input type="hidden" name="query" value="{query}">
<label>E-mail <input name="email" type="email" required></label>
<button name="allow" value="yes">Allow</button> <button name="allow" value="no">Do not allow</button></form></html>"""


class BadgrOAuth(Host):
    """The routes; ``desk`` and ``people`` hold what the host knows."""

    RULES = (
        ("POST", "/o/register", "register"),
        ("POST", "/o/token", "token"),
        ("GET POST", "/o/authorize", "authorize"),
        ("GET", "/auth/oauth2/authorize", "consent_page"),
        ("POST", "/consent", "consent"),
    )

    def __init__(
        self,
        *,
        requires_https: bool = False,
        fetches_logo: bool = True,
        token_life: float = 86_400,
        throttle_seconds: float = 2.0,
        rotates: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.requires_https, self.fetches_logo, self.rotates = requires_https, fetches_logo, rotates
        self.throttle_seconds, self._throttled_until = throttle_seconds, 0.0
        self.desk, self.people = Desk(token_life=token_life), People()

    # -- what a test orders -------------------------------------------------------------------------------------------

    def add_user(self, email: str, password: str = "secret", name: str = "Ada L", more: tuple[str, ...] = ()) -> None:
        """Open an account with verified addresses."""
        emails = [one.lower() for one in (email, *more)]
        with self.lock:
            self.people.accounts.append(Account(f"u{len(self.people.accounts) + 1}", name, password, emails))

    def add_application(
        self, name: str, redirect_uri: str, scope: tuple[str, ...] = ("rw:backpack",)
    ) -> dict[str, str]:
        """Make a client known by hand, as the host's operators do for applications that use the v2 API."""
        with self.lock:
            client = self.desk.add_client(name, (redirect_uri,), scope)
        return {"client_id": client.client_id, "client_secret": client.client_secret}

    def forget_clients(self) -> None:
        """Know no client any more."""
        with self.lock:
            self.desk.clients.clear()

    def expire_tokens(self) -> None:
        """Let every access token be too old; refresh tokens stay."""
        with self.lock:
            self.desk.expire_access()

    def end_consents(self) -> None:
        """Let everybody have withdrawn what they allowed: neither access nor refresh tokens work."""
        with self.lock:
            self.desk.end_grants()

    def approve(self, url: str, email: str, *, allow: bool = True) -> str:
        """Consent as ``email`` to the authorization request ``url``; returns where the browser is sent."""
        values = query_of(url)
        with self.lock:
            client = self.desk.clients.get(values.get("client_id", ""))
            if client is None or values.get("redirect_uri") not in client.redirect_uris:
                raise ValueError("unknown client or redirect_uri")
            if not allow:
                refusal = {"error": "access_denied", "state": values.get("state", "")}
                return with_query(values["redirect_uri"], refusal)
            scope = self._wanted_scope(client, values)
            code = self.desk.give_code(
                Grant(email.lower(), client.client_id, scope), values["redirect_uri"], values.get("code_challenge", "")
            )
        granted = {"code": code, "state": values.get("state", ""), "scope": " ".join(scope)}
        return with_query(values["redirect_uri"], granted)

    # -- registration -------------------------------------------------------------------------------------------------

    def register(self, request: Request) -> Response:
        document = request.get_json(silent=True)
        if not isinstance(document, dict):
            raise _registration_refusal("body", "Must be a JSON object")
        self._check_registration(document)
        logo = self._download_logo(document["logo_uri"])
        with self.lock:
            client = self.desk.add_client(
                document["client_name"], tuple(document["redirect_uris"]), tuple(document["scope"].split())
            )
        echoed = {name: document[name] for name in REQUIRED}
        return answer(
            echoed
            | {
                "logo_uri": logo,
                "redirect_uris": document["redirect_uris"],
                "token_endpoint_auth_method": "client_secret_basic",
                "grant_types": ["authorization_code"],
                "response_types": ["code"],
                "scope": document["scope"],
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "client_id_issued_at": int(time.time()),
                "client_secret_expires_at": 0,
            },
            201,
        )

    def _check_registration(self, document: dict[str, Any]) -> None:
        for name in REQUIRED:
            if not isinstance(document.get(name), str) or not document[name].strip():
                raise _registration_refusal(name, "This field is required.")
        redirect_uris = document.get("redirect_uris")
        if not isinstance(redirect_uris, list) or not redirect_uris:
            raise _registration_refusal("redirect_uris", "This field is required.")
        self._check_addresses(document, redirect_uris)
        self._check_grants(document)

    def _check_addresses(self, document: dict[str, Any], redirect_uris: list[Any]) -> None:
        for name, uri in [
            *((name, document[name]) for name in ADDRESSES),
            *(("redirect_uris", u) for u in redirect_uris),
        ]:
            if not self._is_https(str(uri)):
                raise _registration_refusal(name, "Must be a valid HTTPS URI")
        if len({urlsplit(uri).netloc for uri in [*redirect_uris, *(document[name] for name in ADDRESSES)]}) > 1:
            words = "client_uri, logo_uri, tos_uri, policy_uri, redirect_uris do not match domain."
            raise _registration_refusal("non_field_errors", words)

    def _check_grants(self, document: dict[str, Any]) -> None:
        if document.get("token_endpoint_auth_method", "client_secret_basic") != "client_secret_basic":
            words = "Invalid token authentication method. Only client_secret_basic allowed."
            raise _registration_refusal("token_endpoint_auth_method", words)
        grant_types = document.get("grant_types", ["authorization_code"])
        if "authorization_code" not in grant_types or not set(grant_types) <= {"authorization_code", "refresh_token"}:
            raise _registration_refusal("grant_types", "Invalid grant types.")
        if document.get("response_types", ["code"]) != ["code"]:
            raise _registration_refusal("response_types", "Invalid response type")
        document["scope"] = document.get("scope") or " ".join(BADGE_CONNECT_SCOPES)
        if not set(document["scope"].split()) <= set(BADGE_CONNECT_SCOPES):
            raise _registration_refusal("scope", "No supported Badge Connect scopes requested.")

    def _is_https(self, uri: str) -> bool:
        parts = urlsplit(uri)
        is_here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
        return parts.scheme == "https" or (is_here and not self.requires_https)

    def _download_logo(self, uri: str) -> str:
        if not self.fetches_logo:
            return uri
        try:
            got = requests.get(uri, timeout=10, verify=self.requires_https)
        except requests.RequestException:
            raise Refusal(answer({"error": "server error"}, 500)) from None
        if got.status_code != 200 or got.headers.get("Content-Type", "").split(";")[0] not in {
            "image/png",
            "image/svg+xml",
        }:
            raise _registration_refusal("logo_uri", "Must be a PNG or SVG image")
        return f"{self.base_url}/media/remote/application/cached/{len(got.content)}.png"

    # -- consent ------------------------------------------------------------------------------------------------------

    def _wanted_scope(self, client: Client, values: dict[str, str]) -> tuple[str, ...]:
        """The scope of an authorization request, everything about it checked."""
        scope = tuple(values.get("scope", "").split())
        needs_pkce = set(scope) <= set(BADGE_CONNECT_SCOPES)
        if values.get("response_type") != "code" or not scope or not set(scope) <= set(client.scope):
            raise ValueError("response_type or scope is wrong")
        if needs_pkce and (
            values.get("code_challenge_method") != "S256" or len(values.get("code_challenge", "")) != 43
        ):
            raise ValueError("Badge Connect wants PKCE with S256")
        return scope

    def authorize(self, request: Request) -> Response:
        """What Badgr's own pages ask the API: what is asked for (GET), and the decision (POST, as a signed-in user)."""
        with self.lock:
            grant = self.desk.find(request.headers.get("Authorization", "").removeprefix("Bearer "))
        given = (request.get_json(silent=True) or {}) if request.method == "POST" else request.args.to_dict()
        with self.lock:
            client = self.desk.clients.get(str(given.get("client_id")))
        if client is None or given.get("redirect_uri") not in client.redirect_uris:
            return answer({"error": "Invalid client_id parameter value."}, 400)
        if request.method == "GET":
            shown = {name: given.get(name) for name in ("client_id", "redirect_uri", "response_type", "state")}
            return answer(shown | {"scopes": sorted(str(given.get("scope", "")).split())})
        if grant is None or grant.client_id is not None:
            return answer({"detail": "Authentication credentials were not provided."}, 401)
        values = {name: str(value) for name, value in given.items()} | {"scope": " ".join(given.get("scopes", []))}
        try:
            url = self.approve(with_query("/", values), grant.email, allow=bool(given.get("allow")))
        except ValueError as error:
            return answer({"error": str(error)}, 400)
        return answer({"success_url": url})

    def consent_page(self, request: Request) -> Response:
        with self.lock:
            client = self.desk.clients.get(request.args.get("client_id", ""))
        if client is None:
            return answer({"error": "Invalid client_id parameter value."}, 400)
        page = CONSENT_PAGE.format(name=escape(client.name), query=escape(request.query_string.decode()))
        return Response(page, content_type="text/html; charset=utf-8")

    def consent(self, request: Request) -> Response:
        """A plain POST: ``query`` (of the authorization request), ``email``, ``allow`` (``yes`` or ``no``)."""
        email = request.form.get("email", "")
        if self.people.find(email) is None:
            return answer({"error": "no such account"}, 400)
        try:
            url = self.approve(f"/?{request.form['query']}", email, allow=request.form.get("allow") != "no")
        except ValueError as error:
            return answer({"error": str(error)}, 400)
        return redirect(url, 302)

    # -- tokens -------------------------------------------------------------------------------------------------------

    def token(self, request: Request) -> Response:
        with self.lock:
            if time.monotonic() < self._throttled_until:
                return answer({"error": "login attempts throttled", "expires": self.throttle_seconds}, 429)
            grant = self._granted(request)
            if isinstance(grant, Response):
                self._throttled_until = time.monotonic() + self.throttle_seconds
                return grant
            access, refresh = self.desk.give_tokens(grant)
        return answer(
            {
                "access_token": access,
                "expires_in": int(self.desk.token_life),
                "token_type": "Bearer",
                "scope": " ".join(grant.scope),
                "refresh_token": refresh,
            }
        )

    def _granted(self, request: Request) -> Grant | Response:
        form, kind = request.form, request.form.get("grant_type", "password")
        if kind == "password":
            return self._granted_to_password(form.get("username", ""), form.get("password", ""), form.get("scope", ""))
        client_id, secret = basic_credentials(request.headers.get("Authorization"))
        is_own = not client_id and form.get("client_id", "public") == "public" and kind == "refresh_token"
        client = self.desk.clients.get(client_id)
        if not is_own:
            if client is None:
                return answer({"error": "invalid client_id"}, 400)
            if secret != client.client_secret:
                return answer({"error": "invalid client_secret"}, 400)
        grant = None
        if kind == "refresh_token":
            grant = self.desk.spend_refresh(form.get("refresh_token", ""), None if is_own else client_id)
        elif kind == "authorization_code" and client is not None:
            verifier = form.get("code_verifier", "")
            grant = self.desk.spend_code(form.get("code", ""), client, form.get("redirect_uri", ""), verifier)
        return grant or answer({"error": "invalid_grant"}, 400)

    def _granted_to_password(self, username: str, password: str, scope: str) -> Grant | Response:
        account = self.people.find(username)
        if account is None or account.password != password:
            refusal = {"error": "invalid_grant", "error_description": "Invalid credentials given."}
            return answer(refusal, 401)
        wanted = tuple(scope.split()) or OWN_SCOPES
        if not set(wanted) <= set(OWN_SCOPES):
            return answer({"error": "invalid_scope"}, 400)
        return Grant(account.emails[0], None, wanted)


def _registration_refusal(name: str, words: str) -> Refusal:
    return Refusal(answer({"error": f"{name}: {words}", "error_description": f"{name}: {words}"}, 400))
