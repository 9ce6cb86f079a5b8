"""Why, why not (yet): reading a judgement for the people it is about. What would help is in ``remedies``."""

from collections.abc import Iterator
from typing import NamedTuple

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.figures import plain_decimal, shown_percent
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.traces import judgement_from_document
from lti_tool.domain.verdict import Verdict

__all__ = [
    "Judgement",
    "Kind",
    "Place",
    "Reason",
    "ReasonCode",
    "deciding_leaf",
    "evidence_seen",
    "grades_posted",
    "iter_places",
    "judgement_from_document",
    "missing",
    "plain_decimal",
    "shown_percent",
]


class Place(NamedTuple):
    """A judgement and where it stands: ``$.all[1].of[0]`` is a path in the rule; a competency adds ``.parts[0]``."""

    path: str
    judgement: Judgement


_KEYS = {
    Kind.ALL: "all[{}]",
    Kind.ANY: "any[{}]",
    Kind.AT_LEAST: "of[{}]",
    Kind.NOT: "not",
    Kind.BEFORE: "of",
    Kind.AFTER: "of",
    Kind.COMPETENCY: "parts[{}]",
}


def child_places(place: Place) -> list[Place]:
    """The judgements directly below, in order."""
    key = _KEYS.get(place.judgement.kind, "parts[{}]")
    return [Place(f"{place.path}.{key.format(i)}", child) for i, child in enumerate(place.judgement.children)]


def iter_places(judgement: Judgement, path: str = "$") -> Iterator[Place]:
    """The judgement and everything below it, outermost first."""
    place = Place(path, judgement)
    yield place
    for child in child_places(place):
        yield from iter_places(child.judgement, child.path)


def missing(judgement: Judgement) -> list[Judgement]:
    """The leaves that decide a verdict of not met or unknown, in reading order, without duplicates.

    They have the verdict of the whole: where a rule is not met, what is merely ungraded does not decide. Nothing is
    missing from what is met.
    """
    if judgement.verdict is Verdict.MET:
        return []
    leaves: dict[tuple[str | None, Reason], Judgement] = {}
    for place in _deciding(Place("$", judgement)):
        leaf = place.judgement
        leaves.setdefault((leaf.subject, leaf.reason), leaf)
    return list(leaves.values())


def deciding_leaf(judgement: Judgement) -> Place:
    """The one leaf to name when there is room for one reason: the most informative that has the verdict of the whole.

    What nobody can help by working comes first (a skill without work, a changed scheme, a failed source), then results
    that fall short, then results that are still to come. Among equals the first in reading order.
    """
    return min(_deciding(Place("$", judgement)), key=lambda place: _RANK.get(place.judgement.reason.code, _LAST))


def evidence_seen(judgement: Judgement) -> list[Evidence]:
    """Every piece of evidence the judgement looked at, in reading order, each once."""
    return list(dict.fromkeys(_iter_evidence(judgement)))


def grades_posted(judgement: Judgement) -> bool:
    """Whether no grade the judgement looked at is hidden from learners, even one that did not decide."""
    return all(evidence.state is not EvidenceState.HIDDEN for evidence in _iter_evidence(judgement))


def _deciding(place: Place) -> Iterator[Place]:
    """A *not* speaks for itself, except where the clause it turns round is what is unknown."""
    judgement = place.judgement
    children = [
        child
        for child in child_places(place)
        if child.judgement.kind is not Kind.ASIDE and child.judgement.verdict is judgement.verdict
    ]
    if judgement.kind is Kind.NOT and judgement.reason.code is not ReasonCode.EXCEPTION_UNKNOWN:
        children = []
    if not children:
        yield place
    for child in children:
        yield from _deciding(child)


def _iter_evidence(judgement: Judgement) -> Iterator[Evidence]:
    if judgement.evidence is not None:
        yield judgement.evidence
    for child in judgement.children:
        yield from _iter_evidence(child)


_Code = ReasonCode
_RANKS: tuple[tuple[ReasonCode, ...], ...] = (
    (
        _Code.COMPETENCY_UNKNOWN,
        _Code.NOTHING_MAPPED,
        _Code.COLUMN_UNKNOWN,
        _Code.SCHEME_CHANGED,
        _Code.LETTER_UNKNOWN,
        _Code.NO_MAXIMUM,
        _Code.NO_CLOSING_DATE,
        _Code.SECTIONS_UNKNOWN,
        _Code.SECTION_DATE_UNKNOWN,
    ),
    (_Code.SOURCE_FAILED, _Code.SOURCES_DISAGREE, _Code.STALE),
    (_Code.RULED_OUT, _Code.NOT_IN_SECTION, _Code.ASSESSOR_DECLINED, _Code.TOO_LATE, _Code.OUT_OF_REACH),
    (
        _Code.BELOW_THRESHOLD,
        _Code.BELOW_POINTS,
        _Code.OTHER_LETTER,
        _Code.MISSING,
        _Code.TOO_EARLY,
        _Code.THRESHOLD_MET,
        _Code.POINTS_MET,
        _Code.LETTER_MET,
    ),
    (_Code.HIDDEN, _Code.EXCUSED, _Code.SUBMISSION_UNKNOWN, _Code.DATE_UNKNOWN, _Code.NO_SCORE, _Code.NO_LETTER),
    (_Code.NOT_GRADED, _Code.NEEDS_GRADES, _Code.NOT_OPENED, _Code.NOT_ASSESSED),
)
_RANK = {code: rank for rank, codes in enumerate(_RANKS) for code in codes}
_LAST = len(_RANKS)
