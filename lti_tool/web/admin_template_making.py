"""Making templates and new versions of them, from a course or from a document, after a look at what is in it."""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask import session as flask_session
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.characters import one_line
from lti_tool.domain.template_documents import parse_template
from lti_tool.domain.templates import Template
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Context, MappingTemplate, Organization
from lti_tool.services import templates as template_service
from lti_tool.web.access import Action, staff_required
from lti_tool.web.admin_templates import courses_of, is_published, to_template, wake_courses
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.template_words import differences, view_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_template_making", __name__, url_prefix="/admin/templates")
DRAFT = "template_draft"
"""Key in ``flask.session``: what was shown and waits for a yes (name, organization, template, document)."""
FILE_LIMIT = 1_000_000


@blueprint.get("/new")
@staff_required(action=Action.MANAGE_TEMPLATES)
def new() -> str:
    """A form: from which course, or from which file."""
    return _form(None)


@blueprint.post("/new")
@staff_required(action=Action.MANAGE_TEMPLATES)
def look_at() -> str:
    """Show what the template would hold; nothing is stored but in this session."""
    return _look(None)


@blueprint.get("/<int:template_id>/change")
@staff_required(action=Action.MANAGE_TEMPLATES)
def change(template_id: int) -> str:
    """The same form for a new version."""
    return _form(template_id)


@blueprint.post("/<int:template_id>/change")
@staff_required(action=Action.MANAGE_TEMPLATES)
def look_at_change(template_id: int) -> str:
    """Show what the new version would change; nothing is stored but in this session."""
    return _look(template_id)


@blueprint.post("/confirm")
@staff_required(action=Action.MANAGE_TEMPLATES)
def confirm() -> str | Response:
    """Store what was shown; ``digest`` must be of what the page showed, in case another tab looked at another file."""
    draft = flask_session.get(DRAFT)
    if not draft or request.form.get("digest") != _digest(draft["document"]):
        flash(_("The preview is not there any more. Choose the course or file again."), "warning")
        return make_response(redirect(url_for("admin_templates.templates"), 303))
    now, actor = services().clock(), g.staff.actor
    content = parse_template(draft["document"])
    try:
        with services().database.write() as session:
            if draft["template"] is None:
                name, organization_id = draft["name"], draft["organization"]
                found = template_service.create_template(session, organization_id, name, content, actor, now)
            else:
                found = template_service.get_template(session, draft["template"])
                template_service.add_version(session, found, content, actor, now)
            template_id, number = found.id, found.current_version.number if found.current_version else 0
    except (ConflictError, InvalidInputError) as error:
        field = "name" if error.code == "template_name_taken" else "file"
        return _form(draft["template"], {field: _problem(error)}, name=draft["name"])
    flask_session.pop(DRAFT)
    wake_courses()
    flash(_("Version %(number)s is stored.", number=number), "success")
    return to_template(template_id)


def _look(template_id: int | None) -> str:
    errors: dict[str, str] = {}
    name = one_line(request.form.get("name", ""))
    with services().database.read() as session:
        found = None if template_id is None else template_service.get_template(session, template_id)
        if found is None and not name:
            errors["name"] = _code("template_name_empty")
        elif found is None and len(name) > template_service.NAME_LENGTH:
            errors["name"] = _code("name_too_long")
        content, organization_id = _read(session, found, errors)
        if content is None or organization_id is None or errors:
            return _form(template_id, errors, name=name)
        before = found.current_version if found is not None else None
        document = dict(content.to_document())
        flask_session[DRAFT] = {
            "name": name,
            "organization": organization_id,
            "template": template_id,
            "document": document,
        }
        return render_template(
            "admin/template_preview.html",
            template=found,
            name=found.name if found else name,
            organization=session.get_one(Organization, organization_id),
            view=view_of(content),
            differences=differences(template_service.read_version(before), content) if before else None,
            courses=courses_of(session, found) if found is not None and is_published(found) else [],
            digest=_digest(document),
        )


def _read(
    session: Session, found: MappingTemplate | None, errors: dict[str, str]
) -> tuple[Template | None, int | None]:
    """The content and its organization; what cannot be used is noted in ``errors``."""
    organization_id = found.organization_id if found is not None else None
    if request.form.get("source") == "file":
        if organization_id is None:
            organization_id = _organization(session)
        if organization_id is None:
            errors["organization"] = _code("template_organization_unknown")
        try:
            return parse_template(_document()), organization_id
        except InvalidInputError as error:
            errors["file"] = _problem(error)
        return None, organization_id
    number = request.form.get("course", "")
    context = session.get(Context, int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
    if context is None or organization_id not in (None, context.organization_id):
        errors["course"] = _code("template_course_unknown")
        return None, organization_id
    try:
        return template_service.course_content(session, context.id), context.organization_id
    except ConflictError as error:
        errors["course"] = field_text(error)
    return None, organization_id


def _organization(session: Session) -> int | None:
    """The organization that was chosen, or the only one."""
    known = {str(one): one for one in session.scalars(select(Organization.id))}
    if len(known) == 1:
        return next(iter(known.values()))
    return known.get(request.form.get("organization", ""))


def _document() -> object:
    """The JSON that was sent. Raises ``InvalidInputError`` (``template_file_missing``, ``template_not_json`` …)."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidInputError("No file was sent.", code="template_file_missing", field="file")
    text = file.read(FILE_LIMIT + 1)
    if len(text) > FILE_LIMIT:
        raise InvalidInputError("The file is too large.", code="template_too_long", field="file")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInputError("The file is no JSON.", code="template_not_json", field="file") from None


def _form(template_id: int | None, errors: Mapping[str, str] | None = None, *, name: str = "") -> str:
    with services().database.read() as session:
        found = None if template_id is None else template_service.get_template(session, template_id)
        contexts = select(Context).order_by(Context.title, Context.id)
        if found is not None:
            contexts = contexts.where(Context.organization_id == found.organization_id)
        organizations = list(session.scalars(select(Organization).order_by(Organization.name, Organization.id)))
        return render_template(
            "admin/template_form.html",
            template=found,
            courses=list(session.scalars(contexts)),
            organizations=organizations,
            names={one.id: one.name for one in organizations},
            errors=errors or {},
            name=name,
            typed=request.form,
        )


def _code(code: str) -> str:
    return field_text(InvalidInputError(code=code))


def _problem(error: InvalidInputError | ConflictError) -> str:
    """What is wrong, with the place in the document in front."""
    words, place = field_text(error), cast("str | None", getattr(error, "field", None))
    if place is None or not place.startswith("$"):
        return words
    return _("At %(place)s: %(text)s", place=place, text=words)


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
