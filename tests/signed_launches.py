"""A little platform for tests of the launch: signs id_tokens with PyJWT, as it is told, also wrongly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import PyJWS
from jwt.algorithms import RSAAlgorithm

from lti_tool.db import Database
from lti_tool.errors import OutboundError
from lti_tool.lti.launch import Launches, StartedLogin
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.registration import add_registration
from lti_tool.outbound import Answer
from lti_tool.settings import Settings, load_settings

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TOOL = "https://badges.example"
ISSUER = "https://lms.example"
CLIENT_ID = "client-1"
KEY_SET_URL = f"{ISSUER}/jwks"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
ABSENT = object()
"""In changes to claims: leave the claim out."""


@cache
def private_key(name: str = "platform", bits: int = 2048) -> rsa.RSAPrivateKey:
    """One RSA key per name and run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(kid: str, key: rsa.RSAPrivateKey, **changes: Any) -> dict[str, Any]:
    """The JWK a platform publishes for ``key``."""
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": "RS256", "use": "sig"} | changes


class Clock:
    """A clock that tests turn."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)


class KeyHost:
    """Stands in for the outbound client: serves one key set and counts the requests."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.status = 200
        self.is_down = False
        self.headers: dict[str, str] = {}
        self.fetched: list[str] = []

    def get(self, url: str, *, headers: Mapping[str, str], max_bytes: int) -> Answer:
        self.fetched.append(url)
        if self.is_down:
            raise OutboundError("lms.example could not be reached.")
        return Answer(url, self.status, self.headers, json.dumps(self.document).encode())


def tool_settings(**overrides: Any) -> Settings:
    """Settings of a tool at ``TOOL``."""
    return load_settings({"LTI_BADGES_ENV": "test"}, **{"public_url": TOOL, "allowed_private_hosts": ()} | overrides)


def register(database: Database, **changes: Any) -> int:
    """Add the platform at ``ISSUER`` and return the registration's row id."""
    values: dict[str, Any] = {
        "name": "Lakeside",
        "issuer": ISSUER,
        "client_id": CLIENT_ID,
        "auth_login_url": f"{ISSUER}/auth",
        "auth_token_url": f"{ISSUER}/token",
        "key_set_url": KEY_SET_URL,
        "deployment_ids": ["d-1"],
        "now": NOW,
        "settings": tool_settings(),
    }
    with database.write() as session:
        return add_registration(session, **values | changes).id


def login_parameters(**changes: str) -> dict[str, str]:
    """What the platform sends to the login address."""
    return {
        "iss": ISSUER,
        "login_hint": "7",
        "target_link_uri": f"{TOOL}/lti/launch",
        "client_id": CLIENT_ID,
        "lti_message_hint": '{"launchid":"ltilaunch1_2"}',
    } | changes


@dataclass
class Begun:
    """A login that was begun: what the redirect asks the platform for, and the browser's cookies."""

    started: StartedLogin
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        asked = parse_qs(urlsplit(self.started.redirect_url).query, keep_blank_values=True, strict_parsing=True)
        self.query = {name: values[0] for name, values in asked.items()}

    @property
    def cookies(self) -> dict[str, str]:
        return {self.started.cookie_name: self.started.cookie_value}


class Bench:
    """A tool with one registered platform on a test database."""

    def __init__(self, database: Database, **registration: Any) -> None:
        self.database = database
        self.clock = Clock()
        self.registration_id = register(database, **registration)
        self.host = KeyHost({"keys": [public_jwk("k-1", private_key())]})
        self.keys = PlatformKeys(database, self.host, self.clock)  # type: ignore[arg-type]
        self.launches = Launches(database, self.keys, tool_settings(), self.clock)

    def begin(self, **changes: str) -> Begun:
        return Begun(self.launches.start(login_parameters(**changes)))

    def claims(self, nonce: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The claims of a sound resource link launch, with changes."""
        now = int(self.clock().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": "5",
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}deployment_id": "d-1",
            f"{CLAIM}target_link_uri": f"{TOOL}/lti/launch",
            f"{CLAIM}roles": [LEARNER],
            f"{CLAIM}resource_link": {"id": "rl-1", "title": "Badges"},
            f"{CLAIM}context": {"id": "c-1", "title": "Aquaponics 101", "label": "AQUA101"},
        } | dict(changes or {})
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def token(
        self,
        begun: Begun,
        changes: Mapping[str, Any] | None = None,
        *,
        kid: str | None = "k-1",
        algorithm: str | None = "RS256",
        key: Any = None,
    ) -> str:
        headers = {} if kid is None else {"kid": kid}
        payload = json.dumps(self.claims(begun.query["nonce"], changes)).encode()
        return PyJWS().encode(payload, private_key() if key is None else key, algorithm=algorithm, headers=headers)

    def form(self, begun: Begun, changes: Mapping[str, Any] | None = None, **options: Any) -> dict[str, str]:
        """What the browser posts back."""
        return {"state": begun.query["state"], "id_token": self.token(begun, changes, **options)}
