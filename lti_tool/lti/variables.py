"""Platform variables that launches and rosters send as custom parameters, under the names this tool asks for them.

LTI 1.3 core, appendix on custom variables; the parameters are those of ``tool_configuration.CUSTOM``. What a platform
does not know is absent already (``claims.custom_texts``).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from lti_tool.lti.claims import LONGEST_ID

CONTEXT_HISTORY = "context_history"
LINK_HISTORY = "resource_link_history"
SECTION_IDS = ("canvas_section_ids", "section_ids")
SERVICE_USER_IDS = {"canvas": "canvas_user_id"}
SERVICE_COURSE_IDS = {"canvas": "canvas_course_id"}
"""What a platform's own API calls somebody or a course, by the evidence source that reads it."""
STARTS_AT, ENDS_AT = "course_starts_at", "course_ends_at"
MOST = 50
"""Ids of one list that are kept."""


def context_history(custom: Mapping[str, str]) -> list[str] | None:
    """Return the platform's ids of the courses that this one was copied from, nearest first; ``None``: not told."""
    return _ids(custom.get(CONTEXT_HISTORY))


def link_history(custom: Mapping[str, str]) -> list[str] | None:
    """Return the platform's ids of the resource links that this one was copied from, nearest first."""
    return _ids(custom.get(LINK_HISTORY))


def section_ids(custom: Mapping[str, str]) -> list[str] | None:
    """Return the sections somebody is in; ``None``: not told."""
    return next((found for name in SECTION_IDS if (found := _ids(custom.get(name))) is not None), None)


def service_user_ids(custom: Mapping[str, str]) -> dict[str, str]:
    """Return what platforms' own APIs call the user, by evidence source."""
    return _service_ids(custom, SERVICE_USER_IDS)


def service_course_ids(custom: Mapping[str, str]) -> dict[str, str]:
    """Return what platforms' own APIs call the course, by evidence source."""
    return _service_ids(custom, SERVICE_COURSE_IDS)


def _service_ids(custom: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    found = {source: custom.get(name, "").strip() for source, name in names.items()}
    return {source: one for source, one in found.items() if 0 < len(one) <= LONGEST_ID and one.isprintable()}


def moment(custom: Mapping[str, str], name: str) -> datetime | None:
    """Return a time (ISO 8601 with a zone), ``None`` for anything else: a time without a zone is nobody's."""
    text = custom.get(name, "").strip()
    if not 0 < len(text) <= 40:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _ids(text: str | None) -> list[str] | None:
    """Ids, each URL-encoded, with commas between."""
    if text is None:
        return None
    found = (unquote(part.strip()) for part in text.split(",")[: MOST * 2])
    usable = [one for one in found if 0 < len(one) <= LONGEST_ID and one.isprintable()]
    return list(dict.fromkeys(usable))[:MOST]
