"""Where a course's grades come from: every source, what it shows and what is missing, links, and disagreements."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import Evidence
from lti_tool.errors import InvalidInputError
from lti_tool.models import LinkState
from lti_tool.services import column_links, evidence_sources, overview, same_work
from lti_tool.services.course_rules import load_course
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web import source_texts
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import seen_value

blueprint = Blueprint("instructor_sources", __name__)
CANVAS = "canvas"
NOT_SET_UP = frozenset({"api_not_set_up", "api_disabled"})
"""While one of these is the matter, an instructor has nothing to allow."""
MOST_SHOWN = 100
"""Disagreements on one page."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one source says, in words."""

    source: str
    words: str
    changed_at: datetime | None
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """One learner's work that sources show differently."""

    learner: overview.Learner
    title: str
    values: tuple[Value, ...]


@blueprint.get("/courses/<int:context_id>/sources")
@launch_required(Role.INSTRUCTOR)
def sources(context_id: int) -> str:
    """Every source with its state, links to confirm, and what the sources do not agree about."""
    now = services().clock()
    with services().database.read() as session:
        state = overview.course_state(session, context_id)
        learners = overview.course_learners(session, context_id)
        views = evidence_sources.source_views(session, context_id, services().sources)
        links = evidence_sources.link_views(session, context_id, learners, now)
        rows = _disagreements(session, context_id, learners, state.platform, now)
        return render_template(
            "instructor/sources.html",
            state=state,
            lines=[source_texts.source_line(one, state.platform) for one in views if one.is_possible],
            impossible=[source_texts.short_name(one.name) for one in views if not one.is_possible],
            links=links,
            states=LinkState,
            ground=source_texts.ground_words,
            source_of=lambda column: source_texts.told_by(column.source, state.platform),
            said=_said,
            rows=rows[:MOST_SHOWN],
            more=max(0, len(rows) - MOST_SHOWN),
            ways=_ways(context_id, views),
        )


@blueprint.post("/courses/<int:context_id>/sources/links/<int:link_id>")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def decide(context_id: int, link_id: int) -> Response:
    """Confirm that two columns are the same work, refuse it, or open the question again."""
    wanted = request.form.get("state", "")
    with services().database.write() as session:
        link = column_links.get_link(session, context_id, link_id)
        if wanted not in set(LinkState):
            raise InvalidInputError("There is no such state.", code="bad_request", field="state")
        column_links.decide(session, context_id, link_id, LinkState(wanted), g.launch.actor, services().clock())
        title = link.column.title
    services().queue.wake(EVALUATE_COURSE, context_id)
    words = {
        LinkState.CONFIRMED: _("“%(title)s” counts once now, whichever source shows it.", title=title),
        LinkState.REFUSED: _("“%(title)s” stays two separate pieces of work.", title=title),
        LinkState.PROPOSED: _("The question about “%(title)s” is open again.", title=title),
    }
    flash(words[LinkState(wanted)], "success")
    return make_response(redirect(url_for("instructor_sources.sources", context_id=context_id) + "#links", 303))


def _disagreements(
    session: Session, context_id: int, learners: list[overview.Learner], platform: str, now: datetime
) -> list[Row]:
    course = load_course(session, context_id, drafts=True)
    if not course.same_work:
        return []
    by_id = {one.user_id: one for one in learners}
    found = same_work.disagreements(session, course, list(by_id), now)
    return [
        Row(
            by_id[one.user_id],
            one.title,
            tuple(
                Value(
                    source_texts.told_by(column.source, platform),
                    _said(reading.evidence),
                    reading.changed_at,
                    reading.looked_at or reading.evidence.checked_at,
                )
                for column, reading in one.readings
            ),
        )
        for one in found
    ]


def _said(evidence: Evidence) -> str:
    """What a source says, in words."""
    return seen_value(evidence) or source_texts.state_words(evidence.state)


def _ways(context_id: int, views: list[evidence_sources.SourceView]) -> dict[str, Any]:
    """The three ways to bring a course's own work in, as far as this installation has them."""
    own = [
        one for one in views if one.is_possible and not one.capability.own_columns_only and not one.capability.is_pushed
    ]
    connectable = next((one for one in own if one.name in evidence_sources.ONLY_ON), None)
    can_grant = connectable is not None and connectable.name == CANVAS
    if connectable is not None and NOT_SET_UP.intersection(connectable.capability.needs):
        can_grant = False
    return {
        "is_seen": any(one.capability.is_available for one in own),
        "upload": _address("instructor_uploads.uploads", context_id=context_id),
        "grant": _address("grants.begin", context_id=context_id, source=CANVAS) if can_grant else None,
        "connectable": connectable is not None,
    }


def _address(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None
