"""Columns of several sources that are the same piece of work: found, and confirmed or refused by a person.

Links are proposed where both sources tell the same id of LTI, then where title and maximum are the same and nothing
else in either source is called so. A checkpoint's line item and its assessors' column are the same by their making.
Nothing counts together before its link is confirmed.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.evidence.assessor import SOURCE as ASSESSOR
from lti_tool.models import Checkpoint, ColumnKind, ColumnLink, Context, EvidenceColumn, LinkGround, LinkState
from lti_tool.services import audit
from lti_tool.services.course_sync import want_evaluation

AGS = "ags"
JOB = "job"
Pair = tuple[int, int]
_SAME_KIND = {ColumnKind.ASSESSOR: ColumnKind.LINE_ITEM}


def propose(session: Session, context_id: int, now: datetime) -> int:
    """Propose links between the columns of a course's sources; returns how many are new. What was decided stays."""
    columns = _listed(session, context_id)
    if len({one.source for one in columns}) < 2:
        return 0
    link_checkpoints(session, context_id, now)
    known = {(one.column_id, one.other_id) for one in course_links(session, context_id)}
    groups = confirmed_groups(session, context_id)
    added = 0
    for ground, pairs in ((LinkGround.LTI_ID, _by_id(columns)), (LinkGround.TITLE, _by_title(columns))):
        for pair in pairs:
            if pair in known or pair[1] in groups.get(pair[0], ()):
                continue
            known.add(pair)
            session.add(_link(context_id, pair, LinkState.PROPOSED, ground, now))
            added += 1
    session.flush()
    return added


def link_checkpoints(session: Session, context_id: int, now: datetime) -> None:
    """Link the line item of each checkpoint with its assessors' column; nobody needs to confirm that."""
    columns = _listed(session, context_id)
    outcomes = {one.external_key: one for one in columns if one.source == ASSESSOR}
    if not outcomes:
        return
    found = select(Checkpoint).where(Checkpoint.context_id == context_id, Checkpoint.public_id.in_(outcomes))
    known = {(one.column_id, one.other_id) for one in course_links(session, context_id)}
    for checkpoint in session.scalars(found):
        origin = None if checkpoint.origin_id is None else session.get(Checkpoint, checkpoint.origin_id)
        names = {checkpoint.public_id, origin.public_id if origin else None}
        for column in columns:
            is_its = column.external_key == checkpoint.line_item_url or column.resource_id in names
            pair = _pair(column, outcomes[checkpoint.public_id])
            if column.source == AGS and is_its and pair not in known:
                known.add(pair)
                link = _link(context_id, pair, LinkState.CONFIRMED, LinkGround.CHECKPOINT, now)
                link.decided_by, link.decided_at = JOB, now
                session.add(link)
                want_evaluation(session, context_id)
    session.flush()


def decide(session: Session, context_id: int, link_id: int, state: LinkState, actor: str, now: datetime) -> ColumnLink:
    """Confirm a link, refuse it, or open it again (``proposed``); on record, since it decides what counts.

    Raises ``NotFoundError``, or ``ConflictError``: ``link_fixed`` for a checkpoint's own, ``link_same_source`` where
    two columns of one source would be the same work.
    """
    link = get_link(session, context_id, link_id)
    if link.state is state:
        return link
    if link.ground is LinkGround.CHECKPOINT:
        raise ConflictError("A checkpoint's own columns belong together.", code="link_fixed")
    if state is LinkState.CONFIRMED:
        _check_sources(session, link)
    former, link.state = link.state, state
    is_open = state is LinkState.PROPOSED
    link.decided_by, link.decided_at = (None, None) if is_open else (actor, now)
    session.flush()
    if LinkState.CONFIRMED in (former, state):
        want_evaluation(session, context_id)
    audit.record(
        session,
        f"column_link.{'reopened' if is_open else state.value}",
        actor=actor,
        subject=f"column_link:{link.id}",
        organization_id=session.get_one(Context, context_id).organization_id,
        payload={"columns": [link.column_id, link.other_id], "ground": link.ground.value, "former": former.value},
        now=now,
    )
    return link


def get_link(session: Session, context_id: int, link_id: int) -> ColumnLink:
    """Return a link of this course; raises ``NotFoundError``."""
    link = session.get(ColumnLink, link_id)
    if link is None or link.context_id != context_id:
        raise NotFoundError("There is no such link in this course.")
    return link


