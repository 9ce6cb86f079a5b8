"""What linting a rule looks at, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from lti_tool.domain.competency_plan import CompetencyPlan


class Severity(StrEnum):
    """``error``: publishing it can only be a mistake. ``warning``: somebody should look."""

    ERROR = "error"
    WARNING = "warning"


class FindingCode(StrEnum):
    """What was found; ``Detail`` says how."""

    UNREACHABLE = "unreachable"
    VACUOUS = "vacuous"
    ONE_COLUMN_SEVERAL_COMPETENCIES = "one_column_several_competencies"  # title, competencies (comma-separated), count
    PARTICIPATION_ONLY = "participation_only"
    NOT_OBSERVABLE = "not_observable"
    SCHEME_CHANGED = "scheme_changed"  # title, scheme, scheme_now
    SCHEME_MISSING = "scheme_missing"  # title, scheme_now: letters chosen from no scheme, and the source has one
    REFERENCES_RETIRED = "references_retired"


class Detail(StrEnum):
    """How a clause came to its finding, with the params of the finding."""

    WHOLE_RULE = "whole_rule"  # unreachable: nobody can earn it; vacuous: everybody does
    ABOVE_MAXIMUM = "above_maximum"  # title, needed, maximum: only bonus points could reach it
    NO_MAXIMUM = "no_maximum"  # title: a percentage of nothing
    NOTHING_MAPPED = "nothing_mapped"  # title
    BEFORE_COURSE_START = "before_course_start"  # date, starts_at, and section where it is one section's date
    AFTER_COURSE_END = "after_course_end"  # date, closes_at, and section
    EMPTY_WINDOW = "empty_window"  # after, before
    CONTRADICTION = "contradiction"  # a clause and its opposite are both needed
    NO_CLOSING_DATE = "no_closing_date"  # a "not" in a course that never closes
    NEEDS_ITSELF = "needs_itself"  # title
    EXCEPTION_CERTAIN = "exception_certain"  # a "not" of what everybody meets
    EXCEPTION_IMPOSSIBLE = "exception_impossible"  # a "not" of what nobody can meet
    ZERO_THRESHOLD = "zero_threshold"  # title
    EVERY_LETTER = "every_letter"  # title
    KIND = "kind"  # title, kind: no granted source can observe this kind of clause
    NO_DATES = "no_dates"  # title: the source tells no dates
    NO_SECTIONS = "no_sections"  # title: no source tells sections
    COMPETENCY_GONE = "competency_gone"  # title
    ACHIEVEMENT_GONE = "achievement_gone"  # title
    ASSESSMENT_GONE = "assessment_gone"  # title
    SECTION_GONE = "section_gone"  # title
    SLOT_UNBOUND = "slot_unbound"  # title


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing somebody should look at. ``path`` is a path in the rule, as in ``explain.Place``."""

    code: FindingCode
    path: str
    detail: Detail | None = None
    subject: str | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    severity: Severity = Severity.WARNING

    def to_document(self) -> dict[str, object]:
        """The finding as JSON."""
        return {
            "code": self.code.value,
            "detail": None if self.detail is None else self.detail.value,
            "severity": self.severity.value,
            "path": self.path,
            "subject": self.subject,
            "params": self.params,
        }


@dataclass(frozen=True, slots=True)
class ColumnTraits:
    """What is known about the column a slot is bound to, apart from grades.

    ``observable``: the measures (``percent`` …) that its granted sources can observe, ``None``: not asked.
    """

    title: str
    maximum: Decimal | None = None
    observable: frozenset[str] | None = None
    has_dates: bool = True
    scheme: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CourseOutline:
    """What a rule can refer to in a course. What is ``None`` is not checked.

    ``columns`` by slot; ``achievements`` (live ones), ``assessments`` and ``sections`` are titles by identifier;
    ``own_achievement`` is the badge the rule belongs to; ``tells_sections``: some source tells a learner's sections.
    """

    plans: Mapping[str, CompetencyPlan]
    columns: Mapping[str, ColumnTraits]
    achievements: Mapping[str, str] | None = None
    assessments: Mapping[str, str] | None = None
    sections: Mapping[str, str] | None = None
    tells_sections: bool = True
    own_achievement: str | None = None
    starts_at: datetime | None = None
    closes_at: datetime | None = None
