"""The instructor's look at a course: front door, badges with counts, roster board, one learner."""

import re

import pytest
from flask.testing import FlaskClient
from instructor_world import CourseWorld, lakeside, make_course
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import Award, Context
from lti_tool.services import course_sync
from lti_tool.services.wakeups import READ_COURSE

ADMINISTRATOR = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


def add_water_badge(course: CourseWorld, *, live: bool = True) -> int:
    return course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=live)


def words(page: str) -> str:
    """A page's text without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# -- the front door ---------------------------------------------------------------------------------------------------


def test_a_learner_is_sent_to_their_own_badges(world: World) -> None:
    learner = make_course(world, roles=(LEARNER,))
    answer = learner.client.get(f"{learner.base}/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{learner.base}/mine"


def test_somebody_who_is_neither_reads_why(world: World) -> None:
    visitor = make_course(world, roles=(ADMINISTRATOR,))
    assert "You are only visiting this course" in visitor.get("/")


def test_who_teaches_and_learns_comes_in_as_instructor(world: World) -> None:
    assert "Badges in this course" in make_course(world, roles=(LEARNER, INSTRUCTOR)).get("/")


INSTRUCTOR_PAGES = ("/skills", "/evidence", "/learners", "/badges/new", "/badges/picture", "/learners/1")
INSTRUCTOR_FORMS = (
    "/check",
    "/skills",
    "/skills/import",
    "/skills/import/confirm",
    "/evidence",
    "/badges/new",
    "/badges/1/content",
    "/badges/1/rule",
    "/badges/1/publish",
    "/badges/1/ask",
    "/badges/1/take-back",
)


@pytest.mark.parametrize("path", [*INSTRUCTOR_PAGES, "/badges/1/rule", "/badges/1/try", "/badges/1/publish"])
def test_pages_are_for_instructors(world: World, path: str) -> None:
    assert "instructor_only" in make_course(world, roles=(LEARNER,)).get(path, 403)


@pytest.mark.parametrize("path", INSTRUCTOR_FORMS)
def test_forms_are_for_instructors_and_need_their_token(world: World, course: CourseWorld, path: str) -> None:
    add_water_badge(course, live=False)
    world.app.config["ROLE_POLICY"] = {"publish": {"instructor"}}
    refused = course.post(path, token="forged")
    assert (refused.status_code, "form_expired" in refused.text) == (400, True)
    foreign = course.client.post(course.base + path, headers={"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status_code, "foreign_origin" in foreign.text) == (403, True)
    learner = make_course(world, roles=(LEARNER,))
    page = learner.client.post(learner.base + path, data={}, headers=SAME_ORIGIN)
    assert (page.status_code, "instructor_only" in page.text) == (403, True)


@pytest.mark.parametrize(
    "path",
    [
        "/learners/{user}",
        "/badges/{badge}/content",
        "/badges/{badge}/rule",
        "/badges/{badge}/try",
        "/badges/{badge}/publish",
    ],
)
def test_what_belongs_to_another_course_is_not_there(world: World, course: CourseWorld, path: str) -> None:
    badge = add_water_badge(course)
    other = make_course(world, "course-2")
    other.get(path.format(user=course.users["ada"], badge=badge), 404)


@pytest.mark.parametrize("path", ["content", "rule", "publish", "ask", "take-back"])
def test_forms_do_not_reach_into_another_course(world: World, course: CourseWorld, path: str) -> None:
    world.app.config["ROLE_POLICY"] = {"publish": {"instructor"}}
    badge = add_water_badge(course, live=False)
    other = make_course(world, "course-2")
    assert other.post(f"/badges/{badge}/{path}").status_code == 404


# -- badges -----------------------------------------------------------------------------------------------------------


def test_the_first_visit_shows_three_steps_with_the_first_one_open(world: World) -> None:
    course = make_course(world)
    page = course.get("/")
    assert "Make your first badge" in page
    assert f'href="{course.base}/skills">' in page
    assert "Write down the first skill" in page


def test_the_steps_follow_what_is_done(course: CourseWorld) -> None:
    assert "Make the badge" in course.get("/")
    assert f'href="{course.base}/badges/new"' in course.get("/")


def test_skills_without_work_lead_to_the_evidence(world: World) -> None:
    course = make_course(world)
    course.add_item("fish", "Keep the fish healthy")
    assert f'btn btn-primary mt-2" href="{course.base}/evidence"' in course.get("/")


def test_a_live_badge_counts_who_claimed_who_is_offered_and_who_cannot_be_told(
    world: World, course: CourseWorld
) -> None:
    add_water_badge(course)
    course.evaluate()
    page = words(course.get("/"))
    assert "Water keeper Live 1 of 4 learners earned it 0 claimed 1 offered, not claimed yet" in page
    assert "1 can't tell yet 2 not yet" in page
    with world.services.database.write() as session:
        session.query(Award).one().state = AwardState.CLAIMED
    assert "1 claimed 0 offered, not claimed yet" in words(course.get("/"))


def test_a_draft_says_who_would_earn_it_and_an_unfinished_one_goes_on(course: CourseWorld) -> None:
    add_water_badge(course, live=False)
    course.add_badge("half", "Half a badge")
    page = words(course.get("/"))
    assert "Water keeper Draft 1 of 4 learners would earn it 1 would earn it" in page
    assert "Half a badge Draft Not finished: it has no rule yet. Go on" in page


def test_a_picture_is_served_to_the_course_it_belongs_to(world: World, course: CourseWorld) -> None:
    add_water_badge(course)
    address = re.search(r'src="([^"]+/pictures/[^"]+)"', course.get("/"))
    assert address
    answer = course.client.get(address[1])
    assert (answer.status_code, answer.mimetype, answer.data[:4]) == (200, "image/png", b"\x89PNG")
    other = make_course(world, "course-2")
    assert other.client.get(address[1].replace(course.base, other.base)).status_code == 404


# -- freshness --------------------------------------------------------------------------------------------------------


def test_the_page_says_when_it_was_checked_and_from_where(world: World, course: CourseWorld) -> None:
    course.finish_reading()
    world.later(minutes=4)
    assert "checked 4 minutes ago from Lakeside" in course.get("/")


def test_the_page_says_that_a_reading_is_under_way_and_how_far(world: World, course: CourseWorld) -> None:
    assert "Reading now from Lakeside" in course.get("/")
    with world.services.database.write() as session:
        (run_id,) = course_sync.due_runs(session, world.now[0])
        course_sync.take_run(session, run_id, world.now[0])
        course_sync.renew_lease(session, run_id, world.now[0], {"members": 12, "columns": 3})
    page = course.get("/")
    assert "12 people and 3 pieces of work so far" in page
    assert "Check again now" not in page


@pytest.mark.parametrize(
    ("code", "happened", "remedy"),
    [
        ("missing_scope", "has not allowed this tool to do that", "Ask the person who looks after"),
        ("platform_throttled", "got no usable answer", "Wait a minute and try again."),
    ],
)
def test_a_failed_reading_says_why_and_what_to_do(
    world: World, course: CourseWorld, code: str, happened: str, remedy: str
) -> None:
    with world.services.database.write() as session:
        (run_id,) = course_sync.due_runs(session, world.now[0])
        course_sync.take_run(session, run_id, world.now[0])
        course_sync.fail_run(session, run_id, world.now[0], code, retryable=False)
    page = course.get("/")
    assert "The last check failed." in page
    assert happened in page
    assert remedy in page


def test_check_again_asks_for_a_reading_once_and_wakes_a_worker(world: World, course: CourseWorld) -> None:
    course.finish_reading()
    world.queue.woken.clear()
    assert "The check has begun" in course.post_on("/check")
    ((task, _run_id),) = world.queue.woken
    assert task == READ_COURSE
    assert "A check is already on its way." in course.post_on("/check")
    assert len(world.queue.woken) == 1


def test_check_again_leads_back_to_the_evidence(course: CourseWorld) -> None:
    assert course.post("/check", back="evidence").headers["Location"] == f"{course.base}/evidence"


# -- learners ---------------------------------------------------------------------------------------------------------


def rows(page: str) -> list[str]:
    """The names down the board."""
    return re.findall(r"<bdi>([^<]+)</bdi>", page.split("<tbody>")[1])


def test_the_board_has_everybody_who_is_judged(course: CourseWorld) -> None:
    add_water_badge(course)
    course.evaluate()
    page = course.get("/learners")
    assert rows(page)[:3] == ["Ada Okafor", "Ben Noor", "Dee Park"]
    assert rows(page)[3].endswith("(name not shared)")
    assert "Test Student" not in page
    assert page.count("(left the course)") == 1
    assert [re.findall(r'data-state="(\w+)"', page.split("<tbody>")[1])] == [
        ["offered", "not_yet", "not_yet", "unknown"]
    ]


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("all", 4),
        ("offered", ["Ada Okafor"]),
        ("close", ["Ben Noor", "Dee Park", "cho"]),
        ("unknown", ["cho"]),
        ("nonsense", 4),
    ],
)
def test_the_board_is_filtered(course: CourseWorld, show: str, names: int | list[str]) -> None:
    add_water_badge(course)
    course.evaluate()
    found = rows(course.get(f"/learners?show={show}"))
    if isinstance(names, int):
        assert len(found) == names
    else:
        assert [name if "not shared" not in name else "cho" for name in found] == names


def test_a_filter_that_finds_nobody_says_so(course: CourseWorld) -> None:
    add_water_badge(course)
    assert "Nobody at the moment." in course.get("/learners?show=offered")


def test_without_a_live_badge_or_a_learner_the_board_explains_itself(world: World, course: CourseWorld) -> None:
    assert "No badge is live yet" in course.get("/learners")
    assert "No learner is known in this course yet." in make_course(world, "course-2").get("/learners")


def test_a_learners_page_has_every_clause_with_value_source_and_time(world: World, course: CourseWorld) -> None:
    add_water_badge(course)
    course.evaluate()
    world.later(minutes=4)
    page = words(course.get(f"/learners/{course.users['ben']}"))
    assert "Needs 70% in Nitrogen cycle quiz. Lakeside shows 69.5% (graded Mar 1, 2026)." in page
    assert "Seen: 69.5 of 100 points (69.5%) · checked 4 minutes ago from Lakeside" in page
    assert "1 of the 2 pieces of work needed are good enough." in page


def test_a_claimed_badge_that_would_not_be_earned_any_more_is_marked(world: World, course: CourseWorld) -> None:
    add_water_badge(course)
    course.evaluate()
    with world.services.database.write() as session:
        award = session.query(Award).one()
        award.state, award.claimed_at = AwardState.CLAIMED, world.now[0]
    world.later(minutes=1)
    course.add_column("quiz", "Nitrogen cycle quiz", {"ada": "20"})
    page = words(course.get(f"/learners/{course.users['ada']}"))
    assert "Claimed on Mar 2, 2026." in page
    assert "would not be earned any more" in page


@pytest.mark.parametrize("who", ["tess", "nobody"])
def test_who_is_not_judged_has_no_page(course: CourseWorld, who: str) -> None:
    course.get(f"/learners/{course.users.get(who, 9999)}", 404)


def test_without_a_user_the_platform_only_lets_look(world: World) -> None:
    opened = world.open(INSTRUCTOR, sub=None)
    client: FlaskClient = world.app.test_client()
    client.set_cookie("__Host-lti_badges", opened.secret)
    page = client.get(f"/courses/{opened.context_id}/")
    assert page.status_code == 200
    assert "Check again now" not in page.text


def test_a_title_from_the_platform_is_text(world: World, course: CourseWorld) -> None:
    course.add_column("evil", "<script>alert(1)</script>", {})
    with world.services.database.write() as session:
        session.get_one(Context, course.context_id).title = "<b>bold</b>"
    page = course.get("/evidence")
    assert "<script>alert(1)" not in page
    assert "<b>bold" not in page
