"""A platform's stream of events as a wake-up: the course something happened in is read soon."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import NotFoundError
from lti_tool.evidence.canvas_events import LiveEvent
from lti_tool.models import Context, Deployment, PlatformApi
from lti_tool.services import audit, course_sync
from lti_tool.services.platform_apis import CANVAS

KEY_SET = "event_key_set"
"""Member of ``PlatformApi.details``."""
REASON = "event"
PAUSE = timedelta(minutes=1)
"""Somebody who grades a whole course makes an event each time: so long after a reading the next one begins."""


def find_stream(session: Session, public_id: str) -> tuple[PlatformApi, dict[str, Any]]:
    """Return the API whose stream has this address, and its key set; raises ``NotFoundError``."""
    api = session.scalar(
        select(PlatformApi).where(
            PlatformApi.public_id == public_id, PlatformApi.source == CANVAS, PlatformApi.disabled_at.is_(None)
        )
    )
    if api is None or KEY_SET not in api.details:
        raise NotFoundError("There is no such stream.")
    return api, api.details[KEY_SET]


def save_key_set(
    session: Session, api: PlatformApi, key_set: dict[str, Any] | None, *, actor: str, now: datetime
) -> None:
    """Store the stream's key set; ``None`` ends the stream."""
    details = {name: value for name, value in api.details.items() if name != KEY_SET}
    api.details = details if key_set is None else details | {KEY_SET: key_set}
    audit.record(
        session,
        "platform_api.events_ended" if key_set is None else "platform_api.events_set_up",
        actor=actor,
        subject=f"platform_api:{api.id}",
        organization_id=api.organization_id,
        now=now,
    )


def wake(session: Session, api: PlatformApi, event: LiveEvent, now: datetime) -> list[int]:
    """Ask for a reading of the event's course; returns the runs to take. The same event again asks for nothing more.

    Events of one course follow each other closely, its readings do not (``PAUSE``). A course is known by its
    number only where a launch told it; others are read by their schedule.
    """
    if not event.is_waking:
        return []
    courses = session.scalars(
        select(Context)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .where(
            Deployment.registration_id == api.registration_id,
            Context.organization_id == api.organization_id,
            Context.service_ids[CANVAS].as_string().in_(event.course_ids),
        )
    )
    runs = [course_sync.request_sync(session, course, REASON, now, pause=PAUSE) for course in courses]
    return [run for run in runs if run is not None]
