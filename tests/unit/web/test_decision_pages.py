"""A learner's page with its steps, the review queue, runs, awarding by a list: what each shows, and what it does."""

import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from award_world import WHY
from decision_world import appeal, award, claim, decisions, hidden, hold_run, lose_grade, retire, review, state
from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import INSTRUCTOR, LEARNER, SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import (
    Achievement,
    AwardRun,
    EvidenceColumn,
    LaunchSession,
    LearnerNotice,
    Review,
    ReviewKind,
    ReviewState,
    RunKind,
    RunState,
)
from lti_tool.services import bulk_awards, revoking
from lti_tool.web.access import POLICY, Action, Kind, Role, access_of
from lti_tool.web.session import LAUNCH_COOKIE

ASSISTANT = "http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"
OBSERVER = f"{MEMBERSHIP}#Mentor"
MINE = ("instructor_roster.", "instructor_learner.", "instructor_reviews.", "instructor_runs.", "instructor_bulk.")


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Ada claimed the badge, Ben lacks half a percent, Cho is not graded, Dee left."""
    return decisions(world)


def words(page: str) -> str:
    """The page's text on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def step(course: CourseWorld, who: str, name: str) -> str:
    """Where a step about a learner's badge is."""
    return f"/learners/{course.users[who]}/badges/{course.badges['water']}/{name}"


def run_of(course: CourseWorld, kind: RunKind) -> int:
    """The newest run of a kind."""
    with course.world.services.database.read() as session:
        return (
            session.scalars(select(AwardRun.id).where(AwardRun.kind == kind).order_by(AwardRun.id.desc())).first() or 0
        )


def take_run_step(course: CourseWorld, run_id: int, name: str) -> str:
    """Take a step about a run as its page offers it."""
    path = f"/runs/{run_id}/{name}"
    return course.post_on(path, reason=WHY, seen=hidden(course.get(path), "seen"))


# -- rights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [ASSISTANT, OBSERVER, LEARNER])
def test_nobody_but_instructors_sees_or_decides_anything(world: World, course: CourseWorld, role: str) -> None:
    ids = {"user_id": course.users["ada"], "achievement_id": course.badges["water"], "context_id": course.context_id}
    ids |= {"review_id": lose_grade(course), "run_id": run_of(course, RunKind.EVALUATION)}
    opened = world.open(role, course="course-1", sub="ada")
    client = world.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(f"{course.base}/probe/page").text)
    assert token
    asked = 0
    for rule in world.app.url_map.iter_rules():
        if not rule.endpoint.startswith(MINE):
            continue
        with world.app.app_context():
            access = access_of(rule.endpoint)
        assert access is not None
        assert (access.kind, access.roles) == (Kind.LAUNCH, frozenset({Role.INSTRUCTOR}))
        assert access.action is not None
        with world.app.test_request_context():
            path = world.app.url_for(rule.endpoint, **{"step": "suspend", "run_step": "undo"}, **ids)
        for method in {"GET", "POST"} & (rule.methods or set()):
            sent: dict[str, Any] = (
                {"data": {"csrf_token": token[1]}, "headers": SAME_ORIGIN} if method == "POST" else {}
            )
            assert client.open(path, method=method, **sent).status_code == 403, (method, path)
            asked += 1
    assert asked > 18
    assert state(course, "ada") == "claimed"


def test_rows_of_another_course_are_not_there(world: World, course: CourseWorld) -> None:
    review_id, run_id = lose_grade(course), run_of(course, RunKind.EVALUATION)
    other = make_course(world, "course-2")
    other.add_learner("zoe", "Zoe")
    ada, zoe, badge = course.users["ada"], other.users["zoe"], course.badges["water"]
    for path in (f"/learners/{ada}", f"/learners/{ada}/badges/{badge}/suspend", f"/learners/{zoe}/badges/{badge}/bar"):
        other.get(path, 404)
    for path in (f"/reviews/{review_id}", f"/runs/{run_id}", f"/runs/{run_id}/undo"):
        other.get(path, 404)
    for path, form in (
        (f"/learners/{ada}/badges/{badge}/suspend", {"reason": WHY}),
        (f"/learners/{zoe}/badges/{badge}/bar", {"reason": WHY}),
        (f"/reviews/{review_id}", {"outcome": "suspend", "reason": WHY}),
        (f"/runs/{run_id}/undo", {"reason": WHY}),
    ):
        assert other.post(path, **form).status_code == 404, path
    assert "Ada" not in other.get("/reviews")
    assert state(course, "ada") == "claimed"


