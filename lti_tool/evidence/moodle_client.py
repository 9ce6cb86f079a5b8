"""Calls to Moodle's web services (REST, JSON), and what its answers mean.

Moodle answers an error with status 200 and ``{"exception", "errorcode", "message"}``; where its web services are
switched off it answers nothing at all (vendor code, Moodle 4.5: webservice/rest/server.php and locallib.php). The token
goes into the body of a POST, never into an address, which ends up in logs.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from lti_tool.characters import one_line
from lti_tool.errors import (
    GrantError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    ServiceRefusedError,
)
from lti_tool.evidence.grants import GRANT_NARROWED, GRANT_REFUSED
from lti_tool.outbound import Answer, HttpClient

Send = Callable[[str, Callable[[], Mapping[str, str]]], Answer]
"""Posts a form, made anew for each attempt, to an address."""

SITE_INFO = "core_webservice_get_site_info"
GRADES = "gradereport_user_get_grade_items"
ENROLLED = "core_enrol_get_enrolled_users"
CONTENTS = "core_course_get_contents"
ACTIVITIES = "core_completion_get_activities_completion_status"
COURSE_COMPLETION = "core_completion_get_course_completion_status"

REQUIRED = (SITE_INFO, GRADES, ENROLLED)
"""Functions without which nothing can be read."""
OPTIONAL = (CONTENTS, ACTIVITIES, COURSE_COMPLETION)
"""Functions that add completion of activities (the first two) and of the course."""

SWITCHED_OFF = "moodle_services_off"
"""Web services, or their REST protocol, are switched off for the whole site."""
ACCESS_REFUSED = "moodle_access_refused"
"""The token may do nothing: its service or account is disabled, it ended, or may not come from here; Moodle does not
say which. All of it may be taken back, so the grant stays."""
ACCOUNT_UNFINISHED = "moodle_account_unfinished"
"""The token's account has to complete its profile, accept a policy or change its password."""
NOT_ALLOWED = "grant_not_allowed"
"""The token's account may not see the grades of this course."""

_ACCOUNT = {"usernotfullysetup", "sitepolicynotagreed", "forcepasswordchangenotice", "wsaccessuserunconfirmed"}
_AWAY = {"sitemaintenance", "upgraderunning", "dbconnectionfailed"}
_COURSE = {
    "errorcoursecontextnotvalid", "requireloginerror", "nopermissions", "nopermissiontoviewgrades", "notingroup",
    "cannotviewreport",
}  # fmt: skip
_LONGEST_NOTICE = 20_000
_MOST_STARTS = 50


class MoodleAnswerError(ServiceRefusedError):
    """Moodle refused one thing that was asked; ``errorcode`` is its name there, ``code`` what it means here."""

    def __init__(self, message: str, *, code: str, errorcode: str) -> None:
        super().__init__(message, code=code, http_status=200)
        self.errorcode = errorcode


@dataclass(frozen=True, slots=True)
class MoodleSite:
    """What a token is good for. ``missing``: functions of ``REQUIRED`` that its service does not have."""

    name: str
    address: str
    release: str
    user_id: str
    account: str
    functions: frozenset[str]
    missing: tuple[str, ...]

    @property
    def without(self) -> tuple[str, ...]:
        """Functions of ``OPTIONAL`` that its service does not have."""
        return tuple(name for name in OPTIONAL if name not in self.functions)


