"""Imports a confirmed gradebook file: a page of rows and a short transaction at a time, under a lease.

Killed at any moment, whoever takes the file next goes on after the last page that was stored.
"""

import structlog

from lti_tool.errors import ToolError
from lti_tool.evidence.csv_upload import Gradebook
from lti_tool.models import GradebookUpload
from lti_tool.services import gradebook_imports
from lti_tool.services.gradebook_files import stored_pieces
from lti_tool.services.gradebook_matching import iter_pages
from lti_tool.services.gradebook_uploads import choice_of, shape_of
from lti_tool.wiring import Services

log = structlog.get_logger()


def import_gradebook(services: Services, upload_id: int) -> int | None:
    """Take the upload if it is due and bring it to its end; returns the course it belongs to, if it was taken."""
    with services.database.write() as session:
        upload = gradebook_imports.take_upload(session, upload_id, services.clock())
        if upload is None:
            return None
        columns = gradebook_imports.store_columns(session, upload)
    try:
        if _import_rows(services, upload, columns):
            with services.database.write() as session:
                gradebook_imports.finish(session, upload_id, services.clock())
    except ToolError as error:
        log.warning("gradebook.failed", upload_id=upload_id, error_code=error.code)
        with services.database.write() as session:
            gradebook_imports.fail(session, upload_id, error.code, services.clock())
    return upload.context_id


def gradebook_of(services: Services, upload: GradebookUpload) -> Gradebook:
    """Return the file of an upload, as far as its columns were chosen."""
    pieces = stored_pieces(services.database.read, upload.id)
    return Gradebook(shape_of(upload), pieces, choice_of(upload).columns)


def _import_rows(services: Services, upload: GradebookUpload, columns: dict[str, int]) -> bool:
    """Store page after page; returns ``False`` when somebody else took over."""
    next_row = upload.next_row
    for rows in iter_pages(gradebook_of(services, upload).iter_rows(next_row)):
        with services.database.write() as session:
            if not gradebook_imports.store_page(session, upload.id, columns, rows, next_row, services.clock()):
                return False
        next_row = rows[-1].number + 1
    return True
