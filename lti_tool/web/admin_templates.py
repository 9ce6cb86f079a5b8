"""The organization's templates for registrars and admins: the list, one of them, publishing, locking, retiring."""

import json

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.models import Context, MappingTemplate, Organization, TemplateState
from lti_tool.services import templates as template_service
from lti_tool.services.wakeups import APPLY_TEMPLATE
from lti_tool.web.access import Action, staff_required
from lti_tool.web.current import services
from lti_tool.web.template_words import view_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_templates", __name__, url_prefix="/admin/templates")


@blueprint.get("/")
@staff_required(action=Action.MANAGE_TEMPLATES)
def templates() -> str:
    """Every template, with its state and how many courses have it."""
    with services().database.read() as session:
        rows = [
            (one, session.get_one(Organization, one.organization_id), len(template_service.adoptions(session, one.id)))
            for one in template_service.list_templates(session)
        ]
        return render_template("admin/templates.html", rows=rows)


@blueprint.get("/<int:template_id>")
@staff_required(action=Action.MANAGE_TEMPLATES)
def template(template_id: int) -> str:
    """What it holds, and which courses have which version of it."""
    with services().database.read() as session:
        found = template_service.get_template(session, template_id)
        version = found.current_version
        return render_template(
            "admin/template.html",
            template=found,
            organization=session.get_one(Organization, found.organization_id),
            view=view_of(template_service.read_version(version)) if version else None,
            courses=courses_of(session, found),
        )


def courses_of(session: Session, template: MappingTemplate) -> list[tuple[str, int, bool]]:
    """The courses that inherit a template: name, number of the version they have, whether it is the current one."""
    numbers = template_service.version_numbers(session, template.id)
    return [
        (course_name(context), numbers[one.template_version_id], one.template_version_id == template.current_version_id)
        for one, context in template_service.adoptions(session, template.id)
    ]


def course_name(context: Context) -> str:
    """What a course is called."""
    return context.title or context.label or context.platform_id


@blueprint.get("/<int:template_id>/document.json")
@staff_required(action=Action.MANAGE_TEMPLATES)
def document(template_id: int) -> Response:
    """The current version as a file, to be kept, changed and uploaded again."""
    with services().database.read() as session:
        found = template_service.get_template(session, template_id)
        content = found.current_version.document if found.current_version else {}
        number = found.current_version.number if found.current_version else 0
    response = make_response(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="template-{template_id}-{number}.json"'
    return response


@blueprint.get("/<int:template_id>/publish")
@staff_required(action=Action.MANAGE_TEMPLATES)
def publishing(template_id: int) -> str:
    """What publishing, locking or unlocking means, before it happens."""
    with services().database.read() as session:
        found = template_service.get_template(session, template_id)
        return render_template("admin/template_publish.html", template=found, courses=courses_of(session, found))


@blueprint.post("/<int:template_id>/publish")
@staff_required(action=Action.MANAGE_TEMPLATES)
def publish(template_id: int) -> Response:
    """Offer it to the organization's courses, locked or not."""
    is_locked = request.form.get("locked") == "yes"
    with services().database.write() as session:
        found = template_service.get_template(session, template_id)
        template_service.publish(session, found, is_locked=is_locked, actor=g.staff.actor, now=services().clock())
        name = found.name
    wake_courses()
    if is_locked:
        flash(_("“%(template)s” is published and locked.", template=name), "success")
    else:
        flash(_("“%(template)s” is published. Courses may change what they take over.", template=name), "success")
    return to_template(template_id)


@blueprint.post("/<int:template_id>/retire")
@staff_required(action=Action.MANAGE_TEMPLATES)
def retire(template_id: int) -> Response:
    """Offer it to no further course."""
    with services().database.write() as session:
        found = template_service.get_template(session, template_id)
        template_service.retire(session, found, g.staff.actor, services().clock())
        name = found.name
    flash(_("“%(template)s” is retired. Courses that have it keep it as it is.", template=name), "info")
    return to_template(template_id)


def wake_courses() -> None:
    """Bring the courses that lack their template's current version up to date, in the background."""
    with services().database.read() as session:
        due = template_service.due_adoptions(session)
    for adoption_id in due:
        services().queue.wake(APPLY_TEMPLATE, adoption_id)


def to_template(template_id: int) -> Response:
    """Go on to the page of a template."""
    return make_response(redirect(url_for("admin_templates.template", template_id=template_id), 303))


def is_published(template: MappingTemplate) -> bool:
    """Whether courses can have it, and get its new versions."""
    return template.state is TemplateState.PUBLISHED
