"""Sources of evidence in words, for who teaches a course: what each reads, what it cannot see, what can be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.lists import format_list
from flask_babel import lazy_gettext as _l

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import AGS, Capability
from lti_tool.models import ColumnKind, LinkGround
from lti_tool.services.evidence_sources import SourceView
from lti_tool.web import formats
from lti_tool.web.messages import MESSAGES
from lti_tool.web.source_words import PROBLEMS, fact_of, instructor_remedy
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import locale, ngettext

NAMES: Mapping[str, Any] = {
    "ags": _l("Graded activities of this tool"),
    "canvas": _l("The course's own gradebook, through Canvas"),
    "moodle": _l("The course's own gradebook, through Moodle"),
    "csv_upload": _l("Uploaded gradebooks"),
    "assessor": _l("People who assess in this tool"),
}
_SHORT: Mapping[str, Any] = {"canvas": _l("Canvas's own interface"), "moodle": _l("Moodle's web services")}
_ABOUT: Mapping[str, Any] = {
    "ags": _l("Checkpoints and other activities of this tool in the course, read over LTI."),
    "canvas": _l("Assignments, modules and outcomes of the course itself."),
    "moodle": _l("The course's own grade items, and what learners have completed."),
    "csv_upload": _l("Files that you export from the gradebook. They are as old as the file."),
    "assessor": _l("Work that is handed in at a checkpoint. What is settled counts at once and never gets old."),
}
_STATES: Mapping[EvidenceState, Any] = {
    EvidenceState.GRADED: _l("graded"),
    EvidenceState.UNGRADED: _l("not graded"),
    EvidenceState.EXCUSED: _l("excused"),
    EvidenceState.HIDDEN: _l("hidden"),
    EvidenceState.MISSING: _l("missing"),
    EvidenceState.COMPLETED: _l("completed"),
    EvidenceState.SUBMITTED: _l("handed in"),
    EvidenceState.NOT_OPENED: _l("not opened"),
}
_NEEDS: Mapping[str, tuple[Any, Any]] = {
    "ags_not_offered": (
        _l("The platform offers this tool no grades in this course."),
        _l("Ask the person who looks after the platform to allow “Assignment and Grade Services”, then open the tool."),
    ),
    "scope_line_item": (
        _l("The platform does not let this tool see its columns in the gradebook."),
        _l("Ask the person who looks after the platform to allow it, then open the tool from the course again."),
    ),
    "scope_result": (
        _l("The platform does not let this tool read results."),
        _l("Ask the person who looks after the platform to allow it, then open the tool from the course again."),
    ),
}
_GROUNDS: Mapping[LinkGround, Any] = {
    LinkGround.LTI_ID: _l("Both sources tell the same id."),
    LinkGround.TITLE: _l("They have the same title and the same highest score."),
    LinkGround.CHECKPOINT: _l("They are two views of one checkpoint."),
}
_TOLD = (
    EvidenceState.SUBMITTED,
    EvidenceState.EXCUSED,
    EvidenceState.HIDDEN,
    EvidenceState.MISSING,
    EvidenceState.COMPLETED,
)
"""States whose absence an instructor has to know of."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source as the page shows it. ``look`` is a key of ``formats.STATES``; ``problem`` and ``remedy`` in words."""

    view: SourceView
    name: str
    about: str
    look: str
    what: str
    source: str
    unseen: str
    problem: str | None
    remedy: str


def source_line(view: SourceView, platform: str) -> SourceLine:
    """Return one source in words."""
    problem, remedy = _problem(view)
    return SourceLine(
        view=view,
        name=str(NAMES.get(view.name, view.name)),
        about=str(_ABOUT.get(view.name, "")),
        look=_look(view, problem),
        what=_what(view.columns) if view.number else _("nothing yet"),
        source=formats.seen_at(view.name, platform),
        unseen=_unseen(view.capability),
        problem=problem,
        remedy=remedy,
    )


def _look(view: SourceView, problem: str | None) -> str:
    if view.total is not None:
        return "running"
    if not view.capability.is_available:
        return "source_closed"
    if problem is not None:
        return "failed"
    return "source_ready" if view.number else "source_empty"


def _what(columns: Mapping[ColumnKind, int]) -> str:
    words = {
        ColumnKind.LINE_ITEM: ngettext(
            "%(num)s piece of graded work", "%(num)s pieces of graded work", columns.get(ColumnKind.LINE_ITEM, 0)
        ),
        ColumnKind.MODULE: ngettext("%(num)s module", "%(num)s modules", columns.get(ColumnKind.MODULE, 0)),
        ColumnKind.OUTCOME: ngettext("%(num)s outcome", "%(num)s outcomes", columns.get(ColumnKind.OUTCOME, 0)),
        ColumnKind.COURSE_TOTAL: _("the course total"),
        ColumnKind.ASSESSOR: ngettext(
            "%(num)s assessed checkpoint", "%(num)s assessed checkpoints", columns.get(ColumnKind.ASSESSOR, 0)
        ),
    }
    return format_list([words[kind] for kind in words if columns.get(kind)], locale=locale())


def _unseen(capability: Capability) -> str:
    told = [str(_STATES[one]) for one in _TOLD if one in capability.unseen]
    if not told or capability.column_kinds == {ColumnKind.ASSESSOR}:
        return ""
    return _("It does not tell whether work is %(states)s.", states=format_list(told, style="or", locale=locale()))


def _problem(view: SourceView) -> tuple[str | None, str]:
    """What is the matter, and what to do about it."""
    if view.capability.needs:
        code = view.capability.needs[0]
        if code in _NEEDS:
            return str(_NEEDS[code][0]), str(_NEEDS[code][1])
        return fact_of(code), instructor_remedy(code)
    code_ = view.failed_code
    if code_ is None:
        return None, ""
    if code_ in PROBLEMS:
        return fact_of(code_), instructor_remedy(code_)
    message = MESSAGES.get(code_) or MESSAGES["platform_unavailable"]
    return str(message.happened), str(message.remedies[0])


def short_name(name: str) -> str:
    """Return a source that another platform would have."""
    return str(_SHORT.get(name, name))


def told_by(source: str, platform: str) -> str:
    """Return who says something where several sources of one platform are side by side."""
    if source == AGS:
        return _("%(platform)s over LTI", platform=platform)
    return str(_SHORT.get(source) or formats.source_name(source))


def state_words(state: EvidenceState) -> str:
    """Return a state of work in words."""
    return str(_STATES[state])


def ground_words(ground: LinkGround) -> str:
    """Return why two columns are thought to be the same work."""
    return str(_GROUNDS[ground])
