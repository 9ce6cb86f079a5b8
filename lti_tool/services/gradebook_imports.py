"""Importing a confirmed gradebook file: who holds it, what a page of it stores, how it ends.

A page's grades and how far the import came are stored together, so that a kill at any moment loses and doubles nothing.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ToolError
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.evidence.csv_upload import CSV_UPLOAD, GradeColumn, Row
from lti_tool.models import EvidenceColumn, GradebookUpload, Membership, UploadState
from lti_tool.services import column_links, course_sync, observing
from lti_tool.services.gradebook_changes import TAKEN, Change, compare, load_held, reading_of
from lti_tool.services.gradebook_matching import Match, Outcome, match_rows
from lti_tool.services.gradebook_uploads import choice_of, end_import, shape_of

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 6


def _is_due(now: datetime) -> ColumnElement[bool]:
    free = or_(GradebookUpload.lease_until.is_(None), GradebookUpload.lease_until < now)
    return (GradebookUpload.state == UploadState.IMPORTING) & (GradebookUpload.due_at <= now) & free


def due_uploads(session: Session, now: datetime, limit: int = 20) -> list[int]:
    """Return ids of uploads that somebody should import: confirmed, and held by nobody alive."""
    due = select(GradebookUpload.id).where(_is_due(now)).order_by(GradebookUpload.due_at).limit(limit)
    return list(session.scalars(due))


def take_upload(session: Session, upload_id: int, now: datetime) -> GradebookUpload | None:
    """Take an upload that is due, by one statement; ``None`` when somebody else has it, or it failed too often."""
    taken = session.execute(
        update(GradebookUpload)
        .where(GradebookUpload.id == upload_id, _is_due(now))
        .values(lease_until=now + LEASE, attempts=GradebookUpload.attempts + 1)
        .returning(GradebookUpload.id)
    ).scalar()
    if taken is None:
        return None
    upload = session.get_one(GradebookUpload, upload_id, populate_existing=True)
    if upload.attempts > MOST_ATTEMPTS:
        end_import(session, upload, UploadState.FAILED, ToolError.code, now)
        return None
    return upload


def store_columns(session: Session, upload: GradebookUpload) -> dict[str, int]:
    """Make or change the columns that were chosen; returns their ids by key.

    What a file says of a column that was read from a newer one is left out.
    """
    chosen = choice_of(upload).columns
    columns: dict[str, int] = {}
    for position, column in enumerate(shape_of(upload).columns):
        if column.key not in chosen:
            continue
        known = session.scalar(_column(upload.context_id, column.key))
        is_older = known is not None and known.checked_at is not None and known.checked_at > upload.exported_at
        columns[column.key] = (
            known.id
            if known is not None and is_older
            else observing.store_column(session, upload.context_id, CSV_UPLOAD, _reading(column, position))
        )
    return columns


def _column(context_id: int, key: str) -> Select[EvidenceColumn]:
    return select(EvidenceColumn).where(
        EvidenceColumn.context_id == context_id,
        EvidenceColumn.source == CSV_UPLOAD,
        EvidenceColumn.external_key == key,
    )


def _reading(column: GradeColumn, position: int) -> ColumnReading:
    return ColumnReading(
        external_key=column.key,
        title=column.title,
        kind=column.kind,
        maximum=column.maximum,
        resource_id=None,
        tag=None,
        position=position,
    )


def store_page(
    session: Session, upload_id: int, columns: dict[str, int], rows: list[Row], from_row: int, now: datetime
) -> bool:
    """Store the grades of a page of rows; returns ``False`` when somebody else has got further meanwhile."""
    upload = session.get_one(GradebookUpload, upload_id, populate_existing=True, with_for_update=True)
    if upload.state is not UploadState.IMPORTING or upload.next_row != from_row:
        return False
    counts: Counter[str] = Counter(upload.counts)
    # By column and user, so that two files that are imported at once take turns and do not wait for each other.
    for key, readings in sorted(_readings(session, upload, rows).items(), key=lambda one: columns[one[0]]):
        _store(session, columns[key], readings, counts, now)
    upload.counts = dict(counts)
    upload.next_row, upload.lease_until = rows[-1].number + 1, now + LEASE
    return True


def _readings(
    session: Session, upload: GradebookUpload, rows: list[Row]
) -> dict[str, list[tuple[int, ObservationReading]]]:
    """What a page says of whom, by column."""
    who: dict[str, int] = upload.choices.get("who", {})
    repeated = set(upload.choices.get("repeated", ()))
    learners = _still_learners(session, upload.context_id, who.values())
    found: dict[str, list[tuple[int, ObservationReading]]] = {}
    for match in match_rows(session, upload.context_id, rows):
        user_id = _meant(match, who.get(str(match.row.line)), learners)
        if user_id is None or user_id in repeated:
            continue
        for key, grade in match.row.grades:
            found.setdefault(key, []).append((user_id, reading_of(grade, upload.exported_at)))
    return found


def _meant(match: Match, confirmed: int | None, learners: set[int]) -> int | None:
    """Whose a row is. What somebody confirmed by name does not stand against identifiers that are known by now."""
    if confirmed is None or match.user_id == confirmed:
        return match.user_id
    return confirmed if match.outcome is Outcome.UNKNOWN and confirmed in learners else None


def _still_learners(session: Session, context_id: int, user_ids: Iterable[int]) -> set[int]:
    return set(
        session.scalars(
            select(Membership.user_id).where(
                Membership.context_id == context_id,
                Membership.user_id.in_(list(user_ids)),
                Membership.is_learner,
                ~Membership.is_test_user,
            )
        )
    )


def _store(
    session: Session,
    column_id: int,
    readings: list[tuple[int, ObservationReading]],
    counts: Counter[str],
    now: datetime,
) -> None:
    """Store what is news, the older word of a person before the newer."""
    readings.sort(key=lambda one: one[1].source_updated_at or now)
    newest = dict(readings)
    held = load_held(session, column_id, newest)
    wanted = []
    for user_id, reading in sorted(newest.items(), key=lambda one: one[0]):
        change = compare(held.get(user_id), reading)
        counts[change] += 1
        if change in TAKEN or change is Change.SAME:
            wanted.append((user_id, reading))
    observing.store_observations(session, column_id, wanted, now)


def finish(session: Session, upload_id: int, now: datetime) -> bool:
    """Mark the columns as read when the file was made, ask for an evaluation, and let the file go."""
    upload = session.get_one(GradebookUpload, upload_id, populate_existing=True, with_for_update=True)
    if upload.state is not UploadState.IMPORTING:
        return False
    for key in choice_of(upload).columns:
        column_id, checked_at = session.execute(
            select(EvidenceColumn.id, EvidenceColumn.checked_at).where(
                EvidenceColumn.context_id == upload.context_id,
                EvidenceColumn.source == CSV_UPLOAD,
                EvidenceColumn.external_key == key,
            )
        ).one()
        observing.mark_column_read(session, column_id, max(checked_at or upload.exported_at, upload.exported_at))
    column_links.propose(session, upload.context_id, now)
    course_sync.want_evaluation(session, upload.context_id)
    end_import(session, upload, UploadState.DONE, None, now)
    return True


def fail(session: Session, upload_id: int, error_code: str, now: datetime) -> None:
    """End an import that cannot go on; what was stored of it stays, since each grade in it is true."""
    upload = session.get_one(GradebookUpload, upload_id, populate_existing=True, with_for_update=True)
    if upload.state is UploadState.IMPORTING:
        course_sync.want_evaluation(session, upload.context_id)
        end_import(session, upload, UploadState.FAILED, error_code, now)
