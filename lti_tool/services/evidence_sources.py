"""Where a course's grades come from: each source with what it sees, how fresh that is, and what is missing.

Read models only, for the instructor's page of sources.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.agreement import contradicts
from lti_tool.domain.evidence import Evidence
from lti_tool.evidence.base import Capability, EvidenceSource
from lti_tool.models import (
    ColumnKind,
    ColumnLink,
    Context,
    Deployment,
    EvidenceColumn,
    LinkGround,
    LinkState,
    Registration,
    SourceReading,
    SyncRun,
    SyncState,
)
from lti_tool.services.column_links import course_links
from lti_tool.services.overview import Learner
from lti_tool.services.same_work import sightings
from lti_tool.services.sightings import Seen, make_evidence

ONLY_ON: Mapping[str, frozenset[str]] = {"canvas": frozenset({"canvas"}), "moodle": frozenset({"moodle"})}
"""Sources that exist on one platform only, by the platforms that have them."""


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source in one course. ``is_possible``: the platform is one that has it.

    ``columns`` by kind; ``failing``: columns that could not be read last. ``checked_at``: the latest complete look.
    ``done`` and ``total``: columns read by the reading under way, ``None`` where none is.
    """

    name: str
    capability: Capability
    is_possible: bool
    columns: Mapping[ColumnKind, int]
    failing: int
    checked_at: datetime | None
    failed_code: str | None
    failed_at: datetime | None
    done: int | None = None
    total: int | None = None

    @property
    def number(self) -> int:
        """How many columns it shows."""
        return sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class Different:
    """One learner whom two columns show differently."""

    learner: Learner
    one: Evidence
    other: Evidence


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link with what its columns say: ``same`` and ``different`` learners, and how many only one of them knows."""

    link: ColumnLink
    same: int
    different: tuple[Different, ...]
    only_one: int


def source_views(session: Session, context_id: int, sources: Iterable[EvidenceSource]) -> list[SourceView]:
    """Return every source of a course, those that can be used first; three queries."""
    context = session.get_one(Context, context_id)
    product = session.scalar(
        select(Registration.product)
        .join(Deployment, Deployment.registration_id == Registration.id)
        .where(Deployment.id == context.deployment_id)
    )
    readings = {
        one.source: one for one in session.scalars(select(SourceReading).where(SourceReading.context_id == context_id))
    }
    columns: dict[str, list[EvidenceColumn]] = {}
    listed = select(EvidenceColumn).where(EvidenceColumn.context_id == context_id, ~EvidenceColumn.is_gone)
    for one in session.scalars(listed):
        columns.setdefault(one.source, []).append(one)
    counts = _counts(session, context_id)
    views = [
        _view(one.name, one.capability(context), product, columns.get(one.name, []), readings.get(one.name), counts)
        for one in sources
    ]
    return sorted(views, key=lambda one: not one.is_possible)


def _counts(session: Session, context_id: int) -> Mapping[str, Mapping[str, int]]:
    """How far the reading under way came, by source."""
    counts = session.scalar(
        select(SyncRun.counts)
        .where(SyncRun.context_id == context_id, SyncRun.state.in_([SyncState.REQUESTED, SyncState.RUNNING]))
        .limit(1)
    )
    found: Mapping[str, Mapping[str, int]] = (counts or {}).get("sources", {})
    return found


def _view(
    name: str,
    capability: Capability,
    product: str | None,
    columns: list[EvidenceColumn],
    reading: SourceReading | None,
    counts: Mapping[str, Mapping[str, int]],
) -> SourceView:
    is_possible = name not in ONLY_ON or product in ONLY_ON[name] or bool(columns) or capability.is_available
    looked = [one.checked_at for one in columns if one.checked_at is not None]
    codes = [one.failed_code for one in columns if one.failed_code is not None]
    under_way = counts.get(name, {})
    return SourceView(
        name=name,
        capability=capability,
        is_possible=is_possible,
        columns=Counter(one.kind for one in columns),
        failing=len(codes),
        checked_at=max(looked, default=reading.read_at if reading else None),
        failed_code=(reading.failed_code if reading else None) or next(iter(codes), None),
        failed_at=reading.failed_at if reading else None,
        done=under_way.get("done"),
        total=under_way.get("total"),
    )


def link_views(session: Session, context_id: int, learners: Collection[Learner], now: datetime) -> list[LinkView]:
    """Return the links between a course's columns that a person decides about, open ones first; two queries."""
    links = [one for one in course_links(session, context_id) if one.ground is not LinkGround.CHECKPOINT]
    ids = {end for one in links for end in (one.column_id, one.other_id)}
    seen = sightings(session, ids, [one.user_id for one in learners])
    views = [_link_view(link, learners, seen, now) for link in links if not (link.column.is_gone or link.other.is_gone)]
    order = {LinkState.PROPOSED: 0, LinkState.CONFIRMED: 1, LinkState.REFUSED: 2}
    return sorted(views, key=lambda one: (order[one.link.state], one.link.id))


def _link_view(
    link: ColumnLink, learners: Collection[Learner], seen: Mapping[tuple[int, int], Seen], now: datetime
) -> LinkView:
    same, only_one, different = 0, 0, []
    for learner in learners:
        pair = [(column, seen.get((learner.user_id, column.id))) for column in (link.column, link.other)]
        told = [make_evidence("", column, one, now) for column, one in pair if one is not None]
        if len(told) == 1:
            only_one += 1
        elif len(told) == 2 and contradicts(told[0], told[1]):
            different.append(Different(learner, told[0], told[1]))
        else:
            same += len(told) == 2
    return LinkView(link, same, tuple(different), only_one)