# -- one learner ------------------------------------------------------------------------------------------------------


def test_a_learners_page_tells_everything_that_happened(course: CourseWorld) -> None:
    lose_grade(course)
    page = words(course.get(f"/learners/{course.users['ada']}"))
    assert "“Nitrogen cycle quiz”: 88 of 100 points." in page
    assert "“Nitrogen cycle quiz”: 20 of 100 points." in page
    assert "“Water keeper” was offered." in page
    assert "“Water keeper” was claimed." in page
    assert "“Water keeper” was no longer earned: somebody is to decide." in page
    assert page.index("20 of 100") < page.index("88 of 100")
    assert "Somebody is to decide about this badge." in page


def test_a_retired_badge_that_somebody_has_still_shows(course: CourseWorld) -> None:
    retire(course, "water")
    page = words(course.get(f"/learners/{course.users['ada']}"))
    assert "This badge is not given any more." in page
    assert "Claimed on" in page


@pytest.mark.parametrize(
    ("who", "offered", "refused"),
    [
        ("ada", {"suspend", "bar"}, {"give", "restore", "revoke", "hold", "release", "unbar"}),
        ("ben", {"give", "bar"}, {"suspend", "restore", "revoke", "hold", "release", "lapse", "unbar"}),
    ],
)
def test_only_what_is_possible_is_offered(course: CourseWorld, who: str, offered: set[str], refused: set[str]) -> None:
    page = course.get(f"/learners/{course.users[who]}")
    found = {name for name in offered | refused if f"{course.base}{step(course, who, name)}" in page}
    assert found == offered
    for name in refused - {"revoke"}:
        assert "This is not possible as things are now." in course.get(step(course, who, name))


def test_a_badge_is_given_held_released_and_ended_by_hand(course: CourseWorld) -> None:
    assert "What was seen" in course.get(step(course, "ben", "give"))
    for name, after in (("give", "offered"), ("hold", "held"), ("release", "offered"), ("lapse", "lapsed")):
        page = course.post_on(step(course, "ben", name), reason=f"Because {name}.", evidence="Seen.")
        assert state(course, "ben") == after, name
        assert f"Because {name}." in page


def test_a_badge_is_suspended_and_given_back(course: CourseWorld) -> None:
    assert "“Water keeper” is suspended." in words(course.post_on(step(course, "ada", "suspend"), reason=WHY))
    assert state(course, "ada") == "suspended"
    course.post_on(step(course, "ada", "restore"), reason=WHY)
    assert state(course, "ada") == "claimed"


def test_a_bar_is_set_shown_and_lifted(course: CourseWorld) -> None:
    page = words(course.post_on(step(course, "ben", "bar"), reason="Copied the work."))
    assert "The reason: “Copied the work.”" in page
    assert "Award by hand" not in page
    assert "can earn “Water keeper” again" in words(course.post_on(step(course, "ben", "unbar"), reason=WHY))


def test_revoking_needs_the_right_and_can_bar(world: World, course: CourseWorld) -> None:
    course.get(step(course, "ada", "revoke"), 403)
    assert course.post(step(course, "ada", "revoke"), reason=WHY).status_code == 403
    assert state(course, "ada") == "claimed"
    world.app.config[POLICY] = {Action.REVOKE: frozenset({Role.INSTRUCTOR})}
    course.post_on(step(course, "ada", "revoke"), reason=WHY, never_again="yes")
    assert state(course, "ada") == "revoked"
    with world.services.database.read() as session:
        assert revoking.find_bar(session, course.badges["water"], course.users["ada"]) is not None


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_step_without_a_usable_reason_does_nothing(course: CourseWorld, reason: str) -> None:
    answer = course.post(step(course, "ada", "suspend"), reason=reason)
    assert answer.status_code == 200
    assert 'href="#reason"' in answer.text
    assert state(course, "ada") == "claimed"


