"""Testing a connection on demand: are the platform's keys to be had, and does it give this tool a token.

Nothing of a course is read. Each step is tried even where one before it failed, since they break for different reasons.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete

from lti_tool.db import Database
from lti_tool.errors import OutboundError
from lti_tool.lti.keys import ToolKeys
from lti_tool.lti.platform_keys import LARGEST, read_key_set
from lti_tool.lti.service_health import ServiceHealth
from lti_tool.lti.service_requests import ServiceRequests
from lti_tool.lti.service_tokens import ServiceTokens
from lti_tool.lti.tool_configuration import SCOPES
from lti_tool.models import Registration, ServiceToken
from lti_tool.outbound import HttpClient
from lti_tool.services.registrations import get_by_id, note_failure, note_token
from lti_tool.vault import Vault

SMALLEST_FIRST = ("contextmembership.readonly", "result.readonly", "lineitem.readonly", "lineitem", "score")


class Check(enum.StrEnum):
    """What is tried."""

    KEY_SET = "key_set"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended: ``code`` is ``None`` when it went well.

    ``number``: usable keys. ``scope``: what a token was asked for, as a URI.
    """

    check: Check
    code: str | None
    number: int = 0
    scope: str | None = None


def check_connection(
    database: Database,
    http: HttpClient,
    vault: Vault,
    tool_keys: ToolKeys,
    clock: Callable[[], datetime],
    registration_id: int,
) -> list[Outcome]:
    """Try the connection to a platform, and note how the token request ended.

    Opens transactions of its own, so never call it inside one. Raises ``NotFoundError`` (``platform_not_found``).
    """
    with database.read() as session:
        registration = get_by_id(session, registration_id)
    keys = _key_set(http, registration)
    token = _token(ServiceTokens(_requests(http, clock), database, vault, tool_keys, clock), database, registration)
    with database.write() as session:
        if token.code is None:
            note_token(session, registration_id, [str(token.scope)], clock())
        else:
            note_failure(session, registration_id, token.code, clock())
    return [keys, token]


def _requests(http: HttpClient, clock: Callable[[], datetime]) -> ServiceRequests:
    """Requests without a second try and with a circuit of their own: somebody waits for the page."""
    return ServiceRequests(
        http, ServiceHealth(clock), clock=clock, sleep=lambda _seconds: None, jitter=lambda: 0.0, attempts=1
    )


def _key_set(http: HttpClient, registration: Registration) -> Outcome:
    try:
        answer = http.get(registration.key_set_url, headers={"Accept": "application/json"}, max_bytes=LARGEST)
        if answer.status != 200:
            raise OutboundError(f"The key set answered {answer.status}.", code="key_set_unavailable")
        number = len(read_key_set(answer.json()))
    except OutboundError as error:
        return Outcome(Check.KEY_SET, error.code)
    return Outcome(Check.KEY_SET, None if number else "key_set_empty", number)


def _token(tokens: ServiceTokens, database: Database, registration: Registration) -> Outcome:
    """Ask for a fresh token with the smallest scope there is."""
    granted = registration.scopes
    names = [name for name in SMALLEST_FIRST if granted is None or SCOPES[name] in granted]
    scope = SCOPES[names[0] if names else SMALLEST_FIRST[0]]
    with database.write() as session:
        held = (ServiceToken.registration_id == registration.id, ServiceToken.scopes == scope)
        session.execute(delete(ServiceToken).where(*held))
    try:
        tokens.get(registration, [scope])
    except OutboundError as error:
        return Outcome(Check.ACCESS, error.code, scope=scope)
    return Outcome(Check.ACCESS, None, scope=scope)