class MoodleClient:
    """Calls functions of one Moodle site with one token.

    ``address``: origin and path of the site, without a final slash. Errors name host and function, never the token.
    """

    def __init__(self, send: Send, address: str, token: str) -> None:
        self._send, self._address, self._token = send, address, token
        self._host = urlsplit(address).hostname or ""

    def call(self, function: str, arguments: Mapping[str, str] | None = None) -> object:
        """Return what a function answers, numbers with a fraction as ``Decimal``s.

        Raises ``GrantError`` (the token: ``grant_refused``, ``moodle_access_refused``, ``moodle_account_unfinished``,
        and ``grant_narrowed`` where it works, but its service does not have this function any more),
        ``MoodleAnswerError`` (this request), ``ServiceRefusedError`` (``moodle_services_off``,
        ``platform_not_found``), ``PlatformThrottledError``, ``PlatformServiceError`` (the site is down or in
        maintenance), ``PlatformAnswerError`` (no JSON) or ``OutboundError``.
        """
        try:
            return self._called(function, arguments or {})
        except GrantError as error:
            if error.code != ACCESS_REFUSED or function == SITE_INFO:
                raise
            self._called(SITE_INFO, {})  # raises what ails the token as a whole
            message = f"{self._host} does not let this token call {function}."
            raise GrantError(message, code=GRANT_NARROWED) from error

    def site(self) -> MoodleSite:
        """Return what the site says about itself and the token; raises what ``call`` raises."""
        found = self.call(SITE_INFO)
        if not isinstance(found, dict):
            raise self._malformed(200)
        listed = found.get("functions")
        rows = listed if isinstance(listed, list) else []
        functions = frozenset(str(row.get("name")) for row in rows if isinstance(row, dict))
        return MoodleSite(
            name=one_line(str(found.get("sitename") or "")),
            address=str(found.get("siteurl") or "").rstrip("/"),
            release=one_line(str(found.get("release") or "")),
            user_id=str(found.get("userid") or ""),
            account=one_line(str(found.get("username") or "")),
            functions=functions,
            missing=tuple(name for name in REQUIRED if name not in functions),
        )

    def malformed(self) -> PlatformAnswerError:
        """Return the error for an answer of another shape than its function's."""
        return self._malformed(200)

    def _called(self, function: str, arguments: Mapping[str, str]) -> object:
        form = {"wstoken": self._token, "wsfunction": function, "moodlewsrestformat": "json", **arguments}
        answer = self._send(f"{self._address}/webservice/rest/server.php", lambda: form)
        self._check_status(answer)
        body = _decoded(answer.body)
        if body is None:
            raise self._malformed(answer.status)
        if isinstance(body[0], dict) and not {"exception", "error"}.isdisjoint(body[0]):
            raise self._refusal(function, body[0])
        return body[0]

    def _check_status(self, answer: Answer) -> None:
        """Raise for what a web server says rather than Moodle, and for the silence of services switched off."""
        status = answer.status
        if status in {200, 403} and not answer.body.strip():
            message = f"{self._host} has its web services, or their REST protocol, switched off."
            raise ServiceRefusedError(message, code=SWITCHED_OFF, http_status=status)
        if status == 429:
            wait = answer.headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdigit() else None
            raise PlatformThrottledError(f"{self._host} asks to slow down.", http_status=status, retry_after=seconds)
        if status >= 500:
            raise PlatformServiceError(f"{self._host} answered {status}.", http_status=status)
        if status == 404:
            message = f"{self._host} has no Moodle at this address."
            raise ServiceRefusedError(message, code="platform_not_found", http_status=status)
        if status >= 400:
            raise ServiceRefusedError(f"{self._host} answered {status}.", http_status=status)
        if status >= 300:
            raise PlatformAnswerError(f"{self._host} redirects instead of answering ({status}).", http_status=status)

    def _refusal(self, function: str, body: Mapping[str, object]) -> PlatformServiceError:
        errorcode = re.sub(r"[^a-z0-9_]", "", str(body.get("errorcode") or "").lower())[:64]
        message = f"{self._host} refused {function} ({errorcode})."
        if errorcode in _AWAY:
            return PlatformServiceError(message, http_status=200)
        code = _code_of(errorcode)
        if code in {GRANT_REFUSED, ACCESS_REFUSED, ACCOUNT_UNFINISHED}:
            return GrantError(message, code=code, http_status=200)
        return MoodleAnswerError(message, code=code, errorcode=errorcode)

    def _malformed(self, status: int) -> PlatformAnswerError:
        return PlatformAnswerError(f"{self._host} did not answer as Moodle does.", http_status=status)


def check(http: HttpClient, address: str, token: str) -> MoodleSite:
    """Return what a token is good for at an address, for who sets it up; raises what ``MoodleClient.call`` raises."""
    return MoodleClient(lambda url, form: http.post(url, data=form()), address.rstrip("/"), token).site()


def _code_of(errorcode: str) -> str:
    """Our code for one of Moodle's."""
    if errorcode == "invalidtoken":
        return GRANT_REFUSED
    if errorcode in {"accessexception", "servicenotavailable", "servicerequireslogin"}:
        return ACCESS_REFUSED  # token ended, account suspended, service disabled, address not allowed: it does not say
    if errorcode in {"enablewsdescription", "webservicesnotenabled"}:
        return SWITCHED_OFF
    if errorcode in _ACCOUNT:
        return ACCOUNT_UNFINISHED
    if errorcode in _COURSE:
        return NOT_ALLOWED
    if errorcode in {"invalidrecord", "invalidrecordunknown", "invalidcourseid"}:
        return "platform_not_found"
    return ServiceRefusedError.code


def _decoded(body: bytes) -> tuple[object] | None:
    """The JSON of an answer, in a tuple; notices that PHP put in front of it are skipped. ``None``: there is none."""
    text = body.decode("utf-8", "replace").strip()
    decoder = json.JSONDecoder(parse_float=Decimal)
    starts = [0, *(found.start() for found in re.finditer(r"[\[{]", text[:_LONGEST_NOTICE]))]
    for start in starts[:_MOST_STARTS]:
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if end == len(text) and (start == 0 or isinstance(found, dict | list)):
            return (found,)
    return None
