"""What both interfaces of collecting share: whose token it is, which page is asked for, links to the other pages."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from authlib.oauth2 import ResourceProtector
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Response, request

from lti_tool.models import HostedToken
from lti_tool.services import hosting_tokens
from lti_tool.web.current import services
from lti_tool.web.host_oauth import HostRequest, rows

DEFAULT_LIMIT, LARGEST_LIMIT = 50, 100


class ApiRefusal(Exception):
    """A request that is refused with an HTTP status; each interface has its own form for it."""

    def __init__(self, status: int, description: str, *, challenge: str | None = None) -> None:
        super().__init__(description)
        self.status, self.description, self.challenge = status, description, challenge


class AccessToken:
    """A token that can be used now, as Authlib asks about it."""

    def __init__(self, row: HostedToken) -> None:
        self.row = row

    def get_scope(self) -> str:
        """What it was given for and its learner still allows: they may have allowed less since."""
        allowed = self.row.hosted_consent.scope.split()
        return " ".join(one for one in self.row.scope.split() if one in allowed)

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class _Validator(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> AccessToken | None:
        found = hosting_tokens.find_access_token(rows(), token_string, services().clock())
        return None if found is None else AccessToken(found)


_protector = ResourceProtector()
_protector.register_token_validator(_Validator())


def collecting_user(scope: str) -> int:
    """Return the learner whose badges the request's token opens; raises ``ApiRefusal`` (401, or 403 for its scope)."""
    try:
        token: AccessToken = _protector.validate_request([scope], HostRequest(request))
    except OAuth2Error as error:
        if error.error == "insufficient_scope":
            raise ApiRefusal(
                403, "The token does not allow this.", challenge='Bearer error="insufficient_scope"'
            ) from None
        challenge = "Bearer" if error.error == "missing_authorization" else 'Bearer error="invalid_token"'
        raise ApiRefusal(401, "A valid bearer token is needed.", challenge=challenge) from None
    return token.row.hosted_consent.user_id


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list is asked for; ``since`` is a moment, ``None`` for all."""

    limit: int
    offset: int
    since: datetime | None

    def links(self, total: int) -> str:
        """The ``Link`` header (RFC 8288) for a list of ``total``: next, last, first, prev; addresses ready to use."""
        last = max(0, (total - 1) // self.limit * self.limit)
        offsets = {"next": self.offset + self.limit, "last": last, "first": 0, "prev": max(0, self.offset - self.limit)}
        if self.offset + self.limit >= total:
            del offsets["next"]
        if self.offset == 0:
            del offsets["prev"]
        return ", ".join(f'<{self._address(offset)}>; rel="{name}"' for name, offset in offsets.items())

    def _address(self, offset: int) -> str:
        query = {"limit": str(self.limit), "offset": str(offset)}
        if self.since is not None:
            query["since"] = self.since.isoformat().replace("+00:00", "Z")
        return f"{services().settings.public_url}{request.path}?{urlencode(query)}"


def asked_page() -> Asked:
    """Return what the query asks for; raises ``ApiRefusal`` (400)."""
    limit = _number("limit", DEFAULT_LIMIT, smallest=1)
    return Asked(min(limit, LARGEST_LIMIT), _number("offset", 0, smallest=0), _since())


def _number(name: str, default: int, *, smallest: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < smallest:
        raise ApiRefusal(400, f"{name} must be a whole number from {smallest}.")
    return int(text)


def _since() -> datetime | None:
    text = request.args.get("since")
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ApiRefusal(400, "since must be a date and time of ISO 8601.") from None


def list_answer(body: str, asked: Asked, total: int) -> Response:
    """Return a page of a list."""
    response = Response(body, 200, content_type="application/json")
    response.headers["X-Total-Count"] = str(total)
    response.headers["Link"] = asked.links(total)
    response.headers["Cache-Control"] = "no-store"
    return response
