"""Achievements as documents of either standard name them."""

from urllib.parse import quote

from sqlalchemy.orm import Session

from lti_tool.models import Achievement, AchievementVersion
from lti_tool.openbadges import v3
from lti_tool.services.achievements import aligned_items


def achievement_card(session: Session, achievement: Achievement, version: AchievementVersion) -> v3.AchievementCard:
    """Return one version of the achievement as documents name it."""
    base = achievement.issuer_profile.base_url
    return v3.AchievementCard(
        id=achievement.url_id,
        name=version.name,
        description=version.description,
        criteria_narrative=version.criteria_narrative,
        achievement_type=version.achievement_type,
        image_url=f"{base}/pictures/{version.picture_sha256}.png",
        image_caption=version.name,
        language=version.language,
        version=str(version.number),
        alignments=tuple(
            v3.Alignment(
                target_name=item.full_statement,
                target_url=item.uri or f"{base}/competencies/{quote(item.identifier)}",
                target_code=item.human_code or item.identifier,
                target_framework=item.framework.title,
                target_type="CFItem",
            )
            for item in aligned_items(session, version.id)
        ),
    )
