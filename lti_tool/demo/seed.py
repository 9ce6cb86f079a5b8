"""Fills the tool with the demo's story: the platform, the backpack, and what Lakeside's instructor would make.

The course itself, its people and its grades come over LTI from the demo LMS, not from here.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.demo import story
from lti_tool.errors import NotFoundError
from lti_tool.lti.registration import add_registration
from lti_tool.models import Context, EvidenceColumn, IssuerProfile, Item
from lti_tool.openbadges.picture import default_picture, render_png
from lti_tool.services import achievements, backpacks, blobs, frameworks, issuers, mapping
from lti_tool.wiring import Services

LOOKS = {
    "water-keeper": ("W", "#0b6e99"),
    "fish-keeper": ("F", "#b4470b"),
    "plant-bed-grower": ("P", "#2f7d32"),
    "aquaponics-operator": ("AQ", "#6b3fa0"),
}
SEEDER = "cli"


def seed_platform(services: Services, registration: dict[str, Any]) -> None:
    """Register the demo LMS."""
    values = dict(registration)
    deployment_id = values.pop("deployment_id")
    with services.database.write() as session:
        now = services.clock()
        add_registration(session, **values, deployment_ids=(deployment_id,), now=now, settings=services.settings)


def seed_backpacks(services: Services, backpack_url: str, passport_url: str) -> tuple[int, int]:
    """Offer the demo's two backpacks, each by its own standard; returns their ids."""
    with services.database.write() as session:
        now = services.clock()
        backpack = backpacks.add_host(session, backpack_url, "Demo backpack", now)
        passport = backpacks.add_host(session, passport_url, "Demo passport", now, protocol="badge_connect")
        return backpack.id, passport.id


def seed_badges(services: Services, *, locale: str = "en") -> int:
    """Make skills, mapping and badges in the demo course, once its columns were read; returns the course's number."""
    pictures = {key: render_png(default_picture(*LOOKS[key], _badge(key).name.of(locale))) for key in LOOKS}
    with services.database.write() as session:
        now = services.clock()
        context = session.scalar(select(Context).where(Context.platform_id == story.COURSE.id))
        if context is None:
            raise NotFoundError("The demo course was not launched yet.")
        profile = issuers.ensure_issuer(
            session, context.organization_id, services.settings.public_url, services.vault, now
        )
        profile.description = story.COURSE.about.of(locale)
        profile.url, profile.email = story.INSTITUTION_URL, story.INSTITUTION_EMAIL
        items = _seed_skills(session, context, locale, now)
        for key, picture in pictures.items():
            _seed_badge(
                session, context, profile, items, story_badge=_badge(key), picture=picture, locale=locale, now=now
            )
        return context.id


def _badge(key: str) -> story.Badge:
    return next(badge for badge in story.BADGES if badge.key == key)


def _seed_skills(session: Session, context: Context, locale: str, now: datetime) -> dict[str, Item]:
    """Add the story's skills, and let the columns that can be seen count for them."""
    columns = {
        column.resource_id: column
        for column in session.scalars(select(EvidenceColumn).where(EvidenceColumn.context_id == context.id))
    }
    items = {}
    for competency in story.COMPETENCIES:
        item = frameworks.add_item(session, context, competency.title.of(locale), competency.code, now)
        items[competency.code] = item
        for assignment in story.ASSIGNMENTS:
            column = columns.get(assignment.resource_id)
            if assignment.key in competency.assignments and column is not None:
                mapping.map_column(session, context.id, column.id, item.id, competency.threshold)
    return items


def _seed_badge(
    session: Session,
    context: Context,
    profile: IssuerProfile,
    items: dict[str, Item],
    *,
    story_badge: story.Badge,
    picture: bytes,
    locale: str,
    now: datetime,
) -> None:
    content = achievements.Content(
        name=story_badge.name.of(locale),
        description=story_badge.description.of(locale),
        criteria_narrative=story_badge.criteria.of(locale),
        picture_sha256=blobs.keep(session, picture, "image/png", now),
        language=locale,
    )
    achievement = achievements.create_achievement(session, context, profile.id, content, now)
    clauses = [{"competency": items[code].identifier} for code in story_badge.competencies]
    achievements.write_rule(session, achievement, {"all": clauses}, now)
    achievements.publish(session, achievement, SEEDER, now)
