"""Uploading a gradebook: the file is shown as it was understood, then taken over exactly so, and its result shown."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, cast

from flask import Blueprint, Flask, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.evidence.csv_upload import CSV_UPLOAD
from lti_tool.evidence.csv_upload.table import MAX_BYTES
from lti_tool.models import ColumnLink, Context, EvidenceColumn, GradebookUpload, LinkState, UploadState
from lti_tool.services import gradebook_uploads
from lti_tool.services.gradebook_uploads import Choice, amount_of, choice_of, get_upload, read_choice, shape_of
from lti_tool.services.wakeups import IMPORT_GRADEBOOK
from lti_tool.web import upload_words
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.rates import limiter, set_up
from lti_tool.web.roster_form import read_id
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("instructor_uploads", __name__)
blueprint.record_once(lambda state: set_up(cast("Flask", state.app)))
UPLOADS = "/courses/<int:context_id>/gradebook"
ONE = f"{UPLOADS}/<int:upload_id>"
RATE: Final = "30 per minute"
"""Files one address may send: each is looked through while its sender waits."""
FORM_BYTES = 1024 * 1024


@blueprint.url_value_preprocessor
def accept_larger_files(endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG001
    """Gradebooks may be larger than other files; runs before anything reads the form."""
    if endpoint == f"{blueprint.name}.send":
        request.max_content_length = MAX_BYTES + FORM_BYTES


@blueprint.get(UPLOADS)
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def uploads(context_id: int) -> str:
    """The form, how to export, and what was uploaded before."""
    with services().database.read() as session:
        return _form(session, context_id)


def _form(session: Session, context_id: int, **more: Any) -> str:
    context = session.get_one(Context, context_id)
    values = {"errors": {}, "typed": request.form} | more
    return render_template(
        "instructor/uploads.html",
        uploads=gradebook_uploads.list_uploads(session, context_id),
        product=context.deployment.registration.product or "",
        words=upload_words,
        **values,
    )


@blueprint.post(UPLOADS)
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
@limiter.limit(RATE)
def send(context_id: int) -> Response | str:
    """Look a file through and keep it until somebody decides."""
    database, now = services().database, services().clock()
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidInputError("No file was sent.", code="gradebook_missing", field="file")
        exported_at = read_day(request.form.get("exported_on", ""), now)
        previewed = gradebook_uploads.look_through(
            database.read, context_id, cast("Any", file.stream), exported_at, now
        )
        with database.write() as session:
            context = session.get_one(Context, context_id)
            upload = gradebook_uploads.store(session, context, g.launch.user_id, file.filename, previewed, now)
    except InvalidInputError as error:
        with database.read() as session:
            return _form(session, context_id, errors={error.field or "file": upload_words.problem(error)})
    finally:
        if file is not None:
            file.close()
    return _to("instructor_uploads.show", context_id=context_id, upload_id=upload.id)


def read_day(text: str, now: datetime) -> datetime | None:
    """Return a moment of the day that was typed, ``None`` for an empty field.

    The day is the reader's, whose time zone nobody told: noon UTC of it, and now for a day that is today anywhere.
    Raises ``InvalidInputError`` (``exported_invalid``, ``exported_in_future``).
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInputError("Not a day.", code="exported_invalid", field="exported_on") from None
    if day > (now + timedelta(hours=14)).date():
        raise InvalidInputError("A day to come.", code="exported_in_future", field="exported_on")
    return min(datetime.combine(day, time(12), UTC), now)


@blueprint.get(ONE)
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def show(context_id: int, upload_id: int) -> str:
    """What a file would do, or what became of it."""
    with services().database.read() as session:
        upload = get_upload(session, context_id, upload_id)
        if upload.state is UploadState.PREVIEWED:
            return _preview(session, upload, choice_of(upload))
        return render_template(
            "instructor/upload_result.html", upload=upload, words=upload_words, total=upload.counts.get("rows", 0)
        )


def _preview(session: Session, upload: GradebookUpload, choice: Choice, **more: Any) -> str:
    columns = shape_of(upload).columns
    values = {"errors": {}, "is_stale": False} | more
    return render_template(
        "instructor/upload.html",
        upload=upload,
        preview=upload.preview,
        columns=columns,
        titles={one.key: one.title for one in columns},
        choice=choice,
        amount=amount_of(upload, choice),
        linked=_linked(session, upload),
        words=upload_words,
        **values,
    )


def _linked(session: Session, upload: GradebookUpload) -> dict[str, list[str]]:
    """Titles of the columns that are the same work as a column of this file, as somebody confirmed: by key."""
    own = {found["id"]: key for key, found in upload.preview["columns"].items() if found["id"] is not None}
    rows = session.execute(
        select(ColumnLink.column_id, ColumnLink.other_id).where(
            ColumnLink.context_id == upload.context_id, ColumnLink.state == LinkState.CONFIRMED
        )
    )
    titles: dict[str, list[str]] = {}
    for pair in rows:
        for mine, other in (pair, tuple(reversed(pair))):
            if mine in own:
                column = session.get_one(EvidenceColumn, other)
                if column.source != CSV_UPLOAD:
                    titles.setdefault(own[mine], []).append(column.title)
    return titles


@blueprint.post(f"{ONE}/take")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def take(context_id: int, upload_id: int) -> Response | str:
    """Keep what is chosen; with ``do=take``, and if just that was shown, take it over."""
    form, now = request.form, services().clock()
    near = [line for name in form if name.startswith("near-") and form[name] == "yes" if (line := read_id(name[5:]))]
    errors, is_stale = {}, False
    with services().database.write() as session:
        upload = get_upload(session, context_id, upload_id)
        if upload.state is not UploadState.PREVIEWED:
            raise ConflictError("This upload was decided about before.", code="upload_decided")
        choice = read_choice(upload, form.getlist("column"), near)
        gradebook_uploads.choose(session, upload, choice)
        if form.get("do") == "take":
            try:
                gradebook_uploads.confirm(session, upload, choice, form.get("seen", ""), g.launch.actor, now)
            except InvalidInputError as error:
                errors = {error.field or "column": upload_words.problem(error)}
            except ConflictError as error:
                if error.code != "preview_outdated":
                    raise
                is_stale = True
        if errors or is_stale:
            return _preview(session, upload, choice, errors=errors, is_stale=is_stale)
    if form.get("do") == "take":
        services().queue.wake(IMPORT_GRADEBOOK, upload_id)
    return _to("instructor_uploads.show", context_id=context_id, upload_id=upload_id)


@blueprint.post(f"{ONE}/discard")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def discard(context_id: int, upload_id: int) -> Response:
    """Throw a file away that nobody took over."""
    with services().database.write() as session:
        upload = get_upload(session, context_id, upload_id)
        gradebook_uploads.discard(session, upload, g.launch.actor, services().clock())
    flash(_("The file is thrown away. Nothing of it was stored."), "success")
    return _to("instructor_uploads.uploads", context_id=context_id)


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))
