"""Line items as values and as the documents that travel (AGS 2.0, section 3.2.2).

Wire names appear here only. Moments are sent in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict

from lti_tool.lti.entries import address, flag, moment, number, text
from lti_tool.lti.quirks import CANVAS_SUBMISSION_TYPE, SAKAI_READ_ONLY

_WIRE = {
    "label": "label",
    "score_maximum": "scoreMaximum",
    "resource_id": "resourceId",
    "tag": "tag",
    "resource_link_id": "resourceLinkId",
    "starts_at": "startDateTime",
    "ends_at": "endDateTime",
    "grades_released": "gradesReleased",
    "submission_review": "submissionReview",
    "submission_type": CANVAS_SUBMISSION_TYPE,
}


@dataclass(frozen=True, slots=True)
class LineItem:
    """One column of this tool; ``url`` is its id and address, query included.

    ``submission_review`` (AGS companion document) and ``submission_type`` (Canvas' extension: ``type``,
    ``external_tool_url``) are as the platform sent them. ``is_read_only``: it belongs to others and may only be read
    (Sakai's extension).
    """

    url: str
    label: str
    score_maximum: Decimal | None
    resource_id: str | None
    tag: str | None
    resource_link_id: str | None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    grades_released: bool | None = None
    submission_review: Mapping[str, object] | None = None
    submission_type: Mapping[str, object] | None = None
    is_read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLineItem:
    """A column to be made; ``None`` leaves a field out. ``score_maximum`` is above 0, moments have a zone."""

    label: str
    score_maximum: Decimal
    resource_id: str | None = None
    tag: str | None = None
    resource_link_id: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    grades_released: bool | None = None
    submission_review: Mapping[str, object] | None = None
    submission_type: Mapping[str, object] | None = None


class LineItemChanges(TypedDict, total=False):
    """What to change in a line item; a field that is not named stays as it is, ``None`` takes it away."""

    label: str
    score_maximum: Decimal
    resource_id: str | None
    tag: str | None
    resource_link_id: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    grades_released: bool | None
    submission_review: Mapping[str, object] | None
    submission_type: Mapping[str, object] | None


class LineItemFilter(TypedDict, total=False):
    """By what to find line items; all that are named must fit."""

    resource_id: str | None
    tag: str | None
    resource_link_id: str | None


def read_line_item(entry: Mapping[str, object]) -> LineItem:
    """Return the line item that an entry describes; raises ``MalformedEntryError``."""
    return LineItem(
        url=address(entry, "id", 2048),
        label=text(entry, "label", 1024) or "",
        score_maximum=number(entry, "scoreMaximum", minimum=Decimal(0)),
        resource_id=text(entry, "resourceId", 1024, is_cut=False),
        tag=text(entry, "tag", 1024, is_cut=False),
        resource_link_id=text(entry, "resourceLinkId", 255, is_cut=False),
        starts_at=moment(entry, "startDateTime"),
        ends_at=moment(entry, "endDateTime"),
        grades_released=flag(entry, "gradesReleased"),
        submission_review=_mapping(entry.get("submissionReview")),
        submission_type=_mapping(entry.get(CANVAS_SUBMISSION_TYPE)),
        is_read_only=entry.get(SAKAI_READ_ONLY) is True,
    )


def _mapping(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None


def changed(document: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Return the document with changes under their names here; ``None`` takes a member away, others stay."""
    found = dict(document)
    for key, value in changes.items():
        if value is None:
            found.pop(_WIRE[key], None)
        else:
            found[_WIRE[key]] = _value(value)
    return found


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return dict(value) if isinstance(value, Mapping) else value
