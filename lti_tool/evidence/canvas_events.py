"""Live Events of Canvas, as a wake-up: which course something happened in, and nothing else of them is believed.

An admin sets up a stream over HTTPS with signed payloads: the body is a JWT, alone or as a JSON string, signed with
RS256 by a key of the stream's key set. Names of events and of the fields in ``metadata``: vendor code (canvas-lms,
doc/api/data_services/json/canvas). That the body looks as it does was not checked on a running stream. Ids in events
are global: the number of the shard in front of the course's own, which has up to thirteen digits.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from lti_tool.errors import InvalidInputError, LiveEventError

LARGEST = 256 * 1024
LOCAL_DIGITS = 13
MOST_KEYS = 20
LONGEST_KEY_SET = 65_536
WAKING = frozenset(
    {
        "grade_change",
        "grade_override",
        "course_grade_change",
        "course_progress",
        "course_completed",
        "submission_created",
        "submission_updated",
        "learning_outcome_result_created",
        "learning_outcome_result_updated",
    }
)
"""Events after which a reading can find something new."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A sound event: its name, and what Canvas calls its course, globally and locally."""

    name: str
    course_ids: frozenset[str]

    @property
    def is_waking(self) -> bool:
        """Whether its course should be read."""
        return self.name in WAKING and bool(self.course_ids)


def read_key_set(text: str) -> dict[str, Any]:
    """Return a key set as typed in; raises ``InvalidInputError`` (``key_set_invalid``, field ``key_set``)."""
    try:
        found: object = json.loads(text) if len(text) <= LONGEST_KEY_SET else None
        keys = found.get("keys") if isinstance(found, dict) else None
        usable = [key for key in keys if _is_usable(key)] if isinstance(keys, list) and len(keys) <= MOST_KEYS else []
    except (ValueError, RecursionError):
        usable = []
    if not usable:
        raise InvalidInputError("This is no key set with an RSA key.", code="key_set_invalid", field="key_set")
    return {"keys": [{name: key[name] for name in ("kty", "kid", "n", "e")} for key in usable]}


def _is_usable(key: object) -> bool:
    """Whether this is a public RSA key with a name and at least 2048 bits."""
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in ("kty", "kid", "n", "e")):
        return False
    try:
        return int(jwt.PyJWK.from_dict(key, "RS256").key.key_size) >= 2048
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return False


def read_event(body: bytes, key_set: Mapping[str, Any]) -> LiveEvent:
    """Return what a request says, once its signature was checked; raises ``LiveEventError``."""
    token = _token(body)
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise LiveEventError("The event is no signed JWT.", code="event_malformed") from None
    key = next((one for one in key_set.get("keys", ()) if one.get("kid") == kid), None)
    if key is None:
        raise LiveEventError("The event is signed with a key that nobody entered.", code="event_key_unknown")
    try:
        options = {"verify_aud": False, "verify_iat": False, "verify_sub": False}
        claims = jwt.decode(token, jwt.PyJWK.from_dict(key, "RS256").key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        raise LiveEventError("The event's signature does not fit.", code="event_signature") from None
    return _event(claims)


def _token(body: bytes) -> str:
    """The JWT in a body: as it is, as a JSON string, or alone in an object."""
    try:
        text = body.decode("ascii").strip()
        found: object = json.loads(text) if text[:1] in {'"', "{"} else text
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and len(found) == 1:
        found = next(iter(found.values()))
    if not isinstance(found, str) or not found:
        raise LiveEventError("The event is no signed JWT.", code="event_malformed")
    return found


def _event(claims: Mapping[str, Any]) -> LiveEvent:
    metadata, body = claims.get("metadata"), claims.get("body")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = metadata.get("event_name")
    numbers = [metadata.get("context_id")] if metadata.get("context_type") == "Course" else []
    if isinstance(body, dict):
        course = body.get("course")
        numbers += [body.get("course_id"), course.get("id") if isinstance(course, dict) else None]
    ids = {str(one) for one in numbers if isinstance(one, str | int) and str(one).isdecimal() and len(str(one)) <= 30}
    local = {str(int(one) % 10**LOCAL_DIGITS) for one in ids}
    return LiveEvent(name if isinstance(name, str) else "", frozenset(ids | local))
