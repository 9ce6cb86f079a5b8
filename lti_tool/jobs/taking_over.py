"""Takes over what a copied course brings, where the platform said that it is a copy."""

import structlog

from lti_tool.errors import ToolError
from lti_tool.services import course_copies
from lti_tool.wiring import Services

log = structlog.get_logger()


def take_over_copy(services: Services, copy_id: int) -> None:
    """Take a copy over unless a person decided meanwhile; one that cannot be is put before the instructor."""
    try:
        with services.database.write() as session:
            course_copies.take_over_if_due(session, copy_id, services.clock())
    except ToolError as error:
        log.warning("course_copy.failed", copy_id=copy_id, error_code=error.code)
        with services.database.write() as session:
            course_copies.ask_instead(session, copy_id)
