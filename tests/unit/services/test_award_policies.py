"""Policies, terms, the end of a badge's validity, and what the clock alone changes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from award_world import PERSON, WHY, award_of, crowd, rows, set_policy, state_of, take, told
from claims import Wallets, wallets_on
from courses import START, Course, course_on
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.jobs import schedule
from lti_tool.jobs.schedule import run_due
from lti_tool.models import Achievement, Award, Credential, CredentialVersion, SubjectKind, Term, User
from lti_tool.services import award_policies, standings, terms, wallet

DAY = timedelta(days=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


# -- policies ---------------------------------------------------------------------------------------------------------


def test_a_policy_is_written_once_audited_and_evaluated(course: Course) -> None:
    badge = course.badge_for(course.column())
    course.evaluate()
    for _ in range(2):
        set_policy(course, badge, claim_mode="auto")
    (event,) = course.events("achievement.policy")
    assert (event.action, event.actor) == ("achievement.policy_changed", PERSON)
    assert course.is_due()
    with course.database.write() as session, pytest.raises(InvalidInputError) as refusal:
        award_policies.write_policy(session, session.get_one(Achievement, badge), {"hurry": True}, PERSON, course.now)
    assert refusal.value.code == "policy_key_unknown"


# -- terms ------------------------------------------------------------------------------------------------------------


def add_term(course: Course, name: str, start: datetime, days: int = 100) -> Term:
    with course.database.write() as session:
        return terms.add_term(session, course.organization_id, name, start, start + days * DAY, PERSON, course.now)


def test_terms_are_added_changed_and_removed(course: Course) -> None:
    autumn = add_term(course, "  Autumn   2026 ", START)
    add_term(course, "Spring 2027", START + 200 * DAY)
    with course.database.write() as session:
        assert [one.name for one in terms.list_terms(session, course.organization_id)] == ["Spring 2027", "Autumn 2026"]
        term = terms.get_term(session, course.organization_id, autumn.id)
        terms.change_term(session, term, "Fall 2026", START, START + 90 * DAY, PERSON, course.now)
        with pytest.raises(NotFoundError):
            terms.get_term(session, 404, autumn.id)
    with course.database.write() as session:
        found = terms.find_term(session, course.organization_id, START)
        assert found is not None
        assert found.name == "Fall 2026"
        assert terms.find_term(session, course.organization_id, START + 90 * DAY) is None
        terms.remove_term(session, found, PERSON, course.now)
    assert [event.action for event in course.events("term.")] == [
        "term.added", "term.added", "term.changed", "term.removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "start", "days", "code"),
    [
        (" ", 300, 10, "term_name_empty"),
        ("x" * 65, 300, 10, "term_name_too_long"),
        ("Renewal 1", 300, 10, "term_name_reserved"),
        ("AUTUMN 2026", 300, 10, "term_name_taken"),
        ("Winter", 300, 0, "term_dates_invalid"),
        ("Winter", 99, 10, "term_overlaps"),
    ],
)
def test_a_term_that_cannot_be_is_refused(course: Course, name: str, start: int, days: int, code: str) -> None:
    add_term(course, "Autumn 2026", START)
    with pytest.raises(InvalidInputError) as refusal:
        add_term(course, name, START + start * DAY, days)
    assert refusal.value.code == code
    assert len(rows(course, Term)) == 1


def test_a_badge_once_a_term_is_earned_in_each_and_its_terms_keep_their_names(course: Course) -> None:
    column, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(column)
    set_policy(course, badge, duplicates="per_term")
    autumn = add_term(course, "Autumn", START)
    add_term(course, "Spring", START + 100 * DAY)
    course.grade(column, ada, "90", graded_at=course.now)
    course.evaluate()
    take(course, ada)
    course.later(days=101)
    course.read_again(column)
    assert course.evaluate().offered == 0
    with course.database.read() as session:
        (standing,) = standings.standings(session, course.context_id, ada, course.now)
    assert standing.award is not None
    assert standing.award.occasion == "Autumn"
    course.grade(column, ada, "80", graded_at=course.now)
    assert course.evaluate().offered == 1
    assert [award.occasion for award in rows(course, Award)] == ["Autumn", "Spring"]
    with course.database.write() as session:
        term = session.get_one(Term, autumn.id)
        for change in (
            lambda: terms.remove_term(session, term, PERSON, course.now),
            lambda: terms.change_term(session, term, "Other", START, START + DAY, PERSON, course.now),
        ):
            with pytest.raises(ConflictError) as refusal:
                change()
            assert refusal.value.code == "term_in_use"


# -- the end of the validity ------------------------------------------------------------------------------------------


def test_the_signed_document_says_until_when_and_the_page_that_it_is_over(wallets: Wallets) -> None:
    course = wallets.course
    set_policy(course, wallets.achievement_id, validity_days=30)
    credential_id = wallets.claim()
    document, public_id = wallets.document(credential_id), wallets.public_id(credential_id)
    assert document["validUntil"] == (course.now + 30 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, credential_id)
        wallet.share(session, credential, PERSON, course.now)
    anybody = wallets.app.test_client()

    def page() -> Any:
        return anybody.get(f"/credentials/{public_id}", headers={"Accept": "text/html"}).text

    assert "expired" not in page()
    course.later(days=30)
    assert "This badge has expired" in page()
    answer = anybody.post("/verify", json=document, headers={"Accept": "application/json"})
    assert answer.json is not None
    assert answer.json["outcome"] == "expired"


def test_an_expired_badge_is_no_step_to_another(course: Course) -> None:
    column, (ada,) = course.column(), crowd(course, 1)
    badge = course.badge_for(column)
    set_policy(course, badge, validity_days=10)
    top = course.badge("Top", {"achievement": course.public_id(badge)})
    course.grade(column, ada, "90")
    course.evaluate()
    take(course, ada, badge)
    course.later(days=10)
    course.read_again(column)
    course.evaluate()
    assert state_of(course, ada, top) is AwardState.LAPSED
    assert told(course, ada) == ["award.offered", "award.offered", "award.expired", "award.lapsed"]


# -- what the clock alone changes -------------------------------------------------------------------------------------


def test_a_date_that_comes_is_seen_within_the_hour(wallets: Wallets) -> None:
    course = wallets.course
    opens = (course.now + DAY).isoformat()
    set_policy(course, wallets.achievement_id, hold_until=opens)
    late = course.person("late")
    course.grade(wallets.essay, late, "90")
    run_due(wallets.services)
    with pytest.raises(IndexError):
        award_of(course, late)
    sweep(wallets)
    course.later(days=1, seconds=1)
    course.read_again(wallets.essay)
    sweep(wallets)
    assert course.is_due()
    run_due(wallets.services)
    assert state_of(course, late) is AwardState.OFFERED


def sweep(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        schedule.request_timely_evaluations(session, wallets.course.now)


def test_expiry_renewal_and_terms_are_seen_too_and_nothing_else(wallets: Wallets) -> None:
    course = wallets.course
    set_policy(course, wallets.achievement_id, duplicates="renew", validity_days=30, renewal_window_days=7)
    wallets.claim()
    course.evaluate()
    sweep(wallets)
    due = []
    for hours in range(0, 24 * 32, 6):
        course.later(hours=6)
        sweep(wallets)
        if course.is_due():
            due.append((hours + 6) // 24)
            course.evaluate()
    assert due == [23, 30]
    add_term(course, "Autumn", course.now + timedelta(hours=1))
    course.later(hours=2)
    sweep(wallets)
    assert course.is_due()
    assert WHY


def test_who_did_not_claim_themselves_is_tied_to_no_address(wallets: Wallets) -> None:
    course = wallets.course
    set_policy(course, wallets.achievement_id, claim_mode="auto")
    late = course.person("late")
    with wallets.services.database.write() as session:
        session.get_one(User, late).email = "late@example.org"
    course.grade(wallets.essay, late, "90")
    course.evaluate()
    with wallets.services.database.read() as session:
        version = session.scalars(
            select(CredentialVersion)
            .join(Credential, Credential.id == CredentialVersion.credential_id)
            .join(Award, Award.id == Credential.award_id)
            .where(Award.user_id == late)
        ).one()
    assert (version.subject_kind, version.name) == (SubjectKind.OPAQUE, None)
    assert version.subject.startswith("urn:uuid:")
