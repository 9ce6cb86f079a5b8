"""The roster board: filters, pages, and what is done about the learners that are ticked."""

import csv
import html
import io
import re

import pytest
from decision_world import award, claim, decisions, hidden, lose_grade, state
from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import SAME_ORIGIN, World

from lti_tool.models import AuditEvent, Award, AwardRun, CourseGroup, GroupMember
from lti_tool.services import revoking, roster_board
from lti_tool.web.access import POLICY, Action, Role
from lti_tool.web.spreadsheet import safe_cell

WHY = "She showed it in the laboratory."


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Ada claimed the badge, Ben lacks half a percent, Cho is not graded, Dee left."""
    return decisions(world)


def names(page: str) -> list[str]:
    """The learners on the board, in order."""
    return [html.unescape(name) for name in re.findall(r"<bdi>([^<]+)</bdi>", page.partition("<tbody>")[2])]


def words(page: str) -> str:
    """The page's text on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def chosen(course: CourseWorld, do: str, *who: str, **more: str) -> str:
    """The preview of a step for the ticked ones."""
    form = {"do": do, "learner": [str(course.users[name]) for name in who], "for_badge": str(course.badges["water"])}
    answer = course.post("/learners/selected", **(form | more))
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def confirm(course: CourseWorld, step: str, page: str, reason: str = WHY, **more: str) -> str:
    """Confirm what a preview shows; returns the page this leads to."""
    form = {name: hidden(page, name) for name in ("learner", "seen", "for_badge")}
    return course.post_on(f"/learners/selected/{step}", reason=reason, **(form | more))


# -- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?name=NOOR", ["Ben Noor"]),
        ("?name=nobody", []),
        ("?show=unknown&name=ada", []),
        ("?show=held", []),
        ("?show=nonsense&page=nonsense&badge=x&group=99999", ["Ada Okafor", "Ben Noor", "Dee Park"]),
    ],
)
def test_the_board_is_searched_by_name_and_state(course: CourseWorld, query: str, expected: list[str]) -> None:
    page = course.get(f"/learners{query}")
    assert [one for one in names(page) if "not shared" not in one] == expected
    assert ("Nobody at the moment." in page) == (not expected)


def test_a_badge_in_question_is_found(course: CourseWorld) -> None:
    lose_grade(course)
    page = course.get("/learners?show=in_review")
    assert names(page) == ["Ada Okafor"]
    assert 'data-state="in_review"' in page


def test_one_badge_alone_is_shown(course: CourseWorld) -> None:
    course.add_badge("fish", "Fish keeper", {"competency": course.identifier("fish")}, live=True)
    both = course.get("/learners").partition("<thead>")[2].partition("</thead>")[0]
    assert "Water keeper" in both
    assert "Fish keeper" in both
    one = course.get(f"/learners?badge={course.badges['fish']}").partition("<thead>")[2].partition("</thead>")[0]
    assert "Water keeper" not in one
    assert "Fish keeper" in one


def test_a_group_alone_is_shown(world: World, course: CourseWorld) -> None:
    with world.services.database.write() as session:
        group = CourseGroup(context_id=course.context_id, platform_id="g1", name="Tank crew", is_gone=False)
        session.add(group)
        session.flush()
        session.add(GroupMember(course_group_id=group.id, user_id=course.users["ben"]))
        number = group.id
    assert "Tank crew" in course.get("/learners")
    assert names(course.get(f"/learners?group={number}")) == ["Ben Noor"]


def test_pages_have_fifty_learners_and_lead_on(course: CourseWorld) -> None:
    for number in range(60):
        course.add_learner(f"more-{number}", f"Zed {number:02}")
    first = course.get("/learners")
    assert len(names(first)) == roster_board.PAGE_SIZE
    assert "Page 1 of 2" in words(first)
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = course.client.get(html.unescape(link[1])).text
    assert "Page 2 of 2" in words(second)
    assert len(names(second)) == 14
    assert not set(names(first)) & set(names(second))
    assert names(course.get("/learners?page=99")) == names(second)


