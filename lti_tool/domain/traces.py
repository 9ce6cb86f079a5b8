"""Reading back what ``Judgement.to_document`` wrote: the trace an award keeps."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import InvalidInputError


def judgement_from_document(document: object) -> Judgement:
    """Rebuild a judgement. Raises ``InvalidInputError`` (``trace_invalid``) when the document is not one of ours."""
    try:
        return _judgement(document)
    except (KeyError, ValueError, TypeError, InvalidOperation, RecursionError, InvalidInputError) as error:
        raise InvalidInputError("the trace cannot be read", code="trace_invalid") from error


def _judgement(document: object) -> Judgement:
    entry = _mapping(document)
    reason = _mapping(entry["reason"])
    evidence = entry["evidence"]
    return Judgement(
        verdict=Verdict(_text(entry["verdict"])),
        kind=Kind(_text(entry["kind"])),
        reason=Reason(ReasonCode(_text(reason["code"])), _params(reason["params"])),
        subject=_optional_text(entry["subject"]),
        children=tuple(_judgement(child) for child in _list(entry["children"])),
        evidence=None if evidence is None else _evidence(_mapping(evidence)),
    )


def _evidence(entry: Mapping[str, object]) -> Evidence:
    position = entry["position"]
    if not isinstance(position, int):
        raise TypeError(position)
    return Evidence(
        slot=_text(entry["slot"]),
        title=_text(entry["title"]),
        source=_text(entry["source"]),
        state=EvidenceState(_text(entry["state"])),
        freshness=Freshness(_text(entry["freshness"])),
        score=_decimal(entry["score"]),
        maximum=_decimal(entry["maximum"]),
        letter=_optional_text(entry["letter"]),
        submitted_at=_moment(entry["submitted_at"]),
        graded_at=_moment(entry["graded_at"]),
        checked_at=_moment(entry["checked_at"]),
        position=position,
        scheme=_scheme(entry.get("scheme")),  # absent in traces written before schemes were kept
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _params(value: object) -> dict[str, str | None]:
    return {name: _optional_text(param) for name, param in _mapping(value).items()}


def _scheme(value: object) -> tuple[str, ...] | None:
    return None if value is None else tuple(_text(letter) for letter in _list(value))


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(_text(value))


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(_text(value))
