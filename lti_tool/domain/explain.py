"""Why not (yet): reading a judgement for the people it is about."""

from collections.abc import Iterator

from lti_tool.domain.evidence import Evidence
from lti_tool.domain.figures import plain_decimal, shown_percent
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.traces import judgement_from_document
from lti_tool.domain.verdict import Verdict

__all__ = [
    "Judgement",
    "Kind",
    "Reason",
    "ReasonCode",
    "evidence_seen",
    "judgement_from_document",
    "missing",
    "plain_decimal",
    "shown_percent",
]


def missing(judgement: Judgement) -> list[Judgement]:
    """The leaves that decide a verdict of not met or unknown, in reading order, without duplicates.

    They have the verdict of the whole: where a rule is not met, what is merely ungraded does not decide. Nothing is
    missing from what is met.
    """
    if judgement.verdict is Verdict.MET:
        return []
    leaves: dict[tuple[str | None, Reason], Judgement] = {}
    for leaf in _deciding(judgement):
        leaves.setdefault((leaf.subject, leaf.reason), leaf)
    return list(leaves.values())


def evidence_seen(judgement: Judgement) -> list[Evidence]:
    """Every piece of evidence the judgement looked at, in reading order, each once."""
    return list(dict.fromkeys(_iter_evidence(judgement)))


def _deciding(judgement: Judgement) -> Iterator[Judgement]:
    """A *not* speaks for itself, except where the clause it turns round is what is unknown."""
    children = [
        child for child in judgement.children if child.kind is not Kind.ASIDE and child.verdict is judgement.verdict
    ]
    if judgement.kind is Kind.NOT and judgement.reason.code is not ReasonCode.EXCEPTION_UNKNOWN:
        children = []
    if not children:
        yield judgement
    for child in children:
        yield from _deciding(child)


def _iter_evidence(judgement: Judgement) -> Iterator[Evidence]:
    if judgement.evidence is not None:
        yield judgement.evidence
    for child in judgement.children:
        yield from _iter_evidence(child)
