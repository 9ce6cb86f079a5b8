"""The strict platform's side of LTI Dynamic Registration 1.0.

``registration_address(link)`` is what an admin's browser opens after pasting the tool's link. What the tool sends is
checked to the letter; a refusal names every problem. ``clients`` has who registered; ``use`` launches with one.
"""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from platforms.names import CANVAS, DEEP_LINKING_REQUEST, NOTICE_HANDLERS, PLATFORM_CONFIGURATION, TOOL_CONFIGURATION
from platforms.quirks import Quirks
from platforms.registration_mishaps import Mishap
from platforms.registration_profiles import PROFILES, RegistrationProfile
from platforms.registration_rules import registration_problems
from platforms.strict_deep_linking import StrictDeepLinking
from platforms.strict_tokens import MEMBERSHIP_READ, SCOPES, Registrant
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

TOKEN_LIFETIME = 3600


@dataclass(slots=True)
class Client(Registrant):
    """A tool that registered itself."""

    document: dict[str, Any] = field(default_factory=dict)
    """The answer it was given."""
    redirect_uris: list[str] = field(default_factory=list)
    deployment_ids: list[str] = field(default_factory=list)


class StrictRegistration(StrictDeepLinking):
    """Registers tools."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.profile: RegistrationProfile = PROFILES.get(quirks.product, PROFILES["standard"])
        self.configuration_mishap: Mishap | None = None
        self.registration_mishap: Mishap | None = None
        self.slowness = 3.0
        self.foreign_host = "https://elsewhere.example"
        self.configuration_changes: dict[str, Any] = {}
        """Replaces fields of the configuration; ``None`` leaves one out."""
        self.answer_changes: dict[str, Any] = {}
        """Replaces fields of the registration's answer; ``None`` leaves one out."""
        self.scopes_removed_by_admin: set[str] = set()
        """Not granted whatever the tool asks; the answer says so."""
        self.registrations: list[tuple[int, list[str]]] = []
        """Status and problems of every registration that was tried."""
        self._tokens: dict[str, tuple[str, float, bool]] = {}

    # -- what an admin does -----------------------------------------------------------------------------------------

    @property
    def configuration_url(self) -> str:
        """Where the tool reads about the platform."""
        return self.base_url + self.profile.configuration_path

    def registration_query(self, client: "Client | None" = None) -> dict[str, str]:
        """The two parameters an admin's browser brings the tool; for ``client``, to register it again."""
        client_id = client.client_id if client else uuid.uuid4().hex[:15]
        now = int(self.clock())
        claims = {"sub": client_id, "scope": "reg", "iat": now, "exp": now + TOKEN_LIFETIME}
        # Captured (Moodle 4.5) and vendor code (Canvas, 2026): both make it a JWT; to the tool it is opaque.
        token = self.sign(claims | {"jti": uuid.uuid4().hex})
        self._tokens[token] = (client_id, claims["exp"], False)
        return {"openid_configuration": self.configuration_url, "registration_token": token}

    def registration_address(self, link: str, client: "Client | None" = None) -> str:
        """The tool's registration link with the platform's parameters added, as an LMS opens it in a frame."""
        separator = "&" if urlsplit(link).query else "?"
        return link + separator + urlencode(self.registration_query(client))

    def client(self) -> Client:
        """The client that registered last."""
        client = list(self.clients.values())[-1]
        assert isinstance(client, Client)
        return client

    def activate(self, client: Client) -> None:
        """Let a pending client launch and ask for tokens."""
        client.is_active = True

    def install(self, client: Client) -> str:
        """Deploy a client, as on an account of Canvas; returns the deployment's id."""
        # Vendor code (Canvas, 2026): number of the tool, a colon, an opaque id of the account.
        deployment_id = f"{100 + len(client.deployment_ids)}:{uuid.uuid4().hex}"
        client.deployment_ids.append(deployment_id)
        return deployment_id

    def remove_scopes(self, client: Client, *scopes: str) -> None:
        """Take scopes away after the registration: the tool is not told."""
        client.scopes -= set(scopes)
        if self.client_id == client.client_id:
            self.granted_scopes = set(client.scopes)

    def use(self, client: Client, deployment_id: str | None = None) -> None:
        """Launch this client from now on, in one of its deployments: the last one unless named."""
        if not client.is_active or not client.deployment_ids:
            raise AssertionError("the client is not active or nowhere installed")
        self.client_id, self.redirect_uris = client.client_id, client.redirect_uris
        self.deployment_id = deployment_id or client.deployment_ids[-1]
        self.tool_keys, self.tool_jwks_url = None, client.jwks_url
        self.granted_scopes = set(client.scopes)

    # -- what the tool asks -----------------------------------------------------------------------------------------

    def more_rules(self) -> list[Rule]:
        """Add where this platform's configuration and registration are."""
        return [
            *super().more_rules(),
            Rule(self.profile.configuration_path, endpoint="configuration", methods=["GET"]),
            Rule(self.profile.registration_path, endpoint="registration"),
        ]

    def configuration_document(self) -> dict[str, Any]:
        """The platform about itself."""
        scopes = sorted({*SCOPES, MEMBERSHIP_READ, *self.profile.extra_scopes})
        scopes += [NOTICE_HANDLERS] if self.profile.notice_types else []
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base_url}/auth",
            "registration_endpoint": self.base_url + self.profile.registration_path,
            "jwks_uri": f"{self.base_url}/jwks",
            "token_endpoint": self.token_url,
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "scopes_supported": scopes,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
            PLATFORM_CONFIGURATION: self._platform_configuration(),
        } | ({"authorization_server": self.quirks.token_audience} if self.quirks.token_audience else {})

    def _platform_configuration(self) -> dict[str, Any]:
        profile = self.profile
        messages: list[Any] = [
            {"type": kind} | ({"placements": list(placements)} if placements else {})
            for kind, placements in profile.messages.items()
        ]
        document: dict[str, Any] = {
            "product_family_code": self.quirks.product,
            "version": profile.version,
            "messages_supported": list(profile.messages) if profile.messages_are_texts else messages,
            "variables": list(profile.variables),
        }
        if profile.notice_types:
            document["notice_types_supported"] = list(profile.notice_types)
        if profile.names_account:
            document |= {CANVAS + "account_name": "Lakeside College", CANVAS + "account_lti_guid": "lakeside.1"}
        return document

    def _configuration(self, request: Request) -> Response:
        mishap = self._mishap_answer(self.configuration_mishap)
        if mishap is not None:
            return mishap
        if self.profile.configuration_needs_token and self._token_problem(request):
            return _error(401, "invalid_token")
        document = self.configuration_document() | self.configuration_changes
        if self.configuration_mishap is Mishap.OTHER_ISSUER:
            document["issuer"] = "https://somebody-else.example"
        return _answer({key: value for key, value in document.items() if value is not None})

    def _registration(self, request: Request) -> Response:
        """Register a tool; every problem of what it sent is named."""
        mishap = self._mishap_answer(self.registration_mishap)
        if mishap is not None:
            return mishap
        refused = self._token_problem(request)
        if refused:
            self.registrations.append((401, [refused]))
            return _error(401, refused)
        document = request.get_json(silent=True) if request.method == "POST" else None
        problems = self._problems(request, document)
        if problems:
            self.registrations.append((400, problems))
            return _error(400, "invalid_client_metadata", "; ".join(problems))
        answer = self._register(request, document)
        if self.registration_mishap is Mishap.FAILS_AFTER_CREATING:
            self.registrations.append((500, []))
            return Response("secret detail", 500)
        self.registrations.append((200, []))
        changes = {"client_id": None} if self.registration_mishap is Mishap.NO_CLIENT_ID else {}
        found = {key: value for key, value in (answer | self.answer_changes | changes).items() if value is not None}
        return _answer(found)

    def _problems(self, request: Request, document: Any) -> list[str]:
        problems = [] if request.method == "POST" else ["must be POSTed"]
        if request.mimetype != "application/json":
            problems.append("Content-Type is not application/json")
        if not isinstance(document, dict):
            return [*problems, "is not a JSON object"]
        problems += registration_problems(document, {*SCOPES, MEMBERSHIP_READ, *self._other_scopes()})
        return problems or _key_problems(document["jwks_uri"])

    def _other_scopes(self) -> set[str]:
        return {*self.profile.extra_scopes, *([NOTICE_HANDLERS] if self.profile.notice_types else [])}

    def _register(self, request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        token = _bearer(request)
        client_id, ends_at, _ = self._tokens.get(token, (uuid.uuid4().hex[:15], 0.0, False))
        self._tokens[token] = (client_id, ends_at, True)
        granted = set(document["scope"].split()) - set(self.profile.extra_scopes) - self.scopes_removed_by_admin
        configuration = self._kept_configuration(document[TOOL_CONFIGURATION])
        before = self.clients.get(client_id)
        deployment_ids = list(before.deployment_ids) if isinstance(before, Client) else []
        if self.profile.gives_deployment:
            deployment_ids = deployment_ids or [str(len(self.clients) + 1)]
            configuration["deployment_id"] = deployment_ids[0]
        if self.profile.has_configuration_page:
            configuration[CANVAS + "registration_config_url"] = f"{self.base_url}/accounts/1/apps/{client_id}"
        answer = {**document, "client_id": client_id, "scope": " ".join(sorted(granted))}
        answer[TOOL_CONFIGURATION] = configuration
        self.clients[client_id] = Client(
            client_id=client_id,
            jwks_url=document["jwks_uri"],
            scopes=granted,
            is_active=before.is_active if before else not self.profile.is_pending,
            document=answer,
            redirect_uris=list(document["redirect_uris"]),
            deployment_ids=deployment_ids,
        )
        return answer

    def _kept_configuration(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Captured (Moodle 4.5): labels and placements are dropped, and all messages but deep linking."""
        if not self.profile.only_deep_linking_kept:
            return dict(sent)
        messages = [one for one in sent.get("messages", []) if one["type"] == DEEP_LINKING_REQUEST]
        kept = [{key: one[key] for key in ("type", "target_link_uri") if key in one} for one in messages]
        return {**sent, "version": "1.3.0", "messages": kept}

    def _token_problem(self, request: Request) -> str:
        """Why the registration token of this request is no good; empty when it is."""
        token = _bearer(request)
        if not token and self.profile.accepts_without_token:
            return ""
        found = self._tokens.get(token)
        if found is None or found[1] <= self.clock():
            return "invalid_token"
        return self.profile.used_token_error if found[2] else ""

    def _mishap_answer(self, mishap: Mishap | None) -> Response | None:
        if mishap is Mishap.SLOW:
            time.sleep(self.slowness)
        answers = {
            Mishap.HTML: Response("<!doctype html><title>Log in</title>", mimetype="text/html"),
            Mishap.NO_JSON: Response('{"issuer": ', mimetype="application/json"),
            Mishap.REDIRECT: Response("", 302, {"Location": f"{self.foreign_host}/"}),
            Mishap.HUGE: Response(json.dumps({"issuer": self.issuer, "padding": "x" * 5_000_000})),
            Mishap.REFUSES: _error(403, "access_denied"),
            Mishap.FAILS: Response("secret detail", 500),
        }
        return answers.get(mishap) if mishap else None


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _key_problems(url: str) -> list[str]:
    """Whether the tool's keys can be fetched, as platforms do at once."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            keys = [jwt.PyJWK(key) for key in json.load(answer)["keys"]]
    except (urllib.error.URLError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        return [f"jwks_uri: {type(error).__name__}"]
    return [] if keys and all(key.key_id and key.key_type == "RSA" for key in keys) else ["jwks_uri: no RSA key"]


def _error(status: int, error: str, description: str = "") -> Response:
    return _answer({"error": error} | ({"error_description": description} if description else {}), status)


def _answer(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json; charset=utf-8")
