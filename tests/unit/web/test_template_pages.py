"""Templates: made and published by staff, taken over by courses, bound to their work, and not to be weakened."""

import html
import io
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from forms import fields_of
from instructor_world import CourseWorld, lakeside, make_course
from web_world import SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.models import Achievement, AchievementState, Organization, StaffRole, TemplateState
from lti_tool.services import achievements, slots, templates
from lti_tool.services.wakeups import APPLY_TEMPLATE
from lti_tool.web.session import STAFF_COOKIE


class Staff:
    """A staff user's browser."""

    def __init__(self, world: World, role: StaffRole) -> None:
        self.client: FlaskClient = world.app.test_client()
        self.client.set_cookie(STAFF_COOKIE, world.staff_secret(role, f"{role}@example.org"))

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(f"/admin/templates{path}")
        assert answer.status_code == status, answer.text[:300]
        return html.unescape(answer.text)

    def post(self, path: str, **form: Any) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/admin/approvals/").text)
        assert token
        data = form | {"csrf_token": token[1]}
        return self.client.post(f"/admin/templates{path}", data=data, headers=SAME_ORIGIN)

    def make(self, course: CourseWorld, name: str = "Aquaponics", path: str = "/new") -> str:
        """Look at a course's content, and confirm."""
        look = self.post(path, name=name, source="course", course=str(course.context_id))
        answer = self.post("/confirm", **fields_of(look.text, "/confirm"))
        assert answer.status_code == 303, answer.text
        return html.unescape(look.text)


@pytest.fixture
def course(world: World) -> CourseWorld:
    course = lakeside(world)
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")})
    return course


@pytest.fixture
def registrar(world: World) -> Staff:
    return Staff(world, StaffRole.REGISTRAR)


def published(registrar: Staff, course: CourseWorld, *, locked: str = "yes") -> int:
    registrar.make(course)
    with course.world.services.database.read() as session:
        template_id = templates.list_templates(session)[-1].id
    assert registrar.post(f"/{template_id}/publish", locked=locked).status_code == 303
    return template_id


def adopting(world: World, template_id: int, name: str = "course-2") -> CourseWorld:
    other = make_course(world, name)
    other.add_learner("ada", "Ada Okafor")
    other.add_column("diary", "Water log", {"ada": "95"})
    other.add_column("test", "Exam", {"ada": "95"})
    other.post_on(f"/templates/{template_id}/adopt")
    with world.services.database.read() as session:
        for one in achievements.course_achievements(session, other.context_id):
            other.badges["water"] = one.id
    return other


# -- staff ------------------------------------------------------------------------------------------------------------


def test_a_template_is_made_from_a_course_after_a_look(course: CourseWorld, registrar: Staff) -> None:
    assert "There is none yet." in registrar.get("/")
    look = registrar.make(course)
    assert "Learners earn this when they have the skill “Balance the water chemistry”." in look
    assert "No course sees it before you publish it." in look
    page = registrar.get("/1")
    assert "from 70%" in page
    assert "No course has it yet." in page
    assert "Draft" in page
    assert "Aquaponics" in registrar.get("/")


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"name": " ", "course": "1"}, "name", "Give the template a name."),
        ({"name": "x" * 256, "course": "1"}, "name", "A name has at most 255 characters."),
        ({"name": "A", "course": ""}, "course", "Choose a course."),
        ({"name": "A", "course": "999"}, "course", "Choose a course."),
        ({"name": "A", "course": "2"}, "course", "The course has no badge with a rule yet."),
        ({"name": "A", "source": "file"}, "file", "Choose a file first."),
    ],
)
def test_what_is_missing_is_said_next_to_its_field(
    world: World, course: CourseWorld, registrar: Staff, form: dict[str, str], field: str, words: str
) -> None:
    make_course(world, "course-2")
    answer = registrar.post("/new", **form)
    assert words in answer.text.split(f'id="{field}-error"')[1][:400]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "This is not a JSON file."),
        ("[" * 100_000, "This is not a JSON file."),
        ("[]", "At $: Something here is not what it must be."),
        (json.dumps({"slots": [{"slot": "a", "title": "A"}, {"slot": "a", "title": "B"}]}), "At $.slots: "),
        (
            json.dumps({"mappings": [{"slot": "a", "competency": "b", "threshold": "7"}]}),
            "At $.mappings[0].slot: ",
        ),
        (json.dumps({"competencies": [{"identifier": "a"}]}), "At $.competencies[0].statement: "),
    ],
)
def test_a_document_is_refused_with_the_place_that_is_wrong(
    course: CourseWorld, registrar: Staff, text: str, words: str
) -> None:
    file = (io.BytesIO(text.encode()), "template.json")
    answer = registrar.post("/new", name="A", source="file", file=file)
    assert words in html.unescape(answer.text).split('id="file-error"')[1][:400]
    assert 'value="A"' in answer.text


