"""How the readings of platforms' own APIs fare, for admins."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.models import Context, Deployment, SourceReading


def count_failures(session: Session, registration_id: int, organization_id: int, source: str) -> list[tuple[str, int]]:
    """Return how many courses of an institution could not be read last time, by code, most first."""
    number = func.count()
    rows = session.execute(
        select(SourceReading.failed_code, number)
        .join(Context, Context.id == SourceReading.context_id)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .where(
            Deployment.registration_id == registration_id,
            Context.organization_id == organization_id,
            SourceReading.source == source,
            SourceReading.failed_code.is_not(None),
        )
        .group_by(SourceReading.failed_code)
        .order_by(number.desc(), SourceReading.failed_code)
    )
    return [(str(code), found) for code, found in rows]


def count_all_failures(session: Session) -> list[tuple[str, str, int]]:
    """Return how many courses' last readings of a source failed: (source, code, number), most first."""
    number = func.count()
    rows = session.execute(
        select(SourceReading.source, SourceReading.failed_code, number)
        .where(SourceReading.failed_code.is_not(None))
        .group_by(SourceReading.source, SourceReading.failed_code)
        .order_by(number.desc(), SourceReading.source, SourceReading.failed_code)
    )
    return [(source, str(code), found) for source, code, found in rows]