def test_a_large_course_counts_only_what_awards_tell(course: CourseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Can't tell yet (1)" in words(course.get("/learners"))
    monkeypatch.setattr(roster_board, "JUDGED_AT_ONCE", 0)
    page = words(course.get("/learners"))
    assert "Can't tell yet (1)" not in page
    assert "Offered, not claimed (0)" in page
    assert "Close: one thing missing (3)" in words(course.get("/learners?show=close"))


def test_a_large_course_judges_only_the_page(course: CourseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        course.add_learner(f"more-{number}", f"Zed {number:02}")
    monkeypatch.setattr(roster_board, "JUDGED_AT_ONCE", 0)
    judged: list[int] = []
    whole = roster_board.evaluate
    monkeypatch.setattr(roster_board, "evaluate", lambda rule, facts: (judged.append(1), whole(rule, facts))[1])
    course.get("/learners")
    assert len(judged) == roster_board.PAGE_SIZE - 1  # Ada's badge is claimed: no grade decides


# -- giving -----------------------------------------------------------------------------------------------------------


def test_giving_shows_names_first_and_then_gives_exactly_those(course: CourseWorld) -> None:
    page = chosen(course, "give", "ada", "ben", "cho")
    assert "Offer this badge to 2 learners" in page
    assert "Have it already" in page
    assert state(course, "ben") is None
    result = words(confirm(course, "give", page))
    assert "“Water keeper” is offered to 2 learners." in result
    assert WHY in result
    assert [state(course, who) for who in ("ben", "cho", "dee")] == ["offered", "offered", None]
    found = award(course, "ben")
    assert found is not None
    assert (found.is_by_hand, found.note) == (True, WHY)


def test_confirming_twice_gives_once(course: CourseWorld) -> None:
    page = chosen(course, "give", "ben")
    confirm(course, "give", page)
    form = {name: hidden(page, name) for name in ("learner", "seen", "for_badge")}
    again = course.post("/learners/selected/give", reason=WHY, **form)
    assert again.status_code == 200
    assert "Something has changed since you looked." in again.text
    with course.world.services.database.read() as session:
        assert len(session.scalars(select(Award).where(Award.user_id == course.users["ben"])).all()) == 1


def test_without_a_reason_nothing_is_given_and_what_was_typed_stays(course: CourseWorld) -> None:
    page = chosen(course, "give", "ben")
    form = {name: hidden(page, name) for name in ("learner", "seen", "for_badge")}
    answer = course.post("/learners/selected/give", reason=" ", evidence="A film of it.", **form)
    assert answer.status_code == 200
    assert 'href="#reason"' in answer.text
    assert "A film of it." in answer.text
    assert state(course, "ben") is None


def test_test_users_strangers_and_staff_are_never_given_a_badge(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    other.add_learner("zoe", "Zoe Elsewhere")
    course.users["zoe"] = other.users["zoe"]
    page = chosen(course, "give", "tess", "zoe")
    assert "nobody among those chosen" in page
    assert "Zoe Elsewhere" not in page
    form = {"learner": [course.users["tess"], course.users["zoe"]], "for_badge": course.badges["water"]}
    answer = course.post("/learners/selected/give", reason=WHY, seen="x", **form)
    assert answer.status_code == 200
    assert (state(course, "tess"), state(course, "zoe")) == (None, None)


def test_who_is_barred_is_said_and_left_out(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        now = course.world.now[0]
        revoking.bar(session, course.badges["water"], course.users["ben"], "No.", "user:1", now)
    page = chosen(course, "give", "ben", "cho")
    assert "Are not to be awarded it" in page
    confirm(course, "give", page)
    assert (state(course, "ben"), state(course, "cho")) == (None, "offered")


@pytest.mark.parametrize(("who", "number"), [("page", 3), ("matching", 3)])
def test_a_whole_page_or_everybody_found_is_chosen_without_ticking(course: CourseWorld, who: str, number: int) -> None:
    assert f"Offer this badge to {number} learners" in chosen(course, "give", who=who)


def test_without_a_badge_or_a_learner_the_board_says_what_is_missing(course: CourseWorld) -> None:
    assert "Tick at least one learner." in chosen(course, "give")
    page = chosen(course, "give", "ben", for_badge="")
    assert "Choose a badge." in page
    assert re.search(rf'value="{course.users["ben"]}"[^>]* checked', page)


def test_a_badge_of_another_course_is_not_there(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2")
    form = {"do": "give", "learner": str(course.users["ben"]), "for_badge": str(course.badges["water"])}
    for path in ("", "/give", "/suspend", "/restore"):
        assert other.post(f"/learners/selected{path}", reason=WHY, seen="x", **form).status_code == 404


# -- steps ------------------------------------------------------------------------------------------------------------


def test_many_are_suspended_and_given_back_with_a_reason(course: CourseWorld) -> None:
    page = chosen(course, "suspend", "ada", "ben")
    assert "Suspend the badge of 1 learner" in page
    assert "Nothing to do" in page
    confirm(course, "suspend", page)
    assert state(course, "ada") == "suspended"
    confirm(course, "restore", chosen(course, "restore", "ada"))
    assert state(course, "ada") == "claimed"


def test_only_who_may_revoke_revokes(world: World, course: CourseWorld) -> None:
    form = {"do": "revoke", "learner": str(course.users["ada"]), "for_badge": str(course.badges["water"])}
    assert "Revoke" not in course.get("/learners")
    assert course.post("/learners/selected", **form).status_code == 403
    assert course.post("/learners/selected/revoke", reason=WHY, seen="x", **form).status_code == 403
    assert state(course, "ada") == "claimed"
    world.app.config[POLICY] = {Action.REVOKE: frozenset({Role.INSTRUCTOR})}
    confirm(course, "revoke", chosen(course, "revoke", "ada"), never_again="yes")
    assert state(course, "ada") == "revoked"
    with world.services.database.read() as session:
        assert revoking.find_bar(session, course.badges["water"], course.users["ada"]) is not None


def test_what_is_done_is_audited_with_who_did_it(world: World, course: CourseWorld) -> None:
    confirm(course, "give", chosen(course, "give", "ben"))
    with world.services.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "award_run.by_hand")).one()
        run = session.scalars(select(AwardRun).order_by(AwardRun.id.desc()).limit(1)).one()
    assert event.actor.startswith("user:")
    assert (event.subject, run.reason) == (f"award_run:{run.id}", WHY)


# -- the table --------------------------------------------------------------------------------------------------------


def table(text: str) -> list[list[str]]:
    """A download as rows."""
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_table_has_everybody_found(course: CourseWorld) -> None:
    answer = course.client.get(f"{course.base}/roster.csv?show=close")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = table(answer.text)
    assert rows[0] == ["user id", "Learner", "Water keeper"]
    assert ["ben", "Ben Noor", "Not yet"] in rows
    assert "ada" not in [row[0] for row in rows]


def test_the_table_of_the_ticked_has_only_those(course: CourseWorld) -> None:
    assert [row[0] for row in table(chosen(course, "export", "ben", "ada"))] == ["user id", "ada", "ben"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\uff1d1+1", "  =1"])
def test_no_cell_is_a_formula(course: CourseWorld, name: str) -> None:
    course.add_learner("mal", name)
    cells = [row[1] for row in table(course.client.get(f"{course.base}/roster.csv").text) if row[0] == "mal"]
    assert cells
    assert cells[0].startswith("'")


@pytest.mark.parametrize("text", ["Ada", "", "O'Brien", "3", "a=b"])
def test_ordinary_cells_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


def test_the_form_needs_its_token(course: CourseWorld) -> None:
    answer = course.client.post(f"{course.base}/learners/selected", data={"do": "export"}, headers=SAME_ORIGIN)
    assert answer.status_code == 400
    assert "form_expired" in answer.text


def test_a_name_from_the_platform_is_text(course: CourseWorld) -> None:
    course.add_learner("mal", "<script>alert(1)</script>")
    assert "<script>alert(1)" not in course.get("/learners")
    assert "<script>alert(1)" not in chosen(course, "give", "mal")


def test_a_claimed_badge_is_counted_above_its_column(course: CourseWorld) -> None:
    assert "0 offered, 1 claimed" in course.get("/learners")
    confirm(course, "give", chosen(course, "give", "ben"))
    assert "1 offered, 1 claimed" in course.get("/learners")
    claim(course, "ben")
    assert "0 offered, 2 claimed" in course.get("/learners")
