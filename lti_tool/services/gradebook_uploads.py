"""Uploads of gradebook files: received and previewed, confirmed or discarded by a person, then imported by a job.

Nothing is stored as evidence before somebody confirmed exactly what the preview showed.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.characters import one_line
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.evidence.csv_upload import Gradebook, GradebookShape, find_shape
from lti_tool.evidence.csv_upload.cells import plain
from lti_tool.evidence.csv_upload.layout import ColumnNote, Scale
from lti_tool.models import Context, GradebookUpload, UploadState, User
from lti_tool.services import audit, gradebook_files
from lti_tool.services.gradebook_changes import TAKEN
from lti_tool.services.gradebook_files import ReceivedFile
from lti_tool.services.gradebook_preview import Read, preview

MOST_OPEN = 10
"""Previews a course keeps; the oldest makes room."""
LISTED = 50
KEPT = timedelta(days=7)
"""How long an undecided file waits."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """A file that was looked through, before it is stored."""

    file: ReceivedFile
    shape: GradebookShape
    exported_at: datetime
    findings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person takes of a file: columns by key, and near matches by line."""

    columns: frozenset[str]
    near: frozenset[int]

    def to_document(self) -> dict[str, Any]:
        """A JSON document."""
        return {"columns": sorted(self.columns), "near": sorted(self.near)}


@dataclass(frozen=True, slots=True)
class Amount:
    """What a choice comes to: grades that are news, in how many columns; ``changes`` counts them by kind."""

    grades: int
    columns: int
    changes: Mapping[str, int]
    digest: str


def look_through(read: Read, context_id: int, file: BinaryIO, exported_at: datetime | None, now: datetime) -> Previewed:
    """Look a file through; nothing is stored.

    ``exported_at``: when a person says it was exported; else what the file says, else now; never later than now.
    Raises ``GradebookRefusedError``, ``InvalidInputError`` (``exported_in_future``).
    """
    if exported_at is not None and exported_at > now:
        raise InvalidInputError("An export is never from the future.", code="exported_in_future", field="exported_on")
    received = gradebook_files.receive(file)
    shape = find_shape(received.pieces, received.line_items)
    moment = min(exported_at or shape.exported_at or now, now)
    findings = preview(read, context_id, Gradebook(shape, received.pieces), moment)
    return Previewed(received, shape, moment, findings)


