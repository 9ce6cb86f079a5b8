"""What came of the demo: how far the chain is, what was counted, which files were written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Select, func, select

from lti_tool.demo.browser import JourneyError
from lti_tool.models import (
    Award,
    Context,
    CredentialVersion,
    Delivery,
    DeliveryState,
    EvidenceColumn,
    Membership,
    Observation,
    SyncRun,
    SyncState,
    VersionState,
)
from lti_tool.services.awarding import count_attained
from lti_tool.services.gathering import evaluated_user_ids, gather_facts, load_course
from lti_tool.wiring import Services

# -- how far it is ----------------------------------------------------------------------------------------------------


def is_read(services: Services) -> bool:
    """Whether a course was read; raises ``JourneyError`` when a reading failed for good."""
    with services.database.read() as session:
        runs = list(session.scalars(select(SyncRun)))
    failed = [run.error_code for run in runs if run.state is SyncState.FAILED]
    if failed:
        raise JourneyError(f"the course could not be read ({failed[0]})")
    return any(run.state is SyncState.DONE for run in runs)


def has_offers(services: Services) -> bool:
    """Whether a badge was offered to anybody."""
    return _count(services, select(func.count(Award.id))) > 0


def is_evaluated(services: Services) -> bool:
    """Whether nothing waits to be evaluated."""
    due = select(func.count(Context.id)).where(Context.evaluation_wanted > Context.evaluation_done)
    return _count(services, due) == 0


def is_signed(services: Services) -> bool:
    """Whether no credential waits for its signature."""
    pending = select(func.count(CredentialVersion.id)).where(CredentialVersion.state == VersionState.PENDING)
    return _count(services, pending) == 0


def is_delivered(services: Services) -> bool:
    """Whether there are deliveries, and all have ended."""
    with services.database.read() as session:
        states = list(session.scalars(select(Delivery.state)))
    return bool(states) and all(state in {DeliveryState.DELIVERED, DeliveryState.FAILED} for state in states)


# -- what came of it --------------------------------------------------------------------------------------------------


def counts(services: Services) -> dict[str, int]:
    """Return how much was read, attained and offered in the demo's one course."""
    with services.database.read() as session:
        context_id = session.scalars(select(Context.id)).one()
        course = load_course(session, context_id)
        facts = gather_facts(session, course, evaluated_user_ids(session, context_id), services.clock())
        attained = count_attained(course, facts.values())
    return {
        "columns": _count(services, select(func.count(EvidenceColumn.id))),
        "observations": _count(services, select(func.count(Observation.id))),
        "members": _count(services, select(func.count(Membership.id))),
        "competencies_attained": attained,
        "awards": _count(services, select(func.count(Award.id))),
    }


def write_credentials(services: Services, folder: Path) -> dict[str, dict[str, str]]:
    """Fetch each credential from its own address, as anybody would, and write it to a file; by public id."""
    with services.database.read() as session:
        issued = select(CredentialVersion).where(CredentialVersion.state == VersionState.ISSUED)
        found = [(version.credential.public_id, version.credential.url_id) for version in session.scalars(issued)]
    files = {}
    folder.mkdir(exist_ok=True)
    for public_id, url in found:
        answer = requests.get(url, headers={"Accept": "application/vc+ld+json"}, timeout=30)
        if answer.status_code != 200:
            raise JourneyError(f"a credential's address answers {answer.status_code}")
        file = folder / f"{public_id}.json"
        file.write_bytes(answer.content)
        files[public_id] = {"id": public_id, "url": url, "file": str(file)}
    return files


def deliveries(services: Services) -> list[dict[str, str]]:
    """Return where each delivery went and how it ended."""
    with services.database.read() as session:
        return [
            {"host": one.connection.host.address, "state": one.state.value}
            for one in session.scalars(select(Delivery).order_by(Delivery.id))
        ]


def summary(document: Mapping[str, Any]) -> str:
    """Return the report as lines for a terminal."""
    lines = [
        f"{document['launches']} launches, {document['members']} members, {document['columns']} columns, "
        f"{document['observations']} observations.",
        f"{document['competencies_attained']} skills attained, {document['awards']} badges offered, "
        f"{len(document['credentials'])} claimed and signed.",
        *(f"Credential {one['url']} -> {one['file']}" for one in document["credentials"]),
        *(f"Delivery to {one['host']}: {one['state']}" for one in document["deliveries"]),
        f"Verified by {', '.join(document['verified_by']) or 'nobody'} in {document['seconds']} s.",
        *document.get("refused_by", []),
    ]
    return "\n".join(lines)


def _count(services: Services, query: Select[int]) -> int:
    with services.database.read() as session:
        return session.scalar(query) or 0