def test_what_is_downloaded_can_be_changed_and_uploaded_as_a_new_version(course: CourseWorld, registrar: Staff) -> None:
    template_id = published(registrar, course)
    answer = registrar.client.get(f"/admin/templates/{template_id}/document.json")
    assert answer.mimetype == "application/json"
    document = answer.get_json()
    document["mappings"][0]["threshold"] = "80"
    document["badges"][0]["name"] = "Water master"
    file = (io.BytesIO(json.dumps(document).encode()), "template.json")
    look = registrar.post(f"/{template_id}/change", source="file", file=file)
    said = html.unescape(look.text)
    assert "“Nitrogen cycle quiz” for “Balance the water chemistry”: from 70% becomes from 80%." in said
    assert "The badge “Water keeper” is called “Water master”." in said
    registrar.post("/confirm", **fields_of(look.text, "/confirm"))
    assert "version 2 of" in registrar.get(f"/{template_id}")


def test_the_same_name_twice_keeps_the_form(course: CourseWorld, registrar: Staff) -> None:
    registrar.make(course)
    look = registrar.post("/new", name="Aquaponics", source="course", course=str(course.context_id))
    answer = registrar.post("/confirm", **fields_of(look.text, "/confirm"))
    assert "There is a template of this name already." in answer.text


def test_a_confirmation_needs_its_preview(course: CourseWorld, registrar: Staff) -> None:
    assert registrar.post("/confirm", digest="x").headers["Location"] == "/admin/templates/"
    registrar.post("/new", name="A", source="course", course=str(course.context_id))
    registrar.post("/confirm", digest="x")
    assert "There is none yet." in registrar.get("/")


def test_a_new_version_reaches_the_courses(world: World, course: CourseWorld, registrar: Staff) -> None:
    template_id = published(registrar, course)
    adopting(world, template_id)
    course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    world.queue.woken.clear()
    look = registrar.make(course, path=f"/{template_id}/change")
    assert "New badge: “Fish friend”. Courses get it as a draft." in look
    assert "Title of course-2" in look
    assert [name for name, _ in world.queue.woken] == [APPLY_TEMPLATE]
    assert "gets the new one soon" in registrar.get(f"/{template_id}")


def test_retiring_ends_the_offer(world: World, course: CourseWorld, registrar: Staff) -> None:
    template_id = published(registrar, course)
    assert registrar.post(f"/{template_id}/retire").status_code == 303
    with world.services.database.read() as session:
        assert templates.get_template(session, template_id).state is TemplateState.RETIRED
    make_course(world, "course-2").get(f"/templates/{template_id}", 404)


@pytest.mark.parametrize("role", [StaffRole.REVIEWER])
def test_templates_are_for_registrars_and_admins(world: World, course: CourseWorld, role: StaffRole) -> None:
    published(Staff(world, StaffRole.ADMIN), course)
    other = Staff(world, role)
    for path in ("/", "/new", "/1", "/1/change", "/1/publish", "/1/document.json"):
        other.get(path, 403)
    for path in ("/new", "/confirm", "/1/change", "/1/publish", "/1/retire"):
        assert other.post(path).status_code == 403
    assert course.client.get("/admin/templates/").status_code == 401


def test_a_template_that_is_not_there(registrar: Staff) -> None:
    for path in ("/9", "/9/change", "/9/publish", "/9/document.json"):
        registrar.get(path, 404)
    for path in ("/9/publish", "/9/retire"):
        assert registrar.post(path).status_code == 404


# -- courses ----------------------------------------------------------------------------------------------------------


def test_a_course_takes_a_template_over_binds_its_work_and_publishes(
    world: World, course: CourseWorld, registrar: Staff
) -> None:
    template_id = published(registrar, course)
    other = make_course(world, "course-2")
    assert "Use a template of your organization" in other.get("/")
    look = html.unescape(other.get(f"/templates/{template_id}"))
    assert "Locked: your organization's registrar or admin decides" in look
    assert "badge comes as a draft" in look
    other = adopting(world, template_id)
    page = other.get("/templates")
    assert "Suggested, since it has the same name." in page
    with world.services.database.read() as session:
        assert all(one.column_id is None for one in slots.template_work(session, other.context_id))
    form = fields_of(page, "/work")
    assert form["column-1"] == str(other.columns["diary"])
    form["column-0"] = str(other.columns["test"])
    other.post_on("/templates/work", **form, do="save")
    badge = other.badges["water"]
    publish = html.unescape(other.get(f"/badges/{badge}/publish"))
    assert "Your organization has approved this badge with its template" in publish
    other.post_on(f"/badges/{badge}/publish", **fields_of(publish, "/publish"))
    with world.services.database.read() as session:
        assert session.get_one(Achievement, badge).state is AchievementState.LIVE


