"""Templates as JSON.

::

    {"competencies": [{"identifier": "aq.water", "statement": "…", "code": "AQ-1", "uri": "https://…"}],
     "slots":        [{"slot": "water-log", "title": "Water log"}],
     "mappings":     [{"slot": "water-log", "competency": "aq.water", "threshold": "70", "weight": "1"}],
     "calculations": [{"competency": "aq.water", "calculation": "all", "threshold": "70", "factor": "65"}],
     "badges":       [{"key": "water", "name": "…", "description": "…", "criteria": "…", "type": "MicroCredential",
                       "language": "en", "picture": "<sha256>", "rule": {…}, "policy": {…}}]}

Numbers are texts of decimal digits; ``type`` is a term of Open Badges 3.0, ``picture`` the SHA-256 of a stored file.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.competency_plan import Calculation
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.templates import (
    Template,
    TemplateBadge,
    TemplateCalculation,
    TemplateCompetency,
    TemplateMapping,
    TemplateSlot,
    check_references,
    template_error,
)

MAX_ENTRIES = 500
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,10})?", re.ASCII)
_NAME = re.compile(r"[^\s/][^/]{0,199}")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PICTURE = re.compile(r"[0-9a-f]{64}")


def parse_template(document: object) -> Template:
    """Read a template. Raises ``InvalidInputError`` with ``field`` as a JSON path (``$.mappings[2].slot``) and a code:
    ``template_invalid`` (a value that is not what it must be), ``template_repeated`` (a name comes twice),
    ``template_reference`` (a name that leads nowhere, or badges that count towards one another in a circle),
    ``template_too_long``; or what ``parse_rule`` and ``AwardPolicy.from_document`` raise.
    """
    given = _object(document, "$")
    competencies = tuple(_competency(one, path) for one, path in _entries(given, "competencies"))
    slots = tuple(_slot(one, path) for one, path in _entries(given, "slots"))
    mappings = tuple(_mapping(one, path) for one, path in _entries(given, "mappings"))
    calculations = tuple(_calculation(one, path) for one, path in _entries(given, "calculations"))
    badges = tuple(_badge(one, path) for one, path in _entries(given, "badges"))
    _once([one.identifier for one in competencies], "competencies")
    _once([one.slot for one in slots], "slots")
    _once([(one.slot, one.competency) for one in mappings], "mappings")
    _once([one.competency for one in calculations], "calculations")
    _once([one.key for one in badges], "badges")
    template = Template(competencies, slots, mappings, calculations, badges)
    check_references(template)
    return template


def _once(names: Sequence[object], where: str) -> None:
    if len(set(names)) < len(names):
        raise template_error("something comes twice", f"$.{where}", "repeated")


def _competency(given: Mapping[str, object], path: str) -> TemplateCompetency:
    return TemplateCompetency(
        identifier=_text(given, "identifier", path, 255),
        statement=_text(given, "statement", path, 4096),
        code=_optional(given, "code", path, 255),
        uri=_optional(given, "uri", path, 2048),
    )


def _slot(given: Mapping[str, object], path: str) -> TemplateSlot:
    slot = _text(given, "slot", path, 200)
    if not _NAME.fullmatch(slot):
        raise template_error("a slot is a short name", f"{path}.slot")
    return TemplateSlot(slot, _text(given, "title", path, 1024))


def _mapping(given: Mapping[str, object], path: str) -> TemplateMapping:
    weight = _number(given, "weight", path) if given.get("weight") is not None else Decimal(1)
    if weight <= 0:
        raise template_error("a weight is more than 0", f"{path}.weight")
    return TemplateMapping(
        slot=_text(given, "slot", path, 200),
        competency=_text(given, "competency", path, 255),
        threshold=_percent(given, "threshold", path),
        weight=weight,
    )


def _calculation(given: Mapping[str, object], path: str) -> TemplateCalculation:
    try:
        calculation = Calculation(_text(given, "calculation", path, 32))
    except ValueError:
        raise template_error(f"a calculation is one of {', '.join(Calculation)}", f"{path}.calculation") from None
    factor = _percent(given, "factor", path) if given.get("factor") is not None else Decimal(65)
    if not factor:
        raise template_error("a factor is more than 0", f"{path}.factor")
    return TemplateCalculation(
        competency=_text(given, "competency", path, 255),
        calculation=calculation,
        threshold=_percent(given, "threshold", path),
        factor=factor,
    )


def _badge(given: Mapping[str, object], path: str) -> TemplateBadge:
    key, picture = _text(given, "key", path, 64), _text(given, "picture", path, 64)
    if not _KEY.fullmatch(key):
        raise template_error("a key has small letters, digits and hyphens", f"{path}.key")
    if not _PICTURE.fullmatch(picture):
        raise template_error("a picture is named by its SHA-256", f"{path}.picture")
    return TemplateBadge(
        key=key,
        name=_text(given, "name", path, 255),
        description=_text(given, "description", path, 4000),
        criteria=_text(given, "criteria", path, 4000),
        type=_text(given, "type", path, 64),
        language=_text(given, "language", path, 35),
        picture=picture,
        rule=parse_rule(given.get("rule")),
        policy=AwardPolicy.from_document(given.get("policy") or {}),
    )


def _entries(given: Mapping[str, object], name: str) -> list[tuple[Mapping[str, object], str]]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise template_error("a list is needed here", f"$.{name}")
    if len(value) > MAX_ENTRIES:
        raise template_error(f"at most {MAX_ENTRIES} entries", f"$.{name}", "too_long")
    return [(_object(one, path), path) for number, one in enumerate(value) for path in [f"$.{name}[{number}]"]]


def _object(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise template_error("an object is needed here", path)
    return value


def _text(given: Mapping[str, object], key: str, path: str, longest: int) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise template_error("a text is needed here", f"{path}.{key}")
    if len(value) > longest:
        raise template_error(f"at most {longest} characters", f"{path}.{key}", "too_long")
    return value


def _optional(given: Mapping[str, object], key: str, path: str, longest: int) -> str | None:
    return None if given.get(key) is None else _text(given, key, path, longest)


def _number(given: Mapping[str, object], key: str, path: str) -> Decimal:
    value = given.get(key)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise template_error("a number as text is needed here", f"{path}.{key}")
    return Decimal(value)


def _percent(given: Mapping[str, object], key: str, path: str) -> Decimal:
    value = _number(given, key, path)
    if value > 100:
        raise template_error("a percentage is at most 100", f"{path}.{key}")
    return value
