"""The source of outcomes that people settle here: what it can say, and that nothing of it is ever polled."""

from collections import Counter

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.assessor import AssessorSource
from lti_tool.evidence.base import ClauseKind, EvidenceSource, EvidenceStream
from lti_tool.models import ColumnKind, Context, Registration


def test_it_needs_nobody_s_leave_and_says_what_it_cannot_see() -> None:
    source: EvidenceSource = AssessorSource()
    capability = source.capability(Context())
    assert (source.name, capability.source) == ("assessor", "assessor")
    assert capability.is_available
    assert capability.is_pushed
    assert capability.decides == {ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.COMPLETED, ClauseKind.SUBMITTED}
    assert capability.column_kinds == {ColumnKind.ASSESSOR}
    assert EvidenceState.HIDDEN in capability.unseen
    assert EvidenceState.GRADED not in capability.unseen


def test_nothing_is_read() -> None:
    source, malformed = AssessorSource(), Counter[str]()
    registration, context = Registration(), Context()
    assert list(source.iter_columns(registration, context, malformed=malformed)) == []
    assert list(source.iter_people(registration, context, malformed=malformed)) == []
    assert source.streams(context, []) == ()
    stream = EvidenceStream("x", ("y",))
    pages = source.iter_pages(registration, context, stream, since=None, place=None, malformed=malformed)
    assert list(pages) == []
    assert not malformed
