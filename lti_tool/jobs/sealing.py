"""Seals audit events, one organization at a time; whoever comes second finds the numbers taken and leaves."""

from sqlalchemy.exc import IntegrityError

from lti_tool.services import audit_chain
from lti_tool.wiring import Services


def seal_audit(services: Services, organization_id: int) -> None:
    """Seal all events of an organization (0: of none) in batches, each in a transaction of its own."""
    while True:
        try:
            with services.database.write() as session:
                sealed = audit_chain.seal(session, organization_id or None, services.vault, services.clock())
        except IntegrityError:  # another worker sealed the same events
            return
        if sealed < audit_chain.BATCH:
            return
