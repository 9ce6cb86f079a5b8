"""The course's skills: written one by one, or imported from a CSV file after a look at what is in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask import session as flask_session
from sqlalchemy.orm import Session

from lti_tool.characters import one_line
from lti_tool.errors import InvalidInputError
from lti_tool.frameworks.csv import Competency, read_competencies
from lti_tool.models import Context, Item
from lti_tool.services import frameworks
from lti_tool.services.coverage import uses_of
from lti_tool.services.mapping import mapped_columns
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.badge_steps import step_badge, steps
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("instructor_skills", __name__)
IMPORT = "skills_import"
"""Key in ``flask.session``: rows that were shown and wait for a yes, as (statement, code, identifier, uri)."""
SHOWN_ROWS = 200
CODE_LENGTH = 255


@blueprint.get("/courses/<int:context_id>/skills")
@launch_required(Role.INSTRUCTOR)
def skills(context_id: int) -> str:
    """The list, a form to add one, a form to import many."""
    return _page(context_id)


@blueprint.post("/courses/<int:context_id>/skills")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def add(context_id: int) -> str | Response:
    """Add one skill."""
    statement, code = one_line(request.form.get("statement", "")), one_line(request.form.get("code", ""))
    try:
        if len(code) > CODE_LENGTH:
            raise InvalidInputError("The code is too long.", code="code_too_long", field="code")
        with services().database.write() as session:
            context = session.get_one(Context, context_id)
            item = frameworks.add_item(session, context, statement, code, services().clock())
    except InvalidInputError as error:
        return _page(context_id, {error.field or "statement": field_text(error)})
    flash(_("“%(skill)s” is in the list.", skill=item.full_statement), "success")
    return _list(context_id)


@blueprint.get("/courses/<int:context_id>/skills/<int:item_id>")
@launch_required(Role.INSTRUCTOR)
def skill(context_id: int, item_id: int) -> str:
    """One skill: its words, what uses it, and a way to remove it."""
    with services().database.read() as session:
        item = frameworks.get_item(session, context_id, item_id)
        return _skill_page(session, item, item.full_statement, item.human_code or "")


@blueprint.post("/courses/<int:context_id>/skills/<int:item_id>")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def change(context_id: int, item_id: int) -> str | Response:
    """Change a skill's words."""
    statement, code = one_line(request.form.get("statement", "")), one_line(request.form.get("code", ""))
    with services().database.write() as session:
        item = frameworks.get_item(session, context_id, item_id)
        try:
            if len(code) > CODE_LENGTH:
                raise InvalidInputError("The code is too long.", code="code_too_long", field="code")
            frameworks.update_item(item, statement, code)
        except InvalidInputError as error:
            return _skill_page(session, item, statement, code, {error.field or "statement": field_text(error)})
    flash(_("“%(skill)s” is saved.", skill=statement), "success")
    return _list(context_id)


@blueprint.post("/courses/<int:context_id>/skills/<int:item_id>/remove")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def remove(context_id: int, item_id: int) -> Response:
    """Remove a skill that nothing uses."""
    with services().database.write() as session:
        item = frameworks.get_item(session, context_id, item_id)
        frameworks.remove_item(session, item)
        statement = item.full_statement
    flash(_("“%(skill)s” is removed.", skill=statement), "success")
    return _list(context_id)


def _skill_page(
    session: Session, item: Item, statement: str, code: str, errors: Mapping[str, str] | None = None
) -> str:
    return render_template(
        "instructor/skill.html",
        item=item,
        statement=statement,
        code=code,
        uses=uses_of(session, item),
        is_inherited=item.framework.template_id is not None,
        errors=errors or {},
    )


@blueprint.post("/courses/<int:context_id>/skills/import")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def look_at(context_id: int) -> str:
    """Show what a file holds; nothing is stored but in this session."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidInputError("No file was sent.", code="csv_missing", field="file")
        rows = read_competencies(file.read())
    except InvalidInputError as error:
        return _page(context_id, {"file": field_text(error)})
    kept = flask_session[IMPORT] = [list(astuple(row)) for row in rows]
    with services().database.read() as session:
        items = frameworks.course_items(session, context_id)
        known = {item.full_statement for item in items} | {item.identifier for item in items}
    return render_template(
        "instructor/skills_import.html",
        rows=rows[:SHOWN_ROWS],
        known=known,
        number=len(rows),
        seen=_digest(kept),
        more=max(0, len(rows) - SHOWN_ROWS),
    )


@blueprint.post("/courses/<int:context_id>/skills/import/confirm")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def confirm_import(context_id: int) -> Response:
    """Store what was shown. ``seen`` must be of what the page showed, in case another tab looked at another file."""
    rows = flask_session.pop(IMPORT, None)
    if not rows or request.form.get("seen") != _digest(rows):
        flash(_("The preview is not there any more. Choose the file again."), "warning")
        return _list(context_id)
    with services().database.write() as session:
        context = session.get_one(Context, context_id)
        added = frameworks.import_items(session, context, [Competency(*row) for row in rows], services().clock())
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(
        ngettext("%(num)s new skill is in the list.", "%(num)s new skills are in the list.", added)
        if added
        else _("The file held nothing new. Skills that were there are up to date."),
        "success",
    )
    return _list(context_id)


def _digest(rows: list[list[str | None]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def _list(context_id: int) -> Response:
    badge = request.form.get("badge") or None
    return make_response(redirect(url_for("instructor_skills.skills", context_id=context_id, badge=badge), 303))


def _page(context_id: int, errors: Mapping[str, str] | None = None) -> str:
    with services().database.read() as session:
        items = frameworks.course_items(session, context_id)
        columns = mapped_columns(session, context_id)
        work = {item.id: [one.column.title for one in columns if item.id in one.thresholds] for item in items}
        badge = step_badge(session, context_id)
        return render_template(
            "instructor/skills.html",
            items=items,
            work=work,
            errors=errors or {},
            typed=request.form,
            badge=badge,
            steps=steps(badge, context_id) if badge else [],
        )