def test_a_step_that_is_not_possible_any_more_changes_nothing(course: CourseWorld) -> None:
    assert "Nothing was changed" in words(course.post_on(step(course, "ada", "restore"), reason=WHY))
    assert "Nothing was changed" in words(course.post_on(step(course, "ada", "release"), reason=WHY))
    assert state(course, "ada") == "claimed"


def test_test_users_have_no_page_and_no_steps(course: CourseWorld) -> None:
    course.get(step(course, "tess", "give"), 404)
    assert course.post(step(course, "tess", "give"), reason=WHY).status_code == 404
    assert state(course, "tess") is None


# -- reviews ----------------------------------------------------------------------------------------------------------


def test_the_queue_says_what_is_in_question_and_what_happens_by_itself(course: CourseWorld) -> None:
    lose_grade(course)
    appeal(course)
    page = words(course.get("/reviews"))
    assert "Waiting (2)" in page
    assert "Ada Okafor" in page
    assert "No longer earned" in page
    assert "Nothing happens by itself: it waits until somebody decides." in page
    messages = words(course.get("/reviews?kind=appeal"))
    assert "Ben Noor" in messages
    assert "Ada Okafor" not in messages
    assert "Nothing was decided yet." in course.get("/reviews?show=decided")


def test_a_review_with_a_date_says_what_the_policy_will_do(world: World, course: CourseWorld) -> None:
    with world.services.database.write() as session:
        session.get_one(Achievement, course.badges["water"]).policy = {"grade_change": "revoke_after_grace"}
    review_id = lose_grade(course)
    page = words(course.get(f"/reviews/{review_id}"))
    assert re.search(r"On Mar 16, 2026.* the badge is revoked, unless it is earned again", page)
    appeal(course, "ada")
    assert "no date decides until somebody has answered" in words(course.get(f"/reviews/{review_id}"))
    with world.services.database.write() as session:
        for one in session.scalars(select(Review).where(Review.kind == ReviewKind.APPEAL)):
            one.state = ReviewState.REFUSED
        session.get_one(Review, review_id).due_at = world.now[0] - timedelta(minutes=1)
    assert "The time is over" in course.get(f"/reviews/{review_id}")


def test_a_review_shows_then_and_now(course: CourseWorld) -> None:
    page = words(course.get(f"/reviews/{lose_grade(course)}"))
    then, now = page.index("When the badge was given"), page.index("By today's grades")
    assert then < page.index("88%") < now < page.index("20%")


def test_a_badge_in_question_is_kept_with_an_answer(world: World, course: CourseWorld) -> None:
    review_id = lose_grade(course)
    page = words(course.post_on(f"/reviews/{review_id}", outcome="keep", reason="The reset was a mistake."))
    assert "Decided: the badge stays." in page
    assert state(course, "ada") == "claimed"
    decided = review(course, ReviewKind.NO_LONGER_EARNED)
    assert (decided.state, decided.answer) == (ReviewState.KEPT, "The reset was a mistake.")
    course.evaluate()
    assert "Nothing waits for you here." in course.get("/reviews")
    with world.services.database.read() as session:
        notice = session.scalars(select(LearnerNotice).order_by(LearnerNotice.id.desc()).limit(1)).one()
    assert notice.details["note"] == "The reset was a mistake."


def test_a_suspended_badge_is_given_back_from_its_review(course: CourseWorld) -> None:
    review_id = lose_grade(course)
    course.post_on(f"/reviews/{review_id}", outcome="suspend", reason=WHY)
    assert state(course, "ada") == "suspended"
    assert "outcome-restore" in course.get(f"/reviews/{review_id}")
    course.post_on(f"/reviews/{review_id}", outcome="restore", reason=WHY)
    assert state(course, "ada") == "claimed"


def test_an_instructor_cannot_revoke_in_a_review(course: CourseWorld) -> None:
    review_id = lose_grade(course)
    assert "outcome-revoke" not in course.get(f"/reviews/{review_id}")
    assert course.post(f"/reviews/{review_id}", outcome="revoke", reason=WHY).status_code == 403
    assert state(course, "ada") == "claimed"


