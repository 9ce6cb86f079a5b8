"""Platform Notification Service 1.0: setting handlers at a platform, and verifying the notices it sends.

A notice is a JWT signed like an id_token and is checked like one: RS256 with a published key, issuer, audience, party,
times, deployment, version. It answers no login of this tool, so its nonce cannot be one that was given out; what a
notice may do at most once hangs on its id instead, which is under the same signature (``services.platform_notices``).
Notices older than ``OLDEST`` are refused, whatever their ``exp`` says.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from lti_tool.db import Database
from lti_tool.errors import (
    DeploymentDisabledError,
    DeploymentPendingError,
    DeploymentUnknownError,
    TokenFormatError,
    TokenIssuerError,
)
from lti_tool.lti import claims as names
from lti_tool.lti import id_token
from lti_tool.lti.claims import SignedClaims, claim_error, identifier, mapping, text
from lti_tool.lti.course_service import NOTICE_SCOPE
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.service_client import ServiceCall, ServiceClient
from lti_tool.lti.tool_config import Platform, find_platform
from lti_tool.models import Deployment, DeploymentState, Registration
from lti_tool.outbound import origin_of

HELLO_WORLD = "LtiHelloWorldNotice"
CONTEXT_COPY = "LtiContextCopyNotice"
HANDLED = (HELLO_WORLD, CONTEXT_COPY)
"""Notices this tool asks for; the first only says that notices arrive."""
OLDEST = timedelta(days=1)
LONGEST_TYPE = 64
MOST_ORIGINS = 50
TITLE_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class CopiedContext:
    """A new course and the platform's ids of those it was copied from (``LtiContextCopyNotice``)."""

    platform_id: str
    title: str | None
    label: str | None
    origin_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifiedNotice:
    """A notice whose every check passed; made by ``NoticeReader`` only. ``copy`` is set for a context copy."""

    deployment_row_id: int
    notice_id: str
    notice_type: str
    copy: CopiedContext | None


class NoticeHandlers:
    """Sets the addresses to which a platform sends its notices."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def set_handler(self, registration: Registration, service_url: str, notice_type: str, handler_url: str) -> None:
        """Have notices of a type sent to ``handler_url``; an empty one ends that. Raises as ``ServiceClient.send``.

        ``service_url`` is the one that a launch of the deployment named.
        """
        call = ServiceCall(
            method="PUT",
            url=service_url,
            scopes=[NOTICE_SCOPE],
            accept="application/json",
            content_type="application/json",
            allowed_origins={origin_of(service_url)},
            document={"notice_type": notice_type, "handler": handler_url},
        )
        self._client.send(registration, call)


class NoticeReader:
    """Verifies notices; one per process. It may fetch a platform's keys, so never call it inside a transaction."""

    def __init__(self, database: Database, platform_keys: PlatformKeys, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._platform_keys = platform_keys
        self._clock = clock

    def read(self, token: str) -> VerifiedNotice:
        """Return what a notice says. Raises ``LaunchError``, with the codes that launches have."""
        header = id_token.read_header(token)
        platform = self._platform(token)
        claims = id_token.verify_signature(token, self._platform_keys.find(platform.registration_id, header["kid"]))
        id_token.check_parties(claims, platform.issuer, platform.client_id)
        id_token.check_times(claims, self._clock(), oldest=int(OLDEST.total_seconds()))
        identifier(claims.get("nonce"), "nonce")
        deployment_row_id = self._deployment(platform, identifier(claims.get(names.DEPLOYMENT_ID), "deployment_id"))
        if claims.get(names.VERSION) != "1.3.0":
            raise claim_error("version", "is not 1.3.0")
        notice = mapping(claims.get(names.NOTICE))
        notice_type = identifier(notice.get("type"), "notice")
        if len(notice_type) > LONGEST_TYPE:
            raise claim_error("notice", "has a type that is too long")
        return VerifiedNotice(
            deployment_row_id=deployment_row_id,
            notice_id=identifier(notice.get("id"), "notice"),
            notice_type=notice_type,
            copy=_copied_context(claims) if notice_type == CONTEXT_COPY else None,
        )

    def _platform(self, token: str) -> Platform:
        """Find whose key to check with, by what the token says; nothing else of it is believed before that check."""
        said = _unverified(token)
        issuer, audience, party = said.get("iss"), said.get("aud"), said.get("azp")
        one = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
        client_id = party if party is not None else one
        if not _is_name(issuer):
            raise TokenIssuerError("The notice does not name its platform.")
        with self._database.read() as session:
            return find_platform(session, str(issuer), str(client_id) if _is_name(client_id) else "-", None)

    def _deployment(self, platform: Platform, deployment_id: str) -> int:
        found = select(Deployment.id, Deployment.state).where(
            Deployment.registration_id == platform.registration_id, Deployment.deployment_id == deployment_id
        )
        with self._database.read() as session:
            row = session.execute(found).one_or_none()
        if row is None:  # only a launch makes this tool know a deployment
            raise DeploymentUnknownError(f"{platform.name} never launched from this deployment.")
        if row.state is DeploymentState.PENDING:
            raise DeploymentPendingError(f"A deployment of {platform.name} waits for an admin to accept it.")
        if row.state is not DeploymentState.ACTIVE:
            raise DeploymentDisabledError(f"This deployment of {platform.name} is disabled.")
        return int(row.id)


def _copied_context(claims: SignedClaims) -> CopiedContext:
    context = mapping(claims.get(names.CONTEXT))
    origins = claims.get(names.ORIGIN_CONTEXTS)
    if not isinstance(origins, list):
        raise claim_error("origin_contexts", "is missing or not a list")
    return CopiedContext(
        platform_id=identifier(context.get("id"), "context"),
        title=text(context.get("title"), TITLE_LENGTH),
        label=text(context.get("label"), TITLE_LENGTH),
        origin_ids=tuple(identifier(one, "origin_contexts") for one in origins[:MOST_ORIGINS]),
    )


def _unverified(token: str) -> dict[str, object]:
    """Return the claims of a token before its signature was checked."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenFormatError("The notice is not a JWT with claims.")
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= names.LONGEST_ID and value.isprintable()
