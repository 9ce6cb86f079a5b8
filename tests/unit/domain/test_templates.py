"""Templates as documents: every name leads somewhere, and what is read is what was written."""

from copy import deepcopy
from typing import Any

import pytest

from lti_tool.domain.template_documents import parse_template
from lti_tool.domain.templates import badge_order, with_achievements
from lti_tool.errors import InvalidInputError, ToolError

PICTURE = "ab" * 32


def badge(key: str, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A badge of a template's document."""
    return {
        "key": key,
        "name": key.title(),
        "description": "What it says.",
        "criteria": "Do the work.",
        "type": "MicroCredential",
        "language": "en",
        "picture": PICTURE,
        "rule": rule,
        **more,
    }


DOCUMENT: dict[str, Any] = {
    "competencies": [
        {"identifier": "aq.water", "statement": "Balance the water chemistry", "code": "AQ-1", "uri": None},
        {"identifier": "aq.fish", "statement": "Keep the fish healthy", "code": None, "uri": "https://x.example/fish"},
    ],
    "slots": [{"slot": "water-log", "title": "Water log"}, {"slot": "final-project", "title": "Final project"}],
    "mappings": [{"slot": "water-log", "competency": "aq.water", "threshold": "69.5", "weight": "2"}],
    "calculations": [{"competency": "aq.water", "calculation": "average", "threshold": "70"}],
    "badges": [
        badge("operator", {"all": [{"achievement": "water"}, {"column": "final-project", "submitted": True}]}),
        badge("water", {"competency": "aq.water"}, policy={"grade_change": "ignore"}),
    ],
}  # fmt: skip


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def test_what_is_written_is_read_again() -> None:
    template = parse_template(DOCUMENT)
    assert parse_template(template.to_document()) == template
    assert parse_template(template.to_document()).to_document() == template.to_document()
    assert template.mappings[0].threshold.as_tuple().digits == (6, 9, 5)


def test_an_empty_template_is_one() -> None:
    assert parse_template({}).badges == ()


def test_badges_come_after_those_they_build_on() -> None:
    assert [one.key for one in badge_order(parse_template(DOCUMENT))] == ["water", "operator"]


def test_achievements_get_other_names_wherever_they_are() -> None:
    rule = {"any": [{"achievement": "a"}, {"all": [{"not": {"achievement": "b"}}, {"competency": "a"}]}]}
    assert with_achievements(rule, {"a": "1", "b": "2"}) == {
        "any": [{"achievement": "1"}, {"all": [{"not": {"achievement": "2"}}, {"competency": "a"}]}]
    }


REFUSED: list[tuple[list[Any], Any, str, str]] = [
    (["competencies"], {}, "template_invalid", "$.competencies"),
    (["competencies", 0], "text", "template_invalid", "$.competencies[0]"),
    (["competencies", 0, "identifier"], "", "template_invalid", "$.competencies[0].identifier"),
    (["competencies", 0, "statement"], None, "template_invalid", "$.competencies[0].statement"),
    (["competencies", 0, "statement"], "x" * 5000, "template_too_long", "$.competencies[0].statement"),
    (["competencies", 0, "statement"], "a\0b", "template_invalid", "$.competencies[0].statement"),
    (["competencies", 1, "identifier"], "aq.water", "template_repeated", "$.competencies"),
    (["slots", 1, "slot"], "water-log", "template_repeated", "$.slots"),
    (["slots", 0, "slot"], " log", "template_invalid", "$.slots[0].slot"),
    (["slots"], [{"slot": f"s{n}", "title": "x"} for n in range(501)], "template_too_long", "$.slots"),
    (["mappings", 0, "slot"], "nowhere", "template_reference", "$.mappings[0].slot"),
    (["mappings", 0, "competency"], "nothing", "template_reference", "$.mappings[0].competency"),
    (["mappings", 0, "threshold"], "101", "template_invalid", "$.mappings[0].threshold"),
    (["mappings", 0, "threshold"], 70, "template_invalid", "$.mappings[0].threshold"),
    (["mappings", 0, "threshold"], "1e9", "template_invalid", "$.mappings[0].threshold"),
    (["mappings", 0, "weight"], "0", "template_invalid", "$.mappings[0].weight"),
    (["calculations", 0, "calculation"], "guess", "template_invalid", "$.calculations[0].calculation"),
    (["calculations", 0, "competency"], "nothing", "template_reference", "$.calculations[0].competency"),
    (["badges", 0, "key"], "Not A Key", "template_invalid", "$.badges[0].key"),
    (["badges", 0, "key"], "water", "template_repeated", "$.badges"),
    (["badges", 0, "picture"], "../etc", "template_invalid", "$.badges[0].picture"),
    (["badges", 1, "rule"], {"competency": "nothing"}, "template_reference", "$.badges[1].rule"),
    (["badges", 1, "rule"], {"achievement": "nothing"}, "template_reference", "$.badges[1].rule"),
    (["badges", 1, "rule"], {"column": "nothing", "completed": True}, "template_reference", "$.badges[1].rule"),
    (["badges", 1, "rule"], {"achievement": "operator"}, "template_reference", "$.badges"),
    (["badges", 1, "rule"], {"achievement": "water"}, "template_reference", "$.badges"),
]


@pytest.mark.parametrize(("path", "value", "code", "field"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_leads_nowhere_is_refused_with_its_place(path: list[Any], value: Any, code: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_template(changed(path, value))
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("path", [["badges", 0, "rule"], ["badges", 0, "policy"]])
@pytest.mark.parametrize("value", [{"nonsense": 1}, [1], "x"])
def test_rules_and_policies_are_read_as_everywhere(path: list[Any], value: Any) -> None:
    with pytest.raises(ToolError):
        parse_template(changed(path, value))


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_a_template_is_an_object(document: object) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_template(document)
    assert refused.value.code == "template_invalid"
