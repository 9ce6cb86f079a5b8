"""The v2 API of Badgr hosts (Badgr, Canvas Credentials, Parchment Digital Badges): envelopes, accounts, tokens.

An account signs in with the password grant of ``/o/token`` as the host's own pages do; refresh tokens are spent once.
After a token call that failed the next one gets 429 with ``expires`` in its body, which ``retry_after`` then carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlunsplit

from lti_tool.backpacks.base import Tokens
from lti_tool.backpacks.host_http import (
    HostHttp,
    host_of,
    json_object,
    raise_for_failure,
    retry_after,
    split_url,
)
from lti_tool.errors import (
    BackpackAnswerError,
    BackpackConsentError,
    BackpackRefusedError,
    BackpackThrottledError,
)
from lti_tool.outbound import Answer

OWN_CLIENT: Final = "public"
"""The client id of people who sign in themselves (vendor code)."""
ISSUER_SCOPES: Final = "rw:profile rw:issuer"
USUAL_LIFE: Final = 86_400
USUAL_REST: Final = 2.0
"""Seconds to wait when a throttled sign-in does not say how long."""


@dataclass(frozen=True, slots=True)
class BadgrRefusal:
    """What a v2 refusal says: by the place in a batch, by member, and in general."""

    fields: Mapping[str, Any]
    places: tuple[Mapping[str, Any], ...]
    names: frozenset[str]


def read_address(address: str) -> str:
    """Return the base of a host's API as typed by a person, without path; raises ``BackpackRefusedError``."""
    address = address.strip()
    parts = split_url(address if "://" in address else f"https://{address}")
    if parts is None or not parts.hostname or parts.scheme not in {"https", "http"}:
        raise BackpackRefusedError("This is not the address of a host.", code="backpack_address_invalid")
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def sign_in(http: HostHttp, address: str, account: str, password: str, now: datetime) -> Tokens:
    """Sign an account in; raises ``BackpackConsentError`` (``issuing_account_refused``) for a wrong password."""
    form = {
        "grant_type": "password",
        "username": account,
        "password": password,
        "client_id": OWN_CLIENT,
        "scope": ISSUER_SCOPES,
    }
    return _tokens(http, address, form, now)


def refresh(http: HostHttp, address: str, tokens: Tokens, now: datetime) -> Tokens:
    """Get new tokens; raises ``BackpackConsentError`` (``issuing_account_refused``) when the account has to sign in."""
    if tokens.refresh_token is None:
        raise _signed_out(address)
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token, "client_id": OWN_CLIENT}
    return _tokens(http, address, form, now)


def _tokens(http: HostHttp, address: str, form: dict[str, str], now: datetime) -> Tokens:
    answer = http.post_form(f"{address}/o/token", form, {})
    if answer.status == 429:
        host = host_of(address)
        raise BackpackThrottledError(f"{host} asks to slow down.", http_status=429, retry_after=_rest(answer))
    if answer.status in {400, 401, 403}:
        raise _signed_out(address)
    raise_for_failure(answer, "sign the account in")
    document = json_object(answer)
    access, renewal = document.get("access_token"), document.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise BackpackAnswerError(f"{host_of(address)} gave no token.", http_status=answer.status)
    life, scope = document.get("expires_in"), document.get("scope")
    seconds = life if isinstance(life, int) and not isinstance(life, bool) and 0 < life < 10**9 else USUAL_LIFE
    return Tokens(
        access_token=access,
        refresh_token=renewal if isinstance(renewal, str) and renewal else None,
        expires_at=now + timedelta(seconds=seconds),
        scope=scope if isinstance(scope, str) else ISSUER_SCOPES,
    )


def _signed_out(address: str) -> BackpackConsentError:
    return BackpackConsentError(
        f"{host_of(address)} does not accept the account. Sign in again.", code="issuing_account_refused"
    )


def _rest(answer: Answer) -> float:
    named = retry_after(answer.headers)
    if named is not None:
        return named
    try:
        expires = json_object(answer).get("expires")
    except BackpackAnswerError:
        return USUAL_REST
    is_number = isinstance(expires, int | float) and not isinstance(expires, bool)
    return min(max(float(expires), 0.0), float(USUAL_LIFE)) if is_number else USUAL_REST  # type: ignore[arg-type]


def read_results(answer: Answer, doing: str) -> list[dict[str, Any]]:
    """Return ``result`` of the envelope; raises what the status means, or ``BackpackAnswerError``."""
    raise_for_failure(answer, doing)
    document = json_object(answer)
    result, status = document.get("result"), document.get("status")
    is_success = not isinstance(status, dict) or status.get("success") is not False
    if not is_success or not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise BackpackAnswerError(f"{host_of(answer.url)} answered in a form this tool cannot read.")
    return result


def read_one(answer: Answer, doing: str) -> dict[str, Any]:
    """Return the one result, which has an ``entityId``."""
    result = read_results(answer, doing)
    if len(result) != 1 or not entity_id(result[0]):
        raise BackpackAnswerError(f"{host_of(answer.url)} did not say what became of it.", http_status=answer.status)
    return result[0]


def entity_id(entity: Mapping[str, Any]) -> str:
    """Return what the host calls a thing; empty when it does not say."""
    value = entity.get("entityId")
    return value if isinstance(value, str) and len(value) <= 255 else ""


def read_refusal(answer: Answer) -> BadgrRefusal:
    """Return what a 400 says; nothing for an answer in another form."""
    try:
        document = json_object(answer)
    except BackpackAnswerError:
        document = {}
    fields = document.get("fieldErrors")
    general = document.get("validationErrors")
    listed = general if isinstance(general, list) else []
    names = {one.get("name") if isinstance(one, dict) else one for one in listed}
    places = fields if isinstance(fields, list) and all(isinstance(one, dict) for one in fields) else []
    return BadgrRefusal(
        fields=fields if isinstance(fields, dict) else {},
        places=tuple(places),
        names=frozenset(one for one in names if isinstance(one, str)),
    )
