"""The form in which an instructor describes a checkpoint; what was typed stays until it can be used.

Moments are typed without a zone and meant in UTC, as all moments on these pages.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from flask import request

from lti_tool.domain.assessments import MOST_ASSESSORS
from lti_tool.domain.rubrics import Rubric
from lti_tool.errors import InvalidInputError
from lti_tool.models import CheckpointKind
from lti_tool.services.checkpoint_drafts import TAKES_WORK, Draft, read_points
from lti_tool.services.mapping import read_threshold


@dataclass(frozen=True, slots=True)
class CheckpointForm:
    """A checkpoint as typed: every field is text."""

    kind: str = CheckpointKind.EVIDENCE.value
    title: str = ""
    instructions: str = ""
    maximum: str = "10"
    item_id: str = ""
    threshold: str = "70"
    rubric: str = ""
    assessors_needed: str = "1"
    achievement_id: str = ""
    opens_at: str = ""
    due_at: str = ""
    closes_at: str = ""

    @classmethod
    def from_request(cls) -> "CheckpointForm":
        """Return what the form at hand holds."""
        return cls(**{one.name: request.form.get(one.name, "").strip() for one in fields(cls)})

    @classmethod
    def from_document(cls, document: Mapping[str, str]) -> "CheckpointForm":
        """Return what ``to_document`` gave."""
        return cls(**document)

    def to_document(self) -> dict[str, str]:
        """Return it as JSON values, for the session."""
        return asdict(self)

    def draft(self) -> Draft:
        """Return what was typed as values; raises ``InvalidInputError`` whose ``field`` is one of this form's."""
        kind = CheckpointKind(self.kind) if self.kind in set(CheckpointKind) else CheckpointKind.EVIDENCE
        return Draft(
            kind=kind,
            title=self.title,
            instructions=self.instructions,
            maximum=read_points(self.maximum) if self.maximum else None,
            achievement_id=_number(self.achievement_id),
            item_id=_number(self.item_id),
            threshold=read_threshold(self.threshold) if self.item_id else None,
            rubric=Rubric.from_text(self.rubric).to_document() if self.rubric and kind in TAKES_WORK else None,
            assessors_needed=MOST_ASSESSORS if self.assessors_needed == str(MOST_ASSESSORS) else 1,
            opens_at=_moment(self.opens_at, "opens_at"),
            due_at=_moment(self.due_at, "due_at"),
            closes_at=_moment(self.closes_at, "closes_at"),
        )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _moment(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInputError("This is not a date.", code="checkpoint_date_invalid", field=field) from None