@pytest.mark.parametrize(("outcome", "after"), [("grant", "offered"), ("refuse", None)])
def test_an_appeal_is_answered(world: World, course: CourseWorld, outcome: str, after: str | None) -> None:
    review_id = appeal(course)
    page = course.get(f"/reviews/{review_id}")
    assert "My quiz was marked wrongly." in page
    assert "It was not given yet." in page
    course.post_on(f"/reviews/{review_id}", outcome=outcome, reason="I looked at it.")
    assert state(course, "ben") == after
    with world.services.database.read() as session:
        codes = session.scalars(select(LearnerNotice.code).where(LearnerNotice.user_id == course.users["ben"])).all()
    assert f"appeal.{'granted' if after else 'refused'}" in codes


@pytest.mark.parametrize(
    ("form", "field"), [({"reason": WHY}, "outcome"), ({"outcome": "keep", "reason": ""}, "reason")]
)
def test_a_decision_that_is_incomplete_is_not_taken(course: CourseWorld, form: dict[str, str], field: str) -> None:
    review_id = lose_grade(course)
    answer = course.post(f"/reviews/{review_id}", **form)
    assert answer.status_code == 200
    assert f'href="#{field}"' in answer.text
    assert review(course, ReviewKind.NO_LONGER_EARNED).state is ReviewState.OPEN


def test_an_appeal_is_not_decided_like_a_review(course: CourseWorld) -> None:
    answer = course.post(f"/reviews/{appeal(course)}", outcome="suspend", reason=WHY)
    assert answer.status_code == 200
    assert 'href="#outcome"' in answer.text


def test_the_next_review_follows_and_neighbours_are_a_key_away(course: CourseWorld) -> None:
    first, second = lose_grade(course), appeal(course)
    page = course.get(f"/reviews/{first}")
    assert re.search(rf'rel="next" accesskey="n" href="{course.base}/reviews/{second}"', page)
    assert 'accesskey="p"' in course.get(f"/reviews/{second}")
    answer = course.post(f"/reviews/{first}", outcome="keep", reason=WHY)
    assert answer.headers["Location"] == f"{course.base}/reviews/{second}"
    last = course.post(f"/reviews/{second}", outcome="refuse", reason=WHY)
    assert last.headers["Location"] == f"{course.base}/reviews"
    again = course.post_on(f"/reviews/{first}", outcome="keep", reason="Later.")
    assert "Somebody decided this before." in again
    assert review(course, ReviewKind.NO_LONGER_EARNED).answer == WHY


# -- runs -------------------------------------------------------------------------------------------------------------


def test_a_held_run_says_why_with_its_figures_and_every_name(course: CourseWorld) -> None:
    run_id = hold_run(course)
    page = words(course.get("/runs"))
    assert "On hold until somebody decides" in page
    assert "This would offer “Water keeper” to 4 of 8 learners; the preview before publishing said 0." in page
    detail = words(course.get(f"/runs/{run_id}"))
    for number in range(4):
        assert f"New Learner {number}" in detail
    assert "95%" in detail


def test_a_run_is_released_and_undone(course: CourseWorld) -> None:
    run_id = hold_run(course)
    assert "4 will be offered the badge" in words(course.get(f"/runs/{run_id}/release"))
    assert "4 done, 0 left as they are." in words(take_run_step(course, run_id, "release"))
    assert state(course, "new-0") == "offered"
    claim(course, "new-1")
    preview = words(course.get(f"/runs/{run_id}/undo"))
    assert "3 not claimed yet: the offer is taken back and put on hold" in preview
    assert "1 claimed: somebody has to decide, the badge stays until then" in preview
    take_run_step(course, run_id, "undo")
    assert (state(course, "new-0"), state(course, "new-1")) == ("held", "claimed")
    assert review(course, ReviewKind.UNDONE).user_id == course.users["new-1"]