def test_other_work_for_a_live_badge_is_shown_first(world: World, course: CourseWorld, registrar: Staff) -> None:
    other = adopting(world, published(registrar, course))
    form = fields_of(other.get("/templates"), "/work") | {"column-0": str(other.columns["test"])}
    other.post_on("/templates/work", **form, do="save")
    other.post_on(f"/badges/{other.badges['water']}/publish")
    other.evaluate()
    preview = other.post("/templates/work", **form | {"column-0": ""}, do="save").text
    assert "Before you save" in preview
    with world.services.database.read() as session:
        assert all(one.column_id for one in slots.template_work(session, other.context_id))
    other.post_on("/templates/work", **fields_of(preview, "/work"), do="confirm")
    with world.services.database.read() as session:
        assert [one.column_id is None for one in slots.template_work(session, other.context_id)] == [True, False]


def test_work_can_stand_for_one_entry_only(world: World, course: CourseWorld, registrar: Staff) -> None:
    other = adopting(world, published(registrar, course))
    same = str(other.columns["test"])
    form = fields_of(other.get("/templates"), "/work") | {"column-0": same, "column-1": same}
    answer = other.post("/templates/work", **form, do="save")
    assert "It counts for something else already" in answer.text
    with world.services.database.read() as session:
        assert all(one.column_id is None for one in slots.template_work(session, other.context_id))


def test_what_is_locked_shows_a_lock_and_stays(world: World, course: CourseWorld, registrar: Staff) -> None:
    other = adopting(world, published(registrar, course))
    badge = other.badges["water"]
    for step in ("content", "rule", "policy"):
        assert "a template that your organization keeps locked" in other.get(f"/badges/{badge}/{step}")
    sent = {"rule": {"mode": "all"}, "policy": {"claim_mode": "auto"}, "content": {"name": "x"}, "retire": {}}
    for step, form in sent.items():
        answer = other.post(f"/badges/{badge}/{step}", **form, do="save")
        assert (answer.status_code, "mapping_locked" in answer.text) == (409, True), step
    for page in (other.get("/matrix"), other.get("/evidence"), other.get("/skills")):
        assert "icons.svg#lock" in page
    assert 'name="threshold-' not in other.get("/matrix").split("<table")[1].split("</table>")[0]


def test_what_is_not_locked_becomes_the_courses_own_and_needs_approval(
    world: World, course: CourseWorld, registrar: Staff
) -> None:
    other = adopting(world, published(registrar, course, locked="no"))
    badge = other.badges["water"]
    form = fields_of(other.get(f"/badges/{badge}/policy"), "/policy") | {"claim_mode": "auto", "do": "save"}
    assert other.post(f"/badges/{badge}/policy", **form).status_code == 303
    refused = other.post(f"/badges/{badge}/publish")
    assert (refused.status_code, "action_not_allowed" in refused.text) == (403, True)


def test_a_template_of_another_organization_is_not_there(world: World, course: CourseWorld, registrar: Staff) -> None:
    template_id = published(registrar, course)
    with world.services.database.write() as session:
        elsewhere = Organization(name="Elsewhere", created_at=world.now[0])
        session.add(elsewhere)
        session.flush()
        templates.get_template(session, template_id).organization_id = elsewhere.id
    other = make_course(world, "course-2")
    other.get(f"/templates/{template_id}", 404)
    assert other.post(f"/templates/{template_id}/adopt").status_code == 404
    assert "Aquaponics" not in other.get("/templates")
    with world.services.database.read() as session:
        assert templates.adoptions(session, template_id) == []


def test_work_of_another_course_cannot_be_chosen(world: World, course: CourseWorld, registrar: Staff) -> None:
    other = adopting(world, published(registrar, course))
    form = fields_of(other.get("/templates"), "/work")
    for foreign in (str(course.columns["quiz"]), "x", "-1"):
        assert other.post("/templates/work", **form | {"column-0": foreign}, do="save").status_code == 404


def test_a_draft_is_not_offered(world: World, course: CourseWorld, registrar: Staff) -> None:
    registrar.make(course)
    other = make_course(world, "course-2")
    assert "Your organization has published none yet." in other.get("/templates")
    assert other.post("/templates/1/adopt").status_code == 404
