"""The capability matrix of ``docs/evidence.md``: what each source can decide on each LMS, by what was granted.

It is computed from the sources' own ``capability``, never written by hand: ``python tests/capability_matrix.py``
writes it anew.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.assessor import AssessorSource
from lti_tool.evidence.base import Capability, ClauseKind, EvidenceSource
from lti_tool.evidence.canvas import CanvasSource
from lti_tool.evidence.canvas_scopes import MODULE_PART, OUTCOME_PART, SUBMISSIONS, asked
from lti_tool.evidence.csv_upload import CsvSource
from lti_tool.evidence.grants import API_DISABLED, API_NOT_SET_UP, GRANT_MISSING, GRANT_NARROWED, GRANT_REFUSED
from lti_tool.evidence.moodle import MoodleSource
from lti_tool.evidence.moodle_client import ACTIVITIES, CONTENTS, COURSE_COMPLETION, GRADES, OPTIONAL, REQUIRED
from lti_tool.lti.quirks import quirks_of
from lti_tool.models import ColumnKind, Context, Deployment, Registration

PAGE = Path(__file__).parent.parent / "docs/evidence.md"
BEGIN, END = "<!-- capability matrix: begin -->\n", "<!-- capability matrix: end -->\n"

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
PRODUCTS = {
    "canvas": "Canvas",
    "moodle": "Moodle",
    "desire2learn": "Brightspace",
    "blackboard": "Blackboard",
    "sakai": "Sakai",
    "openedx": "Open edX",
    "some other": "any other",
}
KINDS = {
    ColumnKind.LINE_ITEM: "work",
    ColumnKind.MODULE: "modules and activities",
    ColumnKind.OUTCOME: "outcomes",
    ColumnKind.COURSE_TOTAL: "course total",
    ColumnKind.ASSESSOR: "checkpoints",
}


@dataclass(frozen=True, slots=True)
class Given:
    """Grants of a course, as far as a capability asks: what is needed first, and what is allowed."""

    missing: tuple[str, ...] = ()
    allowed: frozenset[str] | None = None

    @property
    def grants(self) -> "Given":
        """``CanvasClient`` has its grants here."""
        return self

    def needs(self, _context: Context, _source: str) -> tuple[str, ...]:
        return self.missing

    def scopes(self, _context: Context, _source: str) -> frozenset[str] | None:
        return self.allowed


@dataclass(frozen=True, slots=True)
class Case:
    """One row before rows that say the same are put together."""

    source: str
    lms: str
    granted: str
    capability: Capability


def cases() -> Iterator[Case]:
    """Every combination of source, LMS and grant."""
    yield from _ags()
    yield from _canvas()
    yield from _moodle()
    for source in (CsvSource(), AssessorSource()):
        for lms in PRODUCTS.values():
            yield Case(source.name, lms, "nothing to grant", source.capability(Context()))


def _ags() -> Iterator[Case]:
    source = AgsSource(_unused(), lambda product: quirks_of(product).lists_foreign_columns)
    grants: dict[str, tuple[str | None, list[str]]] = {
        "no AGS": (None, []),
        "`lineitem` or `lineitem.readonly` only": ("https://lms.example/items", [AGS + "lineitem.readonly"]),
        "`result.readonly` only": ("https://lms.example/items", [AGS + "result.readonly"]),
        "`lineitem` or `lineitem.readonly`, and `result.readonly`": (
            "https://lms.example/items",
            [AGS + "lineitem", AGS + "result.readonly"],
        ),
    }
    for product, lms in PRODUCTS.items():
        for granted, (url, scopes) in grants.items():
            deployment = Deployment(registration=Registration(product=product))
            context = Context(line_items_url=url, ags_scopes=scopes, deployment=deployment)
            yield Case(source.name, lms, granted, source.capability(context))


def _canvas() -> Iterator[Case]:
    everything = frozenset(asked([MODULE_PART.key, OUTCOME_PART.key]))
    grants = _withheld() | {
        "scopes of work only": Given(allowed=frozenset(asked([]))),
        "and those of modules": Given(allowed=frozenset(asked([MODULE_PART.key]))),
        "and those of outcomes": Given(allowed=frozenset(asked([OUTCOME_PART.key]))),
        "all scopes, or a key without scopes": Given(allowed=everything),
        "without `students/submissions`": Given(allowed=everything - {SUBMISSIONS}),
    }
    for granted, given in grants.items():
        client: Any = given
        yield _case(CanvasSource(client, _unused(), _unused()), "Canvas", granted)


def _moodle() -> Iterator[Case]:
    everything = frozenset({*REQUIRED, *OPTIONAL})
    grants = _withheld() | {
        "the required functions": Given(allowed=frozenset(REQUIRED)),
        "and completion of activities": Given(allowed=frozenset({*REQUIRED, CONTENTS, ACTIVITIES})),
        "and completion of the course": Given(allowed=frozenset({*REQUIRED, COURSE_COMPLETION})),
        "all functions": Given(allowed=everything),
        f"without `{GRADES}`": Given(allowed=everything - {GRADES}),
    }
    for granted, given in grants.items():
        leave: Any = given
        yield _case(MoodleSource(_unused(), leave), "Moodle", granted)


def _withheld() -> dict[str, Given]:
    return {
        "not set up": Given((API_NOT_SET_UP,)),
        "nobody granted it": Given((GRANT_MISSING,)),
        "refused or revoked": Given((GRANT_REFUSED,)),
        "narrowed on the platform": Given((GRANT_NARROWED,)),
        "switched off here": Given((API_DISABLED,)),
    }


def _case(source: EvidenceSource, lms: str, granted: str) -> Case:
    return Case(source.name, lms, granted, source.capability(Context()))


def _unused() -> Any:
    """A part that a capability does not need."""
    return None


# -- as a table -------------------------------------------------------------------------------------------------------


def table(found: Iterable[Case]) -> str:
    """The rows, those of several LMS that say the same put together."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for case in found:
        rows.setdefault((case.source, case.granted, *_cells(case.capability)), []).append(case.lms)
    head = ["source", "LMS", "granted", "columns", *(kind.value for kind in ClauseKind), "missing"]
    lines = [_line(head), _line(["---"] * len(head))]
    for (source, granted, *cells), lms in rows.items():
        where = "every LMS" if set(lms) == set(PRODUCTS.values()) else ", ".join(lms)
        lines.append(_line([f"`{source}`", where, granted, *cells]))
    return "".join(lines)


