"""The sentence builder: every clause goes in and comes out, its buttons lose nothing, and it says what is odd."""

import html
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from forms import fields_of
from instructor_world import CourseWorld, lakeside, make_course
from sqlalchemy import update
from web_world import World, make_world

from lti_tool.domain.clauses import scheme_fingerprint
from lti_tool.domain.rules import parse_rule, rule_document
from lti_tool.models import Achievement, Context, CourseGroup, EvidenceColumn, Membership
from lti_tool.services import mapping

LETTERS = ["A", "B", "C"]
WINDOW = {"before": "2026-05-01T12:00:00+00:00", "of": {"column": "quiz", "percent": {"at_least": "70"}}}


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Lakeside's course in two sections, graded by letters too, with an end."""
    return furnished(lakeside(world))


@pytest.fixture
def publishing(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Instructors publish."""
    world = make_world(migrated_sqlite_url, instructors_publish=True)
    yield lakeside(world)
    world.services.database.engine.dispose()


def furnished(course: CourseWorld) -> CourseWorld:
    with course.world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        context.ends_at = datetime(2026, 6, 30, tzinfo=UTC)
        for name in ("morning", "evening"):
            session.add(CourseGroup(context_id=course.context_id, platform_id=name, name=f"The {name} group"))
        session.execute(update(Membership).values(sections=["morning"]))
        for column in course.columns.values():
            mapping.bind_slot(session, course.context_id, session.get_one(EvidenceColumn, column))
        log = session.get_one(EvidenceColumn, course.columns["log"])
        log.grading_scheme, log.source = LETTERS, "canvas"
    return course


def rule_of(course: CourseWorld, badge: int) -> dict[str, Any] | None:
    with course.world.services.database.read() as session:
        rule = session.get_one(Achievement, badge).current_rule
        return None if rule is None else rule.document


def normal(document: dict[str, Any]) -> dict[str, Any]:
    return dict(rule_document(parse_rule(document)))


def send(course: CourseWorld, badge: int, page: str, **changes: Any) -> Any:
    fields = fields_of(page, "/rule") | changes
    return course.post(f"/badges/{badge}/rule", **{name: value for name, value in fields.items() if value is not None})


CORE = {"column": "quiz", "percent": {"at_least": "70"}}
CLAUSES: dict[str, dict[str, Any]] = {
    "percent": {"column": "quiz", "percent": {"at_least": "69.5"}},
    "points": {"column": "quiz", "points": {"at_least": "12.5"}},
    "letter": {
        "column": "log",
        "letter": {"one_of": ["A", "B"], "scheme": LETTERS, "fingerprint": scheme_fingerprint(LETTERS)},
    },
    "completed": {"column": "log", "completed": True},
    "submitted": {"column": "log", "submitted": True},
    "section": {"section": "morning"},
    "not": {"not": {"column": "quiz", "percent": {"at_least": "90"}}},
    "before": WINDOW,
    "after and before": {
        "before": "2026-05-01T12:00:00+00:00",
        "of": {"after": "2026-03-01T00:00:00+00:00", "of": CORE},
    },
    "dates of sections": {
        "before": {
            "default": "2026-05-01T12:00:00+00:00",
            "sections": {"evening": "2026-05-08T12:00:00+00:00", "morning": "2026-05-02T12:00:00+00:00"},
        },
        "of": CORE,
    },
    "groups in groups": {
        "any": [
            {"at_least": 1, "of": [CORE, {"all": [{"section": "evening"}, {"not": {"section": "morning"}}]}]},
            WINDOW,
        ]
    },
    "not of a group before": {"not": {"before": "2026-05-01T12:00:00+00:00", "of": {"any": [CORE, WINDOW]}}},
    "assessor, of old": {"assessor": "portfolio"},
    "a badge that is gone": {"achievement": "gone"},
    "work that is gone": {"column": "gone", "completed": True},
}


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
@pytest.mark.parametrize("frame", ["all", "any", "at_least"])
def test_every_rule_is_shown_and_sent_back_as_it_is(course: CourseWorld, clause: dict[str, Any], frame: str) -> None:
    skill = {"competency": course.identifier("water")}
    rule = {"at_least": 1, "of": [skill, clause]} if frame == "at_least" else {frame: [skill, clause]}
    badge = course.add_badge("new", "New badge", rule)
    page = course.get(f"/badges/{badge}/rule")
    answer = send(course, badge, page, do="save")
    assert answer.status_code == 303, answer.text
    assert rule_of(course, badge) == normal(rule)


@pytest.mark.parametrize("clause", [CLAUSES["not"], CLAUSES["before"], CLAUSES["percent"]])
def test_a_rule_of_one_clause_becomes_a_list_of_one(course: CourseWorld, clause: dict[str, Any]) -> None:
    badge = course.add_badge("new", "New badge", clause)
    send(course, badge, course.get(f"/badges/{badge}/rule"), do="save")
    assert rule_of(course, badge) == {"all": [normal(clause)]}


def test_a_rule_is_built_by_buttons_alone(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge")
    page = course.get(f"/badges/{badge}/rule")
    page = send(course, badge, page, do="add:0", **{"add-0": "group"}).text
    page = send(course, badge, page, do="add:1", **{"add-1": "work"}).text
    page = send(course, badge, page, do="add:1", **{"add-1": "section"}).text
    quiz = str(course.columns["quiz"])
    filled = {
        "n1-mode": "any",
        "n2-subject": quiz,
        "n2-value": "80",
        "n3-subject": "evening",
        "n2-before": "2026-05-01T10:00",
    }
    assert send(course, badge, page, do="save", **filled).status_code == 303
    work = {"before": "2026-05-01T10:00:00+00:00", "of": {"column": "quiz", "percent": {"at_least": "80"}}}
    assert rule_of(course, badge) == {"all": [{"any": [work, {"section": "evening"}]}]}


def test_moving_and_removing_keep_what_was_typed(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge", {"all": [CLAUSES["percent"], {"section": "morning"}]})
    page = send(course, badge, course.get(f"/badges/{badge}/rule"), do="up:2", **{"n1-value": "rubbish"}).text
    assert page.index('name="node" value="2:0"') < page.index('name="node" value="1:0"')
    assert 'name="n1-value" value="rubbish"' in page
    page = send(course, badge, page, do="remove:2").text
    assert 'value="2:0"' not in page
    assert 'name="n1-value" value="rubbish"' in page
    assert rule_of(course, badge) == normal({"all": [CLAUSES["percent"], {"section": "morning"}]})


def test_groups_go_three_deep_and_no_deeper(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge")
    page = course.get(f"/badges/{badge}/rule")
    for parent in range(4):
        page = send(course, badge, page, do=f"add:{parent}", **{f"add-{parent}": "group"}).text
    assert 'name="node" value="3:2"' in page
    assert 'name="node" value="4:3"' not in page


@pytest.mark.parametrize(
    ("clause", "changes", "field", "words"),
    [
        ("percent", {"n1-value": "seventy"}, "n1-value", "Enter a number from 0 to 100."),
        ("points", {"n1-value": "-1"}, "n1-value", "Enter a number of points"),
        ("points", {"n1-value": "9" * 5000}, "n1-value", "Enter a number of points"),
        ("percent", {"n1-subject": ""}, "n1-subject", "Choose one from the list."),
        ("percent", {"n1-measure": "letter", "n1-letters": "A"}, "n1-measure", "This can't be read for this work."),
        ("letter", {"n1-letters": " , "}, "n1-letters", "Enter at least one grade"),
        ("letter", {"n1-letters": "A, Z"}, "n1-letters", "not in the grading scheme"),
        ("before", {"n1-before": "soon"}, "n1-before", "Enter a date and a time."),
        ("dates of sections", {"n1-before": ""}, "n1-before", "Give the date for everybody first"),
        ("section", {"n1-subject": "night"}, "n1-subject", "Choose one from the list."),
        ("section", {"n1-kind": "assessor", "n1-subject": "me"}, "n1-subject", "Choose one from the list."),
        ("section", {"n1-kind": "group"}, "n1", "This group is empty."),
    ],
)
def test_what_is_wrong_stands_next_to_its_field_and_nothing_is_lost(
    course: CourseWorld, clause: str, changes: dict[str, str], field: str, words: str
) -> None:
    rule = {"all": [CLAUSES[clause], {"competency": course.identifier("water")}]}
    badge = course.add_badge("new", "New badge", rule)
    answer = send(course, badge, course.get(f"/badges/{badge}/rule"), do="save", **changes)
    assert answer.status_code == 200
    assert f'<a href="#{field}">' in answer.text
    assert words in html.unescape(answer.text.split(f'id="{field}-error"')[1][:400])
    assert f'value="{course.items["water"]}" id="skill-{course.items["water"]}" checked' in answer.text
    assert rule_of(course, badge) == normal(rule)


def test_the_same_condition_twice_is_refused_where_it_would_count_twice(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge", {"all": [CLAUSES["section"], CLAUSES["percent"]]})
    page = course.get(f"/badges/{badge}/rule")
    same = {"n2-kind": "section", "n2-subject": "morning", "mode": "at_least", "count": "1"}
    assert "The same condition stands there twice." in send(course, badge, page, do="save", **same).text


def test_only_what_the_sources_tell_is_offered(world: World) -> None:
    course = lakeside(world)
    badge = course.add_badge("new", "New badge")
    page = course.get(f"/badges/{badge}/rule")
    page = send(course, badge, page, do="add:0", **{"add-0": "work"}).text
    options = page.split('id="n1-measure"')[1].split("</select>")[0]
    assert 'value="percent"' in options
    assert 'value="letter"' not in options
    assert "do not tell: a letter grade, whether it is completed, whether it was handed in." in page
    assert "Sections are not offered" in page
    assert '<option value="section">' not in page


def test_a_badge_of_another_course_cannot_be_named(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    foreign = other.add_badge("x", "Foreign")
    with world.services.database.read() as session:
        public_id = session.get_one(Achievement, foreign).public_id
    badge = course.add_badge("new", "New badge")
    sent = {"node": "1:0", "n1-kind": "badge", "n1-subject": public_id, "mode": "all", "do": "save"}
    answer = course.post(f"/badges/{badge}/rule", **sent)
    assert "Choose one from the list." in answer.text
    assert "Foreign" not in answer.text
    assert rule_of(course, badge) is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"competency": "fish"}, "No work counts for the skill “Keep the fish healthy” yet"),
        ({"column": "quiz", "percent": {"at_least": "0"}}, "0 is enough in “Nitrogen cycle quiz”"),
        ({"column": "log", "submitted": True}, "Taking part is all this badge asks for."),
        ({"column": "quiz", "completed": True}, "can't tell this (whether it is completed)"),
        ({"section": "night"}, "The section “night” is no longer here."),
        (
            {"column": "log", "letter": {"one_of": ["A"], "scheme": ["A", "F"]}},
            "graded by another scheme now (A, B, C)",
        ),
    ],
)
def test_what_is_odd_about_a_rule_is_said(course: CourseWorld, rule: dict[str, Any], words: str) -> None:
    if "competency" in rule:
        rule = {"competency": course.identifier(rule["competency"])}
    badge = course.add_badge("new", "New badge", rule)
    assert words in html.unescape(course.get(f"/badges/{badge}/rule"))


def test_hostile_nodes_break_nothing(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge")
    nodes = ["1:1", "2:9", "x:0", "-1:0", "0:0", "3:", "٣:0", *[f"{number}:0" for number in range(10, 300)]]
    for button in ("save", "show", "add:0", "add:x", "remove:999", "up:-1", "down:3", "add:99999999"):
        answer = course.post(f"/badges/{badge}/rule", node=nodes, mode="all", do=button, **{"add-0": "worm"})
        assert answer.status_code == 200


# -- a live badge -----------------------------------------------------------------------------------------------------


def live_badge(course: CourseWorld) -> int:
    """Ada has 88 in the quiz and 80 in the log, Ben 69.5 and 90."""
    with course.world.services.database.write() as session:
        for column in course.columns.values():
            mapping.bind_slot(session, course.context_id, session.get_one(EvidenceColumn, column))
    rule = {"all": [{"column": "quiz", "percent": {"at_least": "70"}}]}
    badge = course.add_badge("quiz", "Quiz master", rule, live=True)
    course.evaluate()
    return badge


def test_the_rule_of_a_live_badge_is_saved_after_a_look_at_who_gains_and_loses(publishing: CourseWorld) -> None:
    badge = live_badge(publishing)
    before = rule_of(publishing, badge)
    form = fields_of(publishing.get(f"/badges/{badge}/rule"), "/rule")
    preview = publishing.post(f"/badges/{badge}/rule", **form | {"n1-value": "69,5"}, do="save").text
    assert "<strong>1</strong> learner would gain it" in preview
    assert "Ben Noor" in preview.split("</strong> learner would gain it")[1]
    assert rule_of(publishing, badge) == before
    kept = fields_of(preview, "/rule")
    assert kept["n1-value"] == "69,5"
    assert "The new rule holds from now on." in publishing.post_on(f"/badges/{badge}/rule", **kept, do="confirm")
    assert rule_of(publishing, badge) == {"all": [{"column": "quiz", "percent": {"at_least": "69.5"}}]}
    with publishing.world.services.database.read() as session:
        assert session.get_one(Achievement, badge).previewed_count == 1


def test_who_would_lose_the_offer_is_named(publishing: CourseWorld) -> None:
    badge = live_badge(publishing)
    form = fields_of(publishing.get(f"/badges/{badge}/rule"), "/rule")
    preview = publishing.post(f"/badges/{badge}/rule", **form | {"n1-value": "89"}, do="save").text
    assert "learner would lose the offer" in preview
    assert "Needs 89% in Nitrogen cycle quiz. Lakeside shows 88%" in preview


def test_a_preview_that_is_out_of_date_is_shown_again(publishing: CourseWorld) -> None:
    badge = live_badge(publishing)
    form = fields_of(publishing.get(f"/badges/{badge}/rule"), "/rule")
    kept = fields_of(publishing.post(f"/badges/{badge}/rule", **form | {"n1-value": "60"}, do="save").text, "/rule")
    publishing.world.later(minutes=1)
    publishing.add_learner("eve", "Eve Hall")
    publishing.add_column("quiz", "Nitrogen cycle quiz", {"eve": "65"})
    before = rule_of(publishing, badge)
    again = publishing.post(f"/badges/{badge}/rule", **kept, do="confirm")
    assert "Something has changed since you looked." in again.text
    assert rule_of(publishing, badge) == before


def test_going_back_from_the_preview_keeps_the_form(publishing: CourseWorld) -> None:
    badge = live_badge(publishing)
    form = fields_of(publishing.get(f"/badges/{badge}/rule"), "/rule")
    kept = fields_of(publishing.post(f"/badges/{badge}/rule", **form | {"n1-value": "60"}, do="save").text, "/rule")
    page = publishing.post(f"/badges/{badge}/rule", **kept, do="show").text
    assert 'name="n1-value" value="60"' in page
