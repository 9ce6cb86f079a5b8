"""Sets this tool's handlers at the notification service that a launch named."""

import structlog

from lti_tool.errors import OutboundError
from lti_tool.services import platform_notices
from lti_tool.wiring import Services

log = structlog.get_logger()

HANDLER_PATH = "/lti/notices"


def ask_for_notices(services: Services, deployment_row_id: int) -> None:
    """Ask for every notice this tool handles; what a platform refuses is asked for again a day later."""
    with services.database.write() as session:
        wanted = platform_notices.begin_asking(session, deployment_row_id, services.clock())
    if wanted is None:
        return
    done = []
    for notice_type in wanted.notice_types:
        try:
            services.advantage.notice_handlers.set_handler(
                wanted.registration, wanted.service_url, notice_type, f"{services.settings.public_url}{HANDLER_PATH}"
            )
        except OutboundError as error:
            log.warning("notices.refused", deployment=deployment_row_id, type=notice_type, error_code=error.code)
        else:
            done.append(notice_type)
    with services.database.write() as session:
        platform_notices.handlers_set(session, deployment_row_id, wanted, done, services.clock())
