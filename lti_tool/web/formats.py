"""How values look on pages: moments and ages, numbers and percents by locale, states with icon and tone."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Flask
from flask_babel import format_date as babel_date
from flask_babel import format_datetime as babel_datetime
from flask_babel import format_decimal, format_timedelta, get_locale, gettext
from flask_babel import lazy_gettext as _l

from lti_tool.web.access import can
from lti_tool.web.current import nonce, services

JUST_NOW_SECONDS = 45


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state shows: words, a symbol of ``static/icons.svg``, and one of Bootstrap's tones; never a tone alone."""

    label: Any
    icon: str
    tone: str


STATES: dict[str, StateLook] = {
    # badges and what is missing for them
    "ready": StateLook(_l("Ready to claim"), "gift", "success"),
    "offered": StateLook(_l("Offered"), "gift", "success"),
    "claimed": StateLook(_l("Claimed"), "award", "success"),
    "not_yet": StateLook(_l("Not yet"), "circle", "secondary"),
    "unknown": StateLook(_l("Can't tell yet"), "question", "warning"),
    "held": StateLook(_l("On hold"), "pause", "warning"),
    "lapsed": StateLook(_l("No longer offered"), "circle", "secondary"),
    "declined": StateLook(_l("Declined"), "circle", "secondary"),
    "suspended": StateLook(_l("Suspended"), "pause", "warning"),
    "revoked": StateLook(_l("Revoked"), "x", "danger"),
    "expired": StateLook(_l("Expired"), "clock", "secondary"),
    "in_review": StateLook(_l("Being looked at"), "eye", "info"),
    "waits_for_date": StateLook(_l("Done, waits for a date"), "clock", "info"),
    # clauses of a rule
    "met": StateLook(_l("Done"), "check", "success"),
    "not_met": StateLook(_l("Not yet"), "circle", "secondary"),
    "waiting": StateLook(_l("Waiting for a grade"), "clock", "info"),
    # achievements
    "draft": StateLook(_l("Draft"), "pencil", "secondary"),
    "review": StateLook(_l("In review"), "clock", "info"),
    "live": StateLook(_l("Live"), "check", "success"),
    "retired": StateLook(_l("Retired"), "circle", "secondary"),
    "published": StateLook(_l("Published"), "check", "success"),
    # deployments
    "pending": StateLook(_l("Waits for you"), "clock", "warning"),
    "active": StateLook(_l("Accepted"), "check", "success"),
    "disabled": StateLook(_l("Refused"), "x", "danger"),
    # deliveries and readings
    "queued": StateLook(_l("Waiting to be sent"), "clock", "info"),
    "sending": StateLook(_l("Being sent"), "arrow-repeat", "info"),
    "delivered": StateLook(_l("Delivered"), "check", "success"),
    "failed": StateLook(_l("Failed"), "exclamation", "danger"),
    "requested": StateLook(_l("Waiting"), "clock", "info"),
    "running": StateLook(_l("Reading now"), "arrow-repeat", "info"),
    "done": StateLook(_l("Done"), "check", "success"),
    "source_ready": StateLook(_l("Can be read"), "check", "success"),
    "source_empty": StateLook(_l("Nothing there yet"), "circle", "secondary"),
    "source_closed": StateLook(_l("Can't be read yet"), "lock", "warning"),
    # checkpoints
    "not_opened": StateLook(_l("Not opened yet"), "circle", "secondary"),
    "opened": StateLook(_l("Opened"), "eye", "info"),
    "handed_in": StateLook(_l("Waits to be assessed"), "clock", "warning"),
    "partly": StateLook(_l("Waits for another assessor"), "clock", "info"),
    "disagreeing": StateLook(_l("Assessors disagree"), "exclamation", "warning"),
    "assessed": StateLook(_l("Assessed"), "check", "success"),
    "placed": StateLook(_l("In the course"), "check", "success"),
    "not_placed": StateLook(_l("Not placed yet"), "question", "warning"),
    "late": StateLook(_l("Late"), "clock", "warning"),
}

ROLES: dict[str, Any] = {
    "admin": _l("admin"),
    "registrar": _l("registrar"),
    "reviewer": _l("reviewer"),
    "instructor": _l("instructor"),
    "learner": _l("learner"),
}

SOURCES: dict[str, Any] = {
    "ags": _l("your learning platform"),
    "canvas": "Canvas",
    "moodle": "Moodle",
    "csv_upload": _l("an uploaded gradebook"),
    "assessor": _l("an assessor"),
}


BROUGHT = frozenset({"csv_upload", "assessor"})
"""Sources that are not the platform itself."""


def state_look(state: str) -> StateLook:
    """Return how a state shows; raises ``KeyError`` for one that nobody gave a look."""
    return STATES[str(state)]


def source_name(source: str) -> str:
    """Return a source of evidence in words."""
    return str(SOURCES.get(source, source))


def seen_at(source: str, platform: str | None) -> str:
    """Return where something was seen: the platform by its name, unless people brought it here themselves."""
    return source_name(source) if platform is None or source in BROUGHT else platform


def role_name(role: str) -> str:
    """Return a role in words."""
    return str(ROLES[str(role)])


def ago(at: datetime, now: datetime | None = None) -> str:
    """Return how long ago ``at`` was: "4 minutes ago"; "just now" for less than a minute."""
    now = now or services().clock()
    if abs((now - at).total_seconds()) < JUST_NOW_SECONDS:
        return str(gettext("just now"))
    return str(format_timedelta(at - now, add_direction=True))


def day(at: datetime) -> str:
    """Return the date, with the month in words."""
    return str(babel_date(at, "medium"))


def moment(at: datetime) -> str:
    """Return date and time, in UTC, and says so."""
    return f"{babel_datetime(at, 'medium')} UTC"


def number(value: Decimal | int) -> str:
    """Return a number exactly, with the locale's signs; never rounded."""
    value = Decimal(value)
    places = max(0, -int(value.normalize().as_tuple().exponent))
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return str(format_decimal(value, pattern))


def percent(value: Decimal) -> str:
    """Return a percent (``Decimal("69.5")`` → "69.5%", « 69,5 % » in French), never rounded."""
    sign = "\N{NO-BREAK SPACE}%" if str(get_locale()).startswith("fr") else "%"
    return number(value) + sign


def init_app(app: Flask) -> None:
    """Give templates the filters ``ago``, ``day``, ``moment``, ``number``, ``percent``, ``source_name``, ``seen_at``
    and the functions ``state_look``, ``role_name``, ``can``, ``nonce``."""
    app.jinja_env.filters.update(
        ago=ago, day=day, moment=moment, number=number, percent=percent, source_name=source_name, seen_at=seen_at
    )
    app.jinja_env.globals.update(state_look=state_look, role_name=role_name, can=can, nonce=nonce)