def course_links(session: Session, context_id: int) -> list[ColumnLink]:
    """Return every link of a course, the oldest first."""
    found = select(ColumnLink).where(ColumnLink.context_id == context_id).order_by(ColumnLink.id)
    return list(session.scalars(found))


def confirmed_groups(session: Session, context_id: int) -> dict[int, frozenset[int]]:
    """Return, for each column that is the same work as another, all columns of that work, itself included."""
    pairs = session.execute(
        select(ColumnLink.column_id, ColumnLink.other_id).where(
            ColumnLink.context_id == context_id, ColumnLink.state == LinkState.CONFIRMED
        )
    )
    return groups_of((one, other) for one, other in pairs)


def groups_of(pairs: Iterable[Pair]) -> dict[int, frozenset[int]]:
    """Return what pairs that belong together make, by every member."""
    groups: dict[int, frozenset[int]] = {}
    for one, other in pairs:
        merged = groups.get(one, frozenset({one})) | groups.get(other, frozenset({other}))
        groups |= dict.fromkeys(merged, merged)
    return groups


def same_work_shown_once(
    columns: Iterable[EvidenceColumn], groups: Mapping[int, frozenset[int]], bound: set[int]
) -> list[EvidenceColumn]:
    """Return columns without those whose work is there already: of a group, what fills a slot, else the first."""
    found = list(columns)
    bound_groups = {groups[one] for one in bound if one in groups}
    shown: list[EvidenceColumn] = []
    taken: set[frozenset[int]] = set(bound_groups)
    for column in found:
        group = groups.get(column.id)
        if group is not None and column.id not in bound:
            if group in taken:
                continue
            taken.add(group)
        shown.append(column)
    return shown


def _listed(session: Session, context_id: int) -> list[EvidenceColumn]:
    found = select(EvidenceColumn).where(EvidenceColumn.context_id == context_id, ~EvidenceColumn.is_gone)
    return list(session.scalars(found.order_by(EvidenceColumn.id)))


def _by_id(columns: Iterable[EvidenceColumn]) -> list[Pair]:
    """Pairs of different sources that tell an id in common; the address of a line item is one."""
    by_id: dict[str, list[EvidenceColumn]] = {}
    for column in columns:
        ids = {*(column.lti_ids or ()), *([column.external_key] if column.source == AGS else ())}
        for one in ids:
            by_id.setdefault(one, []).append(column)
    return _pairs(by_id.values())


def _by_title(columns: Iterable[EvidenceColumn]) -> list[Pair]:
    """Pairs of the same title, maximum and kind, where neither source has a second one."""
    by_title: dict[tuple[str, Decimal, ColumnKind], list[EvidenceColumn]] = {}
    for one in columns:
        if one.maximum is not None and one.title.strip():
            kind = _SAME_KIND.get(one.kind, one.kind)
            by_title.setdefault((" ".join(one.title.split()).casefold(), one.maximum, kind), []).append(one)
    alike = []
    for same in by_title.values():
        sources = [one.source for one in same]
        alike.append([one for one in same if sources.count(one.source) == 1])
    return _pairs(alike)


def _pairs(alike: Iterable[list[EvidenceColumn]]) -> list[Pair]:
    found = {_pair(one, other) for same in alike for one, other in combinations(same, 2) if one.source != other.source}
    return sorted(found)


def _pair(one: EvidenceColumn, other: EvidenceColumn) -> Pair:
    return (min(one.id, other.id), max(one.id, other.id))


def _link(context_id: int, pair: Pair, state: LinkState, ground: LinkGround, now: datetime) -> ColumnLink:
    return ColumnLink(
        context_id=context_id, column_id=pair[0], other_id=pair[1], state=state, ground=ground, created_at=now
    )


def _check_sources(session: Session, link: ColumnLink) -> None:
    groups = confirmed_groups(session, link.context_id)
    ids = {one for end in (link.column_id, link.other_id) for one in groups.get(end, {end})}
    sources = session.scalars(select(EvidenceColumn.source).where(EvidenceColumn.id.in_(ids))).all()
    if len(set(sources)) < len(sources):
        raise ConflictError("Two columns of one source cannot be the same work.", code="link_same_source")
