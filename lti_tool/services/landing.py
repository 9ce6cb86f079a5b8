"""Where a launch leads: the course, a checkpoint, somebody's work, the choice of content, or pages without course.

Decided in the transaction that receives the launch and kept in its session; ``/lti/enter`` goes there. A plain launch
of the course costs nothing here.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.lti.deep_linking import DeepLinkingSettings
from lti_tool.lti.launch import VerifiedLaunch
from lti_tool.models import Checkpoint, Context, ResourceLink, User
from lti_tool.services.checkpoints import CUSTOM, find_for_launch, learn_line_item, named_in
from lti_tool.services.openings import open_checkpoint

LANDING = "landing"
"""Key in the launch session's data: where to go."""
DEEP_LINKING = "deep_linking"
"""Key in the launch session's data: what the platform asked for; never in a form, since it would come back changed."""
PAGE = "badges_page"
"""The custom parameter by which a placement says which page it is for."""


class Page(enum.StrEnum):
    """Pages a launch can lead to; the first three are values of ``badges_page``."""

    COURSE = "course"
    MINE = "mine"
    ADMIN = "admin"
    CHECKPOINT = "checkpoint"
    UNKNOWN_CHECKPOINT = "unknown_checkpoint"
    REVIEW = "review"
    CONTENT = "content"


WITHOUT_COURSE = {Page.MINE.value, Page.ADMIN.value}


@dataclass(frozen=True, slots=True)
class Landing:
    """What the launch session keeps, and the score that the launch asked to be sent."""

    data: dict[str, Any] = field(default_factory=dict)
    score_post_id: int | None = None


def without_course(launch: VerifiedLaunch) -> VerifiedLaunch:
    """Return the launch as of no course where its placement is of a user or an account.

    Platforms name the account as the context there (Canvas: vendor code, 2026), which is no course.
    """
    if launch.custom.get(PAGE) not in WITHOUT_COURSE:
        return launch
    return replace(launch, context=None, resource_link=None)


def settle(
    session: Session, launch: VerifiedLaunch, context_id: int | None, user_id: int | None, now: datetime
) -> Landing:
    """Decide where the launch leads, and note what it says about a checkpoint."""
    if launch.deep_linking is not None:
        asked = json.dumps(launch.deep_linking.to_document())  # as ASCII text: any database keeps any character of it
        return Landing({LANDING: {"page": Page.CONTENT}, DEEP_LINKING: asked})
    if launch.custom.get(PAGE) in WITHOUT_COURSE:
        return Landing({LANDING: {"page": launch.custom[PAGE]}})
    public_id = named_in(launch.custom.get(CUSTOM), launch.target_link_uri)
    if context_id is None or (public_id is None and launch.for_user_id is None):
        return Landing()
    checkpoint = _checkpoint(session, launch, session.get_one(Context, context_id), public_id, now)
    if checkpoint is None:
        return Landing({LANDING: {"page": Page.UNKNOWN_CHECKPOINT}})
    _note_link(session, launch, checkpoint)
    post_id = None
    if launch.is_learner and user_id is not None and not launch.is_test_user:
        post_id = open_checkpoint(session, checkpoint, user_id, now)
    return Landing({LANDING: _page(session, launch, checkpoint)}, post_id)


def asked_content(data: Mapping[str, Any]) -> DeepLinkingSettings | None:
    """Return what the platform of this session asked to choose, if it did."""
    text = data.get(DEEP_LINKING)
    return None if text is None else DeepLinkingSettings.from_document(json.loads(text))


def _checkpoint(
    session: Session, launch: VerifiedLaunch, context: Context, public_id: str | None, now: datetime
) -> Checkpoint | None:
    if public_id is not None:
        return find_for_launch(session, context, public_id, now)
    return session.scalar(  # a review names the line item, not always the link
        select(Checkpoint).where(Checkpoint.context_id == context.id, Checkpoint.line_item_url == launch.line_item_url)
    )


def _note_link(session: Session, launch: VerifiedLaunch, checkpoint: Checkpoint) -> None:
    if launch.resource_link is not None:
        session.execute(
            update(ResourceLink)
            .where(
                ResourceLink.context_id == checkpoint.context_id,
                ResourceLink.platform_id == launch.resource_link.platform_id,
            )
            .values(checkpoint_id=checkpoint.id)
        )
    if launch.line_item_url is not None:
        learn_line_item(session, checkpoint, launch.line_item_url)


def _page(session: Session, launch: VerifiedLaunch, checkpoint: Checkpoint) -> dict[str, Any]:
    if launch.for_user_id is None:
        return {"page": Page.CHECKPOINT, "checkpoint_id": checkpoint.id}
    whose = session.scalar(
        select(User.id).where(
            User.registration_id == launch.registration_id,
            User.organization_id == launch.organization_id,
            User.platform_user_id == launch.for_user_id,
        )
    )
    return {"page": Page.REVIEW, "checkpoint_id": checkpoint.id, "user_id": whose}
