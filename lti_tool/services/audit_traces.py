"""What the audit trail says about awards: with each step the state it led to and the digest of every trace it left.

The traces lie in rows of their own, beside the chain. Their digests are in the details of the sealed events, so that an
explanation written anew, a trace removed, or an award moved without a step is found.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.audit_chain import Finding, FindingCode, canonical, chain_of, time_text
from lti_tool.models import Achievement, AuditEvent, AuditPayload, Award, Context, Trace

STATE, TRACES = "state", "traces"
"""Keys in the details of an event about an award."""
_SUBJECT = "award:"
_BATCH = 500


def trace_digest(trace: Trace) -> str:
    """Return the SHA-256, in hex, of the canonical text of a trace's moment, time and document.

    The award is not in it: when two people are found to be one, their awards are made one, too.
    """
    document = json.loads(json.dumps(trace.document))  # as any database gives it back
    values = {"document": document, "moment": trace.moment.value, "taken_at": time_text(trace.taken_at)}
    return hashlib.sha256(canonical(values).encode()).hexdigest()


def vouch(award: Award, traces: Sequence[Trace]) -> dict[str, Any]:
    """Return what an event says of the award and of the traces (flushed before) that were taken with it."""
    return {STATE: award.state.value, TRACES: {str(one.id): trace_digest(one) for one in traces}}


# -- checking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Vouched:
    """What an event said of a trace."""

    event_id: int
    chain: str
    award_id: int
    digest: str


@dataclass(slots=True)
class _Trail:
    """Everything the events say about awards."""

    traces: dict[int, _Vouched] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    """By award id: the state after its newest event."""
    erased: set[int] = field(default_factory=set)
    """Awards with an event whose details are gone: nothing can be said about what they held."""


def check_traces(session: Session) -> list[Finding]:
    """Compare awards and their traces with what the events say of them.

    Whether the events' details are what was sealed is ``audit_chain``'s to check. Awards with erased details are left
    out, apart from traces that an event still vouches for.
    """
    trail, found = _read(session), []
    awards = set(session.scalars(select(Award.id)))
    seen: set[int] = set()
    for trace, chain in _iter_traces(session):
        seen.add(trace.id)
        said = trail.traces.get(trace.id)
        row = f"trace:{trace.id}"
        if said is None:
            if trace.award_id not in trail.erased:
                found.append(Finding(FindingCode.TRACE_UNKNOWN, chain, 0, row=row))
        elif said.digest != trace_digest(trace) or (said.award_id != trace.award_id and said.award_id in awards):
            found.append(Finding(FindingCode.TRACE_ALTERED, chain, 0, said.event_id, row))
    for trace_id, said in trail.traces.items():
        if trace_id not in seen:
            found.append(Finding(FindingCode.TRACE_MISSING, said.chain, 0, said.event_id, f"trace:{trace_id}"))
    return [*found, *_check_states(session, trail)]


def _check_states(session: Session, trail: _Trail) -> Iterator[Finding]:
    rows = session.execute(_with_chain(select(Award.id, Award.state, Context.organization_id)).order_by(Award.id))
    for award_id, state, organization_id in rows:
        if award_id not in trail.erased and trail.states.get(award_id) != state.value:
            yield Finding(FindingCode.AWARD_ALTERED, chain_of(organization_id), 0, row=f"{_SUBJECT}{award_id}")


def _iter_traces(session: Session) -> Iterator[tuple[Trace, str]]:
    found = _with_chain(select(Trace, Context.organization_id).join(Award, Award.id == Trace.award_id))
    for trace, organization_id in session.execute(found.order_by(Trace.id).execution_options(yield_per=_BATCH)):
        yield trace, chain_of(organization_id)


def _with_chain(statement: Any) -> Any:
    return statement.join(Achievement, Achievement.id == Award.achievement_id).join(
        Context, Context.id == Achievement.context_id
    )


def _read(session: Session) -> _Trail:
    rows: Iterable[Any] = session.execute(
        select(AuditEvent.id, AuditEvent.organization_id, AuditEvent.subject, AuditEvent.commitment, AuditPayload)
        .outerjoin(AuditPayload, AuditPayload.audit_event_id == AuditEvent.id)
        .where(AuditEvent.subject.startswith(_SUBJECT, autoescape=True))
        .order_by(AuditEvent.id)
        .execution_options(yield_per=_BATCH)
    )
    trail = _Trail()
    for event_id, organization_id, subject, commitment, held in rows:
        number = subject.removeprefix(_SUBJECT)
        if not number.isdigit():
            continue
        if held is not None:
            _add(trail, event_id, chain_of(organization_id), int(number), held.payload)
        elif commitment is not None:
            trail.erased.add(int(number))
    return trail


def _add(trail: _Trail, event_id: int, chain: str, award_id: int, payload: Mapping[str, Any]) -> None:
    state, traces = payload.get(STATE), payload.get(TRACES)
    if isinstance(state, str):
        trail.states[award_id] = state
    for trace_id, digest in (traces if isinstance(traces, dict) else {}).items():
        trail.traces.setdefault(int(trace_id), _Vouched(event_id, chain, award_id, str(digest)))
