"""A platform stricter than life: it signs launches, checks every token request to the letter, and keeps its gradebook
to itself, so that a tool that works here works where checks are laxer.

``with StrictPlatform(quirks=CANVAS, tool_keys=keys.public_jwks) as platform:`` serves it on loopback.
What it is asked is counted in ``counts`` and listed in ``requests``.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from platforms.names import (
    DEEP_LINKING_SETTINGS,
    ENDPOINT,
    LTI,
    NAMES_AND_ROLES,
    REMOVED,
    ROLE,
    TEST_USER,
    full_name,
)
from platforms.quirks import STANDARD, Quirks
from platforms.signing import SigningKey, compact_jwt, rsa_key
from platforms.strict_registration import StrictRegistration
from platforms.strict_tokens import SCOPES
from werkzeug.serving import WSGIRequestHandler, make_server


@dataclass(slots=True)
class Person:
    """Somebody on the roster; ``roles`` are whole URIs."""

    user_id: str
    name: str | None
    email: str | None
    roles: tuple[str, ...]
    status: str = "Active"


@dataclass(slots=True)
class Column:
    """A gradebook column; ``is_mine`` when it belongs to the tool. ``raw`` replaces fields of its JSON."""

    number: int
    label: str
    maximum: Decimal
    scores: dict[str, Decimal | None]
    is_mine: bool
    resource_id: str | None = None
    tag: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    raw_results: list[Any] = field(default_factory=list)
    """Entries added to its results as they are."""


class StrictPlatform(StrictRegistration):
    """The platform; a WSGI application and a context manager.

    ``tool_keys`` returns the tool's key set document; ``tool_jwks_url`` is where to fetch it instead. A persona is a
    person's id on the roster: ``teacher`` and ``learner`` are there from the start.
    """

    def __init__(
        self,
        quirks: Quirks = STANDARD,
        *,
        tool_keys: Callable[[], Mapping[str, Any]] | None = None,
        tool_jwks_url: str | None = None,
        redirect_uris: Iterable[str] = ("https://tool.example/lti/launch",),
        client_id: str = "tool-client-1",
        deployment_id: str = "deployment-1",
        context_id: str = "course-1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.tool_keys, self.tool_jwks_url = tool_keys, tool_jwks_url
        self.redirect_uris = list(redirect_uris)
        self.deployment_id = deployment_id
        self.storage_target = "post_message_forwarding" if quirks.has_platform_storage else None
        """Frame for Platform Storage; ``_parent`` is the LMS's own window. Set to try other platforms."""
        self.keys = [SigningKey("platform-key-1", rsa_key("platform-key-1"))]
        teacher, learner = ("3", "4") if quirks.has_integer_user_ids else ("teacher", "learner")
        self.personas = {"teacher": teacher, "learner": learner}
        self.add_member(teacher, "Tara Tench", "tara@school.example", roles=("Instructor",))
        self.add_member(learner, "Lea Loach", "lea@school.example")

    # -- life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_QuietHandler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def registration(self) -> dict[str, Any]:
        """What an admin enters to register this platform with the tool."""
        return {
            "name": f"{self.quirks.product} for {self.client_id}",
            "issuer": self.issuer,
            "client_id": self.client_id,
            "auth_login_url": f"{self.base_url}/auth",
            "auth_token_url": self.token_url,
            "key_set_url": f"{self.base_url}/jwks",
            "audience": self.quirks.token_audience,
            "deployment_id": self.deployment_id,
            "product": self.quirks.product,
        }

    # -- the gradebook ----------------------------------------------------------------------------------------------

    def add_member(
        self,
        user_id: str,
        name: str | None = None,
        email: str | None = None,
        *,
        roles: Iterable[str] = ("Learner",),
        status: str = "Active",
    ) -> Person:
        """Enrol somebody; a role without a scheme is a context role."""
        uris = tuple(role if ":" in role else ROLE + role for role in roles)
        person = self.members[user_id] = Person(user_id, name, email, uris, status)
        return person

    def add_line_item(
        self,
        label: str,
        scores: Mapping[str, Decimal | None] | None = None,
        maximum: Decimal | int = 100,
        mine: bool = True,
        *,
        resource_id: str | None = None,
        tag: str | None = None,
    ) -> Column:
        """Add a column; ``None`` as a score is a result without one, who is not in ``scores`` has no result."""
        number = max(self.columns, default=0) + 1
        column = Column(number, label, Decimal(maximum), dict(scores or {}), mine, resource_id, tag)
        self.columns[number] = column
        return column

    # -- keys and launches ------------------------------------------------------------------------------------------

    def rotate_keys(self, *, keep_old: bool = True) -> SigningKey:
        """Sign with a new key from now on; the old one stays published unless told otherwise."""
        number = int(self.keys[0].kid.rsplit("-", 1)[1]) + 1
        key = SigningKey(f"platform-key-{number}", rsa_key(f"platform-key-{number}"))
        self.keys = [key, *(self.keys if keep_old else [])]
        return key

    def login_form(
        self,
        persona: str = "learner",
        target_link_uri: str | None = None,
        *,
        message: Mapping[str, Any] | None = None,
    ) -> dict[str, str]:
        """The parameters of a third-party initiated login, to be sent to the tool's login URL.

        ``message`` is what the login leads to, as changes to the claims of a resource link launch (``strict_messages``,
        ``strict_deep_linking``).
        """
        if target_link_uri is not None:
            message = dict(message or {}) | {"target_link_uri": target_link_uri}
        form = {
            "iss": self.issuer,
            "client_id": self.client_id,
            "login_hint": self.personas.get(persona, persona),
            "lti_message_hint": self.message_hint(message),
            "target_link_uri": (message or {}).get("target_link_uri", self.redirect_uris[0]),
            self.quirks.login_deployment_parameter: self.deployment_id,
        }
        return form | self.storage_parameter()

    def storage_parameter(self) -> dict[str, str]:
        """The name of the frame that keeps state for tools without cookies, if the platform has one."""
        return {"lti_storage_target": self.storage_target} if self.storage_target else {}

    def launch_form(self, persona: str | None, state: str, nonce: str, **claim_overrides: Any) -> dict[str, str]:
        """The form that the browser posts to the tool: ``id_token`` and ``state``.

        ``persona`` ``None`` is an anonymous launch. Overrides are claims by their short or whole name (pass the
        latter as ``**{"https://…": value}``); the value ``REMOVED`` leaves the claim out.
        """
        claims = self.claims(persona, nonce) | {full_name(key): value for key, value in claim_overrides.items()}
        form = {"id_token": self.sign({k: v for k, v in claims.items() if v is not REMOVED}), "state": state}
        return form | (self.storage_parameter() if self.quirks.repeats_storage_target else {})

    def ags_claim(self) -> dict[str, Any]:
        """The gradebook's claim, without a line item."""
        return {"scope": sorted(self.granted_scopes & SCOPES), "lineitems": self.line_items_url}

    def claims(self, persona: str | None, nonce: str) -> dict[str, Any]:
        """The claims of a resource link launch by somebody on the roster."""
        now = int(self.clock())
        person = None if persona is None else self.members[self.personas.get(persona, persona)]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "locale": "en-GB",
            LTI + "message_type": "LtiResourceLinkRequest",
            LTI + "version": "1.3.0",
            LTI + "deployment_id": self.deployment_id,
            LTI + "target_link_uri": self.redirect_uris[0],
            LTI + "resource_link": {"id": "link-1", "title": "Aquaponics badge"},
            LTI + "roles": list(person.roles) if person else [],
            LTI + "context": {
                "id": self.context_id,
                "label": "AQUA101",
                "title": "Aquaponics 101",
                "type": ["http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"],
            },
            LTI + "tool_platform": {"guid": "strict-1", "product_family_code": self.quirks.product},
            LTI + "launch_presentation": {
                "document_target": "iframe",
                "return_url": f"{self.base_url}/courses/1?sesskey=VdAxPiT65V",
                "locale": "en-GB",
            },
            LTI + "custom": {"unresolved": "$Canvas.course.id"},
            ENDPOINT: self.ags_claim(),
            NAMES_AND_ROLES: {"context_memberships_url": self.memberships_url, "service_versions": ["2.0"]},
        } | self.more_service_claims()
        if person is not None:
            shared = {"sub": person.user_id, "name": person.name, "email": person.email}
            claims |= {key: value for key, value in shared.items() if value is not None}
        return claims

    def sign(
        self,
        claims: Mapping[str, Any],
        alg: str = "RS256",
        key: Any = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """A compact JWT; ``alg`` may be ``none`` or ``HS256`` (``key`` as bytes) for what a tool must refuse."""
        header = {"kid": self.keys[0].kid} | dict(headers or {})
        kept = {name: value for name, value in header.items() if value is not REMOVED}
        return compact_jwt(claims, alg, key or self.keys[0].private_key, kept)

    def new_launch(self, persona: str = "learner") -> dict[str, str]:
        """A well-formed launch that answers no login of the tool: state and nonce are made up."""
        return self.launch_form(persona, uuid.uuid4().hex, uuid.uuid4().hex)


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


__all__ = [
    "DEEP_LINKING_SETTINGS",
    "ENDPOINT",
    "LTI",
    "NAMES_AND_ROLES",
    "REMOVED",
    "ROLE",
    "TEST_USER",
    "Column",
    "Person",
    "SigningKey",
    "StrictPlatform",
    "rsa_key",
]