def test_what_the_preview_of_a_release_says_is_what_it_does(world: World, course: CourseWorld) -> None:
    run_id = hold_run(course)
    world.later(minutes=1)
    course.add_column("quiz", "Nitrogen cycle quiz", {"new-0": "10"})
    with world.services.database.write() as session:
        revoking.bar(session, course.badges["water"], course.users["new-1"], "No.", "user:1", world.now[0])
    preview = words(course.get(f"/runs/{run_id}/release"))
    for expected in ("2 will be offered", "1 not earned any more", "1 not to be awarded it"):
        assert expected in preview
    take_run_step(course, run_id, "release")
    assert [state(course, f"new-{number}") for number in range(4)] == ["lapsed", "held", "offered", "offered"]
    assert f"{course.base}/runs/{run_id}/release" in course.get(f"/runs/{run_id}")  # one of them still waits


def test_a_run_that_grew_since_it_was_seen_is_shown_again(course: CourseWorld) -> None:
    run_id = hold_run(course)
    seen = hidden(course.get(f"/runs/{run_id}/release"), "seen")
    everybody = [f"new-{number}" for number in range(8)]
    for late in everybody[4:]:
        course.add_learner(late, f"Late Learner {late}")
    course.world.later(minutes=1)
    for slot, title in (("quiz", "Nitrogen cycle quiz"), ("log", "Water log")):
        course.add_column(slot, title, dict.fromkeys(everybody, "95"))
    with course.world.services.database.write() as session:
        session.get_one(Achievement, course.badges["water"]).previewed_count = 0
    course.evaluate()
    assert {state(course, one) for one in everybody} == {"held"}
    answer = course.post(f"/runs/{run_id}/release", reason=WHY, seen=seen)
    assert answer.status_code == 200
    assert "Something has changed since you looked." in answer.text
    assert "8 will be offered the badge" in words(answer.text)
    assert {state(course, one) for one in everybody} == {"held"}
    course.post_on(f"/runs/{run_id}/release", reason=WHY, seen=hidden(answer.text, "seen"))
    assert {state(course, one) for one in everybody} == {"offered"}


def test_a_run_is_dismissed_and_thought_about_again(course: CourseWorld) -> None:
    run_id = hold_run(course)
    take_run_step(course, run_id, "dismiss")
    course.evaluate()
    assert state(course, "new-0") == "held"
    take_run_step(course, run_id, "reconsider")
    assert state(course, "new-0") == "lapsed"


@pytest.mark.parametrize("name", ["release", "dismiss", "reconsider"])
def test_a_step_that_a_run_does_not_allow_changes_nothing(world: World, course: CourseWorld, name: str) -> None:
    run_id = run_of(course, RunKind.EVALUATION)
    assert "This is not possible as things are now." in course.get(f"/runs/{run_id}/{name}")
    assert "Nothing was changed." in course.post_on(f"/runs/{run_id}/{name}", reason=WHY)
    with world.services.database.read() as session:
        assert session.get_one(AwardRun, run_id).state is RunState.DONE


def test_a_run_step_needs_a_reason(course: CourseWorld) -> None:
    run_id = hold_run(course)
    seen = hidden(course.get(f"/runs/{run_id}/release"), "seen")
    answer = course.post(f"/runs/{run_id}/release", reason="", seen=seen)
    assert answer.status_code == 200
    assert 'href="#reason"' in answer.text
    assert state(course, "new-0") == "held"


def test_the_first_page_says_what_needs_somebody(course: CourseWorld) -> None:
    assert "Needs you" not in course.get("/")
    lose_grade(course)
    appeal(course)
    hold_run(course)
    with course.world.services.database.write() as session:
        for column in session.scalars(select(EvidenceColumn)):
            column.checked_at = course.world.now[0] - timedelta(days=8)
    page = words(course.get("/"))
    for expected in (
        "4 decisions are on hold",
        "1 badge in question",
        "1 message from a learner waits",
        "2 pieces of work that count can't be read any more",
    ):
        assert expected in page


# -- a list of people -------------------------------------------------------------------------------------------------


def send(course: CourseWorld, content: bytes, **form: str) -> TestResponse:
    """Send a file to be looked at."""
    data = {"csrf_token": course.token(), "for_badge": str(course.badges["water"])} | form
    return course.client.post(
        f"{course.base}/award-list",
        data={**data, "file": (io.BytesIO(content), "list.csv")},
        headers=SAME_ORIGIN,
        content_type="multipart/form-data",
    )


