"""A badge's rule, the try on today's grades, publishing and approval."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, lakeside, make_course
from web_world import SAME_ORIGIN, World, make_world

from lti_tool.models import Achievement, AchievementState, StaffRole
from lti_tool.services import achievements
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.session import STAFF_COOKIE


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Somebody else approves."""
    return lakeside(world)


@pytest.fixture
def publishing(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Instructors publish."""
    world = make_world(migrated_sqlite_url, instructors_publish=True)
    yield lakeside(world)
    world.services.database.engine.dispose()


def rule_of(course: CourseWorld, badge: int) -> dict[str, Any] | None:
    with course.world.services.database.read() as session:
        rule = session.get_one(Achievement, badge).current_rule
        return None if rule is None else rule.document


def state_of(course: CourseWorld, badge: int) -> AchievementState:
    with course.world.services.database.read() as session:
        return session.get_one(Achievement, badge).state


def water_badge(course: CourseWorld, **more: Any) -> int:
    return course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, **more)


# -- the sentence builder ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "count", "rule"),
    [
        ("all", "", {"all": ["water", "fish"]}),
        ("any", "7", {"any": ["water", "fish"]}),
        ("at_least", "1", {"at_least": 1, "of": ["water", "fish"]}),
    ],
)
def test_the_form_makes_a_rule(course: CourseWorld, mode: str, count: str, rule: dict[str, Any]) -> None:
    badge = course.add_badge("new", "New badge")
    skills = [str(course.items["water"]), str(course.items["fish"])]
    answer = course.post(f"/badges/{badge}/rule", mode=mode, count=count, skill=skills, do="save")
    assert answer.headers["Location"] == f"{course.base}/badges/{badge}/policy"
    wanted = {
        key: [{"competency": course.identifier(name)} for name in value] if isinstance(value, list) else value
        for key, value in rule.items()
    }
    assert rule_of(course, badge) == wanted
    page = course.get(f"/badges/{badge}/rule")
    assert f'value="{mode}" id="mode-{mode.replace("_", "-")}" checked' in page
    assert page.count('name="skill"') == page.count('name="skill"') == 2
    assert len(re.findall(r'name="skill"[^>]*checked', page)) == 2


def test_badges_of_the_course_can_be_asked_for(course: CourseWorld) -> None:
    water, badge = water_badge(course, live=True), course.add_badge("new", "New badge")
    course.post_on(f"/badges/{badge}/rule", mode="all", badge=str(water), do="save")
    page = course.get(f"/badges/{badge}/try")
    assert "the badge “Water keeper”" in page
    assert "Needs the badge “Water keeper” first." in page


def test_showing_the_sentence_stores_nothing(course: CourseWorld) -> None:
    badge = course.add_badge("new", "New badge")
    answer = course.post(f"/badges/{badge}/rule", mode="all", skill=str(course.items["water"]), do="show")
    assert "Learners earn this when they have the skill “Balance the water chemistry”." in answer.text
    assert rule_of(course, badge) is None


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"mode": "all"}, "skills", "Choose at least one skill or badge."),
        ({"mode": "at_least", "count": "3", "skill": "both"}, "count", "at most as many as you chose"),
        ({"mode": "at_least", "count": "0", "skill": "both"}, "count", "at least 1"),
        ({"mode": "at_least", "count": "two", "skill": "both"}, "count", "Enter how many are needed"),
        ({"mode": "at_least", "count": "9" * 5000, "skill": "both"}, "count", "Enter how many are needed"),
        ({"mode": "at_least", "count": "²", "skill": "both"}, "count", "Enter how many are needed"),
        ({"mode": "most", "skill": "both"}, "mode", "Choose how many"),
        ({}, "mode", "Choose how many"),
    ],
)
def test_what_is_wrong_stands_next_to_its_field_and_the_ticks_stay(
    course: CourseWorld, form: dict[str, Any], field: str, words: str
) -> None:
    badge = course.add_badge("new", "New badge")
    has_skills = form.get("skill") == "both"
    sent = form | ({"skill": [str(one) for one in course.items.values()]} if has_skills else {})
    answer = course.post(f"/badges/{badge}/rule", **sent, do="save")
    assert answer.status_code == 200
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert words in answer.text
    assert len(re.findall(r'name="skill"[^>]*checked', answer.text)) == (2 if has_skills else 0)
    assert rule_of(course, badge) is None


@pytest.mark.parametrize("name", ["skill", "badge"])
def test_what_is_not_this_courses_cannot_be_chosen(world: World, course: CourseWorld, name: str) -> None:
    badge = course.add_badge("new", "New badge")
    other = make_course(world, "course-2")
    foreign = other.add_item("x", "Foreign") if name == "skill" else other.add_badge("x", "Foreign")
    for value in (str(foreign), "abc", "-1"):
        assert course.post(f"/badges/{badge}/rule", mode="all", **{name: value}).status_code == 404
    assert rule_of(course, badge) is None


def test_badges_cannot_wait_for_each_other(course: CourseWorld) -> None:
    first = water_badge(course)
    second = course.add_badge("second", "Second")
    course.post_on(f"/badges/{second}/rule", mode="all", badge=str(first))
    assert f'name="badge" value="{second}"' not in course.get(f"/badges/{first}/rule")
    assert course.post(f"/badges/{first}/rule", mode="all", badge=str(second)).status_code == 404


def test_without_skills_the_builder_leads_to_them(world: World) -> None:
    course = make_course(world, "course-2")
    badge = course.add_badge("new", "New badge")
    assert "this course has none yet" in course.get(f"/badges/{badge}/rule")


# -- trying it --------------------------------------------------------------------------------------------------------


def test_the_try_groups_everybody_with_the_why(course: CourseWorld) -> None:
    page = course.get(f"/badges/{water_badge(course)}/try")
    met, rest = page.split('id="group-unknown"')
    unknown, not_yet = rest.split('id="group-not_met"')
    assert "Would earn it: 1 learner" in met
    assert "Ada Okafor" in met
    assert "Can't tell yet: 1 learner" in unknown
    assert "Nitrogen cycle quiz is not graded yet." in unknown
    assert "Not yet: 2 learners" in not_yet
    assert "Needs 70% in Nitrogen cycle quiz. Lakeside shows 69.5% (graded Mar 1, 2026)." in not_yet
    assert "Test Student" not in page


def test_a_try_awards_nothing(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.get(f"/badges/{badge}/try")
    assert course.get("/learners").count("data-state") == 0


def test_a_skill_without_work_cannot_be_told(course: CourseWorld) -> None:
    badge = course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    page = course.get(f"/badges/{badge}/try")
    assert "Can't tell yet: 4 learners" in page
    assert "No work counts for “Keep the fish healthy” yet." in page


def test_a_course_without_learners_says_so(world: World) -> None:
    course = make_course(world, "course-2")
    course.add_item("fish", "Keep the fish healthy")
    badge = course.add_badge("fish", "Fish friend", {"competency": course.identifier("fish")})
    assert "No learner is known in this course yet." in course.get(f"/badges/{badge}/try")
    assert "Send for approval" in course.get(f"/badges/{badge}/publish")


# -- publishing -------------------------------------------------------------------------------------------------------


def test_publishing_is_previewed_with_numbers_and_names(publishing: CourseWorld) -> None:
    page = publishing.get(f"/badges/{water_badge(publishing)}/publish")
    assert "Offer this badge to 1 learner<" in page
    assert "<bdi>Ada Okafor</bdi>" in page
    assert "Ben Noor" not in page


def test_publishing_offers_it(publishing: CourseWorld) -> None:
    badge = water_badge(publishing)
    publishing.world.queue.woken.clear()
    assert "is live" in publishing.post_on(f"/badges/{badge}/publish")
    assert state_of(publishing, badge) is AchievementState.LIVE
    assert publishing.world.queue.woken == [(EVALUATE_COURSE, publishing.context_id)]
    publishing.evaluate()
    assert "Offered" in publishing.get(f"/learners/{publishing.users['ada']}")
    assert "Offer this badge" not in publishing.get(f"/badges/{badge}/publish")


def test_a_badge_without_a_rule_is_not_published(publishing: CourseWorld) -> None:
    badge = publishing.add_badge("half", "Half")
    for way in ("publish", "ask"):
        answer = publishing.post(f"/badges/{badge}/{way}")
        assert (answer.status_code, "badge_incomplete" in answer.text) == (409, True)


def test_where_others_approve_an_instructor_can_only_ask(course: CourseWorld) -> None:
    badge = water_badge(course)
    page = course.get(f"/badges/{badge}/publish")
    assert "Send for approval" in page
    assert "Offer this badge" not in page
    refused = course.post(f"/badges/{badge}/publish")
    assert (refused.status_code, "action_not_allowed" in refused.text) == (403, True)
    assert "waits for approval" in course.post_on(f"/badges/{badge}/ask")
    assert state_of(course, badge) is AchievementState.REVIEW
    assert "Take it back to change it" in course.get(f"/badges/{badge}/publish")


def test_what_waits_can_be_taken_back(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    assert "The badge is a draft again." in course.post_on(f"/badges/{badge}/take-back")
    assert state_of(course, badge) is AchievementState.DRAFT


def test_a_live_badge_cannot_be_taken_back(course: CourseWorld) -> None:
    badge = water_badge(course, live=True)
    course.post(f"/badges/{badge}/take-back")
    assert state_of(course, badge) is AchievementState.LIVE


# -- approval ---------------------------------------------------------------------------------------------------------


def staff(world: World, role: StaffRole) -> FlaskClient:
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret(role, f"{role}@example.org"))
    return client


def decide(client: FlaskClient, badge: int, way: str, **form: str) -> Any:
    page = client.get("/admin/approvals/").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    return client.post(f"/admin/approvals/{badge}/{way}", data={"csrf_token": token[1]} | form, headers=SAME_ORIGIN)


@pytest.mark.parametrize("role", [StaffRole.REVIEWER, StaffRole.REGISTRAR])
def test_staff_see_what_waits_and_approve_it(course: CourseWorld, role: StaffRole) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    client = staff(course.world, role)
    page = client.get("/admin/approvals/").text
    assert "Water keeper" in page
    assert "Course: Title of course-1" in page
    assert "Learners earn this when they have the skill “Balance the water chemistry”." in page
    assert "1 would be offered it, 1 can't be told yet, 2 not yet." in page
    course.world.queue.woken.clear()
    assert decide(client, badge, "approve").status_code == 303
    assert state_of(course, badge) is AchievementState.LIVE
    assert course.world.queue.woken == [(EVALUATE_COURSE, course.context_id)]
    assert "Nothing waits." in client.get("/admin/approvals/").text


def test_staff_approve_nothing_that_they_did_not_see(course: CourseWorld) -> None:
    """The instructor takes the badge back, changes it and asks again, while the reviewer's page is still open."""
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    client = staff(course.world, StaffRole.REVIEWER)
    seen = re.search(r'name="seen" value="([^"]+)"', client.get("/admin/approvals/").text)
    assert seen
    course.post_on(f"/badges/{badge}/take-back")
    with course.world.services.database.write() as session:
        achievement = session.get_one(Achievement, badge)
        assert achievement.current_rule is not None
        other = {"any": [achievement.current_rule.document]}
        achievements.write_rule(session, achievement, other, course.world.now[0])
    course.post_on(f"/badges/{badge}/ask")
    assert decide(client, badge, "approve", seen=seen[1]).status_code == 303
    assert state_of(course, badge) is AchievementState.REVIEW
    assert "Please look at the numbers once more." in client.get("/admin/approvals/").text


def test_staff_send_a_badge_back(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    assert decide(staff(course.world, StaffRole.REVIEWER), badge, "send-back").status_code == 303
    assert state_of(course, badge) is AchievementState.DRAFT


def test_an_admin_may_look_but_not_decide(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    admin = staff(course.world, StaffRole.ADMIN)
    page = admin.get("/admin/approvals/").text
    assert "Reviewers and registrars decide." in page
    assert "Approve" not in page.split("<main")[1]
    for way in ("approve", "send-back"):
        assert decide(admin, badge, way).status_code == 403
    assert state_of(course, badge) is AchievementState.REVIEW


def test_what_does_not_wait_cannot_be_decided(course: CourseWorld) -> None:
    badge = water_badge(course)
    client = staff(course.world, StaffRole.REVIEWER)
    for way in ("approve", "send-back"):
        answer = decide(client, badge, way)
        assert (answer.status_code, "approval_decided" in answer.text) == (409, True)
        assert decide(client, 9999, way).status_code == 404
    assert state_of(course, badge) is AchievementState.DRAFT


def test_approvals_need_a_staff_session(course: CourseWorld) -> None:
    assert course.client.get("/admin/approvals/").status_code == 401