def _cells(capability: Capability) -> list[str]:
    if not capability.is_available:
        needs = ", ".join(f"`{code}`" for code in capability.needs)
        return ["-", *("-" for _ in ClauseKind), needs]
    kinds = ", ".join(word for kind, word in KINDS.items() if kind in capability.column_kinds)
    columns = f"{kinds} (this tool's own)" if capability.own_columns_only else kinds
    return [columns, *("yes" if kind in capability.decides else "-" for kind in ClauseKind), ""]


def unseen_table(found: Iterable[Case]) -> str:
    """States that a source cannot tell from ungraded when everything it asks for is granted."""
    best: dict[str, Capability] = {}
    for case in found:
        held = best.get(case.source)
        if held is None or len(case.capability.unseen) <= len(held.unseen):
            best[case.source] = case.capability
    lines = [_line(["source", "cannot tell from ungraded"]), _line(["---", "---"])]
    for source, capability in best.items():
        states = ", ".join(sorted(state.value for state in capability.unseen))
        lines.append(_line([f"`{source}`", states]))
    return "".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def block() -> str:
    """What stands between the markers."""
    found = list(cases())
    return f"{BEGIN}\n{table(found)}\n{unseen_table(found)}\n{END}"


def written(page: str) -> str:
    """The page with the matrix of today; raises ``ValueError`` where the markers are missing."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError("the page lacks the markers of the capability matrix")
    return before + block() + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
