"""How a badge is awarded, sending back with a comment, and retiring a badge."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from forms import fields_of
from instructor_world import CourseWorld, lakeside, make_course
from web_world import SAME_ORIGIN, World, make_world

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.models import Achievement, AchievementState, StaffRole
from lti_tool.web.session import STAFF_COOKIE

DEFAULTS = {"claim_mode": "learner", "grade_change": "flag", "duplicates": "once", "do": "save"}


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


def water_badge(course: CourseWorld, **more: Any) -> int:
    badge = course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, **more)
    course.evaluate()
    return badge


def badge_row(course: CourseWorld, badge: int) -> Achievement:
    with course.world.services.database.read() as session:
        return session.get_one(Achievement, badge)


def policy_of(course: CourseWorld, badge: int) -> AwardPolicy:
    return AwardPolicy.from_document(badge_row(course, badge).policy)


@pytest.mark.parametrize(
    ("entries", "policy", "words"),
    [
        ({}, {}, "a person decides what becomes of a claimed badge."),
        ({"claim_mode": "auto"}, {"claim_mode": "auto"}, "Learners get the badge without doing anything."),
        ({"grade_change": "ignore", "grace_days": "x"}, {"grade_change": "ignore"}, "A claimed badge stays, whatever"),
        (
            {"grade_change": "revoke_after_grace", "grace_days": "7"},
            {"grade_change": "revoke_after_grace", "grace_days": 7},
            "is revoked after 7 days",
        ),
        (
            {"hold_until": "2026-04-01T08:00"},
            {"hold_until": "2026-04-01T08:00:00+00:00"},
            "Nobody gets it before Apr 1, 2026",
        ),
        ({"needs_posted_grades": "yes"}, {"needs_posted_grades": True}, "every grade it looks at is visible"),
        ({"duplicates": "per_term"}, {"duplicates": "per_term"}, "once in every term."),
        (
            {"duplicates": "renew", "validity_days": "365", "renewal_window_days": "30"},
            {"duplicates": "renew", "validity_days": 365, "renewal_window_days": 30},
            "It can be earned anew from 30 days before it ends.",
        ),
    ],
)
def test_every_policy_is_stored_and_said(
    course: CourseWorld, entries: dict[str, str], policy: dict[str, Any], words: str
) -> None:
    badge = water_badge(course)
    answer = course.post(f"/badges/{badge}/policy", **DEFAULTS | entries)
    assert answer.headers["Location"] == f"{course.base}/badges/{badge}/try"
    assert policy_of(course, badge) == AwardPolicy.from_document(policy)
    page = html.unescape(course.get(f"/badges/{badge}/policy"))
    assert words in page
    again = course.post(f"/badges/{badge}/policy", **fields_of(page, "/policy"), do="save")
    assert again.status_code == 303
    assert policy_of(course, badge) == AwardPolicy.from_document(policy)


@pytest.mark.parametrize(
    ("entries", "field", "words"),
    [
        ({"claim_mode": "never"}, "claim_mode", "Choose one of the possibilities"),
        ({"grade_change": "revoke_after_grace"}, "grace_days", "Enter a whole number of days"),
        ({"grade_change": "revoke_after_grace", "grace_days": "0"}, "grace_days", "Enter a whole number of days"),
        ({"validity_days": "9" * 5000}, "validity_days", "Enter a whole number of days"),
        ({"hold_until": "soon"}, "hold_until", "Enter a date and a time."),
        ({"duplicates": "renew"}, "validity_days", "A badge can be renewed only if it ends."),
        (
            {"duplicates": "renew", "validity_days": "5", "renewal_window_days": "6"},
            "renewal_window_days",
            "This is longer than the badge is valid.",
        ),
    ],
)
def test_what_is_wrong_stands_next_to_its_field(
    course: CourseWorld, entries: dict[str, str], field: str, words: str
) -> None:
    badge = water_badge(course)
    answer = course.post(f"/badges/{badge}/policy", **DEFAULTS | entries)
    assert words in answer.text.split(f'id="{field}-error"')[1][:300]
    assert f'<a href="#{field}">' in answer.text
    assert policy_of(course, badge) == AwardPolicy()


def test_what_makes_no_difference_here_is_said(course: CourseWorld) -> None:
    page = course.get(f"/badges/{water_badge(course)}/policy")
    assert "shows released grades only, so here it makes no difference" in page
    assert "has named no term yet. Until then nobody is offered this badge." in page


def test_another_policy_for_a_live_badge_is_shown_first(publishing: CourseWorld) -> None:
    badge = water_badge(publishing, live=True)
    preview = publishing.post(f"/badges/{badge}/policy", **DEFAULTS | {"claim_mode": "auto"}).text
    assert "Before you save" in preview
    assert "Learners get the badge without doing anything." in preview
    assert policy_of(publishing, badge) == AwardPolicy()
    page = publishing.post_on(f"/badges/{badge}/policy", **fields_of(preview, "/policy"), do="confirm")
    assert "This is how the badge is awarded from now on." in page
    assert policy_of(publishing, badge).claim_mode == "auto"


def test_a_date_that_has_not_come_keeps_offers_back(publishing: CourseWorld) -> None:
    badge = water_badge(publishing)
    until = (publishing.world.now[0] + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    publishing.post_on(f"/badges/{badge}/policy", **DEFAULTS | {"hold_until": until})
    page = html.unescape(publishing.get(f"/badges/{badge}/publish"))
    assert "learner earns it and has to wait" in page
    assert "Earned. It is offered when the date has come." in page
    assert "Publish this badge" in page


def test_the_policy_of_a_live_badge_is_for_those_who_approve(course: CourseWorld) -> None:
    badge = water_badge(course, live=True)
    assert "This badge is live." in course.get(f"/badges/{badge}/policy")
    answer = course.post(f"/badges/{badge}/policy", **DEFAULTS | {"claim_mode": "auto"})
    assert (answer.status_code, "badge_locked" in answer.text) == (409, True)
    assert policy_of(course, badge) == AwardPolicy()


# -- publishing -------------------------------------------------------------------------------------------------------


def test_publishing_remembers_what_the_preview_showed(publishing: CourseWorld) -> None:
    badge = water_badge(publishing)
    form = fields_of(publishing.get(f"/badges/{badge}/publish"), "/publish")
    publishing.post_on(f"/badges/{badge}/publish", **form)
    assert badge_row(publishing, badge).state is AchievementState.LIVE
    assert badge_row(publishing, badge).previewed_count == 1


def test_numbers_that_changed_since_the_preview_are_shown_again(publishing: CourseWorld) -> None:
    badge = water_badge(publishing)
    form = fields_of(publishing.get(f"/badges/{badge}/publish"), "/publish")
    publishing.world.later(minutes=1)
    publishing.add_column("quiz", "Nitrogen cycle quiz", {"ben": "75"})
    page = publishing.post_on(f"/badges/{badge}/publish", **form)
    assert "Grades have changed meanwhile." in page
    assert "Offer this badge to 2 learners" in page
    assert badge_row(publishing, badge).state is AchievementState.DRAFT


# -- sending back -----------------------------------------------------------------------------------------------------


def send_back(course: CourseWorld, badge: int, note: str) -> Any:
    client = course.world.app.test_client()
    client.set_cookie(STAFF_COOKIE, course.world.staff_secret(StaffRole.REVIEWER, "reviewer@example.org"))
    page = client.get("/admin/approvals/").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    sent = {"csrf_token": token[1], "note": note}
    return client.post(f"/admin/approvals/{badge}/send-back", data=sent, headers=SAME_ORIGIN)


def test_the_comment_of_who_sends_a_badge_back_is_shown_until_it_is_sent_again(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    assert send_back(course, badge, "Say <who> tests the water.\nThen send it again.").status_code == 303
    for path in ("/", f"/badges/{badge}/content", f"/badges/{badge}/rule"):
        assert "Say &lt;who&gt; tests the water." in course.get(path)
    course.post_on(f"/badges/{badge}/ask")
    assert badge_row(course, badge).review_note is None
    assert "tests the water" not in course.get("/")


def test_a_comment_that_is_too_long_is_refused(course: CourseWorld) -> None:
    badge = water_badge(course)
    course.post_on(f"/badges/{badge}/ask")
    assert send_back(course, badge, "x" * 4001).status_code == 422
    assert badge_row(course, badge).state is AchievementState.REVIEW


# -- retiring ---------------------------------------------------------------------------------------------------------


def test_retiring_says_what_happens_and_takes_the_badge_off_the_list(publishing: CourseWorld) -> None:
    badge = water_badge(publishing, live=True)
    with publishing.world.services.database.read() as session:
        public_id = session.get_one(Achievement, badge).public_id
    publishing.add_badge("next", "Next badge", {"achievement": public_id})
    page = html.unescape(publishing.get(f"/badges/{badge}/retire"))
    assert "open offer ends: it cannot be claimed any more" in page
    assert "These badges ask for it: Next badge." in page
    home = publishing.post_on(f"/badges/{badge}/retire")
    assert "is retired" in home
    assert badge_row(publishing, badge).state is AchievementState.RETIRED
    assert "This badge is retired" in publishing.get(f"/badges/{badge}/content")
    assert publishing.post(f"/badges/{badge}/policy", **DEFAULTS).status_code == 409


def test_a_live_badge_is_retired_by_those_who_approve(world: World, course: CourseWorld) -> None:
    badge = water_badge(course, live=True)
    assert course.post(f"/badges/{badge}/retire").status_code == 409
    other = make_course(world, "course-2")
    assert other.post(f"/badges/{badge}/retire").status_code == 404
    assert badge_row(course, badge).state is AchievementState.LIVE
