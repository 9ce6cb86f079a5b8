"""What was decided about one clause and why: the tree an award keeps as its trace.

A judgement carries codes and figures, never sentences; the pages turn ``ReasonCode`` and ``params`` into words.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lti_tool.domain.evidence import Evidence
from lti_tool.domain.figures import Ratio, percent_of, plain_decimal, shown_percent
from lti_tool.domain.verdict import Verdict


class Kind(StrEnum):
    """What was judged: a clause of the rule, or a part of a competency.

    An ``aside`` is a part that is shown but does not decide by itself: excused work, a single grade in an average,
    an earlier grade where the latest counts.
    """

    ALL = "all"
    ANY = "any"
    AT_LEAST = "at_least"
    NOT = "not"
    BEFORE = "before"
    AFTER = "after"
    COMPETENCY = "competency"
    ACHIEVEMENT = "achievement"
    COLUMN = "column"
    ASSESSOR = "assessor"
    SECTION = "section"
    PART = "part"
    ASIDE = "aside"


class ReasonCode(StrEnum):
    """Every reason there is, with its params. Traces store these values: never rename or drop one."""

    THRESHOLD_MET = "threshold_met"  # title, value, needed (percent); an average adds unknown and gives its worst case
    BELOW_THRESHOLD = "below_threshold"  # title, value, needed (percent)
    OUT_OF_REACH = "out_of_reach"  # title, value (the best still possible, percent), needed, unknown (how many)
    POINTS_MET = "points_met"  # title, value, needed
    BELOW_POINTS = "below_points"  # title, value, needed
    LETTER_MET = "letter_met"  # title, value, needed (letters, comma-separated)
    OTHER_LETTER = "other_letter"  # title, value, needed
    SCHEME_CHANGED = "scheme_changed"  # title, needed (letters): the source grades by another scheme than the rule's
    LETTER_UNKNOWN = "letter_unknown"  # title, value, needed: the letter is not one of the scheme
    COMPLETED = "completed"  # title
    SUBMITTED = "submitted"  # title
    NOT_GRADED = "not_graded"  # title
    SUBMISSION_UNKNOWN = "submission_unknown"  # title: graded with nothing that shows work was handed in
    EXCUSED = "excused"  # title
    HIDDEN = "hidden"  # title
    MISSING = "missing"  # title
    NOT_OPENED = "not_opened"  # title
    STALE = "stale"  # title
    SOURCE_FAILED = "source_failed"  # title
    SOURCES_DISAGREE = "sources_disagree"  # title
    NO_SCORE = "no_score"  # title
    NO_MAXIMUM = "no_maximum"  # title
    NO_LETTER = "no_letter"  # title
    TOO_LATE = "too_late"  # title, at, date
    TOO_EARLY = "too_early"  # title, at, date
    DATE_UNKNOWN = "date_unknown"  # title
    SECTION_DATE_UNKNOWN = "section_date_unknown"  # title, at: the sections, and so the learner's date, are not known
    COLUMN_UNKNOWN = "column_unknown"  # title (the slot): nothing is bound to it
    COMPETENCY_UNKNOWN = "competency_unknown"  # title (the identifier)
    NOTHING_MAPPED = "nothing_mapped"  # title
    NEEDS_GRADES = "needs_grades"  # title, needed, unknown (how many parts)
    ENOUGH = "enough"  # have, needed, unknown; and title for a competency, date for before and after
    NEEDS_MORE = "needs_more"  # have, needed, unknown; and title for a competency, date for before and after
    ACHIEVEMENT_AWARDED = "achievement_awarded"  # title
    ACHIEVEMENT_NOT_AWARDED = "achievement_not_awarded"  # title
    ACHIEVEMENT_UNKNOWN = "achievement_unknown"  # title
    ASSESSOR_CONFIRMED = "assessor_confirmed"  # title
    ASSESSOR_DECLINED = "assessor_declined"  # title
    NOT_ASSESSED = "not_assessed"  # title
    IN_SECTION = "in_section"  # title
    NOT_IN_SECTION = "not_in_section"  # title
    SECTIONS_UNKNOWN = "sections_unknown"  # title: the source does not tell which sections the learner is in
    WAITING_UNTIL = "waiting_until"  # date
    NO_CLOSING_DATE = "no_closing_date"
    RULED_OUT = "ruled_out"  # a "not" whose clause is met
    NOT_RULED_OUT = "not_ruled_out"  # a "not" whose clause is not met
    EXCEPTION_UNKNOWN = "exception_unknown"  # a "not" whose clause is unknown


Figure: TypeAlias = str | int | Decimal | datetime | Ratio | None
"""A figure behind a reason. A :data:`Ratio` is a share, shown in percent against the figure ``needed``."""

Figures: TypeAlias = Mapping[str, Figure]


class Reason(NamedTuple):
    """Why a clause has its verdict. Equal when code and ``params`` are.

    The figures are kept as they are and written out only when ``params`` is read: most reasons are never shown.
    """

    code: ReasonCode
    figures: Figures = {}

    @property
    def params(self) -> dict[str, str | None]:
        """The figures as text: exact decimals, ISO 8601 times, percentages by ``figures.shown_percent``."""
        return {name: self._shown(figure) for name, figure in self.figures.items()}

    def _shown(self, figure: Figure) -> str | None:
        if isinstance(figure, tuple):
            needed = self.figures["needed"]
            return shown_percent(percent_of(figure), needed if isinstance(needed, Decimal) else Decimal(0))
        if isinstance(figure, Decimal):
            return plain_decimal(figure)
        if isinstance(figure, datetime):
            return figure.isoformat()
        return figure if figure is None else str(figure)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and self.code is other.code and self.params == other.params

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.params.items())))


class Judgement(NamedTuple):
    """The verdict on one clause, its reason, and the judgements it rests on.

    ``subject`` is the slot or identifier the clause names; ``evidence`` is what was seen there.
    """

    verdict: Verdict
    kind: Kind
    reason: Reason
    subject: str | None = None
    children: "tuple[Judgement, ...]" = ()
    evidence: Evidence | None = None

    def to_document(self) -> dict[str, object]:
        """A JSON document from which ``traces.judgement_from_document`` rebuilds an equal judgement."""
        return {
            "verdict": self.verdict.value,
            "kind": self.kind.value,
            "reason": {"code": self.reason.code.value, "params": self.reason.params},
            "subject": self.subject,
            "children": [child.to_document() for child in self.children],
            "evidence": None if self.evidence is None else self.evidence.to_document(),
        }
