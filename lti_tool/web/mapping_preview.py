"""Changing what counts: shown for every live badge before it is stored, the same from every page that can do it."""

from flask import flash, g, render_template, request
from sqlalchemy.orm import Session

from lti_tool.models import Achievement
from lti_tool.services import overview
from lti_tool.services.award_policies import policy_of
from lti_tool.services.gathering import load_course
from lti_tool.services.mapping_changes import CourseMapping, stored_mapping, try_mapping, write_mapping
from lti_tool.services.simulating import vouch
from lti_tool.web.change_preview import carried, describe, seen_mark
from lti_tool.web.current import services
from lti_tool.web.translated import gettext as _


def save_or_show(session: Session, context_id: int, wanted: CourseMapping, action: str, here: str) -> str | None:
    """Store a mapping and return ``None``; or the page that says what it would do, while that was not confirmed.

    Where no badge is live there is nobody to whom anything could happen, so it is stored at once. ``action`` is the
    form's address, ``here`` the page in the course's navigation.
    """
    now, before = services().clock(), stored_mapping(session, context_id)
    simulations = try_mapping(session, context_id, wanted, now)
    mark, is_confirmed = seen_mark(simulations), request.form.get("do") == "confirm"
    if wanted != before and simulations and not (is_confirmed and request.form.get("seen") == mark):
        badges = {one.achievement_id: session.get_one(Achievement, one.achievement_id) for one in simulations}
        state = overview.course_state(session, context_id)
        titles = overview.titles_of(load_course(session, context_id, drafts=True))
        changes = [
            describe(one, _name(badge), policy_of(badge), state.platform, titles)
            for one in simulations
            for badge in [badges[one.achievement_id]]
        ]
        return render_template(
            "instructor/mapping_change.html",
            here=here,
            action=action,
            changes=changes,
            state=state,
            mark=mark,
            carried=carried(),
            is_stale=is_confirmed,
        )
    for simulation in simulations if is_confirmed else ():
        vouch(session, simulation.achievement_id, simulation)
    if write_mapping(session, context_id, wanted, g.launch.actor, now):
        flash(_("Saved. This is what counts from now on."), "success")
    else:
        flash(_("Nothing was changed."), "info")
    return None


def _name(achievement: Achievement) -> str:
    return achievement.current_version.name if achievement.current_version else ""
