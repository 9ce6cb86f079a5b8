"""The endpoints of Canvas's API that this tool calls, each with its scope, and what a grant of some of them can see.

Scopes are ``url:VERB|PATH`` with the path as Canvas routes it (vendor document "API token scopes", read in November
2026). A grant asks for no more than what is listed here, and only for readings.
"""

from collections.abc import Collection
from dataclasses import dataclass

from lti_tool.evidence.base import ClauseKind
from lti_tool.models import ColumnKind

COURSE = "url:GET|/api/v1/courses/:id"
GRADING_STANDARDS = "url:GET|/api/v1/courses/:course_id/grading_standards"
ASSIGNMENTS = "url:GET|/api/v1/courses/:course_id/assignments"
SUBMISSIONS = "url:GET|/api/v1/courses/:course_id/students/submissions"
ENROLLMENTS = "url:GET|/api/v1/courses/:course_id/enrollments"
USER = "url:GET|/api/v1/users/:id"
MODULES = "url:GET|/api/v1/courses/:course_id/modules"
MODULE_ITEMS = "url:GET|/api/v1/courses/:course_id/modules/:module_id/items"
PROGRESS = "url:GET|/api/v1/courses/:course_id/bulk_user_progress"
OUTCOME_LINKS = "url:GET|/api/v1/courses/:course_id/outcome_group_links"
OUTCOME_ROLLUPS = "url:GET|/api/v1/courses/:course_id/outcome_rollups"


@dataclass(frozen=True, slots=True)
class Part:
    """What can be granted as one: its scopes, the kind of column it lists, and the clauses it can decide."""

    key: str
    kind: ColumnKind
    scopes: tuple[str, ...]
    decides: frozenset[ClauseKind]


_NUMBERS = frozenset({ClauseKind.PERCENT, ClauseKind.POINTS})

WORK = Part(
    "work",
    ColumnKind.LINE_ITEM,
    (COURSE, GRADING_STANDARDS, ASSIGNMENTS, SUBMISSIONS, ENROLLMENTS, USER),
    _NUMBERS | {ClauseKind.LETTER, ClauseKind.COMPLETED, ClauseKind.SUBMITTED},
)
"""Assignments and submissions: what everything else rests on."""
TOTAL = Part("total", ColumnKind.COURSE_TOTAL, (ENROLLMENTS,), _NUMBERS | {ClauseKind.LETTER})
MODULE_PART = Part("modules", ColumnKind.MODULE, (MODULES, MODULE_ITEMS, PROGRESS), frozenset({ClauseKind.COMPLETED}))
OUTCOME_PART = Part("outcomes", ColumnKind.OUTCOME, (OUTCOME_LINKS, OUTCOME_ROLLUPS), _NUMBERS | {ClauseKind.COMPLETED})
PARTS = (WORK, TOTAL, MODULE_PART, OUTCOME_PART)
CHOICES = (MODULE_PART, OUTCOME_PART)
"""What an admin may leave out."""


def scopes_of(parts: Collection[Part]) -> list[str]:
    """Return the scopes of some parts, each once."""
    return list(dict.fromkeys(scope for part in parts for scope in part.scopes))


def asked(choices: Collection[str]) -> list[str]:
    """Return the scopes to ask for: those every reading needs, and those of the choices, by key."""
    return scopes_of([part for part in PARTS if part not in CHOICES or part.key in choices])


def parts_of(scopes: frozenset[str] | None) -> tuple[Part, ...]:
    """Return the parts a grant allows in full; all of them where nobody said what it allows."""
    return tuple(part for part in PARTS if scopes is None or scopes.issuperset(part.scopes))