def store(
    session: Session, context: Context, user_id: int, file_name: str, previewed: Previewed, now: datetime
) -> GradebookUpload:
    """Keep a file that was looked through until somebody decides; the oldest undecided ones make room."""
    upload = GradebookUpload(
        context_id=context.id,
        user_id=user_id,
        state=UploadState.PREVIEWED,
        dialect=previewed.shape.dialect,
        file_name=one_line(file_name.replace("\\", "/").rsplit("/", 1)[-1])[-255:] or "gradebook.csv",
        exported_at=previewed.exported_at,
        preview={"shape": previewed.shape.to_document(), **previewed.findings},
        choices=_proposed(previewed.shape).to_document(),
        next_row=0,
        counts={"rows": previewed.shape.rows},
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(upload)
    session.flush()
    gradebook_files.keep(session, upload.id, previewed.file.pieces, now)
    _make_room(session, context, now)
    _record(session, "gradebook.uploaded", upload, context, f"user:{user_id}", now, rows=previewed.shape.rows)
    return upload


def _proposed(shape: GradebookShape) -> Choice:
    """The columns a person would want: each work once, with its maximum if any has one; else the first of all."""
    work = [one for one in shape.columns if one.note in {None, ColumnNote.NO_MAXIMUM}]
    work.sort(key=lambda one: (one.note is not None, one.scale is Scale.LETTER))
    once: dict[str, str] = {}
    for one in work:
        once.setdefault(plain(one.title), one.key)
    clear = {one.key for one in work if one.note is None}
    proposed = frozenset(once.values()) & clear if clear else frozenset(once.values())
    spare = [one.key for one in shape.columns if one.can_be_taken]
    return Choice(proposed or frozenset(spare[:1]), frozenset())


def _make_room(session: Session, context: Context, now: datetime) -> None:
    undecided = session.scalars(
        select(GradebookUpload)
        .where(GradebookUpload.context_id == context.id, GradebookUpload.state == UploadState.PREVIEWED)
        .order_by(GradebookUpload.id.desc())
        .offset(MOST_OPEN)
    )
    for one in list(undecided):
        _end(session, one, UploadState.DISCARDED, now)


def sweep(session: Session, now: datetime) -> int:
    """Throw away files that nobody decided about for ``KEPT``; returns how many."""
    forgotten = session.scalars(
        select(GradebookUpload)
        .where(GradebookUpload.state == UploadState.PREVIEWED, GradebookUpload.due_at < now - KEPT)
        .limit(100)
    ).all()
    for one in forgotten:
        _end(session, one, UploadState.DISCARDED, now)
    return len(forgotten)


def get_upload(session: Session, context_id: int, upload_id: int) -> GradebookUpload:
    """Return an upload of a course; raises ``NotFoundError``."""
    upload = session.get(GradebookUpload, upload_id)
    if upload is None or upload.context_id != context_id:
        raise NotFoundError("There is no such upload in this course.")
    return upload


def list_uploads(session: Session, context_id: int) -> list[tuple[GradebookUpload, str | None]]:
    """Return the latest uploads of a course, each with the name of who made it."""
    rows = session.execute(
        select(GradebookUpload, User.name)
        .join(User, User.id == GradebookUpload.user_id)
        .where(GradebookUpload.context_id == context_id)
        .order_by(GradebookUpload.id.desc())
        .limit(LISTED)
    )
    return [(upload, name) for upload, name in rows]


def shape_of(upload: GradebookUpload) -> GradebookShape:
    """Return the shape of an upload's file, while it is there."""
    return GradebookShape.from_document(upload.preview["shape"])


def choice_of(upload: GradebookUpload) -> Choice:
    """Return what is chosen of an upload."""
    return Choice(frozenset(upload.choices.get("columns", ())), frozenset(upload.choices.get("near", ())))


def read_choice(upload: GradebookUpload, columns: Collection[str], near: Collection[int]) -> Choice:
    """Return a choice of what the preview offers; anything else in it is left out."""
    offered = {one.key for one in shape_of(upload).columns if one.can_be_taken}
    lines = {one["line"] for one in upload.preview["near"]}
    return Choice(frozenset(columns) & offered, frozenset(near) & lines)


def amount_of(upload: GradebookUpload, choice: Choice) -> Amount:
    """Return what taking a choice comes to, by what the preview found."""
    changes: Counter[str] = Counter()
    taken: set[str] = set()
    for key in choice.columns:
        for change, number in upload.preview["columns"][key]["changes"].items():
            changes[change] += number
            if change in TAKEN and number:
                taken.add(key)
    for one in upload.preview["near"]:
        if one["line"] in choice.near:
            counted = {key: change for key, change in one["changes"].items() if key in choice.columns}
            changes.update(counted.values())
            taken |= {key for key, change in counted.items() if change in TAKEN}
    shown = json.dumps([upload.id, choice.to_document(), sorted(changes.items())], separators=(",", ":"))
    grades = sum(changes[one] for one in TAKEN)
    return Amount(grades, len(taken), dict(changes), hashlib.sha256(shown.encode()).hexdigest()[:32])


def choose(session: Session, upload: GradebookUpload, choice: Choice) -> None:
    """Keep what a person chose. Raises ``ConflictError`` (``upload_decided``)."""
    _require_undecided(session, upload)
    upload.choices = choice.to_document()


def confirm(session: Session, upload: GradebookUpload, choice: Choice, digest: str, actor: str, now: datetime) -> None:
    """Let a job import what was shown.

    Raises ``ConflictError`` (``upload_decided``; ``preview_outdated`` when another choice was shown),
    ``InvalidInputError`` (``no_column_chosen``).
    """
    _require_undecided(session, upload)
    if not choice.columns:
        raise InvalidInputError("No column is chosen.", code="no_column_chosen", field="column")
    amount = amount_of(upload, choice)
    if amount.digest != digest:
        raise ConflictError("Another choice was shown.", code="preview_outdated")
    near = {str(one["line"]): one["user_id"] for one in upload.preview["near"] if one["line"] in choice.near}
    upload.choices = {**choice.to_document(), "who": near, "repeated": upload.preview["repeated"]}
    upload.state, upload.due_at, upload.next_row = UploadState.IMPORTING, now, 0
    context = session.get_one(Context, upload.context_id)
    _record(
        session,
        "gradebook.confirmed",
        upload,
        context,
        actor,
        now,
        columns=len(choice.columns),
        grades=amount.grades,
        near=sorted(near.values()),
    )


def discard(session: Session, upload: GradebookUpload, actor: str, now: datetime) -> None:
    """Throw an undecided upload away. Raises ``ConflictError`` (``upload_decided``)."""
    _require_undecided(session, upload)
    _end(session, upload, UploadState.DISCARDED, now)
    _record(session, "gradebook.discarded", upload, session.get_one(Context, upload.context_id), actor, now)


def _require_undecided(session: Session, upload: GradebookUpload) -> None:
    session.refresh(upload, with_for_update=True)
    if upload.state is not UploadState.PREVIEWED:
        raise ConflictError("This upload was decided about before.", code="upload_decided")


def _end(session: Session, upload: GradebookUpload, state: UploadState, now: datetime) -> None:
    """Bring an upload to its end; the file and what was shown of it go."""
    gradebook_files.let_go(session, upload.id)
    upload.state, upload.finished_at, upload.lease_until = state, now, None
    upload.preview, upload.choices = {}, {}


def end_import(
    session: Session, upload: GradebookUpload, state: UploadState, error_code: str | None, now: datetime
) -> None:
    """Bring an import to its end, done or failed."""
    context = session.get_one(Context, upload.context_id)
    _end(session, upload, state, now)
    upload.error_code = error_code
    action = "gradebook.imported" if state is UploadState.DONE else "gradebook.failed"
    _record(session, action, upload, context, "job", now, **upload.counts)


def _record(
    session: Session, action: str, upload: GradebookUpload, context: Context, actor: str, now: datetime, **payload: Any
) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"gradebook_upload:{upload.id}",
        organization_id=context.organization_id,
        payload={"context": context.id, "dialect": upload.dialect, "file": upload.file_name, **payload},
        now=now,
    )
