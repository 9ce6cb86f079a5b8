"""Signs pending credential versions; safe to run at any time, by anybody, twice."""

import structlog

from lti_tool.errors import ToolError
from lti_tool.services import issuing
from lti_tool.wiring import Services

log = structlog.get_logger()


def issue(services: Services, version_id: int) -> None:
    """Compose, sign, verify and store one version; a failure is kept with the row and tried again."""
    try:
        with services.database.read() as session:
            unsigned = issuing.compose(session, version_id, services.vault)
        if unsigned is None:
            return
        text = issuing.sign(unsigned)
    except ToolError as error:
        log.error("issuing.failed", version_id=version_id, error_code=error.code)
        with services.database.write() as session:
            issuing.record_failure(session, version_id, error.code, services.clock())
        return
    with services.database.write() as session:
        issuing.store_signed(session, version_id, text, services.clock())
