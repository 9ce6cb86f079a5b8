"""A platform stricter than life: it signs launches, checks every token request to the letter, and keeps its gradebook
to itself, so that a tool that works here works where checks are laxer.

``with StrictPlatform(quirks=CANVAS, tool_keys=keys.public_jwks) as platform:`` serves it on loopback.
What it is asked is counted in ``counts`` and listed in ``requests``.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from platforms.quirks import STANDARD, Quirks
from platforms.strict_services import StrictServices
from platforms.strict_tokens import SCOPES
from werkzeug.serving import WSGIRequestHandler, make_server

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NAMES_AND_ROLES = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
DEEP_LINKING_SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
REMOVED: Any = object()
"""As a claim's or header's value: leave it out."""

_SHORT = {"endpoint": ENDPOINT, "namesroleservice": NAMES_AND_ROLES, "deep_linking_settings": DEEP_LINKING_SETTINGS}
_LTI_CLAIMS = {
    "message_type", "version", "deployment_id", "target_link_uri", "resource_link", "roles", "context",
    "tool_platform", "role_scope_mentor", "launch_presentation", "lis", "custom", "lti1p1", "for_user",
}  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the platform."""

    kid: str
    private_key: rsa.RSAPrivateKey

    def public_jwk(self) -> dict[str, Any]:
        """The public half as the key set publishes it."""
        document: dict[str, Any] = RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {key: value for key, value in document.items() if key != "key_ops"} | {
            "kid": self.kid, "alg": "RS256", "use": "sig",
        }  # fmt: skip


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A 2048-bit key, made once a process and name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class StrictPlatform(StrictServices):
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
        number = len(self.columns) + 1
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

    def login_form(self, persona: str = "learner", target_link_uri: str | None = None) -> dict[str, str]:
        """The parameters of a third-party initiated login, to be sent to the tool's login URL."""
        form = {
            "iss": self.issuer,
            "client_id": self.client_id,
            "login_hint": self.personas.get(persona, persona),
            "lti_message_hint": json.dumps({"launchid": "ltilaunch1_276672685"}),
            "target_link_uri": target_link_uri or self.redirect_uris[0],
            self.quirks.login_deployment_parameter: self.deployment_id,
        }
        return form | ({"lti_storage_target": "post_message_forwarding"} if self.quirks.has_platform_storage else {})

    def launch_form(self, persona: str | None, state: str, nonce: str, **claim_overrides: Any) -> dict[str, str]:
        """The form that the browser posts to the tool: ``id_token`` and ``state``.

        ``persona`` ``None`` is an anonymous launch. Overrides are claims by their short or whole name (pass the
        latter as ``**{"https://…": value}``); the value ``REMOVED`` leaves the claim out.
        """
        claims = self.claims(persona, nonce) | {_full_name(key): value for key, value in claim_overrides.items()}
        form = {"id_token": self.sign({k: v for k, v in claims.items() if v is not REMOVED}), "state": state}
        return form | ({"lti_storage_target": "post_message_forwarding"} if self.quirks.has_platform_storage else {})

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
            ENDPOINT: {"scope": sorted(self.granted_scopes & SCOPES), "lineitems": self.line_items_url},
            NAMES_AND_ROLES: {"context_memberships_url": self.memberships_url, "service_versions": ["2.0"]},
        }
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
        header = {"alg": alg, "typ": "JWT", "kid": self.keys[0].kid} | dict(headers or {})
        header = {name: value for name, value in header.items() if value is not REMOVED}
        if alg not in {"none", "HS256"}:
            extra = {name: value for name, value in header.items() if name not in {"alg", "typ"}}
            return jwt.encode(dict(claims), key or self.keys[0].private_key, algorithm=alg, headers=extra)
        signed = f"{_segment(header)}.{_segment(claims)}"
        mac = hmac.digest(key or b"secret", signed.encode(), hashlib.sha256) if alg == "HS256" else b""
        return f"{signed}.{_encoded(mac)}"

    def new_launch(self, persona: str = "learner") -> dict[str, str]:
        """A well-formed launch that answers no login of the tool: state and nonce are made up."""
        return self.launch_form(persona, uuid.uuid4().hex, uuid.uuid4().hex)


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def _full_name(claim: str) -> str:
    return _SHORT.get(claim) or (LTI + claim if claim in _LTI_CLAIMS else claim)


def _segment(document: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


__all__ = ["REMOVED", "TEST_USER", "Column", "Person", "SigningKey", "StrictPlatform", "rsa_key"]
