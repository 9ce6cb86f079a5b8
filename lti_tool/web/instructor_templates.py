"""The organization's templates in a course: look at one, take it over, choose the course's own work for it."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import Achievement, Context, MappingTemplate, TemplateState
from lti_tool.services import achievements, inheritance, overview, slots, template_adoption, templates
from lti_tool.services.award_policies import policy_of
from lti_tool.services.gathering import load_course
from lti_tool.services.issuers import ensure_issuer
from lti_tool.services.mapping import course_columns
from lti_tool.services.simulating import Simulation, simulate_mapping, vouch
from lti_tool.services.slots import TemplateWork
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.change_preview import carried, describe, seen_mark
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.template_words import view_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("instructor_templates", __name__)


class _ShownFirst(Exception):
    """Takes back what was only tried out; ``page`` says what it would do."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page


@blueprint.get("/courses/<int:context_id>/templates", endpoint="templates")
@launch_required(Role.INSTRUCTOR)
def list_templates(context_id: int) -> str:
    """What the course has from its organization, the work that still has to be chosen, and what else there is."""
    with services().database.read() as session:
        return _page(session, context_id)


@blueprint.get("/courses/<int:context_id>/templates/<int:template_id>")
@launch_required(Role.INSTRUCTOR)
def template(context_id: int, template_id: int) -> str:
    """A template's content, before it is taken over."""
    with services().database.read() as session:
        found = _offered(session, context_id, template_id)
        version = found.current_version
        if version is None:
            raise NotFoundError("There is no such template.")
        adopted = {one.id for _adoption, one in inheritance.adopted_templates(session, context_id)}
        return render_template(
            "instructor/template.html",
            template=found,
            view=view_of(templates.read_version(version)),
            is_adopted=template_id in adopted,
        )


@blueprint.post("/courses/<int:context_id>/templates/<int:template_id>/adopt")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def adopt(context_id: int, template_id: int) -> Response:
    """Take a template over: skills, what counts, and badges as drafts."""
    now, settings = services().clock(), services().settings
    with services().database.write() as session:
        found = _offered(session, context_id, template_id)
        context = session.get_one(Context, context_id)
        issuer = ensure_issuer(session, context.organization_id, settings.public_url, services().vault, now)
        template_adoption.adopt(session, context, template_id, issuer.id, g.launch.actor, now)
        name = found.name
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(
        _("This course uses “%(template)s” now. Choose the work that stands for each entry.", template=name), "success"
    )
    return _back(context_id)


@blueprint.post("/courses/<int:context_id>/templates/work")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def bind(context_id: int) -> str | Response:
    """Say which of the course's work stands for which entry of its templates; shown first where badges are live.

    Fields: ``slot-N`` and ``column-N`` (a column's id, or nothing), N counting from 0.
    """
    now = services().clock()
    with services().database.write() as session:
        work = slots.template_work(session, context_id)
        wanted = _chosen(work, {one.id for one in course_columns(session, context_id)})
        if request.form.get("do") == "show":
            return _page(session, context_id, wanted)
        changed = {one.slot: wanted[one.slot] for one in work if wanted[one.slot] != one.column_id}
        is_confirmed = request.form.get("do") == "confirm"
        try:
            with session.begin_nested():
                _bind_all(session, context_id, work, changed)
                simulations = simulate_mapping(session, context_id, {}, now)
                mark = seen_mark(simulations)
                if changed and simulations and not (is_confirmed and request.form.get("seen") == mark):
                    raise _ShownFirst(_change_page(session, context_id, simulations, mark, is_stale=is_confirmed))
        except _ShownFirst as shown:
            return shown.page
        except ConflictError as error:
            return _page(session, context_id, wanted, field_text(error))
        for simulation in simulations if is_confirmed else ():
            vouch(session, simulation.achievement_id, simulation)
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_("Saved. This work stands for the entries of the template now."), "success")
    return _back(context_id)


def _bind_all(session: Session, context_id: int, work: list[TemplateWork], changed: dict[str, int | None]) -> None:
    """First free what is taken from its entry, so that two entries can change places."""
    now, actor = services().clock(), g.launch.actor
    for one in work:
        if one.slot in changed and one.column_id is not None:
            slots.bind(session, context_id, one.slot, None, actor, now)
    for slot, column_id in changed.items():
        if column_id is not None:
            slots.bind(session, context_id, slot, column_id, actor, now)


def _chosen(work: list[TemplateWork], columns: set[int]) -> dict[str, int | None]:
    """The column of each entry as sent; what was not sent stays. Raises ``NotFoundError`` for foreign columns."""
    ids = {str(one): one for one in columns}
    sent: dict[str, int | None] = {one.slot: one.column_id for one in work}
    for number, one in enumerate(work):
        value = request.form.get(f"column-{number}")
        if value is None or request.form.get(f"slot-{number}") != one.slot:
            continue
        if value and value not in ids:
            raise NotFoundError("There is no such work in this course.")
        sent[one.slot] = ids.get(value)
    return sent


def _change_page(session: Session, context_id: int, simulations: list[Simulation], mark: str, *, is_stale: bool) -> str:
    state = overview.course_state(session, context_id)
    titles = overview.titles_of(load_course(session, context_id, drafts=True))
    badges = [session.get_one(Achievement, one.achievement_id) for one in simulations]
    return render_template(
        "instructor/mapping_change.html",
        here="matrix",
        action=url_for("instructor_templates.bind", context_id=context_id),
        changes=[
            describe(one, _name(badge), policy_of(badge), state.platform, titles)
            for one, badge in zip(simulations, badges, strict=True)
        ],
        state=state,
        mark=mark,
        carried=carried(),
        is_stale=is_stale,
    )


def _offered(session: Session, context_id: int, template_id: int) -> MappingTemplate:
    """A template this course may see: published by its organization, or taken over before."""
    found = templates.get_template(session, template_id)
    adopted = {one.id for _adoption, one in inheritance.adopted_templates(session, context_id)}
    is_offered = found.state is TemplateState.PUBLISHED
    if found.organization_id != g.launch.organization_id or not (is_offered or template_id in adopted):
        raise NotFoundError("There is no such template.")
    return found


def _page(
    session: Session, context_id: int, wanted: dict[str, int | None] | None = None, error: str | None = None
) -> str:
    adopted = inheritance.adopted_templates(session, context_id)
    taken = {one.id for _adoption, one in adopted}
    context = session.get_one(Context, context_id)
    inherited = [
        one
        for one in achievements.course_achievements(session, context_id)
        if one.template_version_id is not None and one.current_version is not None
    ]
    return render_template(
        "instructor/templates.html",
        adopted=adopted,
        offered=[one for one in templates.published_templates(session, context.organization_id) if one.id not in taken],
        work=slots.template_work(session, context_id),
        wanted=wanted,
        error=error,
        columns=course_columns(session, context_id),
        badges=[(one, inheritance.is_approved(session, one)) for one in inherited],
        state=overview.course_state(session, context_id),
    )


def _name(achievement: Achievement) -> str:
    return achievement.current_version.name if achievement.current_version else ""


def _back(context_id: int) -> Response:
    return make_response(redirect(url_for("instructor_templates.templates", context_id=context_id), 303))