def test_a_list_is_shown_as_it_was_understood_and_applied_exactly_so(course: CourseWorld) -> None:
    course.add_learner("eve", "Ève Côté")
    lines = "user id;email;name\nben;;\n;EVE@example.org;\n;;Dee Park\nnobody;;\nada;;\ntess;;\nben;;\n"
    page = send(course, lines.encode("cp1252")).text
    text = words(page)
    for expected in (
        "2 will be offered the badge",
        "1 not found; perhaps this is meant",
        "1 not found in this course",
        "1 has it already",
        "1 not a learner of this course",
        "1 named in an earlier line",
        "Offer this badge to 2 learners",
    ):
        assert expected in text
    assert state(course, "ben") is None
    form = {name: hidden(page, name) for name in ("seen", "for_badge")}
    assert "offered to 2 learners" in words(course.post_on("/award-list/confirm", reason=WHY, **form))
    assert [state(course, who) for who in ("ben", "eve", "dee", "tess")] == ["offered", "offered", None, None]
    assert course.post("/award-list/confirm", reason=WHY, **form).headers["Location"] == f"{course.base}/award-list"


def test_of_the_list_nothing_is_kept_but_whom_it_names(world: World, course: CourseWorld) -> None:
    send(course, b"user id;email\nben;\nnobody;stranger@example.org\n")
    with world.services.database.read() as session:
        kept = [one["award_list"] for one in session.scalars(select(LaunchSession.data)) if "award_list" in one]
    assert kept == [{"badge": course.badges["water"], "people": [[course.users["ben"], 2]]}]


def test_what_changed_since_is_shown_again(course: CourseWorld) -> None:
    page = send(course, b"user id\nben\ncho\n").text
    course.post_on(step(course, "ben", "give"), reason=WHY)
    form = {name: hidden(page, name) for name in ("seen", "for_badge")}
    answer = course.post("/award-list/confirm", reason=WHY, **form)
    assert answer.status_code == 200
    assert "Something has changed since you looked." in answer.text
    assert state(course, "cho") is None
    form["seen"] = hidden(answer.text, "seen")
    course.post_on("/award-list/confirm", reason=WHY, **form)
    assert state(course, "cho") == "offered"


def test_a_list_without_a_reason_keeps_its_preview(course: CourseWorld) -> None:
    page = send(course, b"user id\nben\n").text
    form = {name: hidden(page, name) for name in ("seen", "for_badge")}
    answer = course.post("/award-list/confirm", reason="", **form)
    assert 'href="#reason"' in answer.text
    assert state(course, "ben") is None


@pytest.mark.parametrize(
    ("content", "words_of_it"),
    [
        (b"", "The file names nobody."),
        (b"name\nBen Noor\n", "The first line must name the columns"),
        (b"user id\n", "The file names nobody."),
        (b"user id\n\0\n", "This is not a CSV file."),
        (b"user id\n" + b"a\n" * 5_001, "more than 5,000 lines"),
    ],
    ids=["empty", "no-identifier", "nobody", "binary", "long"],
)
def test_a_list_that_cannot_be_used_says_why(course: CourseWorld, content: bytes, words_of_it: str) -> None:
    answer = send(course, content)
    assert answer.status_code == 200
    assert words_of_it in answer.text
    assert 'href="#file"' in answer.text


def test_a_list_that_is_too_large_is_refused(course: CourseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_awards, "MAX_BYTES", 10)
    assert "The file is larger than 1 MB." in send(course, b"user id\nben\n").text


def test_without_file_or_badge_the_form_says_what_is_missing(course: CourseWorld) -> None:
    assert "Choose a file first." in course.post("/award-list", for_badge=str(course.badges["water"])).text
    assert "Choose a badge." in send(course, b"user id\nben\n", for_badge="").text


def test_a_list_for_another_courses_badge_is_refused(world: World, course: CourseWorld) -> None:
    other = make_course(world, "course-2", roles=(INSTRUCTOR,))
    other.badges["water"] = course.badges["water"]
    assert send(other, b"user id\nben\n").status_code == 404
    assert award(course, "ben") is None
